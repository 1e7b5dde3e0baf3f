"""A refund under way, for tests of those who learn what became of it."""

from billing import bootstrap
from billing.domain.money import Money
from billing.domain.payment import Payment
from billing.domain.refund import Refund
from billing.services.ports import Ref
from tests.integration.world import Tenant

PART = Money(100_000_000, "USD")


def begin_refund(tenant: Tenant, *, send: bool, card: str = "pm_card_visa", customer: str | None = None) -> Refund:
    """A refund of $1,000 of a new subscription's first payment, as a request leaves it.

    Args:
        send: whether Stripe was asked; its answer is not written down in any case.
    """
    named = {"customerId": customer} if customer else {}
    invoice_id = tenant.subscribe(card, quantities={"seats": 400}, **named)["latestInvoiceId"]
    payment_id = tenant.get(f"/v1/invoices/{invoice_id}").data["latestPaymentId"]
    unit = bootstrap.units().begin(tenant.id)
    ref = Ref(Payment, tenant.id, payment_id)
    payment = unit.load(ref).require(ref)
    at = payment.created_at if payment.test_clock_id else unit.now
    refund = bootstrap.refunder().attempt(unit, payment, PART, None, at, None)
    unit.commit()
    if send:
        bootstrap.refunder().send(refund)
    return refund
