"""What an invoice is charged to, and when an attempt that was cut off is looked up."""

from datetime import datetime

from billing.domain.customers.customer import Customer
from billing.domain.kernel.due import Due, clock_of
from billing.domain.subscriptions.subscription import Subscription


def settle_due(shard: str, at: datetime) -> Due | None:
    """When an interrupted attempt is due; on a test clock before anything later, so that time stays in order."""
    return Due(shard, at) if clock_of(shard) else None


def method_of(customer: Customer, subscription: Subscription | None) -> str | None:
    """The payment method to charge: the subscription's own, or the customer's default."""
    own = subscription.payment_method_id if subscription is not None else None
    if customer.stripe_customer_id is None:
        return None
    return own or customer.default_payment_method_id
