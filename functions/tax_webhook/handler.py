"""The tax provider's webhook, on a function URL of its own."""

from billing import bootstrap

lambda_handler = bootstrap.tax_webhook().lambda_handler
