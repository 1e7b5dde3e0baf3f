"""Stripe's events as ours: what one is about, looked up before anything is loaded: the object as it is now, and whose.

An object is ours if our ids are in its metadata, or in that of the PaymentIntent or customer that it belongs to. They
were put there when it was made. An object that Stripe does not find is not known to be somebody else's: its event is
signed, so it exists, and our key may be another account's.
"""

from collections.abc import Mapping
from typing import Any

from billing.domain.kernel.errors import Unavailable
from billing.integrations.stripe.gateway import StripeGateway
from billing.services.payments.processor_updates import (
    CustomerDeleted,
    DisputeUpdate,
    MethodUpdate,
    PaymentUpdate,
    RefundUpdate,
    Update,
)

_CHARGES = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "processing", "canceled")
)
_SETTLED = frozenset({"charge.updated"})
"""Tells of a charge's line on the account, which Stripe may write a moment after it took the money."""
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
"""Events whose object is a refund, including the last one. Which of them comes depends on how the payer paid."""
_DISPUTES = frozenset(
    f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
_METHODS = frozenset(f"payment_method.{what}" for what in ("attached", "updated", "automatically_updated", "detached"))
_SETUPS = frozenset({"setup_intent.succeeded"})
_CUSTOMERS = frozenset({"customer.deleted"})

HANDLED = _CHARGES | _SETTLED | _REFUNDS | _DISPUTES | _METHODS | _SETUPS | _CUSTOMERS
"""The event types that can change something here; others are only answered and counted."""


class StripeEvents:
    """A ``services.payments.processor_updates.UpdateReader`` of Stripe's events.

    Args:
        stripe: fetches what an event is about.
    """

    def __init__(self, stripe: StripeGateway) -> None:
        self._stripe = stripe

    def handles(self, event: Mapping[str, Any]) -> bool:
        return event.get("type") in HANDLED

    def look_up(self, event: Mapping[str, Any]) -> Update | None:
        if event.get("account"):
            return None  # of an account that is connected to ours; what we make is on our own
        about = event["data"].get("object") or {}
        try:
            return self._found(event, about)
        except KeyError:  # without our ids, it is somebody else's
            return None

    def look_up_source(self, line_type: str, source_id: str) -> Update | None:
        """What caused a line of the account (``services.reports.ports.LineReader``)."""
        try:
            if source_id.startswith(("ch_", "py_")):
                intent_id = self._stripe.retrieve_intent_id(source_id)
                return self._charge(intent_id) if intent_id is not None else None
            if source_id.startswith(("re_", "pyr_")):
                return self._refund(source_id)
            if source_id.startswith(("dp_", "du_")):
                return self._dispute(source_id)
        except KeyError:  # without our ids, it is somebody else's
            return None
        return None

    def _found(self, event: Mapping[str, Any], about: Mapping[str, Any]) -> Update | None:
        event_type, object_id = event["type"], str(about.get("id"))
        if event_type in _REFUNDS:
            return self._refund(object_id)
        if event_type in _DISPUTES:
            return self._dispute(object_id)
        if event_type in _METHODS | _SETUPS:
            method_id = about.get("payment_method") if event_type in _SETUPS else object_id
            return self._method(method_id, event) if isinstance(method_id, str) else None
        if event_type in _CUSTOMERS:
            ids = about.get("metadata") or {}
            return CustomerDeleted(ids["tenant_id"], ids["customer_id"], object_id)
        if event_type in _SETTLED:
            intent_id = about.get("payment_intent")
            return self._charge(intent_id) if isinstance(intent_id, str) else None
        return self._charge(object_id)

    def _charge(self, intent_id: str) -> PaymentUpdate:
        result, ids = self._stripe.retrieve_charge(intent_id)
        return PaymentUpdate(
            tenant_id=ids["tenant_id"],
            result=result,
            payment_id=ids["payment_id"],
            invoice_id=ids.get("invoice_id"),
            subscription_id=ids.get("subscription_id"),
            test_clock_id=ids.get("test_clock_id"),
        )

    def _refund(self, stripe_refund_id: str) -> RefundUpdate:
        found = self._stripe.retrieve_refund(stripe_refund_id)
        refund_id = found.ids.get("refund_id")
        ids = found.ids if refund_id is not None else found.payment_ids
        return RefundUpdate(
            tenant_id=ids["tenant_id"],
            refund=found.refund,
            refund_id=refund_id,
            payment_id=ids["payment_id"],
            test_clock_id=ids.get("test_clock_id"),
        )

    def _dispute(self, stripe_dispute_id: str) -> DisputeUpdate:
        found = self._stripe.retrieve_dispute(stripe_dispute_id)
        ids = found.payment_ids
        return DisputeUpdate(
            tenant_id=ids["tenant_id"],
            snapshot=found.snapshot,
            payment_id=ids["payment_id"],
            invoice_id=ids.get("invoice_id"),
            test_clock_id=ids.get("test_clock_id"),
        )

    def _method(self, method_id: str, event: Mapping[str, Any]) -> MethodUpdate | None:
        """A method and whose it is; of one that is detached, whose it was before the event."""
        found = self._stripe.retrieve_method(method_id)
        if found is not None and found.on_file.processor_customer_id is not None:
            return MethodUpdate(found.owner["tenant_id"], found.owner["customer_id"], method_id, found.on_file)
        former = (event["data"].get("previous_attributes") or {}).get("customer")
        if isinstance(former, str):
            ids = self._stripe.retrieve_customer(former)
            return MethodUpdate(ids["tenant_id"], ids["customer_id"], method_id, None)
        holder = event["data"]["object"].get("customer")
        if found is None and isinstance(holder, str) and "tenant_id" in self._stripe.retrieve_customer(holder):
            raise Unavailable("The card processor does not know the method that its own event names")
        return None
