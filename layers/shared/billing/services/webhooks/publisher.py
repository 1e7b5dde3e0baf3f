"""Addresses events: for each endpoint that wants one, a delivery; and a notice to the sender, so that it goes at once.

The delivery is written first and the notice is sent after it. Of a fresh event nothing else waits for the notice but
the endpoint's watch (``domain.webhooks.watch``), which finds within the hour what was lost. What is known to have
failed gets an alarm at once: where the queue did not take a notice, and where a batch comes again whose delivery is
there and was not attempted, for the publisher may have died in between. An event that is not fresh has an alarm anyway.

Everything is safe twice, by several workers at once and in any order, because a delivery's id follows from its endpoint
and its event. So is publishing again what some fault kept from being published.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from billing.domain.webhooks.delivery import Delivery, DeliveryState, Notice, delivery_id
from billing.domain.webhooks.endpoint import Subscriber
from billing.domain.webhooks.event import EventHead
from billing.domain.webhooks.health import EndpointHealth, Lane
from billing.domain.webhooks.patterns import wants
from billing.domain.webhooks.schedule import FIRST_LOOK, notice
from billing.domain.webhooks.watch import is_carried, watch_from
from billing.services.webhooks.endpoint_ports import EndpointHealthStore, Endpoints
from billing.services.webhooks.ports import DeliveryQueue, DeliveryStore


class Publisher:
    """Addresses events.

    Args:
        clock: the wall clock.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        health: EndpointHealthStore,
        store: DeliveryStore,
        queue: DeliveryQueue,
        clock: Callable[[], datetime],
    ) -> None:
        self._endpoints = endpoints
        self._health = health
        self._store = store
        self._queue = queue
        self._clock = clock

    def publish(self, tenant_id: str, events: Sequence[EventHead]) -> int:
        """Address a tenant's events; how many deliveries are new.

        The endpoints are read once, and now: nothing is remembered of them from one batch to the next, or an endpoint
        that was made a second before its first event would miss it.

        Raises:
            Unavailable: the database was; some of it may be done.
        """
        now = self._clock()
        subscribers = self._endpoints.of_tenant(tenant_id)
        addressed = list(_addressed(events, subscribers, now))
        if not addressed:
            return 0
        health = self._health.of(tenant_id, {each.endpoint_id for each in addressed})
        added = self._store.add(self._watched(tenant_id, addressed, now))
        self._alarm(added.waiting, now)
        told = [each for each in added.new if each.state is DeliveryState.PENDING]
        left = {each.delivery_id for each in tell(self._queue, told, health)}
        self._alarm([each for each in told if each.id in left and is_carried(each)], now)
        return len(added.new)

    def _watched(self, tenant_id: str, deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
        """The deliveries, those without an alarm that their endpoints' watches cover. What has none yet is watched."""
        pending = {each.endpoint_id for each in deliveries if each.state is DeliveryState.PENDING}
        watches = self._store.watches(tenant_id, pending)
        for endpoint_id in pending - watches.keys():
            watch = watch_from(tenant_id, endpoint_id, now)
            if self._store.watch(watch):
                watches[endpoint_id] = watch

        def is_covered(each: Delivery) -> bool:
            watch = watches.get(each.endpoint_id)
            return watch is not None and watch.covers(each.created_at, now)

        return [replace(each, due_at=None) if is_covered(each) else each for each in deliveries]

    def _alarm(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        for each in deliveries:
            self._store.change(each, replace(each, due_at=now + FIRST_LOOK))


def _addressed(events: Sequence[EventHead], subscribers: Sequence[Subscriber], now: datetime) -> Iterator[Delivery]:
    for event in events:
        if event.expires_at <= now.timestamp():
            continue  # nobody could read what to send any more
        for subscriber in subscribers:
            if wants(subscriber, event.type, event.object_id, event.created_at):
                yield _delivery(event, subscriber, now)


def _delivery(event: EventHead, subscriber: Subscriber, now: datetime) -> Delivery:
    """Of a disabled endpoint, what can be redelivered once it is enabled."""
    is_enabled = subscriber.is_enabled
    return Delivery(
        id=delivery_id(subscriber.id, event.id),
        tenant_id=event.tenant_id,
        endpoint_id=subscriber.id,
        event_id=event.id,
        event_type=event.type,
        created_at=event.created_at,
        state=DeliveryState.PENDING if is_enabled else DeliveryState.SKIPPED,
        due_at=now + FIRST_LOOK if is_enabled else None,
        customer_id=event.customer_id,
    )


def tell(queue: DeliveryQueue, deliveries: Sequence[Delivery], health: dict[str, EndpointHealth]) -> list[Notice]:
    """Send the notices of deliveries, to the lane of each one's endpoint.

    Args:
        health: by endpoint; one of which nothing is known is taken to be well.

    Returns:
        those that the queue did not take.
    """
    by_lane: dict[Lane, list[Delivery]] = {Lane.FAST: [], Lane.SLOW: []}
    for each in deliveries:
        by_lane[health.get(each.endpoint_id, EndpointHealth()).lane].append(each)
    left: list[Notice] = []
    for lane, of_lane in by_lane.items():
        if of_lane:
            left += queue.send([notice(each) for each in of_lane], slow=lane is Lane.SLOW)
    return left
