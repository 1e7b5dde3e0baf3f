"""An independent model of a subscription's bills: integers and calendar alone, nothing of ``billing.domain``.

One monthly subscription of a flat price and seats, anchored at its beginning. What is billed stands in ``lines``, each
with its stretch of time. A change gives back of each line what is left of its time, by the second, rounded half-up to
the cent, and bills the rest of the period anew:

    100 seats at 10.00, 30 days; after 10 days 101 seats: -666.67 for the 100, +673.33 for the 101

Seats that stay as they are, and a flat price that does, are neither given back nor billed.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


def half_up(numerator: int, denominator: int) -> int:
    """A quotient rounded to the nearest whole, halves away from zero; the denominator is positive."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def months_later(anchor: datetime, months: int) -> datetime:
    """The same day of a later month, or its last one."""
    month = anchor.month - 1 + months
    year, month = anchor.year + month // 12, month % 12 + 1
    first_of_next = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    last = (first_of_next - timedelta(days=1)).day
    return anchor.replace(year=year, month=month, day=min(anchor.day, last))


def seconds(stretch: timedelta) -> int:
    """Whole seconds."""
    return int(stretch.total_seconds())


@dataclass(frozen=True)
class Plan:
    """Prices in cents."""

    id: str
    base: int
    seat: int

    def price(self, component: str, seats: int) -> int:
        """Of one period."""
        return self.base if component == "base" else self.seat * seats


@dataclass
class Line:
    """What is billed of a component for a stretch of time, in cents."""

    amount: int
    start: datetime
    end: datetime


@dataclass
class Model:
    """What every invoice has to come to.

    Args:
        waiting: prorations that the next invoice brings, in cents.
        bills: the totals of the invoices so far, in order.
    """

    plan: Plan
    seats: int
    start: datetime
    periods: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    waiting: int = 0
    bills: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begin(0)

    @property
    def period(self) -> tuple[datetime, datetime]:
        """The period that runs."""
        return months_later(self.start, self.periods), months_later(self.start, self.periods + 1)

    def _begin(self, waiting: int) -> None:
        start, end = self.period
        self.lines = {c: Line(self.plan.price(c, self.seats), start, end) for c in ("base", "seats")}
        self.bills.append(waiting + sum(line.amount for line in self.lines.values()))

    def until(self, now: datetime) -> None:
        """Time passes: each end of a period bills the next one, and what waited."""
        while self.period[1] <= now:
            self.periods += 1
            waiting, self.waiting = self.waiting, 0
            self._begin(waiting)

    def change(self, plan: Plan, seats: int, now: datetime) -> list[int]:
        """The lines that a change makes at this time, in cents: what is given back, and what is billed."""
        start, end = self.period
        made: list[int] = []
        for component, line in self.lines.items():
            same_price = self.plan.price(component, self.seats) == plan.price(component, seats)
            if plan.id == self.plan.id and same_price:
                continue
            left = seconds(end - now)
            back = -half_up(line.amount * left, seconds(line.end - line.start))
            price = half_up(plan.price(component, seats) * left, seconds(end - start))
            made += [back, price]
            self.lines[component] = Line(price, now, end)
        self.plan, self.seats = plan, seats
        return made

    def wait(self, made: list[int]) -> None:
        """The lines of a change go onto the next invoice."""
        self.waiting += sum(made)

    def bill(self, made: list[int]) -> int:
        """The lines of a change make an invoice, with what waited; its total in cents."""
        waiting, self.waiting = self.waiting, 0
        self.bills.append(waiting + sum(made))
        return self.bills[-1]
