"""CSV files as rows: read strictly, so that what a spreadsheet has damaged is refused and not guessed at.

RFC 4180, UTF-8 with or without a byte order mark; the delimiter is what the request says, for a file does not. Rows are
counted as spreadsheets show them: the header is row 1.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any

from billing.domain.imports.source import Problem
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.times import format_time, parse_time
from billing.schemas.imports.stripe_prices import Problems

_MOST_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row by its columns' names.

    Args:
        number: as a spreadsheet shows it.
        cells: those that are not empty; none of a row that does not fit its header.
    """

    number: int
    cells: Mapping[str, str]
    problem: Problem | None = None


def decoded(content: bytes) -> str:
    """The text of a file.

    Raises:
        ValidationFailed: it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationFailed.of("data", "invalid_utf_8", "The file is not UTF-8") from None


def read_rows(kind: str, content: bytes, delimiter: str, required: Iterable[str]) -> Iterator[CsvRow]:
    """The rows of a file, blank ones left out.

    Args:
        kind: what its rows are, for what is said of it.
        required: columns that it has to have.

    Raises:
        ValidationFailed: it cannot be read at all: no UTF-8, a column that is missing or there twice, another
            delimiter, a quote that does not end.
    """
    rows = csv.reader(StringIO(decoded(content), newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        header = [each.strip() for each in next(rows, [])]
        _check(kind, header, delimiter, required)
        number = 1
        for row in rows:
            number += 1
            if len(row) > 1 or any(each.strip() for each in row):
                yield _row(number, header, row)
    except csv.Error as error:
        raise ValidationFailed.of("data", "invalid_csv", f"{kind}, row {number + 1}: {error}") from None


def _row(number: int, header: list[str], row: list[str]) -> CsvRow:
    if len(row) != len(header):
        text = f"Row {number} has {len(row)} cells, and the header {len(header)}: is a delimiter in a text not quoted?"
        return CsvRow(number, {}, Problem("", "cells_do_not_fit", text))
    return CsvRow(number, {name: cell for name, cell in zip(header, row, strict=True) if cell.strip()})


def _check(kind: str, header: list[str], delimiter: str, required: Iterable[str]) -> None:
    other = next((each for each in ",;\t" if each != delimiter and len(header) == 1 and each in header[0]), None)
    if other is not None:
        text = f"{kind}: its cells seem to be separated by {other!r}, not by {delimiter!r}: say so with `delimiter`"
        raise ValidationFailed.of("delimiter", "does_not_fit", text)
    missing = [each for each in required if each not in header]
    twice = sorted({each for each in header if each and header.count(each) > 1}) if len(header) <= _MOST_COLUMNS else []
    found = [(missing, "missing_column", "no column"), (twice, "duplicate_column", "more than one column")]
    said = [f"{kind} has {words} {each}" for names, _, words in found for each in names]
    if len(header) > _MOST_COLUMNS:
        raise ValidationFailed.of("data", "too_many_columns", f"{kind} has more than {_MOST_COLUMNS} columns")
    if said:
        details = tuple(Detail(each, reason) for names, reason, _ in found for each in names)
        raise ValidationFailed("; ".join(said), details)


class Cells:
    """The cells of a row as values; what is wrong with one is collected under its column's name."""

    def __init__(self, row: CsvRow) -> None:
        self._row = row
        self.problems = Problems()

    def text(self, column: str) -> str | None:
        """A text; None where the cell is empty, or there is no such column."""
        return self._row.cells.get(column)

    def required(self, column: str) -> str | None:
        """A text that has to be there."""
        found = self.text(column)
        if found is None:
            self._wrong(column, "missing_required_field", "it is empty")
        return found

    def time(self, column: str, *, required: bool = False) -> str | None:
        """A time of RFC 3339, ``2026-03-19T05:57:00Z``, as it is written."""
        found = self.required(column) if required else self.text(column)
        try:
            return format_time(parse_time(found.strip())) if found is not None else None
        except ValueError:
            self._wrong(column, "must_be_a_time", "a time such as 2026-03-19T05:57:00Z")
            return None

    def integer(self, column: str) -> int | None:
        """A whole number."""
        found = self.text(column)
        if found is None:
            return None
        plain = found.strip()
        if not plain.removeprefix("-").isdecimal() or not plain.isascii() or len(plain) > 18:
            self._wrong(column, "must_be_a_number", "a whole number")
            return None
        return int(plain)

    def decimal(self, column: str) -> Decimal | None:
        """A number with a point before its fraction; a comma is refused, for 1,500 may be either."""
        found = self.text(column)
        if found is None:
            return None
        try:
            value = Decimal(found.strip())
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or len(found) > 30 or "_" in found:
            self._wrong(column, "must_be_an_amount", "a number with a point before its fraction, such as 1500.00")
            return None
        return value

    def boolean(self, column: str) -> bool | None:
        """``true`` or ``false``, in whatever case."""
        found = self.text(column)
        if found is None:
            return None
        value = {"true": True, "false": False}.get(found.strip().lower())
        if value is None:
            self._wrong(column, "must_be_a_boolean", "true or false")
        return value

    def json(self, column: str) -> Any:
        """A list or an object."""
        found = self.text(column)
        if found is None:
            return None
        try:
            value = json.loads(found, parse_float=Decimal)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, (list, dict)):
            self._wrong(column, "invalid_json", "a list or an object as JSON")
            return None
        return value

    def unix_time(self, column: str) -> int | None:
        """A time in UTC, ``2026-03-19 05:57`` or ``2026-03-19T05:57:00Z``, as Unix seconds."""
        found = self.text(column)
        if found is None:
            return None
        try:
            value = datetime.fromisoformat(found.strip())
        except ValueError:
            self._wrong(column, "must_be_a_time", "a time in UTC, such as 2026-03-19 05:57")
            return None
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())

    def metadata(self) -> dict[str, str]:
        """Columns that are called ``KEY (metadata)``, by their keys."""
        suffix = " (metadata)"
        return {name.removesuffix(suffix): cell for name, cell in self._row.cells.items() if name.endswith(suffix)}

    def _wrong(self, column: str, reason: str, what: str) -> None:
        self.problems(column, reason, f"Row {self._row.number}, column {column}: {what}")
