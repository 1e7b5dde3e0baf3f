"""Limits that classes of routes have of their own, per user and minute (contract B section 8)."""

from billing.services.ports import RouteLimit

INVOICE_QUERIES = RouteLimit("q", 300)
PAYMENT_INTENTS = RouteLimit("i", 30)
