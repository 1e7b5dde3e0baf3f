"""The idempotency keys that Stripe sees: the client's own key as a prefix, then the tenant and the operation."""

from hashlib import sha256

from billing.domain.customers.customer import Customer
from billing.services.kernel.work import Work

_LONGEST_CLIENT_KEY = 100  # Stripe takes 255 characters, and the operation needs some of them


def outside_key(work: Work, tenant_id: str, *operation: str) -> str:
    """The key of one call to Stripe (docs/decisions/0013-which-key-stripe-sees.md).

    The client's key ``order-17`` -> ``order-17:ten_1:customer:cus_1``; without a client's key only the fact,
    ``ten_1:customer:cus_1``.
    """
    client_key = work.client_key or ""
    if len(client_key) > _LONGEST_CLIENT_KEY:
        client_key = sha256(client_key.encode()).hexdigest()
    return ":".join([part for part in (client_key, tenant_id, *operation) if part])


def customer_key(customer: Customer) -> str:
    """The key under which a customer is made at Stripe, whoever asks: ``ten_1:customer:cus_1``.

    After the customer was deleted at Stripe the key is another one (``ten_1:customer:cus_1:1``): Stripe would answer
    the old key with the deleted customer.
    """
    key = f"{customer.tenant_id}:customer:{customer.id}"
    return f"{key}:{customer.deleted_at_stripe}" if customer.deleted_at_stripe else key
