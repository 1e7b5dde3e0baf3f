"""The customers of the benchmarks: with an address, as an invoice needs it."""

from datetime import datetime

from billing.domain.customers.customer import Address, Customer
from billing.domain.kernel.ids import derived


def sample_customer(tenant_id: str, n: int, born: datetime, currency: str = "USD") -> Customer:
    """The n-th customer of a tenant: the same whoever asks.

    Args:
        born: in UTC.
    """
    return Customer(
        id=derived("cus", born, tenant_id, str(n)),
        tenant_id=tenant_id,
        name=f"Zoë Ångström {n}",
        email=f"zoe{n}@example.test",
        address=Address("1 High Street", city="Lund", country="SE"),
        currency=currency,
        timezone="UTC",
        created_at=born,
    )
