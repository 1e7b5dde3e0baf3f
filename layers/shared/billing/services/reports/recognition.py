"""Recognised and deferred revenue: by month, by line, or as a waterfall."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from billing.domain.reports.deferral import Deferrals
from billing.domain.reports.merging import Key, added, is_nothing
from billing.domain.reports.recognised_months import RecognitionFold, grouped
from billing.domain.reports.recognition import (
    BY,
    LINE_COLUMNS,
    Waterfall,
    by_line,
    line_rows,
    month,
    month_columns,
    month_rows,
    waterfall_columns,
    waterfall_rows,
)
from billing.domain.reports.span import Month
from billing.domain.reports.table import Column, Row
from billing.services.reports.divisible import Divisible
from billing.services.reports.sources import Asked, Sources


class RecognitionReport(Divisible):
    """It is about whole months, or the last one until ``asOf``.

    Its options: ``by`` plan, component or customer; ``rows`` lines or waterfall, else months.
    """

    name = "recognition"

    def columns(self, asked: Asked) -> tuple[Column, ...]:
        """Of its rows."""
        rows = asked.options.get("rows")
        if rows == "lines":
            return LINE_COLUMNS
        return waterfall_columns(_by(asked)) if rows == "waterfall" else month_columns(_by(asked))

    def keyed(self, asked: Asked, sources: Sources) -> Iterator[tuple[Key, Row]]:
        """What was recognised, and what is deferred."""
        rows = asked.options.get("rows")
        if rows == "lines":
            return self._lines(sources)
        if rows == "waterfall":
            return self._waterfall(sources, _by(asked))
        return self._customers(sources) if _by(asked) == "customer" else self._months(sources, _by(asked))

    def together(self, asked: Asked, rows: Sequence[Row]) -> Iterable[Row]:
        """Sums of all customers; none where they come to nothing."""
        return [row for row in [added(self.columns(asked), rows)] if not is_nothing(row)]

    @staticmethod
    def _months(sources: Sources, by: str) -> Iterator[tuple[Key, Row]]:
        asked, fold = sources.asked, RecognitionFold(sources.asked.zone)
        wanted = set(_months_of(sources))
        for each, found in fold.until(sources.state(fold, asked.end), asked.end):
            if each in wanted:
                yield from month_rows(each, grouped(found, by))

    @staticmethod
    def _customers(sources: Sources) -> Iterator[tuple[Key, Row]]:
        """There may be a million customers: their months are not kept."""
        state, group = _at_begin(sources), BY["customer"][1]
        for each in _months_of(sources):
            posted = sources.posted(each.begin(sources.asked.zone), _end(sources, each))
            yield from month_rows(each, month(state, posted, _end(sources, each), lambda _, owner: group(owner)))

    @staticmethod
    def _lines(sources: Sources) -> Iterator[tuple[Key, Row]]:
        """Rows are counted as records are: a line has one in each month of its time."""
        state = _at_begin(sources)
        for each in _months_of(sources):
            posted = sources.posted(each.begin(sources.asked.zone), _end(sources, each))
            for keyed in line_rows(each, month(state, posted, _end(sources, each), by_line)):
                sources.budget.spend()
                yield keyed

    @staticmethod
    def _waterfall(sources: Sources, by: str) -> Iterator[tuple[Key, Row]]:
        state, asked = _at_begin(sources), sources.asked
        found = Waterfall(asked.zone, BY[by][1])
        for each in _months_of(sources):
            end = _end(sources, each)
            for record in sources.posted(each.begin(asked.zone), end):
                for moved in state.post(record):
                    found.add(moved, each)
            for moved in state.advance(end):
                found.add(moved, each)
        found.plan(state, asked.end)
        yield from waterfall_rows(found)


def _by(asked: Asked) -> str:
    return asked.options.get("by", "")


def _at_begin(sources: Sources) -> Deferrals:
    """What is deferred when the report's time begins."""
    span = sources.asked.span
    assert span is not None
    begin = min(span.begin, sources.asked.end)
    state = sources.state(RecognitionFold(sources.asked.zone), begin).deferrals
    for _ in state.advance(begin):
        pass
    return state


def _months_of(sources: Sources) -> Iterator[Month]:
    """The months of the report that have begun."""
    asked = sources.asked
    assert asked.span is not None
    return (each for each in asked.span.months if each.begin(asked.zone) < asked.end)


def _end(sources: Sources, of: Month) -> datetime:
    return min(of.following.begin(sources.asked.zone), sources.asked.end)
