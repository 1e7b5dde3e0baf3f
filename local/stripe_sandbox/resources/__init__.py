"""The resources; importing this package registers all their operations."""

from local.stripe_sandbox.resources import (
    charges,
    customers,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    tax_calculations,
    webhook_endpoints,
)

__all__ = [
    "charges",
    "customers",
    "events",
    "payment_intents",
    "payment_methods",
    "refunds",
    "setup_intents",
    "tax_calculations",
    "webhook_endpoints",
]
