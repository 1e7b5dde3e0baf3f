"""What deliveries need from the world: where they are kept, and the queues that bring them to the sender."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState, Notice
from billing.services.kernel.work import Page


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """An entry of the due index; whoever acts on it loads the delivery itself."""

    tenant_id: str
    delivery_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DueDeliveries:
    """What is due in a shard, the earliest first; ``following`` is where the next page begins, None on the last."""

    items: Sequence[DueDelivery]
    following: str | None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Some of an endpoint's deliveries, the oldest event's first; ``last`` is the id after which the rest comes."""

    items: Sequence[Delivery]
    last: str | None


@dataclass(frozen=True, slots=True)
class Unaccepted:
    """Events that an endpoint has not accepted.

    Args:
        event_ids: the oldest first.
        complete_until: up to which event they are all; None where there are no more.
    """

    event_ids: Sequence[str]
    complete_until: str | None


class DeliveryStore(Protocol):
    """Deliveries and the log of their attempts."""

    def add(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Put those that are not there yet.

        Returns:
            those that were put; of the others everything stays as it is.
        """

    def get(self, tenant_id: str, delivery_id: str) -> Delivery | None:
        """A delivery, as it is now; None where there is none, or the id is no delivery's."""

    def get_many(self, places: Collection[tuple[str, str]]) -> list[Delivery]:
        """Those that are there, of (tenant's id, delivery's id)."""

    def claim(self, delivery: Delivery, attempt: int, next_due_at: datetime) -> bool:
        """Begin an attempt, before anything is sent.

        Args:
            delivery: as it was loaded.
            attempt: the attempt's number: ``delivery.attempt + 1``.
            next_due_at: ``schedule.claimed_until``.

        Returns:
            False where somebody else has changed the delivery since: this attempt is not ours.
        """

    def settle(self, delivery: Delivery, attempt: Attempt, after: Delivery) -> None:
        """Log an attempt, and then its outcome; what somebody else made of the delivery meanwhile stays.

        Args:
            delivery: as it was loaded before the claim.
            after: ``schedule.after_attempt``.
        """

    def change(self, delivery: Delivery, after: Delivery) -> bool:
        """Write a delivery that was put off, skipped, or asked for; False where somebody else has changed it since."""

    def attempts(self, tenant_id: str, delivery_id: str) -> list[Attempt]:
        """The log of a delivery, the latest attempt first; of the last 30 days."""

    def of_endpoint(
        self,
        tenant_id: str,
        endpoint_id: str,
        *,
        state: DeliveryState | None,
        since: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Delivery]:
        """A page of an endpoint's deliveries, the latest event's first.

        Args:
            since: only of events from then on.

        Raises:
            ValidationFailed: the cursor is none of this list's.
        """

    def range_of(
        self, tenant_id: str, endpoint_id: str, *, since: datetime, until: datetime, after: str | None, limit: int
    ) -> Deliveries:
        """An endpoint's deliveries of events in [since, until], and of a second after it, the oldest first.

        Args:
            after: the id of the last one that was read.
        """

    def unaccepted(self, tenant_id: str, endpoint_id: str, after: str | None, limit: int, reads: int) -> Unaccepted:
        """An endpoint's deliveries that it has not accepted though they were tried, or skipped; the oldest first.

        Args:
            after: the id of the event after which to begin.
            reads: how often the table is asked at most, for 500 deliveries each time; 1 or more.
        """

    def due(self, shard: str, until: datetime, following: str | None = None) -> DueDeliveries:
        """A page of what is due in a shard; the index lags behind the deliveries a little.

        Args:
            following: where the page before ended.
        """


class DeliveryQueue(Protocol):
    """Brings notices to the sender. It is an accelerator: what it loses, the alarm clock finds."""

    def send(self, notices: Sequence[Notice], *, slow: bool = False, delay_s: int = 0) -> list[Notice]:
        """Hand notices over, ten at a time.

        Args:
            slow: to the lane of endpoints that are slow, or do not answer.
            delay_s: after which they come, 900 s at most.

        Returns:
            those that were not taken; this raises nothing.
        """
