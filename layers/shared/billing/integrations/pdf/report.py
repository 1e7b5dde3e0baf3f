"""Printed reports: a table as its tenant's document, in the words and the look of its locale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.reports.table import Cell, Column, Kind, Row, totals
from billing.integrations.pdf import letterhead
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.report_layout import NUMBER_PT, Layout, Part, layout, measured
from billing.integrations.pdf.report_words import PHRASES
from billing.integrations.pdf.text import breakable, isolated, one_line
from billing.integrations.pdf.typesetter import Typesetter, with_logo
from billing.integrations.pdf.words import Words
from billing.services.reports.printing import LOCALE, ReportDocument

_REPORT = "report"
_FIGURES = frozenset({Kind.AMOUNT, Kind.INTEGER, Kind.DECIMAL})
_CELLS_A_LINE = 6
"""So many cells take as much memory as a line of an invoice."""
_CODES = frozenset({"customer", "invoice", "account", "kind", "currency"})
"""Options that are somebody's id or a code, and are shown as they are."""


class ReportPdfs:
    """Prints reports: ``services.reports.printing.ReportRenderer``.

    Raises:
        RuntimeError: the fonts of layers/pdf are not installed.
    """

    def __init__(self) -> None:
        self.typesetter = Typesetter((_REPORT,))

    def render_report(self, document: ReportDocument) -> bytes:
        """Print a report; the same document gives the same bytes.

        Raises:
            ZoneInfoNotFoundError: its time zone does not exist.
        """
        cells = len(document.rows) * len(document.table.columns)
        return self.typesetter.pdf(_REPORT, _gathered(document), document.made_at, cells // _CELLS_A_LINE)

    def pictures(self, document: ReportDocument, dots_per_inch: int = 110) -> list[bytes]:
        """The same pages as PNG, for documentation."""
        return self.typesetter.pictures(_REPORT, _gathered(document), dots_per_inch)


def _gathered(document: ReportDocument) -> dict[str, Any]:
    return with_logo(ReportContents(document).gathered(), document.branding.logo)


class ReportContents:
    """Gathers what a report says.

    Raises:
        ZoneInfoNotFoundError: its time zone does not exist.
    """

    def __init__(self, document: ReportDocument) -> None:
        self.document = document
        self.formats = Formats(document.locale, document.asked.zone)
        self.words = Words(self.formats.locale.language, PHRASES)
        self.columns = document.table.columns
        self._currency = next((n for n, each in enumerate(self.columns) if each.name == "currency"), None)

    def gathered(self) -> dict[str, Any]:
        """Everything, but the logo and attachments."""
        document, words = self.document, self.words
        title, name = self._name(), one_line(document.issuer.name)
        rows = [self._row(row) for row in document.rows]
        sums = [self._sum(row) for row in totals(self.columns, document.rows)]
        laid_out = self._layout(rows, sums)
        return {
            **letterhead.language(document.locale, self.formats, words),
            "title": title,
            "file_title": f"{title} {self._days()}",
            "author": name,
            "color": letterhead.color(document.branding),
            "logo_alt": words["logo"].format(name=name),
            "stamps": self._stamps(),
            "company": [breakable(each) for each in (name, *self._tax_id())],
            "definition": words.get(f"definition_{document.name}"),
            "facts": [[label, breakable(value)] for label, value in self._facts()],
            "across": laid_out.across,
            "size": laid_out.size_pt,
            "headers": [breakable(self._title(each)) for each in self.columns],
            "figures": [each.kind in _FIGURES for each in self.columns],
            "number_width": NUMBER_PT,
            "parts": [self._part(part, laid_out, sums) for part in laid_out.parts],
            "rows": rows,
            "empty": None if rows else words["empty"],
            "explained": self._explained(),
            **letterhead.feet(title, document.issuer, document.branding, document.test_mode, words),
        }

    def _name(self) -> str:
        name = self.document.name
        return self.words.get(f"name_{name}") or name.replace("-", " ").capitalize()

    def _title(self, column: Column) -> str:
        return self.words.get(f"column_{column.name}") or column.name

    def _tax_id(self) -> list[str]:
        return (
            letterhead.party("from", self.document.issuer, self.formats, self.words)["lines"][-1:]
            if (self.document.issuer.tax_id)
            else []
        )

    def _stamps(self) -> list[dict[str, str]]:
        said = [("test", self.document.test_mode), ("test_clock_stamp", self.document.asked.test_clock_id is not None)]
        return [{"text": self.words[key], "tone": "warn"} for key, holds in said if holds]

    def _days(self) -> str:
        """What it is about: "Jan 1, 2026 – Jan 31, 2026", or as of when it is."""
        span = self.document.asked.span
        if span is None:
            return isolated(self.formats.moment(self.document.asked.at))
        first, last = span.first, max(span.first, span.until - timedelta(days=1))
        days = [isolated(self.formats.day(each)) for each in dict.fromkeys((first, last))]
        return " \u2013 ".join(days)

    def _facts(self) -> Iterator[tuple[str, str]]:
        asked, words, formats = self.document.asked, self.words, self.formats
        if asked.span is not None:
            yield words["period"], self._days()
        yield words["as_of"], isolated(formats.moment(asked.at))
        yield words["zone"], asked.zone
        if asked.test_clock_id is not None:
            yield words["test_clock"], one_line(asked.test_clock_id)
        for name, value in sorted(asked.options.items()):
            label = words.get(f"option_{name}")
            if name != LOCALE and label is not None:
                yield label, self._option(name, value)
        yield words["currencies"], ", ".join(self._currencies()) or "\u2013"
        yield words["row_count"], formats.whole(len(self.document.rows))
        yield words["made"], isolated(formats.moment(self.document.made_at))

    def _option(self, name: str, value: str) -> str:
        if name == "day":
            return isolated(self.formats.day(date.fromisoformat(value)))
        said = None if name in _CODES else self.words.get(f"value_{value}")
        return said or one_line(value)

    def _currencies(self) -> list[str]:
        place = self._currency
        return sorted({str(row[place]) for row in self.document.rows if place is not None and row[place] is not None})

    def _row(self, row: Row) -> list[str]:
        return [self._cell(cell) for cell in row]

    def _sum(self, row: Row) -> list[str]:
        """A row of totals: its first cell, which every part of the table has, says of which currency."""
        cells, place = self._row(row), self._currency
        assert place is not None
        cells[place] = ""
        return [f"{self.words['sum']} {row[place]}", *cells[1:]]

    def _cell(self, cell: Cell) -> str:
        formats = self.formats
        if cell is None:
            return ""
        if isinstance(cell, Money):
            return isolated(formats.money(cell))
        if isinstance(cell, datetime):
            return isolated(formats.moment(cell))
        if isinstance(cell, date):
            return isolated(formats.day(cell))
        if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
            return isolated(formats.quantity(Decimal(cell)))
        return breakable(one_line(str(cell)))

    def _layout(self, rows: Sequence[Sequence[str]], sums: Sequence[Sequence[str]]) -> Layout:
        return layout(
            [
                measured(
                    self._title(each),
                    [row[n] for row in rows],
                    [row[n] for row in sums],
                    is_figure=each.kind in _FIGURES,
                )
                for n, each in enumerate(self.columns)
            ]
        )

    def _part(self, part: Part, laid_out: Layout, sums: Sequence[Sequence[str]]) -> dict[str, Any]:
        heading, is_one_of_several = None, len(laid_out.parts) > 1
        if is_one_of_several:
            first, last = part.columns[part.keys] + 1, part.columns[-1] + 1
            count = len(self.columns)
            heading = self.words["columns_of"].format(first=first, last=last, count=count)
        return {
            "heading": heading,
            "columns": part.columns,
            "widths": part.widths,
            "numbered": is_one_of_several,
            "sums": [row for row in sums if any(row[n] for n in part.columns[max(part.keys, 1) :])],
        }

    def _explained(self) -> dict[str, Any] | None:
        """What each column says of itself, in English, under its title and its name in the API."""
        said = [(self._title(each), each.name, each.says) for each in self.columns if each.says]
        rows = [[breakable(title), name, one_line(says)] for title, name, says in said]
        return {"heading": self.words["explained"], "rows": rows} if rows else None
