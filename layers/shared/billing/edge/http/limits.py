"""Limits that classes of routes have of their own, per user and minute."""

from billing.services.access.callers import RouteLimit

INVOICE_QUERIES = RouteLimit("q", 300)
PAYMENT_INTENTS = RouteLimit("i", 30)
