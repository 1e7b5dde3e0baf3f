"""Counting accepted events: each once, together with all that it changes, in transactions of up to 100 items.

For ``sum`` and ``count`` nothing is read: if an event is counted already, DynamoDB cancels the transaction and names
the event, and the transaction is sent again without it. Wherever a worker dies, each event is counted entirely or not
at all, and the message comes again.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from billing.domain.catalog.meter import Aggregation, Meter
from billing.domain.kernel.errors import Unavailable
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.usage.event import Measured, Refusal, UsageEvent, UsageSpan, hour_of, measured, span_at
from billing.services.catalog.meters import meter_for, meter_refs
from billing.services.kernel.work import Ref, Unit, Units
from billing.services.usage.effects import (
    Effect,
    Present,
    add,
    adds_up,
    groups,
    is_full,
    is_looked_at,
    leave_out_what_stands,
)
from billing.services.usage.ports import (
    FINAL,
    Chunk,
    Counting,
    Outcome,
    SeriesKey,
    StoredEvent,
    TotalKey,
    UsageStore,
    seen_key,
)
from billing.services.usage.rejections import Rejected, named, rejection_ref

_log = logging.getLogger(__name__)
_RUNS = 40
_DAY_S = 86_400
EVENT_KEPT_S = 90 * _DAY_S
"""Longer than an event may lie back (60 days at most): an event that is forgotten is no longer accepted either."""
SERIES_KEPT_S = 400 * _DAY_S
_SEEN_LONGER_S = 120 * _DAY_S


class EventsMissing(Exception):
    """A correction came before the event that it corrects: let the message come again."""


@dataclass(slots=True)
class CountReport:
    """How many of a chunk's events were counted, known already, or rejected."""

    counted: int = 0
    duplicates: int = 0
    rejected: int = 0


@dataclass(slots=True)
class _Known:
    """The subscriptions and meters that a chunk's events refer to."""

    subscriptions: dict[str, Subscription]
    meters: dict[str, Meter]
    slots: dict[str, int] = field(default_factory=dict)

    def slot(self, subscription_id: str) -> int:
        """The slot in which a subscription's usage is counted now, as far as is known."""
        return self.slots.get(subscription_id, self.subscriptions[subscription_id].usage_slot)


@dataclass(frozen=True, slots=True)
class UsageCounter:
    """Counts chunks.

    Args:
        clock: the wall clock.
        jitter: a random share of a pause, from 0 to 1.
        pause: sleeps, in seconds.
    """

    units: Units
    store: UsageStore
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    pause: Callable[[float], None]

    def count(self, chunk: Chunk, last_try: bool = False) -> CountReport:
        """Count a chunk's events; repeating it counts nothing twice.

        Args:
            last_try: the message will not come again, so corrections whose event is missing are rejected.

        Raises:
            EventsMissing: a correction's event is not counted yet; the rest of the chunk is.
            Unavailable: the database is busy; what is counted so far stays counted.
        """
        return _ChunkRun(self, chunk, last_try).run()


class _ChunkRun:
    """The counting of one chunk."""

    def __init__(self, counter: UsageCounter, chunk: Chunk, last_try: bool) -> None:
        self._counter = counter
        self._store = counter.store
        self._chunk = chunk
        self._last_try = last_try
        self._now = counter.clock()
        self._report = CountReport()
        self._rejected = Rejected(chunk)
        self._missing = False
        self._spans: dict[str, UsageSpan] = {}
        self._keys: dict[tuple[str, int, str, str], tuple[TotalKey, SeriesKey]] = {}
        # The same in a retry, so that it finds what was counted before.
        self._hash = int.from_bytes(sha256(chunk.id.encode()).digest()[:4])

    def run(self) -> CountReport:
        unit = self._counter.units.begin(self._chunk.tenant_id)
        events = list(self._without_twins())
        known, reported = self._load(unit, events)
        if reported:
            events = [each for each in events if (each.event_id, each.digest) not in reported]
        effects = self._effects([each for each in events if each.corrects is None], known)
        for group in groups(effects):
            self._count_group(group, known)
        corrections = [each for each in events if each.corrects is not None]
        # One by one: of two corrections of one event, what is left may be enough for the first only.
        for effect in self._corrections(corrections, known) if corrections else ():
            self._count_group([effect], known)
        if self._rejected.events:
            self._report_rejected(unit)
        if self._missing:
            raise EventsMissing(f"chunk {self._chunk.id} corrects events that are not counted yet")
        return self._report

    def _without_twins(self) -> Iterator[UsageEvent]:
        """The events, each id once: a transaction cannot write one item twice."""
        first: dict[str, UsageEvent] = {}
        for event in self._chunk.events:
            before = first.setdefault(event.event_id, event)
            if before is event:
                yield event
            elif before.digest != event.digest:
                self._rejected.add(event, Refusal.OTHER_CONTENT)
            else:
                self._report.duplicates += 1

    def _load(self, unit: Unit, events: Sequence[UsageEvent]) -> tuple[_Known, set[tuple[str, str]]]:
        """What the events refer to, and which of them were reported when this message came before."""
        tenant_id = self._chunk.tenant_id
        subscriptions = {each.subscription_id for each in events}
        keys = {each.meter for each in events}
        own_and_platform = {key: meter_refs(tenant_id, key) for key in keys}
        rejection = rejection_ref(self._chunk)
        refs: list[Ref[Any]] = [Ref(Subscription, tenant_id, each) for each in subscriptions]
        refs += [ref for both in own_and_platform.values() for ref in both]
        found = unit.load(rejection, *refs)
        before = found.get(rejection)
        meters = {key: meter_for(found, *both) for key, both in own_and_platform.items()}
        known = _Known(
            {each: it for each in subscriptions if (it := found.get(Ref(Subscription, tenant_id, each))) is not None},
            {key: meter for key, meter in meters.items() if meter is not None},
        )
        return known, named(before)

    def _effects(self, events: Iterable[UsageEvent], known: _Known) -> list[Effect]:
        found: list[Effect] = []
        for event in events:
            subscription, meter = known.subscriptions.get(event.subscription_id), known.meters.get(event.meter)
            if subscription is None or meter is None:
                missing = Refusal.UNKNOWN_SUBSCRIPTION if subscription is None else Refusal.UNKNOWN_METER
                self._rejected.add(event, missing)
                continue
            outcome = measured(event, subscription, meter, self._span(subscription, event.timestamp))
            if isinstance(outcome, Refusal):
                self._rejected.add(event, outcome)
            else:
                found.append(self._effect(outcome))
        return found

    def _span(self, subscription: Subscription, at: datetime) -> UsageSpan:
        """The span of an instant; cached, because most events of a chunk share one and computing it is slow."""
        simple = not subscription.past_terms and (subscription.trial_end is None or at >= subscription.trial_end)
        latest = self._spans.get(subscription.id)
        if simple and latest is not None and not latest.trial and latest.period.contains(at):
            return latest
        span = span_at(subscription, at)
        self._spans[subscription.id] = span
        return span

    def _effect(self, outcome: Measured) -> Effect:
        event, meter = outcome.event, outcome.meter
        day, hour = hour_of(event.timestamp)
        remaining = outcome.value if meter.aggregation.correctable else None
        stored = StoredEvent(event, event.digest, outcome.cell, outcome.value, remaining, self._now)
        seen = None
        if outcome.seen is not None:
            # In the whole period: after a change of plan in its middle, a value seen before is not new.
            place = replace(outcome.cell, span=outcome.cell.span.whole)
            seen = seen_key(self._chunk.tenant_id, event.subscription_id, meter.key, place, outcome.seen)
        return Effect(outcome, stored, day, hour, seen)

    def _corrections(self, events: Sequence[UsageEvent], known: _Known) -> list[Effect]:
        """The effects of corrections, on the period and the hour of the events that they correct."""
        corrected = self._store.events(self._chunk.tenant_id, {each.corrects or "" for each in events})
        found: list[Effect] = []
        for event in events:
            original = corrected.get(event.corrects or "")
            if original is None:
                if self._last_try:
                    self._rejected.add(event, Refusal.UNKNOWN_EVENT)
                else:
                    self._missing = True
                continue
            refused = _not_correctable(event, original, known)
            if refused is not None:
                self._rejected.add(event, refused)
                continue
            meter = known.meters[event.meter]
            outcome = Measured(event, meter, original.cell, event.quantity)
            day, hour = hour_of(original.event.timestamp)
            stored = StoredEvent(event, event.digest, original.cell, event.quantity, None, self._now)
            found.append(Effect(outcome, stored, day, hour, takes_back=event.corrects))
        return found

    def _count_group(self, group: list[Effect], known: _Known) -> None:
        """Write one transaction, repeatedly until it succeeds: without events counted already, and into open slots."""
        for run in range(_RUNS):
            group, counting = self._prepared(group, known)
            if not counting.events:
                return
            outcome = self._store.apply(counting)
            if outcome.done:
                self._report.counted += len(group)
                return
            group = self._after(outcome, group)
            if outcome.closed:
                group = self._moved_on(outcome, group, known, look=run > 0)
            if outcome.outrun and not outcome.known:
                self._counter.pause(self._counter.jitter() * min(0.01 * 2**run, 0.2))
        raise Unavailable("Too many others count into the same total", retry_after_s=1)

    def _after(self, outcome: Outcome, group: list[Effect]) -> list[Effect]:
        """The part of a group that is still to be counted."""
        final = {key.subscription_id for key, closed in outcome.closed.items() if closed == FINAL}
        left: list[Effect] = []
        for effect in group:
            event = effect.event
            if event.event_id in outcome.known:
                self._met(event, outcome.known[event.event_id])
            elif event.subscription_id in final:
                self._rejected.add(event, Refusal.ALREADY_FINAL)
            elif effect.takes_back in outcome.short:
                self._rejected.add(event, Refusal.EXCEEDS_EVENT)
            else:
                left.append(effect)
        return left

    def _moved_on(self, outcome: Outcome, group: list[Effect], known: _Known, *, look: bool) -> list[Effect]:
        """The group, measured again: whoever closed its slot may have changed the plan as well.

        Args:
            look: the slot after a closed one was closed too, so commits failed and the open one may be far ahead.
        """
        tenant_id = self._chunk.tenant_id
        refs = {key.subscription_id: Ref(Subscription, tenant_id, key.subscription_id) for key in outcome.closed}
        found = self._counter.units.begin(tenant_id).load(*refs.values())
        for key in outcome.closed:
            subscription = found.require(refs[key.subscription_id])
            known.subscriptions[subscription.id] = subscription
            self._spans.pop(subscription.id, None)
            slot = max(known.slot(subscription.id), subscription.usage_slot, key.slot + 1)
            known.slots[subscription.id] = self._latest_slot(key, slot) if look else slot
        corrections = [effect for effect in group if effect.takes_back is not None]
        return corrections or self._effects([effect.event for effect in group], known)

    def _latest_slot(self, key: TotalKey, slot: int) -> int:
        """The first open slot after ``slot``; a final slot is the last."""
        items = self._store.of_subscription(key.tenant_id, key.subscription_id, slot)
        same = [each for each in items if (each.key.meter, each.key.shard) == (key.meter, key.shard)]
        latest = max(same, key=lambda each: each.key.slot, default=None)
        if latest is None:
            return slot
        return latest.key.slot if latest.closed in ("", FINAL) else latest.key.slot + 1

    def _met(self, event: UsageEvent, digest: str) -> None:
        """Handle an event whose id is taken: by the same event, or by another one."""
        if digest == event.digest:
            self._report.duplicates += 1
        else:
            self._rejected.add(event, Refusal.OTHER_CONTENT)

    def _prepared(self, group: list[Effect], known: _Known) -> tuple[list[Effect], Counting]:
        """The transaction of a group; if its meters have to be read first, without effects that change nothing."""
        present = self._look(group, known)
        counting = self._empty(group)
        seen_now: set[str] = set()
        kept: list[Effect] = []
        for effect in group:
            total_key, series_key = self._places(effect, known)
            cells = present.cells(total_key)
            name = effect.measured.cell.name
            changes = counting.totals.get(total_key, {})
            meter = effect.measured.meter
            if meter.dimensions and name not in changes and is_full(cells, name, changes):
                self._rejected.add(effect.event, Refusal.TOO_MANY_DIMENSIONS)
                continue
            kept.append(effect)
            counting.events.append(effect.stored)
            if effect.takes_back is not None:
                taken = counting.taken_back.get(effect.takes_back, Decimal(0))
                counting.taken_back[effect.takes_back] = taken - effect.measured.value
            if effect.seen is not None:
                if effect.seen in seen_now or effect.seen in present.seen:
                    continue
                seen_now.add(effect.seen)
                counting.seen.append(effect.seen)
            amount = effect.measured.amount
            add(counting.totals.setdefault(total_key, {}), name, meter.aggregation, amount)
            add(counting.series.setdefault(series_key, {}), effect.hour, meter.aggregation, amount)
        leave_out_what_stands(counting.totals, present.totals)
        leave_out_what_stands(counting.series, present.series)
        return kept, counting

    def _empty(self, group: Sequence[Effect]) -> Counting:
        now_s = int(self._now.timestamp())
        # As long as events of the span are accepted: until its end, plus the longest time that events may lie back.
        spans_s = (effect.measured.cell.span.period.seconds for effect in group)
        return Counting(
            self._chunk.tenant_id,
            self._now,
            expires_at=now_s + EVENT_KEPT_S,
            seen_until=now_s + max(spans_s, default=0) + _SEEN_LONGER_S,
            series_until=now_s + SERIES_KEPT_S,
        )

    def _look(self, group: Sequence[Effect], known: _Known) -> Present:
        """The stored totals of meters that cannot be added to blindly; for other meters nothing is read."""
        looked = [each for each in group if is_looked_at(each.measured.meter)]
        if not looked:
            return Present()
        places = [self._places(each, known) for each in looked]
        totals = self._store.totals({total for total, _ in places})
        ordered = {key for each, (_, key) in zip(looked, places, strict=True) if not adds_up(each)}
        series = self._store.series(ordered) if ordered else {}
        seen = self._store.seen({each.seen for each in looked if each.seen is not None})
        # A closed item says nothing about the open one after it.
        return Present({key: it.cells for key, it in totals.items() if not it.closed}, series, seen)

    def _places(self, effect: Effect, known: _Known) -> tuple[TotalKey, SeriesKey]:
        subscription_id, meter = effect.event.subscription_id, effect.measured.meter
        slot = known.slot(subscription_id)
        # Kept: most events of a chunk are of one subscription, meter and day.
        place = (subscription_id, slot, meter.key, effect.day)
        if (keys := self._keys.get(place)) is None:
            tenant_id, shard = self._chunk.tenant_id, self._hash % meter.shards_in_use(self._now)
            keys = self._keys[place] = (
                TotalKey(tenant_id, subscription_id, slot, meter.key, shard),
                SeriesKey(tenant_id, subscription_id, meter.key, effect.day, shard),
            )
        return keys

    def _report_rejected(self, unit: Unit) -> None:
        self._report.duplicates += self._rejected.drop_counted(self._store)
        self._report.rejected = len(self._rejected.events)
        if self._rejected.events:
            self._rejected.report(unit, self._now, self._counter.jitter, self._counter.pause)


def _not_correctable(event: UsageEvent, original: StoredEvent, known: _Known) -> Refusal | None:
    meter = known.meters.get(event.meter)
    if event.subscription_id not in known.subscriptions:
        return Refusal.UNKNOWN_SUBSCRIPTION
    if meter is None:
        return Refusal.UNKNOWN_METER
    subscription = known.subscriptions[event.subscription_id]
    if subscription.state is SubscriptionState.CANCELED and subscription.usage_until is None:
        return Refusal.ALREADY_FINAL
    same = (original.event.subscription_id, original.event.meter) == (event.subscription_id, event.meter)
    if not same:
        return Refusal.OTHER_METER
    if original.remaining is None:
        return Refusal.NOT_CORRECTABLE
    if meter.aggregation is Aggregation.COUNT and event.quantity != -1:
        return Refusal.WHOLE_EVENTS
    return None
