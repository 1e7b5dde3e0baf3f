"""Tables as CSV, for spreadsheets."""

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import StringIO

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the same in full width, which East Asian versions take, too."""
_BREAKS = ("\t", "\r", "\n")


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[str | int | Decimal | None]]) -> bytes:
    """A table as CSV. A text that a spreadsheet would take for a formula, also after any space, gets an apostrophe
    before it; a number never is."""
    return _lines([columns]) + csv_rows_of(rows)


def csv_rows_of(rows: Iterable[Sequence[str | int | Decimal | None]]) -> bytes:
    """The rows of a table, without its columns' names: as ``csv_of`` writes them."""
    return _lines([_cell(each) for each in row] for row in rows)


def _lines(rows: Iterable[Sequence[str | int]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: str | int | Decimal | None) -> str | int:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def text_of(cell: str) -> str:
    """The text that a cell was written for, if ``csv_of`` wrote it.

    A text that has an apostrophe before a formula of its own gets another one, so that exactly one comes off here.
    """
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(value: str) -> bool:
    value = value.lstrip("'")
    return value.startswith(_BREAKS) or value.lstrip().startswith(_FORMULAS)
