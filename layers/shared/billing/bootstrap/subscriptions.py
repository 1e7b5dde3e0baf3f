"""Wires what creates, changes and renews subscriptions."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import invoicing, payments, process, usage

if TYPE_CHECKING:
    from billing.services.subscriptions.changes import SubscriptionLifecycle
    from billing.services.subscriptions.creation import Subscriptions
    from billing.services.subscriptions.renewals import Renewals


@cache
def subscription_creation() -> "Subscriptions":
    """The service that creates and reads subscriptions."""
    from billing.services.subscriptions.creation import Subscriptions

    return Subscriptions(invoicing.biller(), payments.stripe_gateway())


@cache
def subscription_lifecycle() -> "SubscriptionLifecycle":
    """The service that changes running subscriptions."""
    from billing.services.subscriptions.changes import SubscriptionLifecycle

    return SubscriptionLifecycle(
        invoicing.biller(), payments.collector(), payments.stripe_gateway(), usage.usage_closer()
    )


@cache
def renewals() -> "Renewals":
    """The service that renews subscriptions when they are due."""
    from billing.services.subscriptions.renewals import Renewals

    return Renewals(invoicing.biller(), payments.collector(), usage.usage_closer(), process.due_shards())
