"""The resources; importing this package registers all their operations."""

from local.stripe_sandbox.resources import (
    account_links,
    accounts,
    balance,
    charges,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    tax_calculations,
    transfer_reversals,
    transfers,
    webhook_endpoints,
)

__all__ = [
    "account_links",
    "accounts",
    "balance",
    "charges",
    "customers",
    "disputes",
    "events",
    "payment_intents",
    "payment_methods",
    "payouts",
    "refunds",
    "setup_intents",
    "tax_calculations",
    "transfer_reversals",
    "transfers",
    "webhook_endpoints",
]
