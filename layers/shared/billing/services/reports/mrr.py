"""Reports of monthly recurring revenue, all folded out of the movements (docs/decisions/0054)."""

from collections.abc import Iterable, Iterator, Sequence

from billing.domain.reports.merging import Key, added, is_nothing
from billing.domain.reports.mrr import MrrBook, MrrFold, Window, filled
from billing.domain.reports.mrr_tables import (
    COHORT_COLUMNS,
    MOVEMENT_COLUMNS,
    MRR_COLUMNS,
    MRR_PLAN_COLUMNS,
    RETENTION_COLUMNS,
    Cell,
    Days,
    cohort_cells,
    cohort_rows,
    cohort_together,
    days_of,
    months_of,
    movement_row,
    mrr_plan_rows,
    mrr_rows,
    retention_rows,
    retention_together,
)
from billing.domain.reports.span import Month, Span
from billing.domain.reports.table import Column, Row
from billing.services.reports.divisible import Divisible
from billing.services.reports.sources import Asked, Sources


class MrrReport(Divisible):
    """MRR and its movements, by day (option ``interval``) or month, and ``by`` plan."""

    name = "mrr"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a day or month, and of a plan."""
        return MRR_PLAN_COLUMNS if asked.options.get("by") == "plan" else MRR_COLUMNS

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """A row for each day or month that has begun, and currency."""
        by_plan = asked.options.get("by") == "plan"
        days = days_of(_span(asked), by_day=asked.options.get("interval") == "day")
        for each, window in _filled(sources, days):
            for row in mrr_plan_rows(each, window) if by_plan else mrr_rows(each, window):
                yield tuple(map(str, row[: 4 if by_plan else 3])), row

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """Sums of all customers; of a plan none where they come to nothing."""
        row = added(self.columns(asked), rows)
        return () if asked.options.get("by") == "plan" and is_nothing(row) else (row,)


class RetentionReport(Divisible):
    """Churn and retention, by month, or (option ``over``) by the year that ends with it."""

    name = "retention"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a month or year."""
        return RETENTION_COLUMNS

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """A row for each month of the span that has begun, and currency. Months are whole, whatever the span."""
        months = months_of(_span(asked), by_year=asked.options.get("over") == "year")
        for each, window in _filled(sources, months):
            for row in retention_rows(each, window):
                yield tuple(map(str, row[:3])), row

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """Sums of all customers, and the rates that those have."""
        return [retention_together(added(RETENTION_COLUMNS, rows))]


class CohortsReport(Divisible):
    """Customers by the month in which they first had MRR, and what is left of them month by month."""

    name = "cohorts"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a cohort and a month."""
        return COHORT_COLUMNS

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """A row for each cohort that began in the span, currency, and month since; up to the span's end."""
        span = _span(asked)
        whole = Span(span.months[0].first, span.months[-1].following.first, span.zone) if span.months else span
        book, begin = sources.moved(MrrFold(), whole.begin), whole.begin
        ends: list[tuple[Month, dict[tuple[Month, str], Cell]]] = []
        for month in whole.months:
            end = min(month.following.begin(asked.zone), asked.at)
            if month.begin(asked.zone) > asked.at:
                break
            for movement in sources.movements(begin, end):
                book.take(movement)
            ends.append((month, cohort_cells(book, whole)))
            begin = end
        for row in cohort_rows(ends):
            yield tuple(map(str, row[:2])), row

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """Cohorts of all customers; the rows of one have one key, for each is a share of its first."""
        return cohort_together(rows)


class MrrMovementsReport(Divisible):
    """Each movement, with what it was for its customer; of one customer (option ``customer``) or all."""

    name = "mrr-movements"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of a movement."""
        return MOVEMENT_COLUMNS

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """A row for each movement of the span, in order of time."""
        span, customer_id = _span(asked), asked.options.get("customer")
        book = sources.moved(MrrFold(), min(span.begin, asked.end))
        for movement in sources.movements(span.begin, asked.end):
            for change in book.take(movement):
                if customer_id is None or movement.customer_id == customer_id:
                    yield (movement.place,), movement_row(change)


def _span(asked: Asked) -> Span:
    assert asked.span is not None
    return asked.span


def _filled(sources: Sources, rows: Iterator[Days]) -> Iterator[tuple[Days, Window]]:
    """Each row that has begun by the time that the report is as of, with what happened in it until then."""
    asked = sources.asked
    begun = [(each, window) for each in rows if (window := each.window(asked.zone)).begin <= asked.at]
    if not begun:
        return
    begin, end = begun[0][1].begin, min(begun[-1][1].end, asked.at)
    book: MrrBook = sources.moved(MrrFold(), begin)
    windows = filled(book, (window for _, window in begun), sources.movements(begin, end))
    yield from zip((each for each, _ in begun), windows, strict=True)
