"""What a webhook of Stripe is about, looked up before anything is loaded: the object as Stripe has it now, and whose.

An object is ours if our ids are in its metadata, or in that of the PaymentIntent or customer that it belongs to. They
were put there when it was made.
"""

from dataclasses import dataclass
from typing import Any

from billing.domain.kernel.errors import NotFound
from billing.domain.payments.dispute import DisputeSnapshot
from billing.domain.payments.payment import ChargeResult
from billing.services.payments.processor import CardProcessor, MethodOnFile, RefundOnFile
from billing.services.payments.refunds import adopted_id

_CHARGES = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "processing", "canceled")
)
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
"""Events whose object is a refund, including the last one. Which of them comes depends on how the payer paid."""
_DISPUTES = frozenset(
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
_METHODS = frozenset(f"payment_method.{what}" for what in ("attached", "updated", "automatically_updated", "detached"))
_SETUPS = frozenset({"setup_intent.succeeded"})
_CUSTOMERS = frozenset({"customer.deleted"})

HANDLED = _CHARGES | _REFUNDS | _DISPUTES | _METHODS | _SETUPS | _CUSTOMERS
"""The event types that can change something here; others are only answered and counted."""


@dataclass(frozen=True, slots=True)
class Event:
    """A verified event: its object, and what that was before, as they were when the event was made."""

    id: str
    type: str
    about: dict[str, Any]
    previous: dict[str, Any]

    @property
    def object_id(self) -> str:
        """The id of its object."""
        return str(self.about.get("id"))


@dataclass(frozen=True, slots=True)
class PaymentUpdate:
    """A PaymentIntent as Stripe has it now, and the ids that we put into its metadata."""

    tenant_id: str
    result: ChargeResult
    payment_id: str
    invoice_id: str | None
    subscription_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class RefundUpdate:
    """A refund as Stripe has it now, with our ids; its payment's ids if it was made at Stripe."""

    tenant_id: str
    refund: RefundOnFile
    refund_id: str
    payment_id: str
    test_clock_id: str | None

    @property
    def is_ours(self) -> bool:
        """Whether it was made here."""
        return "refund_id" in self.refund.metadata


@dataclass(frozen=True, slots=True)
class DisputeUpdate:
    """A dispute as Stripe has it now, and the ids of its payment."""

    tenant_id: str
    update: DisputeSnapshot
    payment_id: str
    invoice_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class MethodUpdate:
    """A payment method as Stripe has it now; ``on_file`` is None if it belongs to no customer any more."""

    tenant_id: str
    customer_id: str
    method_id: str
    on_file: MethodOnFile | None


@dataclass(frozen=True, slots=True)
class CustomerDeleted:
    """A customer whom somebody deleted at Stripe, with all its payment methods."""

    tenant_id: str
    customer_id: str
    stripe_customer_id: str


Update = PaymentUpdate | RefundUpdate | DisputeUpdate | MethodUpdate | CustomerDeleted


def look_up(processor: CardProcessor, event: Event) -> Update | None:
    """What an event is about, as it is now; None if it is not ours.

    Raises:
        Unavailable: Stripe does not answer.
    """
    try:
        if event.type in _REFUNDS:
            return _refund(processor, event.object_id)
        if event.type in _DISPUTES:
            return _dispute(processor, event.object_id)
        if event.type in _METHODS:
            return _method(processor, event.object_id, event)
        if event.type in _SETUPS:
            return _method(processor, str(event.about.get("payment_method")), event)
        if event.type in _CUSTOMERS:
            ids = event.about.get("metadata") or {}
            return CustomerDeleted(ids["tenant_id"], ids["customer_id"], event.object_id)
        return _charge(processor, event.object_id)
    except (KeyError, NotFound):  # without our ids, or of another account, it is somebody else's
        return None


def _charge(processor: CardProcessor, intent_id: str) -> PaymentUpdate:
    result, ids = processor.retrieve_charge(intent_id)
    return PaymentUpdate(
        tenant_id=ids["tenant_id"],
        result=result,
        payment_id=ids["payment_id"],
        invoice_id=ids.get("invoice_id"),
        subscription_id=ids.get("subscription_id"),
        test_clock_id=ids.get("test_clock_id"),
    )


def _refund(processor: CardProcessor, stripe_refund_id: str) -> RefundUpdate:
    found = processor.retrieve_refund(stripe_refund_id)
    ids = found.metadata if "refund_id" in found.metadata else found.payment_metadata
    return RefundUpdate(
        tenant_id=ids["tenant_id"],
        refund=found,
        refund_id=ids.get("refund_id") or adopted_id(found),
        payment_id=ids["payment_id"],
        test_clock_id=ids.get("test_clock_id"),
    )


def _dispute(processor: CardProcessor, stripe_dispute_id: str) -> DisputeUpdate:
    found = processor.retrieve_dispute(stripe_dispute_id)
    ids = found.payment_metadata
    return DisputeUpdate(
        tenant_id=ids["tenant_id"],
        update=found.snapshot,
        payment_id=ids["payment_id"],
        invoice_id=ids.get("invoice_id"),
        test_clock_id=ids.get("test_clock_id"),
    )


def _method(processor: CardProcessor, method_id: str, event: Event) -> MethodUpdate | None:
    """A method and whose it is; of one that is detached, whose it was before the event."""
    on_file = processor.retrieve_method(method_id)
    if on_file is not None and on_file.processor_customer_id is not None:
        return MethodUpdate(on_file.owner["tenant_id"], on_file.owner["customer_id"], method_id, on_file)
    former = event.previous.get("customer")
    if not isinstance(former, str):
        return None
    ids = processor.retrieve_customer(former)
    return MethodUpdate(ids["tenant_id"], ids["customer_id"], method_id, None)
