"""Payments, refunds and disputes, as the API reads them."""

from billing.domain.kernel.errors import NotFound
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Page, Query, Ref, Window, Work, said

_INTENT = "pi_"


def get(work: Work, payment_id: str) -> Payment:
    """A payment of the tenant, by its id or by its PaymentIntent's, which ``POST /payments/intents`` answers.

    Raises:
        NotFound: it has none with this id.
    """
    if payment_id.startswith(_INTENT):
        return _of_intent(work, payment_id)
    ref = Ref(Payment, work.tenant.id, payment_id)
    return work.load(ref).require(ref)


def id_of(work: Work, payment_id: str) -> str:
    """A payment's own id, from that or from its PaymentIntent's.

    Raises:
        NotFound: the tenant has no payment with this intent.
    """
    return _of_intent(work, payment_id).id if payment_id.startswith(_INTENT) else payment_id


def _of_intent(work: Work, intent_id: str) -> Payment:
    found = work.query(Query(Payment, index="intent", value=intent_id, limit=1))
    if not found.items:
        raise NotFound.of(Payment, intent_id)
    return found.items[0]


def page(work: Work, filters: dict[str, str | None], window: Window) -> Page[Payment]:
    """A page of the tenant's payments, newest first.

    Args:
        filters: by ``customer``, ``invoice_id``, ``order_id``, ``subscription_id``, ``method_id``, ``status`` and
            ``currency``; None is no filter.
    """
    wanted = said(filters)
    return work.query(window.query(Payment, "customer", wanted.pop("customer", None), wanted))


def refunds(work: Work, payment_id: str, window: Window) -> Page[Refund]:
    """A page of a payment's refunds, newest first.

    Raises:
        NotFound: the tenant has no such payment.
    """
    known_id = id_of(work, payment_id)
    found = work.query(window.query(Refund, "payment", known_id))
    if not found.items and window.cursor is None:
        get(work, known_id)
    return found


def dispute(work: Work, dispute_id: str) -> Dispute:
    """A dispute of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Dispute, work.tenant.id, dispute_id)
    return work.load(ref).require(ref)


def disputes(work: Work, filters: dict[str, str | None], window: Window) -> Page[Dispute]:
    """A page of the tenant's disputes, newest first.

    Args:
        filters: by ``customer``, ``payment`` and ``status``; None is no filter.
    """
    wanted = said(filters)
    return work.query(window.query(Dispute, "customer", wanted.pop("customer", None), wanted))
