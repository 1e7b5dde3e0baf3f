"""The table of invoice lines: widths from what is in it, header again on every page."""

from __future__ import annotations

from dataclasses import dataclass

from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.layout import BODY, INK, LEFT_PT, RIGHT_PT, SMALL, WIDTH_PT, Flow, Style
from billing.integrations.pdf.text import ShapedLine
from billing.services.invoicing.documents import DocumentLine

_HEADERS = ("Qty", "Unit price", "Amount")
_HEADER_STYLE = Style(7.5, INK, bold=True)
_GAP_PT = 18.0
_ROW_PADDING_PT = 5.5
_MIN_DESCRIPTION_PT = 190.0


@dataclass(frozen=True, slots=True)
class _Columns:
    """Right edges of the three columns of numbers, and what is left for the description."""

    edges: tuple[float, float, float]
    description_pt: float
    style: Style


@dataclass(frozen=True, slots=True)
class _Row:
    text: list[tuple[ShapedLine, Style]]
    cells: tuple[str, str, str]

    @property
    def height_pt(self) -> float:
        return sum(style.line_height_pt for _, style in self.text) + 2 * _ROW_PADDING_PT


def draw_lines(flow: Flow, formats: Formats, lines: tuple[DocumentLine, ...]) -> None:
    """Draw the table at the cursor and leave the cursor below it."""
    cells = [_cells(line, formats) for line in lines]
    columns = _columns(flow, cells)
    rows = [_row(flow, line, texts, columns, formats) for line, texts in zip(lines, cells, strict=True)]
    # A header with no row under it would be left behind at the foot of the page.
    flow.need(_HEADER_STYLE.line_height_pt + 4 + (rows[0].height_pt if rows else 0.0))
    _header(flow, columns)
    flow.on_new_page = lambda: _header(flow, columns)
    for row in rows:
        _draw_row(flow, row, columns)
    flow.on_new_page = None


def _cells(line: DocumentLine, formats: Formats) -> tuple[str, str, str]:
    return (
        "" if line.quantity is None else formats.quantity(line.quantity),
        "" if line.unit_amount is None else formats.money(line.unit_amount),
        formats.money(line.amount),
    )


def _columns(flow: Flow, cells: list[tuple[str, str, str]]) -> _Columns:
    """Give the numbers what they need; where that starves the description, set the numbers smaller."""
    style = BODY
    widths = _widths(flow, cells, style)
    room = WIDTH_PT - _MIN_DESCRIPTION_PT - 3 * _GAP_PT
    if sum(widths) > room:
        style = Style(BODY.size_pt * room / sum(widths), leading_pt=BODY.line_height_pt)
        widths = [width * room / sum(widths) for width in widths]
    amount = RIGHT_PT
    unit = amount - widths[2] - _GAP_PT
    quantity = unit - widths[1] - _GAP_PT
    return _Columns((quantity, unit, amount), quantity - widths[0] - _GAP_PT - LEFT_PT, style)


def _widths(flow: Flow, cells: list[tuple[str, str, str]], style: Style) -> list[float]:
    distinct = [sorted({row[column] for row in cells}) for column in range(3)]
    return [
        max([flow.width(header, _HEADER_STYLE) + 6, *(flow.width(text, style) for text in texts)])
        for header, texts in zip(_HEADERS, distinct, strict=True)
    ]


def _row(flow: Flow, line: DocumentLine, cells: tuple[str, str, str], columns: _Columns, formats: Formats) -> _Row:
    text = [(part, BODY) for part in flow.wrap(line.description, columns.description_pt, BODY)]
    details = formats.period(line.period_start, line.period_end)
    if line.discount is not None and line.discount.micros:
        # Part of the details, not of the amount: the discounts of all lines are one row below.
        discount = ("Discount ", formats.money(-line.discount))
        details += (" \u00b7 ", *discount) if details else discount
    if line.proration:
        details += (" \u00b7 ", "Prorated") if details else ("Prorated",)
    if details:
        detail = flow.joined(details, SMALL)
        text.append((detail, flow.fitted_line(detail, columns.description_pt, SMALL)))
    return _Row(text, cells)


def _header(flow: Flow, columns: _Columns) -> None:
    flow.left("Description", LEFT_PT, flow.y, _HEADER_STYLE)
    for text, edge in zip(_HEADERS, columns.edges, strict=True):
        flow.right(text, edge, flow.y, _HEADER_STYLE)
    flow.y += _HEADER_STYLE.line_height_pt + 4
    flow.rule(width_pt=0.8, color=INK)


def _draw_row(flow: Flow, row: _Row, columns: _Columns) -> None:
    flow.need(row.height_pt)
    flow.y += _ROW_PADDING_PT
    for index, (line, style) in enumerate(row.text):
        flow.need(style.line_height_pt)  # Only a description longer than a page goes on over the edge.
        flow.draw(line, LEFT_PT, flow.y, style)
        if index == 0:
            for text, edge in zip(row.cells, columns.edges, strict=True):
                flow.right(text, edge, flow.y, columns.style)
        flow.y += style.line_height_pt
    flow.y += _ROW_PADDING_PT
    flow.rule()
