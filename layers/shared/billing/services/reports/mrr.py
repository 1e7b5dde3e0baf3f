"""Reports of monthly recurring revenue, all folded out of the movements (docs/decisions/0054)."""

from collections.abc import Iterator

from billing.domain.reports.mrr import MrrBook, MrrFold, Window, filled
from billing.domain.reports.mrr_tables import (
    COHORT_COLUMNS,
    MOVEMENT_COLUMNS,
    MRR_COLUMNS,
    RETENTION_COLUMNS,
    Cell,
    Days,
    cohort_cells,
    cohort_rows,
    days_of,
    months_of,
    movement_row,
    mrr_rows,
    retention_rows,
)
from billing.domain.reports.span import Month, Span
from billing.domain.reports.table import Row, Table
from billing.services.reports.sources import Asked, Sources


class MrrReport:
    """MRR and its movements, by day (option ``interval``) or month; see ``services.reports.sources.Report``."""

    name = "mrr"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """A row for each day or month that has begun, and currency."""
        days = days_of(_span(asked), by_day=asked.options.get("interval") == "day")
        return Table(MRR_COLUMNS, self._rows(sources, days))

    @staticmethod
    def _rows(sources: Sources, days: Iterator[Days]) -> Iterator[Row]:
        for each, window in _filled(sources, days):
            yield from mrr_rows(each, window)


class RetentionReport:
    """Churn and retention, by month, or (option ``over``) by the year that ends with it."""

    name = "retention"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """A row for each month of the span that has begun, and currency. Months are whole, whatever the span."""
        months = months_of(_span(asked), by_year=asked.options.get("over") == "year")
        return Table(RETENTION_COLUMNS, self._rows(sources, months))

    @staticmethod
    def _rows(sources: Sources, months: Iterator[Days]) -> Iterator[Row]:
        for each, window in _filled(sources, months):
            yield from retention_rows(each, window)


class CohortsReport:
    """Customers by the month in which they first had MRR, and what is left of them month by month."""

    name = "cohorts"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """A row for each cohort that began in the span, currency, and month since; up to the span's end."""
        return Table(COHORT_COLUMNS, self._rows(sources.asked, sources))

    @staticmethod
    def _rows(asked: Asked, sources: Sources) -> Iterator[Row]:
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
        yield from cohort_rows(ends)


class MrrMovementsReport:
    """Each movement, with what it was for its customer; of one customer (option ``customer``) or all."""

    name = "mrr-movements"

    def table(self, asked: Asked, sources: Sources) -> Table:
        """A row for each movement of the span, in order of time."""
        return Table(MOVEMENT_COLUMNS, self._rows(sources.asked, sources))

    @staticmethod
    def _rows(asked: Asked, sources: Sources) -> Iterator[Row]:
        span, customer_id = _span(asked), asked.options.get("customer")
        book = sources.moved(MrrFold(), min(span.begin, asked.end))
        for movement in sources.movements(span.begin, asked.end):
            for change in book.take(movement):
                if customer_id is None or movement.customer_id == customer_id:
                    yield movement_row(change)


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
