"""The customer portal: what a tenant's customers see to themselves."""

from billing.bootstrap.portal import portal_api

forms = portal_api()

lambda_handler = forms.lambda_handler
