"""Accepting usage events: a request is accepted whole or not at all, and goes onto a queue in chunks.

What an event refers to is not looked up here, except for a tenant in test mode, whose customers may have clocks of
their own: the worker rejects what it does not know (docs/decisions/0019-usage.md).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import Mode
from billing.domain.usage.event import UsageEvent, window_problem
from billing.services.kernel.batching import packed
from billing.services.kernel.work import Ref, Work
from billing.services.usage.ports import Chunk, UsageQueue

MOST_EVENTS = 480
"""The most events in a chunk: they fill five transactions of 100 items, with the totals and hours that they change, and
what they refer to is loaded once."""
MOST_BYTES = 200_000
"""The most bytes in a chunk; an SQS message holds 262,144."""
_AROUND_BYTES = 80
"""The bytes that JSON adds to an event's texts: brackets, quotes, commas, the longest quantity and time."""
# Made once: json.dumps makes a new encoder for each call that asks for sorted keys.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted.

    Args:
        accepted: how many events are on the queue.
        duplicates: how many more the request had, each equal to one of those.
        chunks: in how many messages they are.
    """

    accepted: int
    duplicates: int
    chunks: int


def accept(work: Work, events: Sequence[UsageEvent], queue: UsageQueue) -> Accepted:
    """Put events on the queue before anything is committed: a retry after a crash in between sends the same again.

    Raises:
        Replay, IdempotencyKeyReused: the key was used before; nothing is sent.
        ValidationFailed: naming every event that is too old, too early, or another one under an id of the request.
        Unavailable: the queue did not take all of them; nothing is stored under the key, and a retry makes it good.
    """
    work.load()
    once = _checked(events, _clock(work, events), work)
    assert work.client_key is not None, "a write has a key"
    chunks = chunked(work.tenant.id, work.client_key, once)
    queue.send(chunks)
    return Accepted(len(once), len(events) - len(once), len(chunks))


def chunked(tenant_id: str, key: str, events: Iterable[UsageEvent]) -> list[Chunk]:
    """The events in chunks, those that change the same totals together; corrections come last, in chunks of their own.

    Args:
        key: the request's Idempotency-Key: the chunks of a retry have the same ids.
    """
    first: list[UsageEvent] = []
    corrections: list[UsageEvent] = []
    for event in events:
        (first if event.corrects is None else corrections).append(event)
    found: list[Chunk] = []
    for kind in (first, corrections):
        kind.sort(key=_place)
        for part in packed(kind, _bytes, MOST_EVENTS, MOST_BYTES):
            # All at once, not by their digests: that takes a third of the time.
            facts = _encode([tenant_id, key, [_said(event) for event in part]])
            found.append(Chunk(sha256(facts.encode()).hexdigest()[:40], tenant_id, tuple(part)))
    return found


def _said(event: UsageEvent) -> list[object]:
    return [
        event.event_id,
        event.subscription_id,
        event.meter,
        str(event.quantity),
        event.timestamp.isoformat(),
        event.properties,
        event.corrects,
    ]


def _place(event: UsageEvent) -> tuple[str, str]:
    return event.subscription_id, event.meter


def _bytes(event: UsageEvent) -> int:
    """An upper estimate of an event's bytes in a message: 180 if it has no properties."""
    texts = len(event.event_id) + len(event.subscription_id) + len(event.meter) + len(event.corrects or "")
    # As in the message: a character outside of ASCII takes six bytes, or twelve.
    return texts + _AROUND_BYTES + (len(_encode(event.properties)) if event.properties else 0)


def _checked(events: Sequence[UsageEvent], clock: Callable[[str], datetime], work: Work) -> list[UsageEvent]:
    """The events, each once.

    Args:
        clock: gives the customer's time for a subscription's id.
    """
    tenant = work.tenant
    bad: list[Detail] = []
    by_id: dict[str, UsageEvent] = {}
    for n, event in enumerate(events):
        now = clock(event.subscription_id)
        problem = window_problem(event.timestamp, now, tenant.usage_past_s, tenant.usage_future_s)
        if problem is not None:
            bad.append(Detail(f"events.{n}.timestamp", problem))
        twin = by_id.setdefault(event.event_id, event)
        if twin is not event and twin.digest != event.digest:
            bad.append(Detail(f"events.{n}.eventId", "duplicate_event_id"))
    if bad:
        names = ", ".join(f"{detail.field}: {detail.reason}" for detail in bad[:5])
        raise ValidationFailed(names, tuple(bad))
    return list(by_id.values())


def _clock(work: Work, events: Iterable[UsageEvent]) -> Callable[[str], datetime]:
    """Gives the customer's time for a subscription's id: two reads for a tenant in test mode, none for a live one."""
    if work.tenant.mode is not Mode.TEST:
        return lambda _: work.now
    tenant_id = work.tenant.id
    subscriptions = {event.subscription_id: Ref(Subscription, tenant_id, event.subscription_id) for event in events}
    found = work.load(*subscriptions.values())
    clocks: dict[str, Ref[Clock]] = {}
    for subscription_id, ref in subscriptions.items():
        subscription = found.get(ref)
        if subscription is not None and subscription.test_clock_id is not None:
            clocks[subscription_id] = Ref(Clock, tenant_id, subscription.test_clock_id)
    if not clocks:
        return lambda _: work.now
    there = work.load(*set(clocks.values()))
    times = {each: _time(clock) for each, ref in clocks.items() if (clock := there.get(ref)) is not None}
    return lambda subscription_id: times.get(subscription_id, work.now)


def _time(clock: Clock) -> datetime:
    """A clock's time; while it advances, its target, because events on the way may be ahead of where it stands."""
    return max(clock.frozen_time, clock.target_time or clock.frozen_time)
