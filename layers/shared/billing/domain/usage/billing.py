"""What a period's usage costs, and how much of that is still to be billed; all pure.

A period's usage can be billed more than once: at the period's end, earlier when the plan changes or a pause begins,
and later when late events arrive. Each time, everything that was used is priced again and what was billed before is
subtracted, so that the bills always add up to the price of the whole: 900 units with 1,000 free cost nothing; 200 late
ones make 1,100, and cost what 100 cost.

A new plan in the middle of a period prices what is used after the change, starting at the quantity reached so far:
after 5,000 units under the old plan, 7,000 more under one with 10,000 free and 0.01 a unit make 12,000, which cost what
2,000 cost, 20.00. So nobody gets free units twice. Usage from before the change keeps its price, however late it
arrives or is corrected.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.meter import Amount, Meter, combined, less
from billing.domain.catalog.plan import Plan, PlanKey, TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, exact_price, price, price_steps
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import BilledUsage, DiscountAmount, InvoiceLine
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.usage.event import UsageSpan, cadence_at, plan_of, span_at
from billing.domain.usage.period import Place, Reading, UsageCharge, UsagePeriod, given_back, period_id

_EARLIEST = datetime.min.replace(tzinfo=UTC)
LATE_USAGE = ", late usage of "
"""What the description of a line says that bills usage of a period that was billed before; then the days."""


@dataclass(frozen=True, slots=True)
class UsageBill:
    """What a closing bills: the lines, and the periods as they are after it (those that changed)."""

    lines: tuple[InvoiceLine, ...] = ()
    periods: tuple[UsagePeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What usage is priced with.

    Args:
        meters: the meters, by key.
        periods: the periods that were closed before, by id.
        plans: every plan that was in force in them, or in what was read now.
    """

    meters: Mapping[str, Meter]
    periods: Mapping[str, UsagePeriod]
    plans: Mapping[PlanKey, Plan]


def bill(
    subscription: Subscription, readings: Iterable[Reading], known: Known, at: datetime, *, ending: bool = False
) -> UsageBill:
    """Bill what was counted since the last closing, except for trials and periods that have yet to begin.

    Args:
        subscription: as it was until ``at``.
        readings: what was counted since then.
        at: now, on the customer's clock: the end of what is billed.
        ending: the subscription ends here.
    """
    # A period begins at 12:00:00 sharp: one that ends at 12:00:00.3 had begun, and what was used in it is owed.
    now, at = at, at.replace(microsecond=0)  # lines tell whole seconds, as for a pause and a change
    fresh: dict[UsageSpan, list[Reading]] = {}
    for reading in readings:
        fresh.setdefault(reading.cell.span.whole, []).append(reading)
    running = _running_span(subscription)
    # Not every instant at which a period of the cadence ends: a change may come in the first second of the next one.
    ends = running is not None and running.period.end == at == subscription.current_period.end
    if running is not None and ends and subscription.meters:
        fresh.setdefault(running, [])  # also where nothing was used: there may be a minimum
    for known_period in known.periods.values():
        if known_period.readings and not known_period.charges:
            fresh.setdefault(known_period.span, [])  # counted before its period began, and kept until now
    lines: list[InvoiceLine] = []
    periods: list[UsagePeriod] = []
    for span in sorted(fresh, key=lambda each: (each.period.start, each.period.end, each.trial)):
        key = period_id(subscription.id, span)
        before = known.periods.get(key) or UsagePeriod(key, subscription.tenant_id, subscription.id, span)
        after = replace(before, readings=_merged(before.readings, fresh[span], known.meters))
        never_began = subscription.state is SubscriptionState.INCOMPLETE
        if not (span.trial or never_began or span.period.start >= now):
            is_end = ends and span == running
            after = replace(after, ended=after.ended or is_end)
            is_last = ending and span == running
            after, found = _Billing(subscription, known, after, at, is_end, is_last).run()
            lines += found
        if after != before and not span.trial:
            periods.append(after)
    return UsageBill(tuple(lines), tuple(periods))


def _running_span(subscription: Subscription) -> UsageSpan | None:
    """The span of the running period, where the subscription runs and is billed."""
    if subscription.state not in (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE):
        return None
    return span_at(subscription, subscription.current_period.start).whole


def _merged(before: Sequence[Reading], fresh: Sequence[Reading], meters: Mapping[str, Meter]) -> tuple[Reading, ...]:
    totals = {(each.meter, each.cell): each.amount for each in before}
    for each in fresh:
        place = (each.meter, each.cell)
        totals[place] = combined(meters[each.meter].aggregation, totals.get(place), each.amount)
    ordered = sorted(totals, key=lambda place: (place[1].span.begins, place[0], place[1].dimensions))
    return tuple(Reading(meter, cell, totals[meter, cell]) for meter, cell in ordered)


@dataclass(frozen=True, slots=True)
class _Priced:
    """What a component, or a group of it, costs in a part of a period: micro-units, exact.

    Args:
        first: nothing was used before this part, so its price is simply the price of its quantity.
    """

    plan: Plan
    component: Component
    quantity: Decimal
    cost: Fraction
    first: bool


@dataclass(frozen=True, slots=True)
class _Billing:
    """The billing of one period.

    Args:
        period: with what has come since its last closing.
        is_end: the subscription ran to its end, and this is the end.
        is_last: the subscription ends here, in the period's middle.
    """

    subscription: Subscription
    known: Known
    period: UsagePeriod
    at: datetime
    is_end: bool
    is_last: bool

    def run(self) -> tuple[UsagePeriod, list[InvoiceLine]]:
        charges = {each.place: each for each in self.period.charges}
        charged: dict[Place, InvoiceLine] = {}
        credited: list[InvoiceLine] = []
        for place, priced in self._priced().items():
            before = charges.get(place) or UsageCharge(*place)
            after, amount = _charged(before, priced)
            if amount.is_negative:
                after, lines = given_back(after, -amount.micros)
                more = less(priced.quantity, before.quantity)
                credited += [self._credit(line, more if n == 0 else None) for n, line in enumerate(lines)]
            elif not amount.is_zero or priced.quantity != before.quantity:
                charged[place] = self._line(place, priced, before, amount)
            charges[place] = after
        discount = self._discount()
        for place, line in self._discounted(charged, discount).items():
            charged[place] = line
            if not line.amount.is_zero:
                charges[place] = replace(charges[place], lines=(*charges[place].lines, line))
        after_all = replace(self.period, charges=tuple(charges.values()), discount=discount)
        return after_all, [*charged.values(), *credited]

    def _discount(self) -> Discount | None:
        """The discount for this period: if it is billed late, the discount that held at its end.

        For a period that ended during a pause and was never closed, it is the discount from before the pause.
        """
        known = self.period.ended or bool(self.period.charges)
        if self._is_late and known:
            return self.period.discount
        return self.subscription.period_discount

    def _credit(self, line: InvoiceLine, quantity: Decimal | None) -> InvoiceLine:
        late = self._late_text()
        name = line.description if line.description.endswith(late) else line.description + late
        usage = line.usage and replace(line.usage, late=line.usage.late or self._is_late)
        return replace(line, description=name, quantity=quantity, usage=usage)

    @property
    def _is_late(self) -> bool:
        """Whether the period was over already: billed at its end, passed during a pause, or cut short."""
        return self.at >= self._end and not self.is_end

    @property
    def _end(self) -> datetime:
        """The period's end, or the time before it at which another interval began."""
        period = self.period.span.period
        return next((each for each in self._changes(period) if not self._goes_on(each)), period.end)

    def _changes(self, period: Period) -> Iterator[datetime]:
        return (past.until for past in self.subscription.past_terms if period.start < past.until < period.end)

    def _goes_on(self, at: datetime) -> bool:
        """Whether the period goes on at an instant of it, at which the plan changed."""
        return span_at(self.subscription, at).period == self.period.span.period

    def _priced(self) -> dict[Place, _Priced]:
        """The cost of everything that was used, part by part, each by its own plan.

        A part costs what its plan charges for everything up to the part's end, less what it charges for everything
        before the part.
        """
        found: dict[Place, _Priced] = {}
        parts = self._parts()
        for n, (since, plan) in enumerate(parts):
            at_end = self.period.ended and n == len(parts) - 1
            for component in plan.components:
                if component.type is not ComponentType.METERED or component.meter not in self.known.meters:
                    continue
                before = self._quantities(component, [each for each, _ in parts[:n]])
                until = self._quantities(component, [each for each, _ in parts[: n + 1]])
                if at_end and not until and not component.group_by:
                    until = {(): Decimal(0)}
                for group, quantity in until.items():
                    place = (None if since == _EARLIEST else since, component.key, group)
                    used = before.get(group, Decimal(0))
                    cost = _price(component, quantity, of_nothing=at_end) - _price(component, used, of_nothing=False)
                    found[place] = _Priced(plan, component, less(quantity, used), cost, used == 0)
        self._whole_units(found)
        self._at_least_minimum(found, parts[-1][0])
        return found

    def _parts(self) -> list[tuple[datetime, Plan]]:
        """The parts of the period between changes of the plan, in order, each with its plan."""
        begins = {reading.cell.span.since or _EARLIEST for reading in self.period.readings}
        begins |= {charge.since or _EARLIEST for charge in self.period.charges}
        if not begins or self.is_end:
            running = span_at(self.subscription, self.period.span.period.end - timedelta(microseconds=1))
            begins.add(running.since or _EARLIEST)
        span = self.period.span
        keys = {
            each: plan_of(self.subscription, span if each == _EARLIEST else replace(span, since=each))
            for each in sorted(begins)
        }
        return [(each, self.known.plans[key]) for each, key in keys.items()]

    def _quantities(self, component: Component, parts: Collection[datetime]) -> dict[tuple[str, ...], Decimal]:
        """The quantity of each group of a component in parts of the period, of the cells that its filters let through.

        Args:
            parts: their begins.
        """
        assert component.meter is not None
        meter = self.known.meters[component.meter]
        groups: dict[tuple[str, ...], Amount] = {}
        for reading in self.period.readings:
            if reading.meter != meter.key or (reading.cell.span.since or _EARLIEST) not in parts:
                continue
            named = dict(zip(meter.dimensions, reading.cell.dimensions, strict=False))
            if any(named.get(name, "") not in values for name, values in component.filters.items()):
                continue
            group = tuple(named.get(name, "") for name in component.group_by)
            groups[group] = combined(meter.aggregation, groups.get(group), reading.amount)
        return {group: max(groups[group].number, Decimal(0)) for group in sorted(groups)}

    @staticmethod
    def _whole_units(found: dict[Place, _Priced]) -> None:
        """The costs as they can be charged: the sum of all parts is rounded, not each part.

        No part costs less than nothing: a falling volume price, or a smaller latest value, gives back nothing of what
        was charged under another plan.
        """
        total: dict[tuple[str, tuple[str, ...]], Fraction] = {}
        for place, priced in found.items():
            currency, before = priced.plan.currency, total.get(place[1:], Fraction(0))
            after = total[place[1:]] = before + max(priced.cost, Fraction(0))
            whole = [Money.rounded(each, currency, charge_step(currency)) for each in (after, before)]
            found[place] = replace(priced, cost=Fraction((whole[0] - whole[1]).micros))

    def _at_least_minimum(self, found: dict[Place, _Priced], last: datetime) -> None:
        """At the period's end, a component's minimum for the whole period, charged with the last part."""
        if not self.period.ended:
            return
        for place, priced in found.items():
            if priced.component.minimum is None or (place[0] or _EARLIEST) != last:
                continue
            others = sum((it.cost for other, it in found.items() if other[1:] == place[1:]), Fraction(0)) - priced.cost
            found[place] = replace(priced, cost=max(priced.cost, priced.component.minimum - others))

    def _line(self, place: Place, priced: _Priced, before: UsageCharge, amount: Money) -> InvoiceLine:
        plan, component = priced.plan, priced.component
        since, _, group = place
        name = f"{plan.name}: {component.key}"
        if group:
            name += f" ({', '.join(value or '-' for value in group)})"
        name += self._late_text()
        # Of a part that is not the first, the quantity may be negative: the latest value has fallen since the change.
        alone = price(component, priced.quantity, plan.currency) if priced.first else None
        single = alone is not None and before == UsageCharge(*place) and amount == alone.amount
        return InvoiceLine(
            id="",
            description=name,
            component=component.key,
            quantity=less(priced.quantity, before.quantity),
            unit_amount=alone.unit_amount if alone is not None and single else None,
            amount=amount,
            period=self._time(since),
            tax_inclusive=plan.tax_behavior is TaxBehavior.INCLUSIVE,
            dimensions=dict(zip(component.group_by, group, strict=True)),
            usage=BilledUsage(self.period.id, since, self.subscription.usage_slot, component.meter, self._is_late),
            steps=price_steps(component, priced.quantity, plan.currency) if single else (),
            plan_id=plan.id,
        )

    def _time(self, since: datetime | None) -> Period:
        """The time that a line is for: the period, or what of it has passed, from the change on."""
        span = self.period.span.period
        start = max(since or span.start, self.subscription.trial_end or self.subscription.began)
        following = (past.until for past in self.subscription.past_terms if past.until > start)
        end = min(span.end, self.at, next(following, span.end))
        return Period(start, end) if start < end else span

    def _late_text(self) -> str:
        """``, late usage of 2026-01-01 to 2026-01-31``, in the subscription's zone, both days included."""
        if not self._is_late:
            return ""
        first, last = self.period.span.period.start, self._end - timedelta(microseconds=1)
        zone = ZoneInfo(cadence_at(self.subscription, first).timezone)  # the dates of then, not the customer's of now
        return f"{LATE_USAGE}{first.astimezone(zone):%Y-%m-%d} to {last.astimezone(zone):%Y-%m-%d}"

    def _discounted(self, lines: dict[Place, InvoiceLine], discount: Discount | None) -> dict[Place, InvoiceLine]:
        """The lines with what a discount takes off them.

        A fixed amount is taken once a period off what is billed in advance. It comes off the usage only if nothing is
        billed in advance, and then only at the end of the period or of the subscription.
        """
        by_amount = discount is not None and discount.amount_off is not None
        if discount is None or (by_amount and not ((self.is_end or self.is_last) and self._only_metered())):
            return lines
        shares = discount.shares([line.amount for line in lines.values()])
        return {
            place: line if off.is_zero else replace(line, discounts=(DiscountAmount.of(discount, off),))
            for (place, line), off in zip(lines.items(), shares, strict=True)
        }

    def _only_metered(self) -> bool:
        plan = self.known.plans[self.subscription.plan_key]
        return all(each.type is ComponentType.METERED for each in plan.components)


def _price(component: Component, quantity: Decimal, *, of_nothing: bool) -> Fraction:
    """A quantity's price without the minimum. A quantity of zero can have a price only at the period's end.

    A first tier of 0 to 10 at 2.00 + 10.00 a unit charges 2.00 for no units.
    """
    if quantity == 0 and not of_nothing:
        return Fraction(0)
    return exact_price(replace(component, minimum=None), quantity)


def _charged(before: UsageCharge, priced: _Priced) -> tuple[UsageCharge, Money]:
    """The charge after a closing, and what the closing bills: the price of everything, less what was billed before."""
    currency = priced.plan.currency
    whole = Money.rounded(priced.cost, currency, charge_step(currency))
    # A correction first uses up what was void or credited. If 100.00 were void, a correction to 40.00 gives nothing
    # back, and usage after it is owed again.
    fallen = max(before.billed + before.forgiven - whole.micros, 0)
    forgiven = max(before.forgiven - fallen, 0)
    amount = Money(whole.micros - forgiven - before.billed, currency)
    return replace(before, quantity=priced.quantity, forgiven=forgiven), amount
