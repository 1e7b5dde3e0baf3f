"""A refund under way, for tests of those who learn what became of it."""

from billing.bootstrap import payments, storage
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Ref
from billing.services.payments.refunds import RefundRequest
from tests.integration.world import Tenant

PART = Money(100_000_000, "USD")


def begin_refund(tenant: Tenant, *, send: bool, card: str = "pm_card_visa", customer: str | None = None) -> Refund:
    """A refund of $1,000 of a payment of $2,000, as a request leaves it.

    Args:
        send: whether Stripe was asked; its answer is not written down in any case.
    """
    body = {"amount": 2 * PART.micros, "currency": PART.currency, "paymentMethodId": card, "customerId": customer}
    payment_id = tenant.post("/v1/payments", {name: value for name, value in body.items() if value}).data["id"]
    unit = storage.units().begin(tenant.id)
    ref = Ref(Payment, tenant.id, payment_id)
    payment = unit.load(ref).require(ref)
    at = payment.created_at if payment.test_clock_id else unit.now
    refund = payments.refunder().attempt(unit, RefundRequest(payment, PART), at)
    unit.commit()
    if send:
        payments.refunder().send(refund)
    return refund
