"""Tables as CSV, for spreadsheets."""

import csv
from collections.abc import Sequence
from io import StringIO

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[str | int | None]]) -> bytes:
    """A table as CSV. A text that a spreadsheet would take for a formula is quoted by an apostrophe before it."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: str | int | None) -> str | int:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
