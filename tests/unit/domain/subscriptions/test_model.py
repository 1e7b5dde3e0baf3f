"""The engine against a model: whatever happens in whatever order, every moment is billed once, at its price.

A subscription lives through a random row of changes, coupons, pauses, resumes and renewals. The model keeps, for each
paid period, from when which price is in force; what the lines come to has to be the integral of that over the time
that is billed. And each line is on one invoice, or waits for one.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import PauseBilling, Plan
from billing.domain.catalog.pricing import price
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval, Period
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes
from billing.domain.subscriptions.changes import DiscountApplies, ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from tests.support.engine import BORN, changed, flat, plan, seats, started

B = ProrationBehavior
S = SubscriptionState
COMPONENTS = ("base", "a", "b")
A = DiscountApplies
Redeemed = tuple[Discount | None, DiscountApplies | None]
"""A discount that comes, or None that takes away what is there, and from when."""
Rates = dict[str, int]
"""What a whole period costs, component by component, after discounts, in micro-units."""


def plans(currency: str, unit: ProrationUnit) -> tuple[Plan, ...]:
    """Two monthly plans, of which the second keeps what is paused, and one of another interval."""
    step = charge_step(currency)

    def made(name: str, base: int, a: int, b: int, **more: object) -> Plan:
        components = flat(base * step), seats(a * step, "a"), seats(b * step, "b")
        return plan(*components, name=name, currency=currency, proration_unit=unit, **more)

    return (
        made("Credits", 100_000, 30_001, 777),
        made("Keeps", 1_234_567, 10_000, 99_999, pause_billing=PauseBilling.KEEP),
        made("Weeks", 31_415, 5_000, 0, interval=Interval.WEEK, interval_count=2),
    )


def discounts(currency: str) -> tuple[Discount | None, ...]:
    off = Money.from_minor(70_001 * charge_step(currency), currency)
    return (
        None,
        Discount("FOREVER", "FOREVER", Decimal("12.5"), None, None, BORN),
        Discount("ONCE", "ONCE", Decimal(50), None, 1, BORN),
        Discount("AMOUNT", "AMOUNT", None, off, None, BORN),
        Discount("TWICE", "TWICE", None, off, 2, BORN),
    )


@dataclass
class Life:
    """A subscription and the model of what it owes.

    Args:
        settled: the integral over the periods that are over, in micro-units.
        segments: from when which price is in force, in the period that is running.
        end: to when that period is billed; None where nothing is.
        has: the discount that the subscription has.
        used: how many periods that one has been applied to.
        off: what is off the running period, be it another one.
        touches: how many amounts were rounded.
    """

    plans: tuple[Plan, ...]
    sold: Plan
    subscription: Subscription
    now: datetime
    settled: Fraction = Fraction(0)
    segments: list[tuple[datetime, Rates]] = field(default_factory=list)
    end: datetime | None = None
    whole: Period | None = None
    has: Discount | None = None
    used: int = 0
    off: Discount | None = None
    touches: int = 0
    made: list[InvoiceLine] = field(default_factory=list)
    invoices: list[tuple[InvoiceLine, ...]] = field(default_factory=list)

    # The model

    def rates(self, discount: Discount | None) -> Rates:
        amounts = [
            price(c, Decimal(self.subscription.quantities.get(c.key, 1)), self.sold.currency).amount
            for c in self.sold.components
        ]
        off = discount.shares(amounts) if discount else [Money.zero(self.sold.currency)] * len(amounts)
        return {
            c.key: (amount - less).micros for c, amount, less in zip(self.sold.components, amounts, off, strict=True)
        }

    def measure(self, start: datetime, end: datetime) -> int:
        """Seconds, or calendar days in the customer's zone."""
        if self.sold.proration_unit is ProrationUnit.SECOND:
            return int((end - start).total_seconds())
        zone = ZoneInfo(self.subscription.cadence.timezone)
        return (end.astimezone(zone).date() - start.astimezone(zone).date()).days

    def integral(self) -> Fraction:
        if self.end is None or self.whole is None:
            return self.settled
        total, of = self.settled, self.measure(self.whole.start, self.whole.end)
        ends = [*(start for start, _ in self.segments[1:]), self.end]
        for (start, rates), end in zip(self.segments, ends, strict=True):
            total += Fraction(sum(rates.values()) * self.measure(start, end), of)
        return total

    def close(self, at: datetime | None = None) -> None:
        """The running period is over; at ``at``, where its rest was given back."""
        if at is not None and self.end is not None:
            self.end = min(self.end, at)
        self.settled, self.segments, self.end = self.integral(), [], None

    def close_by_the_second(self, lines: tuple[InvoiceLine, ...], at: datetime) -> None:
        """Another interval begins: what is sold by the day is given back by the second, line by line, from there."""
        rest = Fraction(0)
        for line in lines:
            assert line.period is not None
            left = Fraction(int((line.period.end - max(at, line.period.start)).total_seconds()))
            rest += line.taxable.micros * left / line.period.seconds
        self.settled, self.segments, self.end = self.integral() - rest, [], None

    def open(self, at: datetime, same_period: bool = False) -> None:
        """A period is billed from an instant to the end of the cadence's."""
        self.close()
        if not same_period:
            self.used += 1
            if self.has is not None and self.has.periods is not None and self.used > self.has.periods:
                self.has = None
            self.off = self.has
        self.whole = self.subscription.cadence.period_at(at)
        self.end = self.whole.end
        self.segments = [(at, self.rates(self.off))]

    # What happens

    def take(self, step: Step) -> None:
        self.made += step.lines
        self.touches += 2 * len(COMPONENTS)
        if step.invoiced:
            self.invoices.append(step.invoiced)
        self.subscription = step.subscription

    def begin(self, step: Step, at: datetime, same_period: bool = False) -> None:
        self.subscription = step.subscription
        self.open(at, same_period)
        self.take(step)

    def until(self, now: datetime) -> None:
        """Time passes: renewals and resumes happen at their own times."""
        while True:
            each = self.subscription
            at = each.resumes_at if each.state is S.PAUSED else each.current_period.end
            if at is None or at > now:
                break
            self.now = at
            if each.state is S.PAUSED:
                self.resume()
            else:
                self.begin(changes.begin_period(each, self.sold, at), at)
        self.now = now

    def in_trial(self) -> bool:
        end = self.subscription.trial_end
        return end is not None and self.now < end

    def resume(self) -> None:
        each, at = self.subscription, self.now
        step = changes.resume(each, self.sold, at)
        assert step.subscription.state is (S.TRIALING if self.in_trial() else S.ACTIVE)
        kept = self.end is not None and at < self.end
        if self.in_trial() or kept:
            assert step.lines == ()
            self.take(step)
            return
        same = each.rest_returned and self.whole is not None and self.whole.contains(at)
        self.begin(step, at, same_period=same)

    def pause(self, behavior: ProrationBehavior, days: int | None) -> None:
        each = self.subscription
        until = self.now + timedelta(days=days) if days else None
        credited = self.sold.pause_billing is PauseBilling.CREDIT and behavior is not B.NONE
        self.take(changes.pause(each, self.sold, self.now, until, behavior))
        if credited and self.end is not None:
            self.close(self.now)

    def change(self, to: Plan, quantities: dict[str, int], b: B, back: int, redeemed: Redeemed | None = None) -> None:
        """``back`` is how far towards the last change of the period the proration date lies, in percent."""
        before, present = self.subscription, self.sold
        other_interval = (to.interval, to.interval_count) != (present.interval, present.interval_count)
        if other_interval and before.state is S.PAUSED:
            return
        chosen = None
        if (
            back
            and not other_interval
            and self.segments
            and self.segments[-1][0] < self.now
            and self.now < (self.end or self.now)
        ):
            gap = int((self.now - self.segments[-1][0]).total_seconds())
            chosen = self.now - timedelta(seconds=gap * back // 100)
        wanted = {} if redeemed is None else {"discount": redeemed[0], "applies": redeemed[1]}
        step = changed(before, present, self.now, to, quantities, b, chosen, **wanted)
        self.sold = to
        if redeemed is not None:
            self.has, self.used = redeemed[0], 0
        if other_interval and not self.in_trial():
            if b is B.NONE or present.proration_unit is ProrationUnit.SECOND:
                self.close(None if b is B.NONE else self.now)
            else:
                self.close_by_the_second(before.billed, self.now)
            # A cycle begins, and with it another period of the discount.
            self.begin(step, self.now)
            return
        self.take(step)
        if b is B.NONE or self.end is None or self.now >= self.end:
            return
        was = _code(self.off)
        if redeemed is not None and (redeemed[1] or (A.NOW if to != present else A.NEXT_PERIOD)) is A.NOW:
            self.off, self.used = self.has, 1
        touched = {key for key in quantities if quantities[key] != before.quantities[key]}
        everything = to != present or was != _code(self.off)
        everything |= bool(touched) and self.off is not None and self.off.amount_off is not None
        if touched or everything:
            fresh = self.rates(self.off)
            last = self.segments[-1][1]
            at = chosen or self.now
            self.segments.append((at, fresh if everything else last | {key: fresh[key] for key in touched}))

    def check(self) -> None:
        """The law."""
        flat_invoices = [line for lines in self.invoices for line in lines]
        assert [*flat_invoices, *self.subscription.pending] == self.made
        assert _code(self.subscription.discount) == _code(self.has)
        assert _code(self.subscription.period_discount) == _code(self.off)
        net = sum(line.taxable.micros for line in self.made)
        unit = charge_step(self.sold.currency) * 1000
        assert abs(net - self.integral()) <= self.touches * unit


def _code(discount: Discount | None) -> str | None:
    return discount.code if discount is not None else None


BEHAVIORS = st.sampled_from(B)
OPERATIONS = st.one_of(
    st.tuples(st.just("wait")),
    st.tuples(st.just("quantities"), st.integers(0, 30), st.integers(0, 30), BEHAVIORS, st.integers(0, 100)),
    st.tuples(st.just("plan"), st.integers(0, 2), BEHAVIORS, st.integers(0, 100)),
    st.tuples(
        st.just("discount"),
        st.integers(0, 4),
        st.integers(0, 2),
        BEHAVIORS,
        st.integers(0, 100),
        st.sampled_from([None, A.NOW, A.NEXT_PERIOD]),
    ),
    st.tuples(st.just("pause"), BEHAVIORS, st.none() | st.integers(1, 60)),
    st.tuples(st.just("resume")),
)
GAPS = st.integers(0, 60 * 86_400)
STARTS = st.datetimes(datetime(2023, 12, 1), datetime(2025, 3, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)


def happen(life: Life, operation: tuple, offered: tuple[Discount | None, ...]) -> None:  # type: ignore[type-arg]
    each = life.subscription
    kind, *rest = operation
    if kind == "quantities":
        a, b, behavior, back = rest
        life.change(life.sold, {"a": a, "b": b}, behavior, back)
    elif kind == "plan":
        index, behavior, back = rest
        life.change(life.plans[index], dict(each.quantities), behavior, back)
    elif kind == "discount":
        index, to, behavior, back, applies = rest
        plan_ = life.plans[to] if to < 2 and life.sold in life.plans[:2] else life.sold
        life.change(plan_, dict(each.quantities), behavior, back, (offered[index], applies))
    elif kind == "pause" and each.state is not S.PAUSED:
        life.pause(*rest)
    elif kind == "resume" and each.state is S.PAUSED:
        life.resume()


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["JPY", "USD", "KWD"]),
    st.sampled_from(ProrationUnit),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    STARTS,
    st.sampled_from([0, 0, 10]),
    st.sampled_from([None, None, 1, 31]),
    st.integers(0, 2),
    st.integers(0, 4),
    st.lists(st.tuples(GAPS, OPERATIONS), max_size=10),
    st.booleans(),
)
def test_every_moment_is_billed_once_whatever_the_order_of_changes(
    currency: str,
    unit: ProrationUnit,
    zone: str,
    start: datetime,
    trial_days: int,
    anchor_day: int | None,
    first: int,
    coupon: int,
    story: list[tuple[int, tuple]],  # type: ignore[type-arg]
    ends: bool,
) -> None:
    catalog, offered = plans(currency, unit), discounts(currency)
    made = started(
        catalog[first],
        start,
        {"a": 3, "b": 7},
        trial_days,
        zone,
        offered[coupon],
        anchor_day=anchor_day,
    )
    life = Life(catalog, catalog[first], made, start, has=offered[coupon])
    if not trial_days:
        life.begin(changes.first_period(made, life.sold), start)
        life.subscription = replace(life.subscription, state=S.ACTIVE)
    for gap, operation in story:
        life.until(life.now + timedelta(seconds=gap))
        happen(life, operation, offered)
        life.until(life.now)
        life.check()
    if ends:
        lines = changes.closing(life.subscription, life.sold, life.now, B.CREATE_PRORATIONS)
        step = Step(replace(life.subscription, pending=()), lines[len(life.subscription.pending) :], lines)
        life.take(step)
        if life.end is not None and life.now < life.end:
            life.close(life.now)  # also what a pause kept
        life.check()
