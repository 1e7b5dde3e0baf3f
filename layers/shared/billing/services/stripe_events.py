"""What Stripe tells by webhook. The object is fetched again from Stripe rather than trusted to be the newest.

Harmless in any order and number: an event's id is committed with its effects (as an idempotency record), and
what it says is compared with what is written already.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.payment import ChargeResult, SettledBy
from billing.domain.test_clock import TestClock
from billing.services.collection import Case, Collector, load_case
from billing.services.ports import Ref, Work

HANDLED = frozenset(
    f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "requires_action", "processing", "canceled")
)
"""The event types that are about a charge of ours; others are answered and counted, nothing else."""


class NotWrittenYet(Exception):
    """The event is about a payment that is not in the tables (yet): Stripe is to send it again."""


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
class StripeEvents:
    """The use case of the webhook."""

    collector: Collector

    def look_up(self, event_id: str, intent_id: str) -> Notice | None:
        """The event's PaymentIntent as it is now; None where it is not one of ours.

        Raises:
            Unavailable: Stripe does not answer.
        """
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

    def apply(self, work: Work, notice: Notice) -> bool:
        """Stage what the event changes; False where it is old news.

        Raises:
            NotWrittenYet: its payment is not there.
            Unauthenticated: nor is its tenant: another stack shares the Stripe account.
        """
        clock_ref = Ref(TestClock, notice.tenant_id, notice.test_clock_id or "")
        clock = [clock_ref] if notice.test_clock_id else []
        case, found = load_case(
            work, notice.tenant_id, notice.payment_id, notice.invoice_id, notice.subscription_id, *clock
        )
        if case is None:
            raise NotWrittenYet(f"{notice.payment_id} of {work.tenant.id}")
        at = _when(case, found.get(clock_ref), work.now)
        settled = self.collector.settle(work, case, notice.result, at, SettledBy.WEBHOOK, notice.event_id)
        return settled is not case


def _when(case: Case, clock: TestClock | None, now: datetime) -> datetime:
    """The time on the customer's clock; while that advances, the attempt's own time is the best there is."""
    if clock is None:
        return now if case.payment.test_clock_id is None else case.payment.created_at
    return max(clock.frozen_time, case.payment.created_at)
