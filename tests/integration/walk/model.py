"""An independent model of a subscription's bills: the calendar and ``bills``, nothing of ``billing.domain``.

A monthly subscription of a flat price, seats and metered calls, anchored at its beginning. What is billed in advance
stands in ``billed``, each with its stretch of time. A change gives back of each line what is left of its time, by the
second, rounded half-up to the cent, and bills the rest of the period anew:

    100 seats at 10.00, 30 days; after 10 days 101 seats: -666.67 for the 100, +673.33 for the 101

Seats that stay as they are, and a flat price that does, are neither given back nor billed. Calls cost what all calls of
the period cost, less what was billed of them before.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tests.integration.walk.bills import Account, Bill, Line, half_up, largest_remainder


def months_later(anchor: datetime, months: int) -> datetime:
    """The same day of a later month, or its last one."""
    month = anchor.month - 1 + months
    year, month = anchor.year + month // 12, month % 12 + 1
    first_of_next = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    last = (first_of_next - timedelta(days=1)).day
    return anchor.replace(year=year, month=month, day=min(anchor.day, last))


def share(part: timedelta, whole: timedelta) -> Fraction:
    """Of whole seconds."""
    return Fraction(int(part.total_seconds()), int(whole.total_seconds()))


@dataclass(frozen=True)
class Plan:
    """Prices in cents.

    Args:
        tiers: of calls: up to how many, and the price of each of those; the last one has no end.
        keeps: a pause gives nothing back.
    """

    id: str
    base: int
    seat: int
    tiers: tuple[tuple[int | None, Fraction], ...]
    keeps: bool = False

    def prices(self, seats: int) -> dict[str, int]:
        """Of one period, by component."""
        return {"base": self.base, "seats": self.seat * seats}

    def calls(self, quantity: int) -> Fraction:
        """Each call at the price of its tier."""
        cost, below = Fraction(0), 0
        for upto, price in self.tiers:
            cost += max(0, min(quantity, upto if upto is not None else quantity) - below) * price
            below = upto if upto is not None else below
        return cost


@dataclass(frozen=True)
class Discount:
    """A redeemed coupon: percent or cents off each period, for some periods or for ever."""

    percent: int = 0
    cents: int = 0
    periods: int | None = None
    used: int = 0

    def off(self, prices: list[int]) -> list[int]:
        """What it takes off each of a period's prices."""
        if self.percent:
            return [half_up(Fraction(price * self.percent, 100)) for price in prices]
        whole = sum(prices)
        if self.cents >= whole:
            return prices
        return largest_remainder(self.cents, [Fraction(self.cents * price, whole) for price in prices])

    @property
    def terms(self) -> tuple[int, int, int | None]:
        """What it takes off, whenever it was redeemed."""
        return self.percent, self.cents, self.periods


@dataclass
class Made:
    """The lines that a change or a pause makes.

    Args:
        used: calls until then.
        bills: it bills what it makes; else the rest of the period is not billed, or is to stay as it is.
    """

    used: list[Line]
    lines: list[Line]
    bills: bool = True

    @property
    def net(self) -> int:
        """Without tax."""
        return sum(line.net for line in (*self.used, *self.lines))


@dataclass
class Calls:
    """What was used in a period of the cadence: parts between changes of the plan.

    Args:
        parts: plan, quantity, and what was billed of it.
        open: some were counted, and not closed yet.
    """

    parts: list[tuple[Plan, int, int]] = field(default_factory=list)
    open: bool = False


@dataclass
class Subscription:
    """What every invoice has to come to.

    Args:
        index: of the period that runs, of those of the cadence.
        begun: when that was begun: in its middle where a subscription is resumed.
        running: the discount of the period that runs; ``following`` that of the next one.
        billed: the lines in force, by component.
        pending: lines that the next invoice brings.
        returned: it is paused, and the rest of its period was given back.
        resumes_at: by itself.
    """

    account: Account
    plan: Plan
    seats: int
    start: datetime
    index: int = 0
    running: Discount | None = None
    following: Discount | None = None
    billed: dict[str, Line] = field(default_factory=dict)
    pending: list[Line] = field(default_factory=list)
    paused: bool = False
    returned: bool = False
    resumes_at: datetime | None = None
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        self.calls.parts.append((self.plan, 0, 0))
        self._begin(self.start, [])

    def span(self, index: int) -> tuple[datetime, datetime]:
        """A period of the cadence."""
        return months_later(self.start, index), months_later(self.start, index + 1)

    @property
    def end(self) -> datetime:
        """Of the period that runs."""
        return self.span(self.index)[1]

    # --- time ---------------------------------------------------------------------------------------------------------

    def until(self, now: datetime) -> None:
        """Time passes: each end of a period bills the next one, what waited and what was used."""
        while True:
            if self.paused and self.resumes_at is not None and self.resumes_at <= now:
                self.resume(self.resumes_at)
            elif not self.paused and self.end <= now:
                used = self.close()
                end, self.index, self.calls = self.end, self.index + 1, Calls([(self.plan, 0, 0)])
                self._begin(end, used)
            else:
                return

    def _begin(self, at: datetime, used: list[Line], goes_on: bool = False) -> None:
        """A period, from its begin or from its middle on."""
        if not goes_on:
            discount = self.following
            ended = discount is None or (discount.periods is not None and discount.used >= discount.periods)
            self.running = None if discount is None or ended else replace(discount, used=discount.used + 1)
            self.following = self.running
        self.billed = self._in_advance(at)
        waiting, self.pending = self.pending, []
        self.account.bill([*used, *waiting, *self.billed.values()])

    def _in_advance(self, at: datetime) -> dict[str, Line]:
        """The lines of all components from an instant to the end of the period."""
        begin, end = self.span(self.index)
        prices = self.plan.prices(self.seats)
        off = self.running.off(list(prices.values())) if self.running else [0] * len(prices)
        part = share(end - at, end - begin)
        found = {}
        for (name, price), less in zip(prices.items(), off, strict=True):
            amount = half_up(price * part)
            found[name] = Line(name, amount, amount - half_up(less * part), at, end)
        return found

    # --- changes ------------------------------------------------------------------------------------------------------

    def change(
        self, plan: Plan, seats: int, coupon: Discount | None, at: datetime, how: str, *, now: bool = False
    ) -> Made:
        """What a change bills and gives back.

        Args:
            coupon: redeemed with it; it counts at once with another plan, or if asked so (``now``); else from the
                next period on.
        """
        other = plan.id != self.plan.id
        used = self.close() if other else []
        before, changed = self.running, {"base", "seats"} if other else {"seats"} if seats != self.seats else set()
        live = how != "none" and (not self.paused or (not self.returned and at < self.end))
        if coupon is not None:
            self.following = coupon
            if live and (other or now):
                self.running = self.following = replace(coupon, used=1)
        if other:
            self.calls.parts.append((plan, 0, 0))
        self.plan, self.seats = plan, seats
        if not live:
            return Made(used, [], bills=False)
        same = (before.terms if before else None) == (self.running.terms if self.running else None)
        if not same or (changed and self.running is not None and self.running.cents):
            changed = {"base", "seats"}
        at = max(at, self.span(self.index)[0])
        back = [self._give_back(line, at) for name, line in self.billed.items() if name in changed]
        fresh = {name: line for name, line in self._in_advance(at).items() if name in changed}
        kept = {name: line for name, line in self.billed.items() if name not in changed}
        self.billed = {**kept, **fresh}
        return Made(used, [*(line for line in back if line), *(line for line in fresh.values() if line.price)])

    def _give_back(self, line: Line, at: datetime) -> Line | None:
        """What is left of a line's time, as far as that has not come back otherwise."""
        if at >= line.end:
            return None
        start = max(at, line.start)
        part = share(line.end - start, line.end - line.start)
        net, tax = -half_up(line.net * part), -half_up(line.tax * part)
        bill = line.bill
        if not net or bill is None:
            return Line(line.component, net, net, start, line.end, of=line) if net else None
        left = bill.left_of(line)
        if -(net + tax) > left:
            assert not (left and tax), "part of a line with tax: not in this model"
            net, tax = -left, 0
        if not net:
            return None
        line.came_back -= net + tax
        bill.came_back -= net + tax
        return Line(line.component, net, net, start, line.end, of=line, taxed=True, tax=tax)

    def pause(self, at: datetime, how: str, resumes_at: datetime | None) -> Made:
        """What a pause gives back, and what was used until it."""
        used = self.close()
        back: list[Line | None] = []
        credited = not self.plan.keeps and how != "none"
        if credited:
            back = [self._give_back(line, at) for line in self.billed.values()]
            self.billed = {}
        self.paused, self.returned, self.resumes_at = True, credited, resumes_at
        return Made(used, [line for line in back if line])

    def resume(self, at: datetime) -> None:
        """It goes on: in what is paid for nothing is billed, else the rest of the period that it is then."""
        self.paused, self.resumes_at = False, None
        if not self.returned and at < self.end:
            return
        index = self.index
        while self.span(index)[1] <= at:
            index += 1
        same, self.index = index == self.index and self.returned, index
        if not same:
            self.calls = Calls([(self.plan, 0, 0)])
        self.returned = False
        self._begin(at, [], goes_on=same)

    # --- calls --------------------------------------------------------------------------------------------------------

    def use(self, quantity: int) -> None:
        """Calls, now."""
        plan, before, billed = self.calls.parts[-1]
        self.calls.parts[-1] = (plan, before + quantity, billed)
        self.calls.open = True

    def close(self) -> list[Line]:
        """What was used so far is billed: all of the period's, less what was billed of it before."""
        if not self.calls.open:
            return []
        self.calls.open = False
        plan, quantity, billed = self.calls.parts[-1]
        reached, cost = 0, Fraction(0)
        for its_plan, its_quantity, _ in self.calls.parts:
            before = half_up(cost)
            cost += its_plan.calls(reached + its_quantity) - its_plan.calls(reached)
            reached += its_quantity
        whole = half_up(cost) - before
        self.calls.parts[-1] = (plan, quantity, whole)
        amount = whole - billed
        off = self.running.off([amount])[0] if self.running is not None and self.running.percent else 0
        start, end = self.span(self.index)
        return [Line("calls", amount, amount - off, start, end)]

    # --- bills --------------------------------------------------------------------------------------------------------

    def put(self, made: Made, how: str, declined: bool = False) -> Bill | None:
        """What a change or a pause made: onto an invoice of its own with what waited, or onto the next one."""
        if how != "invoice_now" or not made.bills:
            self.pending += [*made.lines, *made.used]
            return None
        waiting, self.pending = self.pending, []
        return self.account.bill([*made.used, *waiting, *made.lines], declined)

    def void(self, bill: Bill) -> None:
        """An invoice that nobody pays: what it gave back of others is owed again, its own lines are not in force."""
        self.account.void(bill)
        self.billed = {name: line for name, line in self.billed.items() if line.bill is not bill}
        credits_ = [line for line in bill.lines if line.of is not None and line.of.bill is not bill]
        self.pending = [*(line for line in self.pending if line.of is None or line.of.bill is not bill), *credits_]
