"""The separate limits of some classes of routes, per user and minute."""

from billing.services.access.callers import RouteLimit

INVOICE_QUERIES = RouteLimit("q", 300)
PAYMENT_INTENTS = RouteLimit("i", 30)
