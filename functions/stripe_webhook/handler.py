"""Stripe's webhooks, on a function URL of their own."""

from billing.bootstrap.webhooks import stripe_webhook

lambda_handler = stripe_webhook().lambda_handler
