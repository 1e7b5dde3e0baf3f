"""Recognised and deferred revenue, month by month: what ``deferral`` moves, added up as a report shows it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from billing.domain.kernel.money import Money
from billing.domain.reports.deferral import Deferrals, Moved, Owner, Schedule, instant, moment
from billing.domain.reports.fold import Posted
from billing.domain.reports.span import Month
from billing.domain.reports.table import Cell, Column, Kind, Row, summed

Group = tuple[str | None, ...]
"""A currency, and what else a report divides by."""
Place = tuple[str, ...]
"""What a row is in the order of: months, a group."""

BY: dict[str, tuple[tuple[Column, ...], Callable[[Owner], Group]]] = {
    "": ((), lambda owner: (owner.currency,)),
    "plan": (
        (Column("planId", Kind.TEXT, "Empty for what is of no plan"),),
        lambda owner: (owner.currency, owner.plan_id),
    ),
    "component": (
        (Column("planId", Kind.TEXT, "Empty for what is of no plan"), Column("component", Kind.TEXT)),
        lambda owner: (owner.currency, owner.plan_id, owner.component),
    ),
    "customer": ((Column("customerId", Kind.TEXT),), lambda owner: (owner.currency, owner.customer_id)),
}
"""How revenue can be divided: the columns, and whose group something is in."""
FURTHEST_MONTHS = 120
"""Of what is deferred, so many months are told one by one; what comes later is told together."""
_QUARTER_HOUR = timedelta(minutes=15) // timedelta(microseconds=1)


@dataclass(slots=True)
class Figures:
    """A month of one group, in micro-units.

    Args:
        begins_with, ends_with: what is deferred at its begin and at its end.
        last: the last that moved, or runs: of a report by lines, what it says of the line.
    """

    begins_with: int = 0
    billed: int = 0
    earned: int = 0
    catch_up: int = 0
    taken_back: int = 0
    ends_with: int = 0
    last: Moved | None = None

    def add(self, moved: Moved) -> None:
        """Add what moved."""
        self.billed += moved.billed
        self.earned += moved.earned
        self.catch_up += moved.catch_up
        self.taken_back += moved.taken_back
        if self.last is None or moved.ends:
            self.last = moved

    def include(self, other: "Figures") -> None:
        """Add another group's."""
        self.begins_with += other.begins_with
        self.billed += other.billed
        self.earned += other.earned
        self.catch_up += other.catch_up
        self.taken_back += other.taken_back
        self.ends_with += other.ends_with

    @property
    def kept(self) -> tuple[int, ...]:
        """The figures, in the order in which they are given."""
        return self.begins_with, self.billed, self.earned, self.catch_up, self.taken_back, self.ends_with

    @property
    def amounts(self) -> tuple[int, ...]:
        """The columns, in their order: begins with, billed, recognised, of that caught up and reversed, ends with."""
        recognised = self.earned + self.catch_up + self.taken_back
        return self.begins_with, self.billed, recognised, self.catch_up, self.taken_back, self.ends_with


AMOUNTS = (
    Column("deferredAtStart", Kind.AMOUNT, "What was billed and not earned when the month began"),
    summed("billed", Kind.AMOUNT, "Net billings: what was posted to the ledger's account revenue"),
    summed("recognised", Kind.AMOUNT, "What was earned: deferredAtStart + billed - deferredAtEnd"),
    summed("catchUp", Kind.AMOUNT, "Of recognised, what was billed in this month for the time of earlier ones"),
    summed("reversed", Kind.AMOUNT, "Of recognised, what credit notes, voids and returns took back; below zero"),
    Column("deferredAtEnd", Kind.AMOUNT, "What is billed and not earned when the month ends, or as of asOf"),
)


Key = Callable[[str, Owner], Group]
"""The group of a line: of its id, and whose it is."""


def month(state: Deferrals, posted: Iterable[Posted], end: datetime, key: Key) -> dict[Group, Figures]:
    """A month's figures: what was posted in it, and what time earned until its end.

    Args:
        state: as of its begin, up to which it was advanced; it is moved on to its end.
        posted: the entries of the month.
    """
    found: dict[Group, Figures] = {}
    for line_id, schedule, rest in state.deferred():
        _of(found, key(line_id, schedule.owner)).begins_with += rest
    for record in posted:
        post(found, state, record, key)
    end_month(found, state, end, key)
    return told(found)


def begin_next(over: Mapping[Group, Figures]) -> dict[Group, Figures]:
    """The figures of the month after one that is over, at its begin."""
    return {group: Figures(begins_with=figures.ends_with) for group, figures in over.items() if figures.ends_with}


def post(found: dict[Group, Figures], state: Deferrals, record: Posted, key: Key) -> None:
    """Add what was posted to its month."""
    for moved in state.post(record):
        _of(found, key(moved.line_id, moved.owner)).add(moved)


def end_month(found: dict[Group, Figures], state: Deferrals, end: datetime, key: Key) -> None:
    """Recognise what is earned until an instant, and note what is deferred then."""
    for moved in state.advance(end):
        _of(found, key(moved.line_id, moved.owner)).add(moved)
    for line_id, schedule, rest in state.deferred():
        figures = _of(found, key(line_id, schedule.owner))
        figures.ends_with += rest
        if figures.last is None:
            figures.last = _still(line_id, schedule)


def told(found: Mapping[Group, Figures]) -> dict[Group, Figures]:
    """The groups of which something is to be told."""
    return {group: figures for group, figures in found.items() if any(figures.amounts)}


def _of(found: dict[Group, Figures], group: Group) -> Figures:
    return found.get(group) or found.setdefault(group, Figures())


def _still(line_id: str, of: Schedule) -> Moved:
    """A line that runs, and of which nothing moved: its time has yet to begin."""
    return Moved(line_id, of.owner, of.billed_at, of.begins, of.end, 0, 0, 0, 0)


def ordered(found: Mapping[Group, Figures]) -> list[tuple[Group, Figures]]:
    """By currency and then by what else there is; what is of none comes first."""
    return sorted(found.items(), key=lambda each: tuple(part or "" for part in each[0]))


def month_columns(by: str) -> tuple[Column, ...]:
    """The columns of a report by months."""
    return (Column("month", Kind.TEXT, "In the tenant's zone"), Column("currency", Kind.TEXT), *BY[by][0], *AMOUNTS)


def month_rows(of: Month, found: Mapping[Group, Figures]) -> Iterator[tuple[Place, Row]]:
    """A month's rows, and what they are in the order of."""
    for group, figures in ordered(found):
        yield _place(str(of), *group), (str(of), *group, *_moneys(figures.amounts, group[0] or ""))


LINE_COLUMNS = (
    Column("month", Kind.TEXT, "In the tenant's zone"),
    Column("currency", Kind.TEXT),
    Column("lineId", Kind.TEXT, "The invoice's line; of what is no line, the payment, refund or credit note"),
    Column("customerId", Kind.TEXT),
    Column("planId", Kind.TEXT),
    Column("component", Kind.TEXT),
    Column("billedAt", Kind.TIME, "When its invoice was finalized"),
    Column("start", Kind.TIME, "The begin of the time that it is for, where there is one and it still ran"),
    Column("end", Kind.TIME),
    *AMOUNTS,
)


def by_line(line_id: str, owner: Owner) -> Group:
    """Each line is a group of its own."""
    return owner.currency, line_id


def line_rows(of: Month, found: Mapping[Group, Figures]) -> Iterator[tuple[Place, Row]]:
    """A month's rows, one for each line of which something moved or is deferred; and what they are in the order of."""
    for group, figures in ordered(found):
        last = figures.last
        assert last is not None
        owner = last.owner
        period = (moment(last.begins), moment(last.ends)) if last.ends else (None, None)
        about: tuple[Cell, ...] = (owner.customer_id, owner.plan_id, owner.component, moment(last.billed_at), *period)
        yield _place(str(of), *group), (str(of), *group, *about, *_moneys(figures.amounts, owner.currency))


def _moneys(amounts: Iterable[int], currency: str) -> Iterator[Money]:
    return (Money(each, currency) for each in amounts)


@dataclass(slots=True)
class Waterfall:
    """How much of what was billed in a month is earned in which: by month of billing, of earning, and group.

    Args:
        zone: the tenant's.
        cells: what was recognised, and what is still to be, in micro-units. A month of earning that is None is later
            than those that are told one by one.
    """

    zone: str
    group: Callable[[Owner], Group]
    cells: dict[tuple[Group, Month, Month | None], list[int]] = field(default_factory=dict)
    _months: dict[int, Month] = field(default_factory=dict)

    def add(self, moved: Moved, in_month: Month) -> None:
        """Add what was recognised in a month."""
        if moved.recognised:
            self._cell(moved.owner, moved.billed_at, in_month)[0] += moved.recognised

    def plan(self, state: Deferrals, at: datetime) -> None:
        """Add when what is deferred will be earned, if nothing changes.

        Args:
            at: the state's instant.
        """
        months = [Month.of(at, self.zone)]
        while len(months) < FURTHEST_MONTHS:
            months.append(months[-1].following)
        ends = [(each, instant(each.following.begin(self.zone))) for each in months]
        for _, schedule, rest in state.deferred():
            before = schedule.amount - rest
            for month, end in ends:
                earned = schedule.earned(end)
                if earned != before:
                    self._cell(schedule.owner, schedule.billed_at, month)[1] += earned - before
                    before = earned
                if end >= schedule.end:
                    break
            else:
                self._cell(schedule.owner, schedule.billed_at, None)[1] += schedule.amount - before

    def _cell(self, owner: Owner, billed_at: int, earned_in: Month | None) -> list[int]:
        quarter = billed_at // _QUARTER_HOUR  # months begin at whole ones, in every zone
        billed_in = self._months.get(quarter)
        if billed_in is None:
            billed_in = self._months[quarter] = Month.of(moment(billed_at), self.zone)
        return self.cells.setdefault((self.group(owner), billed_in, earned_in), [0, 0])


def waterfall_columns(by: str) -> tuple[Column, ...]:
    """The columns of a waterfall."""
    return (
        Column("billedIn", Kind.TEXT, "The month, in the tenant's zone, in which the invoice was finalized"),
        Column("earnedIn", Kind.TEXT, f"The month; empty for all that is later than {FURTHEST_MONTHS} months"),
        Column("currency", Kind.TEXT),
        *BY[by][0],
        summed("recognised", Kind.AMOUNT, "What was earned in that month, less what was reversed in it"),
        summed("scheduled", Kind.AMOUNT, "What is deferred and will be earned in that month, if nothing changes"),
    )


def waterfall_rows(found: Waterfall) -> Iterator[tuple[Place, Row]]:
    """A waterfall's rows: by month of billing, then of earning, then by group; and what they are in the order of."""
    last = str(Month(9999, 12))
    cells = {
        _place(str(billed_in), str(earned_in) if earned_in else last, *group): (group, billed_in, earned_in, amounts)
        for (group, billed_in, earned_in), amounts in found.cells.items()
    }
    for place, (group, billed_in, earned_in, amounts) in sorted(cells.items(), key=lambda each: each[0]):
        if any(amounts):
            months = (str(billed_in), str(earned_in) if earned_in else None)
            yield place, (*months, *group, *_moneys(amounts, group[0] or ""))


def _place(*parts: str | None) -> Place:
    return tuple(part or "" for part in parts)
