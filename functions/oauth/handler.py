"""Signing in, and tokens: the OAuth 2 server."""

from billing.bootstrap.oauth import oauth_api

forms = oauth_api()

lambda_handler = forms.lambda_handler
