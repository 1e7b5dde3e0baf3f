"""Stripe's webhooks, on a function URL of their own."""

from billing import bootstrap

lambda_handler = bootstrap.stripe_webhook().lambda_handler
