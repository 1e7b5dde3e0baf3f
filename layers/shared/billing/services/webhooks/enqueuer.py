"""A worker's turn at one shard of deliveries: whatever is due is handed to the sender, and nothing is sent from here.

What is handed over, or put off, is written before: a turn that is cut off leaves every delivery due, now or a little
later. An endpoint that comes back after a day may have 50,000 deliveries due. Those of one endpoint are handed over at
a pace, and the rest is put off to where the pace will be: minute by minute, and not far ahead, for the endpoint may be
quicker by then.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from billing.domain.kernel.errors import Unavailable
from billing.domain.webhooks.delivery import Delivery
from billing.domain.webhooks.health import EndpointHealth
from billing.domain.webhooks.schedule import ENQUEUED, JITTER, unheard
from billing.services.clocks.due_index import Alarm
from billing.services.kernel.failures import described
from billing.services.webhooks.endpoint_ports import EndpointHealthStore
from billing.services.webhooks.ports import DeliveryQueue, DeliveryStore
from billing.services.webhooks.publisher import tell
from billing.services.webhooks.watching import Watcher

T = TypeVar("T")
_log = logging.getLogger(__name__)
PACE, STRUGGLING_PACE = 50, 3
"""Of one endpoint's deliveries, how many of a shard are handed over in a minute: 800 of all 16 shards where it answers.
One that does not is sent to 40 times a minute (``EndpointHealthStore.open_slot``), and 3 of each shard are 48."""
FURTHEST, STRUGGLING_FURTHEST = timedelta(hours=1), timedelta(minutes=15)
"""How far ahead a delivery is put off at most: one that fails may be well again in a quarter of an hour."""
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class EnqueueReport:
    """What a turn did: deliveries handed over, put off to the pace, and given up; and whether time ran out."""

    handed_over: int = 0
    put_off: int = 0
    given_up: int = 0
    cut_short: bool = False


class _Turn:
    """What one turn knows of endpoints: how they fare, how many of their deliveries it met; and what failed first."""

    def __init__(self) -> None:
        self.health: dict[tuple[str, str], EndpointHealth] = {}
        self.met: dict[tuple[str, str], int] = {}
        self.failed: Exception | None = None


class Enqueuer:
    """Hands over what is due.

    Args:
        clock: the wall clock.
        jitter: a random share, from 0 to 1.
    """

    def __init__(
        self,
        store: DeliveryStore,
        health: EndpointHealthStore,
        queue: DeliveryQueue,
        alarm: Alarm,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._store = store
        self._health = health
        self._queue = queue
        self._alarm = alarm
        self._clock = clock
        self._jitter = jitter
        self._watcher = Watcher(store, clock)

    def work_shard(self, shard: str, deadline: datetime) -> EnqueueReport:
        """Work one shard until nothing is due in it that was due when the turn began.

        Args:
            deadline: after this no page is begun, and another turn is requested.

        Raises:
            Unavailable: the database does not answer.
            Exception: the first of those that kept a delivery from being read, or an endpoint from being looked at;
                everything else of the shard has been worked.
        """
        until, turn, report = self._clock(), _Turn(), EnqueueReport()
        following: str | None = None
        while True:
            if self._clock() >= deadline:
                self._alarm.wake(shard, f"more:{self._clock().isoformat()}")
                return replace(report, cut_short=True)
            page = self._store.due(shard, until, following)
            found = self._found([(each.tenant_id, each.delivery_id) for each in page.items], turn)
            for watched in page.watches:  # what a look finds is due now, and a later turn's
                self._apart(partial(self._watcher.look, *watched), turn, *watched)
            due = [each for each in found if each.due_at is not None and each.due_at <= until]  # the index lags
            report = self._work(sorted(due, key=lambda each: (each.due_at, each.id)), turn, report)
            following = page.following
            if following is None:
                if turn.failed is not None:
                    raise turn.failed
                return report

    def _found(self, places: list[tuple[str, str]], turn: _Turn) -> list[Delivery]:
        """Deliveries by tenant and id; one by one, where one of them cannot be read.

        A release that is taken back leaves rows with a state that the one before does not know.
        """
        try:
            return self._store.get_many(places)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whichever it is about is met again right below, and told of there
            found = (self._apart(partial(self._store.get_many, [each]), turn, *each) for each in places)
            return [each for some in found for each in some or ()]

    @staticmethod
    def _apart(action: Callable[[], T], turn: _Turn, tenant_id: str, whose: str) -> T | None:
        """Do what is about one delivery, or endpoint: that it fails holds up nobody else's, and is told in the end."""
        try:
            return action()
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the others: it is raised when they are done
            about = {"tenant_id": tenant_id, "passed_over": whose, **described(error)}
            _log.error("a delivery or an endpoint is passed over", extra=about)
            turn.failed = turn.failed or error
            return None

    def _work(self, due: Sequence[Delivery], turn: _Turn, report: EnqueueReport) -> EnqueueReport:
        self._look(due, turn)
        given: list[Delivery] = []
        put_off = given_up = 0
        for delivery in due:
            now = self._clock()
            ended = unheard(delivery, now)
            if ended is not None:
                given_up += self._store.change(delivery, ended)
                continue
            pause = self._pause(delivery, turn)
            later = pause or ENQUEUED * (1 + JITTER * self._jitter())
            if not self._store.change(delivery, replace(delivery, due_at=now + later)):
                continue  # somebody was faster: it is begun, or somebody asked for it
            if pause is None:
                given.append(delivery)
            else:
                put_off += 1
        self._tell(given, turn)
        return EnqueueReport(report.handed_over + len(given), report.put_off + put_off, report.given_up + given_up)

    def _look(self, due: Sequence[Delivery], turn: _Turn) -> None:
        """Learn how the endpoints fare that this turn meets for the first time."""
        new: dict[str, set[str]] = {}
        for each in due:
            if (each.tenant_id, each.endpoint_id) not in turn.health:
                new.setdefault(each.tenant_id, set()).add(each.endpoint_id)
        for tenant_id, endpoint_ids in new.items():
            health = self._health.of(tenant_id, endpoint_ids)
            turn.health |= {(tenant_id, each): health.get(each, EndpointHealth()) for each in endpoint_ids}

    def _pause(self, delivery: Delivery, turn: _Turn) -> timedelta | None:
        """For how long a delivery is put off, where its endpoint has had its share of this minute.

        With a pace of 3, the deliveries 0, 1 and 2 go now, 3, 4 and 5 in the next minute, 6, 7 and 8 in the one after.
        """
        endpoint = (delivery.tenant_id, delivery.endpoint_id)
        n = turn.met.get(endpoint, 0)
        turn.met[endpoint] = n + 1
        struggles = turn.health[endpoint].is_struggling
        minutes = n // (STRUGGLING_PACE if struggles else PACE)
        if not minutes:
            return None
        pause = timedelta(seconds=_MINUTE_S * (minutes - 1) + max(1.0, _MINUTE_S * self._jitter()))
        furthest = STRUGGLING_FURTHEST if struggles else FURTHEST
        return min(pause, furthest - timedelta(seconds=_MINUTE_S * self._jitter()))

    def _tell(self, given: Sequence[Delivery], turn: _Turn) -> None:
        by_tenant: dict[str, list[Delivery]] = {}
        for each in given:
            by_tenant.setdefault(each.tenant_id, []).append(each)
        for tenant_id, deliveries in by_tenant.items():
            health = {endpoint: known for (of, endpoint), known in turn.health.items() if of == tenant_id}
            tell(self._queue, deliveries, health)
