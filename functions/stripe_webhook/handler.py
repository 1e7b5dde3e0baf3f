"""Stripe's webhooks, on a function URL of their own: two endpoints at Stripe, each with its own secret."""

from billing.bootstrap.webhooks import connect_webhook, stripe_webhook
from billing.edge.incoming.stripe import by_path

lambda_handler = by_path(stripe_webhook(), connect_webhook())
