"""Addresses events: for each endpoint that wants one, a delivery; and a notice to the sender, so that it goes at once.

The delivery is written first and the notice is sent after it: if nothing comes of the notice, the alarm clock finds the
delivery a minute later. Everything is safe twice, by several workers at once and in any order, because a delivery's id
follows from its endpoint and its event. So is publishing again what some fault kept from being published.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from billing.domain.webhooks.delivery import Delivery, DeliveryState, delivery_id
from billing.domain.webhooks.endpoint import Subscriber
from billing.domain.webhooks.event import EventHead
from billing.domain.webhooks.health import EndpointHealth, Lane
from billing.domain.webhooks.patterns import wants
from billing.domain.webhooks.schedule import FIRST_LOOK, notice
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
        added = self._store.add(addressed)
        tell(self._queue, [each for each in added if each.state is DeliveryState.PENDING], health)
        return len(added)


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


def tell(queue: DeliveryQueue, deliveries: Sequence[Delivery], health: dict[str, EndpointHealth]) -> None:
    """Send the notices of deliveries, to the lane of each one's endpoint.

    Args:
        health: by endpoint; one of which nothing is known is taken to be well.
    """
    by_lane: dict[Lane, list[Delivery]] = {Lane.FAST: [], Lane.SLOW: []}
    for each in deliveries:
        by_lane[health.get(each.endpoint_id, EndpointHealth()).lane].append(each)
    for lane, of_lane in by_lane.items():
        if of_lane:
            queue.send([notice(each) for each in of_lane], slow=lane is Lane.SLOW)
