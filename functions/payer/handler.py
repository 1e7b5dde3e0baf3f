"""What a tenant's customers see without an account: the page on which an invoice is paid."""

from billing.bootstrap.payer import payer_api

forms = payer_api()

lambda_handler = forms.lambda_handler
