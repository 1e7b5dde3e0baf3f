"""The tax provider's webhook, on a function URL of its own."""

from billing.bootstrap.webhooks import tax_webhook

lambda_handler = tax_webhook().lambda_handler
