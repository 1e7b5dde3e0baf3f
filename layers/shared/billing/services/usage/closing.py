"""Closing a subscription's usage: what was counted since the last closing is read for good, and billed.

A slot holds what is counted between two closings. It is closed before the commit that bills it. If that commit fails,
the slot stays closed, new events go into the next one, and the next closing reads both. So each event is in exactly one
reading, and each reading on exactly one invoice (docs/decisions/0019-usage.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from billing.domain.catalog.meter import Amount, Meter, combined
from billing.domain.catalog.plan import Plan, PlanKey
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.errors import Unavailable
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.tenant import Tenant
from billing.domain.usage.billing import Known, bill
from billing.domain.usage.event import Cell, plan_of, span_at
from billing.domain.usage.period import Reading, UsageHistory, UsagePeriod, history_id, invoiced, period_id
from billing.services.catalog.meters import meter_for, meter_refs
from billing.services.catalog.plans import version_ref
from billing.services.kernel.work import Found, Ref, Work
from billing.services.usage.ports import TotalKey, Totals, UsageStore

_MOST_ROUNDS = 20
LATE_BY = timedelta(days=1)
"""How much longer than the tenant's usage window we wait for a canceled subscription's events: time in the queue."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Where a subscription's usage is closed.

    Args:
        plan: the plan in force until now.
        at: now, on the customer's clock.
        target: the plan that it changes to: its meters are closed as well, so that what it bills begins here.
        ending: the subscription ends here.
        final: nothing is accepted any more after this.
    """

    subscription: Subscription
    plan: Plan
    at: datetime
    target: Plan | None = None
    ending: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A subscription's usage, closed.

    Args:
        slot: where usage is counted from now on.
    """

    slot: int
    lines: tuple[InvoiceLine, ...] = ()

    def on(self, step: Step, behavior: ProrationBehavior | None = None) -> Step:
        """The step of the subscription with this usage added: see ``changes.with_usage``."""
        subscription = replace(step.subscription, usage_slot=self.slot)
        return changes.with_usage(replace(step, subscription=subscription), self.lines, behavior)


@dataclass(frozen=True, slots=True)
class Foreseen(Closed):
    """A subscription's usage as a closing would close it.

    Args:
        periods: what the closing would change.
        plans: what it priced with.
    """

    periods: tuple[UsagePeriod, ...] = ()
    plans: tuple[Plan, ...] = ()


@dataclass(frozen=True, slots=True)
class UsageCloser:
    """Closes and reads usage; for a subscription that never had a meter it does and reads nothing.

    Args:
        store: where usage is counted.
    """

    store: UsageStore

    def refs(self, tenant: Tenant, subscription: Subscription, *plans: Plan) -> tuple[Ref[Any], ...]:
        """What a load has to bring for ``close``: the meters, and what is known of the running period.

        Args:
            plans: a plan that it changes to.
        """
        keys = dict.fromkeys((*subscription.meters, *(key for plan in plans for key in plan.meters)))
        if not keys:
            return ()
        meters = [ref for key in keys for ref in meter_refs(tenant.id, key)]
        return (*meters, _running_ref(tenant.id, subscription))

    def close(self, work: Work, found: Found, closing: Closing) -> Closed:
        """Close what was counted until now, and bill it.

        Args:
            found: a load with ``refs``.

        Raises:
            Unavailable: other requests kept closing the same usage.
        """
        subscription, target = closing.subscription, closing.target
        meters = self._meters(found, work.tenant.id, subscription, *((target,) if target else ()))
        if not meters:
            return Closed(subscription.usage_slot)
        items, slot = self._closed(subscription, meters, final=closing.final)
        readings = _readings(items, meters)
        histories = self._histories(work, found, subscription, readings)
        known = self._known(work, closing, meters, readings, histories)
        billed = bill(subscription, readings, known, closing.at, ending=closing.ending)
        changed: dict[str, list[UsagePeriod]] = {}
        for period in billed.periods:
            changed.setdefault(history_id(period.id), []).append(period)
        for each, periods in changed.items():
            work.save(histories[each].having(periods))
        return Closed(slot, billed.lines)

    def _closed(
        self, subscription: Subscription, meters: Mapping[str, Meter], *, final: bool
    ) -> tuple[list[Totals], int]:
        """Close slots up to and including the first that was still open; new events go into the one after it.

        Usually that is the first slot. After failed commits some, perhaps hundreds, are closed already: those are read
        in one query.
        """
        items: list[Totals] = []
        slot = subscription.usage_slot
        for _ in range(_MOST_ROUNDS):
            here = [self.store.close(key, final=final) for key in _keys(subscription, slot, meters.values())]
            items += [totals for totals, _ in here]
            slot += 1
            if not any(was_closed for _, was_closed in here):
                return items, slot
            later = self.store.of_subscription(subscription.tenant_id, subscription.id, slot)
            behind = {each.key: each for each in later if each.key.meter in meters}
            latest = max((key.slot for key in behind), default=slot)
            for key in (key for each in range(slot, latest) for key in _keys(subscription, each, meters.values())):
                known = behind.get(key)
                is_closed = known is not None and bool(known.closed)
                items.append(known if known is not None and is_closed else self.store.close(key, final=final)[0])
            slot = latest
        raise Unavailable("Others close this subscription's usage at the same time", retry_after_s=1)

    def so_far(self, work: Work, found: Found, closing: Closing, earlier: Foreseen | None = None) -> Foreseen:
        """What a closing would bill of what has been counted; nothing is closed.

        Args:
            found: a load with ``refs``.
            earlier: another foreseen one that comes first, after which nothing more is used.
        """
        subscription = closing.subscription
        meters = self._meters(found, work.tenant.id, subscription)
        if not meters:
            return Foreseen(subscription.usage_slot)
        items = []
        if earlier is None:
            items = self.store.of_subscription(work.tenant.id, subscription.id, subscription.usage_slot)
        readings = _readings([each for each in items if each.key.meter in meters], meters)
        histories = self._histories(work, found, subscription, readings)
        known = self._known(work, closing, meters, readings, histories, earlier)
        billed = bill(subscription, readings, known, closing.at, ending=closing.ending)
        return Foreseen(subscription.usage_slot, billed.lines, billed.periods, tuple(known.plans.values()))

    def _known(
        self,
        work: Work,
        closing: Closing,
        meters: Mapping[str, Meter],
        readings: Sequence[Reading],
        histories: Mapping[str, UsageHistory],
        earlier: Foreseen | None = None,
    ) -> Known:
        periods = {each.id: each for history in histories.values() for each in history.periods}
        plans = [closing.plan]
        if earlier is not None:
            periods |= {each.id: each for each in earlier.periods}
            plans += earlier.plans
        at_hand = {PlanKey.of(each): each for each in plans}
        return Known(meters, periods, self._plans(work, closing.subscription, at_hand, readings, periods.values()))

    @staticmethod
    def _histories(
        work: Work, found: Found, subscription: Subscription, readings: Iterable[Reading]
    ) -> dict[str, UsageHistory]:
        """The records of the running period and of all periods with usage; the latter are loaded if usage came late."""
        tenant_id = work.tenant.id
        running = _running_ref(tenant_id, subscription)
        ids = {history_id(period_id(subscription.id, each.cell.span)) for each in readings}
        late = [Ref(UsageHistory, tenant_id, each) for each in sorted(ids - {running.id})]
        more = work.load(*late) if late else found
        known = [(running, found.get(running)), *((ref, more.get(ref)) for ref in late)]
        return {ref.id: each or UsageHistory(ref.id, tenant_id, subscription.id) for ref, each in known}

    @staticmethod
    def _plans(
        work: Work,
        subscription: Subscription,
        at_hand: Mapping[PlanKey, Plan],
        readings: Iterable[Reading],
        periods: Iterable[UsagePeriod],
    ) -> dict[PlanKey, Plan]:
        """The plans that price the usage: loaded as far as they are not at hand, as the present plan is."""
        spans = {reading.cell.span for reading in (*readings, *(it for each in periods for it in each.readings))}
        spans |= {replace(each.span, since=charge.since) for each in periods for charge in each.charges}
        spans |= {each.whole for each in spans}
        keys = {plan_of(subscription, span) for span in spans} - at_hand.keys()
        refs = [version_ref(key) for key in keys]
        more = work.load(*refs) if refs else None
        past = [each for ref in refs if more is not None and (each := more.get(ref)) is not None]
        return {**at_hand, **{PlanKey.of(each): each for each in past}}

    @staticmethod
    def _meters(found: Found, tenant_id: str, subscription: Subscription, *plans: Plan) -> dict[str, Meter]:
        keys = dict.fromkeys((*subscription.meters, *(key for plan in plans for key in plan.meters)))
        meters = {key: meter_for(found, *meter_refs(tenant_id, key)) for key in keys}
        return {key: meter for key, meter in meters.items() if meter is not None}


def note_lines(work: Work, draft: Invoice) -> None:
    """Note in the usage periods that a draft bills the ids and taxes that their lines have on it.

    From then on a credit gives back from these lines. Nothing is read if the periods were saved in this unit of work.
    Of a draft that waits for its tax, the ids alone are noted.
    """
    billed = [line for line in draft.lines if line.usage is not None]
    refs = {Ref(UsageHistory, draft.tenant_id, history_id(line.usage.period_id)) for line in billed if line.usage}
    if not refs:
        return
    found = work.load(*refs)
    for ref in sorted(refs, key=lambda each: each.id):
        before = found.require(ref)
        after = before.having(invoiced(each, billed, not draft.tax_waits) for each in before.periods)
        if after != before:
            work.save(after)


def ending(before: Subscription | None, after: Subscription, tenant: Tenant) -> Subscription:
    """The subscription, waiting for late usage if it has just ended and had been running."""
    ended = after.state is SubscriptionState.CANCELED and before is not None and before.state is not after.state
    if not ended or not after.meters or before is None or before.state is SubscriptionState.INCOMPLETE:
        return after
    assert after.canceled_at is not None
    return replace(after, usage_until=after.canceled_at + timedelta(seconds=tenant.usage_past_s) + LATE_BY)


def _running_ref(tenant_id: str, subscription: Subscription) -> Ref[UsageHistory]:
    """The reference of the running period's usage record."""
    span = span_at(subscription, subscription.current_period.start)
    return Ref(UsageHistory, tenant_id, history_id(period_id(subscription.id, span)))


def _keys(subscription: Subscription, slot: int, meters: Iterable[Meter]) -> list[TotalKey]:
    return [
        TotalKey(subscription.tenant_id, subscription.id, slot, meter.key, shard)
        for meter in meters
        for shard in range(meter.most_shards)
    ]


def _readings(items: Iterable[Totals], meters: Mapping[str, Meter]) -> list[Reading]:
    """The totals of slots and shards added up, cell by cell."""
    found: dict[tuple[str, str], Amount] = {}
    for item in items:
        meter = meters[item.key.meter]
        for name, amount in item.cells.items():
            place = (meter.key, name)
            found[place] = combined(meter.aggregation, found.get(place), amount)
    return [Reading(meter, Cell.of_name(name), found[meter, name]) for meter, name in sorted(found)]
