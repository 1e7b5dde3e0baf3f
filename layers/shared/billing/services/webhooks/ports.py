"""What deliveries need from the world: where they are kept, and the queues that bring them to the sender."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState, Notice
from billing.domain.webhooks.watch import Watch
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
    watches: Sequence[tuple[str, str]] = ()
    """Of endpoints (tenant's id, endpoint's id) that somebody has to look at."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of deliveries that were to be put.

    Args:
        new: those that were put.
        waiting: of those that were there, those that have no alarm and were not attempted: their notices may be lost.
    """

    new: Sequence[Delivery]
    waiting: Sequence[Delivery]


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

    def add(self, deliveries: Sequence[Delivery]) -> Added:
        """Put those that are not there yet; the others stay as they are."""

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

    def settle(self, delivery: Delivery, attempt: Attempt, after: Delivery, *, claimed: bool = True) -> None:
        """Log an attempt and its outcome; what somebody else made of the delivery meanwhile stays.

        Args:
            delivery: as it was loaded before the attempt was claimed, or made.
            after: ``schedule.after_attempt``.
            claimed: whether it was claimed.
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

    def watches(self, tenant_id: str, endpoint_ids: Collection[str]) -> dict[str, Watch]:
        """The watches of endpoints, as they are now; an endpoint that has none is left out."""

    def watch(self, watch: Watch) -> bool:
        """Begin a watch; False where the endpoint has one."""

    def watch_on(self, watch: Watch, after: Watch | None) -> bool:
        """Go on with a watch, or end it (None), after a look; False where somebody else has."""


class DeliveryQueue(Protocol):
    """Brings notices to the sender. What it loses, an alarm or an endpoint's watch finds."""

    def send(self, notices: Sequence[Notice], *, slow: bool = False, delay_s: int = 0) -> list[Notice]:
        """Hand notices over, ten at a time.

        Args:
            slow: to the lane of endpoints that are slow, or do not answer.
            delay_s: after which they come, 900 s at most.

        Returns:
            those that were not taken; this raises nothing.
        """
