"""Payments and saved payment methods, as the API shows them."""

from billing.domain.customer import PaymentMethod
from billing.domain.payment import Payment
from billing.services.ports import Page, Query, Ref, Work


def get(work: Work, payment_id: str) -> Payment:
    """A payment of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Payment, work.tenant.id, payment_id)
    return work.load(ref).require(ref)


def page(work: Work, customer_id: str | None, status: str | None, limit: int, cursor: str | None) -> Page[Payment]:
    """A page of the tenant's payments, newest first, of one customer or in one status where asked."""
    return work.query(
        Query(
            Payment,
            index="customer" if customer_id else None,
            value=customer_id,
            filters={"status": status} if status else {},
            limit=limit,
            start=cursor,
        )
    )


def methods(work: Work, customer_id: str | None, limit: int, cursor: str | None) -> Page[PaymentMethod]:
    """A page of a customer's saved methods; the tenant's default customer's where none is named."""
    wanted = customer_id or work.tenant.default_customer_id
    return work.query(Query(PaymentMethod, index="customer", value=wanted, limit=limit, start=cursor))
