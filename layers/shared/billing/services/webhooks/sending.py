"""Begins an attempt to deliver an event, and settles it: load, claim, send, settle.

    notice ── still wanted? ── endpoint there and enabled? ── start window open? ── claim ── send ── settle
               no: nothing      no: skipped, redeliverable     no: put off       a first one has no claim

What is sent, where to, and what signs it are read now, at each attempt: a corrected URL and a rotated secret hold for
events that wait to be retried. Only the event stays what it was committed as.

Crashes. A first attempt is its message's: SQS shows it to nobody else for six minutes, and then gives it again, unless
it was done with. So it has no claim: whoever dies has it come again, and whoever gets it for the second time claims it,
as every later attempt is claimed. A claim moves the delivery on before anything is dialled, so that whoever dies after
it has cost an attempt and nothing else: the alarm clock brings the delivery back. In both ways under the same event id
and in the same bytes. So each event arrives at least once, and a receiver tells the second time by its id.

Whose fault it is. What a receiver does is an answer and never an error here. An error is ours (a table that does not
answer, an event that cannot be shown): then the notice comes again, and in the end it lies in the dead-letter queue,
while the delivery is put off for a quarter of an hour and costs no attempt.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from billing.domain.kernel.errors import Unavailable
from billing.domain.tenant import Mode
from billing.domain.webhooks.delivery import Attempt, Delivery, Notice
from billing.domain.webhooks.endpoint import DisabledReason, Payload, WebhookEndpoint
from billing.domain.webhooks.event import Event
from billing.domain.webhooks.health import Lane, Verdict, judge
from billing.domain.webhooks.schedule import (
    WINDOW_S,
    after_attempt,
    claimed_until,
    delay_s,
    given_up,
    is_forgotten,
    is_wanted,
    next_window,
    notice,
    skipped,
)
from billing.domain.webhooks.watch import is_carried
from billing.services.kernel.failures import described
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import Ref, Unit, Units
from billing.services.webhooks.endpoint_ports import EndpointHealthStore
from billing.services.webhooks.health import attend, disable
from billing.services.webhooks.ports import DeliveryQueue, DeliveryStore
from billing.services.webhooks.transport import Answer, Parcel, Transport

_log = logging.getLogger(__name__)
T = TypeVar("T")
GONE = 410
_PUT_OFF = timedelta(minutes=15)
"""After an error of ours."""
_ATTEMPT = timedelta(seconds=30)
"""Longer than any attempt takes, with what is written after it."""
_PART_OF_AGE = 0.1
_LONGEST_SPREAD_S = 900


class EventReader(Protocol):
    """Reads events by their ids."""

    def get(self, tenant_id: str, event_id: str) -> Event | None:
        """An event of a tenant's; None where there is none any more."""


class ShownBody(Protocol):
    """Shows an event as it is sent."""

    def __call__(self, event: Event, payload: Payload, /, *, on_a_bus: bool) -> bytes:
        """The same bytes at each call; ``on_a_bus`` where it goes to an event bus."""


class Outcome(StrEnum):
    """What became of a notice."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The attempt failed; the schedule goes on, if it does."""
    UNWANTED = "unwanted"
    """Somebody else began this attempt, or nobody wants it any more."""
    SKIPPED = "skipped"
    """The endpoint is disabled or deleted."""
    EXPIRED = "expired"
    """The event is not kept any more."""
    PUT_OFF = "put_off"
    """The endpoint's start window is full."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a notice, and of the attempt where there was one."""

    outcome: Outcome
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """What a sender works with.

    Args:
        to_url, to_bus: how events get to endpoints of either kind.
        body: shows an event as it is sent.
    """

    units: Units
    deliveries: DeliveryStore
    health: EndpointHealthStore
    events: EventReader
    queue: DeliveryQueue
    to_url: Transport
    to_bus: Transport
    body: ShownBody


class Sender:
    """Works notices, each by itself; ten threads may share one.

    Args:
        clock: the wall clock, for tenants in test mode, too.
        jitter: gives a random share, from 0 to 1.
        pause: sleeps, in seconds.
        loopback: whether tenants in test mode may have events sent to this machine: a local stack's flag.
    """

    def __init__(
        self,
        ports: Ports,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        pause: Callable[[float], None],
        *,
        loopback: bool = False,
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._jitter = jitter
        self._pause = pause
        self._loopback = loopback

    def send(self, asked: Notice, *, again: bool = False) -> Report:
        """Begin the attempt that a notice asks for, and settle it.

        Args:
            again: somebody has had this message before, and died, or could not work it.

        Raises:
            Exception: a fault of ours; the notice has to come again.
        """
        delivery = self._ports.deliveries.get(asked.tenant_id, asked.delivery_id)
        if delivery is None or not is_wanted(delivery, asked.attempt):
            return Report(Outcome.UNWANTED)
        if is_forgotten(delivery, self._clock()):
            return self._ended(delivery, given_up(delivery), Outcome.EXPIRED)
        try:
            prepared = self._prepared(delivery)
        except Unavailable:
            raise  # a table that does not answer does not take a later time, either; the alarm clock finds it
        except Exception:
            # Else the alarm clock would bring it every minute, each time as a message for the dead-letter queue.
            self._ports.deliveries.change(delivery, replace(delivery, due_at=self._clock() + _PUT_OFF))
            raise
        if isinstance(prepared, Report):
            return prepared
        now = self._clock()
        if not self._ports.health.open_slot(delivery.tenant_id, delivery.endpoint_id, now):
            return self._put_off(delivery, now)
        claimed = again or not is_carried(delivery)
        if claimed and not self._ports.deliveries.claim(delivery, asked.attempt, self._claimed_until(delivery, now)):
            return Report(Outcome.UNWANTED)
        try:
            return self._attempt(delivery, asked.attempt, replace(prepared, at=now), claimed)
        except Exception as error:
            # What was claimed has begun: its notice comes again in vain, and the alarm clock makes up for it.
            tell = _log.warning if isinstance(error, Unavailable) or not claimed else _log.critical
            tell("webhook attempt not settled", extra={"delivery": delivery.id, **described(error)})
            raise

    # Before the claim

    def _prepared(self, delivery: Delivery) -> Parcel | Report:
        """What is to be sent; or what became of the notice, if nothing is."""
        unit = self._ports.units.begin(delivery.tenant_id)
        ref = Ref(WebhookEndpoint, delivery.tenant_id, delivery.endpoint_id)
        endpoint = unit.load(ref).get(ref)
        if endpoint is None or not endpoint.is_enabled:
            return self._ended(delivery, skipped(delivery), Outcome.SKIPPED)
        event = self._ports.events.get(delivery.tenant_id, delivery.event_id)
        if event is None:
            return self._ended(delivery, given_up(delivery), Outcome.EXPIRED)
        return Parcel(
            endpoint=endpoint,
            event_id=event.id,
            event_type=event.head.type,
            body=self._ports.body(event, endpoint.payload, on_a_bus=endpoint.event_bus_arn is not None),
            at=unit.now,
            loopback=self._loopback and unit.tenant.mode is Mode.TEST,
        )

    def _ended(self, delivery: Delivery, after: Delivery, outcome: Outcome) -> Report:
        """Write what becomes of a delivery of which nothing is sent."""
        changed = self._ports.deliveries.change(delivery, after)
        return Report(outcome if changed else Outcome.UNWANTED)

    def _put_off(self, delivery: Delivery, now: datetime) -> Report:
        """Let it come again in the next window, or, the older it is, in one of the next.

        A thousand events of this minute come again within 15 s. 50,000 that waited for a receiver for ten hours come
        again over 15 minutes, because only those that the window lets through get anywhere.
        """
        age_s = (now - delivery.created_at).total_seconds()
        spread_s = max(WINDOW_S, min(_LONGEST_SPREAD_S, age_s * _PART_OF_AGE))
        after = replace(delivery, due_at=next_window(now, self._jitter() * spread_s / WINDOW_S))
        if not self._ports.deliveries.change(delivery, after):
            return Report(Outcome.UNWANTED)
        lane = self._ports.health.get(delivery.tenant_id, delivery.endpoint_id).lane
        self._call_again(after, lane)
        return Report(Outcome.PUT_OFF)

    def _claimed_until(self, delivery: Delivery, now: datetime) -> datetime:
        """When somebody looks what became of the attempt. As soon as before, where that leaves the attempt its time.

        A new delivery is looked at a minute after its event as it is; to move it would write the index twice, a
        quarter of all that a delivery writes.
        """
        until = claimed_until(delivery, now, self._jitter())
        before = delivery.due_at
        return before if before is not None and now + _ATTEMPT <= before <= until else until

    # After the claim

    def _attempt(self, delivery: Delivery, number: int, parcel: Parcel, claimed: bool) -> Report:
        return self._settle(delivery, number, parcel, self._transport(parcel.endpoint).send(parcel), claimed)

    def _transport(self, endpoint: WebhookEndpoint) -> Transport:
        return self._ports.to_url if endpoint.event_bus_arn is None else self._ports.to_bus

    def _settle(self, delivery: Delivery, number: int, parcel: Parcel, answer: Answer, claimed: bool) -> Report:
        attempt = Attempt(
            delivery_id=delivery.id,
            number=number,
            at=parcel.at,
            duration_ms=answer.duration_ms,
            status=answer.status,
            reason=answer.reason,
            excerpt=answer.excerpt,
            retry_after_s=answer.retry_after_s,
        )
        after = after_attempt(delivery, attempt, self._jitter())
        # Before the outcome: whoever dies in between has asked the receiver twice, and not left it enabled.
        if answer.status == GONE and self._disabled(delivery, parcel.endpoint):
            after = skipped(after)
        self._ports.deliveries.settle(delivery, attempt, after, claimed=claimed)
        if attempt.succeeded:
            self._ports.health.succeeded(delivery.tenant_id, delivery.endpoint_id, parcel.at, answer.duration_ms)
            return Report(Outcome.SUCCEEDED, answer)
        lane = self._failed(delivery, parcel, answer)
        self._call_again(after, lane)
        return Report(Outcome.FAILED, answer)

    def _failed(self, delivery: Delivery, parcel: Parcel, answer: Answer) -> Lane:
        """Count a failure, and do what follows from it."""
        tenant_id, endpoint_id = delivery.tenant_id, delivery.endpoint_id
        reason = str(answer.reason)
        health = self._ports.health.failed(tenant_id, endpoint_id, delivery.event_id, parcel.at, reason)
        if judge(health, parcel.endpoint.counts_from, self._clock()) is not Verdict.NOTHING:
            unit = self._ports.units.begin(tenant_id)

            def act() -> None:
                if attend(unit, endpoint_id, health) is not Verdict.NOTHING:
                    unit.commit()

            self._again(unit, act)
        return health.lane

    def _disabled(self, delivery: Delivery, asked: WebhookEndpoint) -> bool:
        """Disable an endpoint whose receiver said that it is gone, and wants to hear of nothing more.

        Args:
            asked: the endpoint as it was when the receiver was asked.

        Returns:
            False where the tenant has pointed it elsewhere since, or enabled it again: that one is not gone.
        """
        unit = self._ports.units.begin(delivery.tenant_id)
        ref = Ref(WebhookEndpoint, delivery.tenant_id, delivery.endpoint_id)

        def act() -> bool:
            endpoint = unit.load(ref).get(ref)
            if endpoint is None or not endpoint.is_enabled:
                return True
            if endpoint.counts_from != asked.counts_from:
                return False
            disable(unit, endpoint, DisabledReason.GONE)
            unit.commit()
            return True

        return self._again(unit, act)

    def _again(self, unit: Unit, action: Callable[[], T]) -> T:
        return run_again(unit, action, self._jitter, self._pause)

    def _call_again(self, delivery: Delivery, lane: Lane) -> None:
        """Tell the queue of what is due sooner than the alarm clock looks; if that fails, it looks all the same."""
        delay = delay_s(delivery, self._clock())
        if delay is not None:
            self._ports.queue.send([notice(delivery)], slow=lane is Lane.SLOW, delay_s=delay)
