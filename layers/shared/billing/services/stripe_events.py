"""What Stripe tells by webhook. The object is fetched again from Stripe rather than trusted to be the newest.

Harmless in any order and number: an event's id is committed with its effects (as an idempotency record), and
what it says is compared with what is written already.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.payment import ChargeResult, Payment, SettledBy
from billing.domain.refund import Refund, RefundResult
from billing.domain.test_clock import TestClock
from billing.services.collection import Collector, load_case
from billing.services.faults import NotWrittenYet
from billing.services.ports import Ref, Work
from billing.services.refunds import Refunder

_CHARGE_EVENTS = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "processing", "canceled")
)
_REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
"""Their object is the refund, the last one's too. Which of them comes depends on how the payer paid."""

HANDLED = _CHARGE_EVENTS | _REFUND_EVENTS
"""The event types that are about money of ours; others are answered and counted, nothing else."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified event, with its PaymentIntent as Stripe has it now and the ids that we gave it."""

    event_id: str
    result: ChargeResult
    tenant_id: str
    payment_id: str
    invoice_id: str
    subscription_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class RefundNotice:
    """A verified event, with its refund as Stripe has it now and the ids that we gave it."""

    event_id: str
    result: RefundResult
    tenant_id: str
    refund_id: str
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """The use case of the webhook."""

    collector: Collector
    refunder: Refunder

    def look_up(self, event_type: str, event_id: str, object_id: str) -> Notice | RefundNotice | None:
        """The event's object as it is now; None where it is not one of ours.

        Raises:
            Unavailable: Stripe does not answer.
        """
        if event_type in _REFUND_EVENTS:
            return self._refund(event_id, object_id)
        return self._charge(event_id, object_id)

    def _refund(self, event_id: str, stripe_refund_id: str) -> RefundNotice | None:
        result, metadata = self.refunder.processor.retrieve_refund(stripe_refund_id)
        try:
            return RefundNotice(
                event_id, result, metadata["tenant_id"], metadata["refund_id"], metadata.get("test_clock_id")
            )
        except KeyError:
            return None

    def _charge(self, event_id: str, intent_id: str) -> Notice | None:
        result, metadata = self.collector.processor.retrieve_charge(intent_id)
        try:
            return Notice(
                event_id=event_id,
                result=result,
                tenant_id=metadata["tenant_id"],
                payment_id=metadata["payment_id"],
                invoice_id=metadata["invoice_id"],
                subscription_id=metadata.get("subscription_id"),
                test_clock_id=metadata.get("test_clock_id"),
            )
        except KeyError:
            return None

    def apply(self, work: Work, notice: Notice | RefundNotice) -> bool:
        """Stage what the event changes; False where it is old news.

        Raises:
            NotWrittenYet: its payment or refund is not there.
            Unauthenticated: nor is its tenant: another stack shares the Stripe account.
        """
        if isinstance(notice, RefundNotice):
            return self._apply_refund(work, notice)
        clock_ref = Ref(TestClock, notice.tenant_id, notice.test_clock_id or "")
        clock = [clock_ref] if notice.test_clock_id else []
        case, found = load_case(
            work, notice.tenant_id, notice.payment_id, notice.invoice_id, notice.subscription_id, *clock
        )
        if case is None:
            raise NotWrittenYet(f"{notice.payment_id} of {work.tenant.id}")
        at = _when(case.payment, found.get(clock_ref), work.now)
        settled = self.collector.settle(work, case, notice.result, at, SettledBy.WEBHOOK, notice.event_id)
        return settled is not case

    def _apply_refund(self, work: Work, notice: RefundNotice) -> bool:
        refund_ref = Ref(Refund, notice.tenant_id, notice.refund_id)
        clock_ref = Ref(TestClock, notice.tenant_id, notice.test_clock_id or "")
        found = work.load(refund_ref, *([clock_ref] if notice.test_clock_id else []))
        refund = found.get(refund_ref)
        if refund is None:
            raise NotWrittenYet(f"{notice.refund_id} of {work.tenant.id}")
        at = _when(refund, found.get(clock_ref), work.now)
        return self.refunder.settle(work, refund, notice.result, at) is not refund


def _when(money: Payment | Refund, clock: TestClock | None, now: datetime) -> datetime:
    """The time on the customer's clock; while that advances, the attempt's own time is the best there is."""
    if clock is None:
        return now if money.test_clock_id is None else money.created_at
    return max(clock.frozen_time, money.created_at)
