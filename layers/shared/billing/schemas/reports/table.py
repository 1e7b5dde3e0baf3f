"""A report's table as JSON, and as CSV."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from billing.domain.kernel.currencies import minor_digits
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.times import format_time
from billing.domain.reports.table import Cell, Table
from billing.schemas.base import Resource, Time
from billing.schemas.csv_table import BYTE_ORDER_MARK, csv_of
from billing.services.reports.sources import Asked


class ColumnOut(Resource):
    """A column of a report: what its name stands for, and what is in it."""

    name: str
    kind: str
    description: str


class ReportOut(Resource):
    """A report: figures per currency, in the tenant's zone, of what was posted before ``asOf``.

    Each row has a value for every column; amounts are micro-units of the row's ``currency``.
    """

    report: str
    first: date | None = Field(serialization_alias="from", validation_alias="from")
    to: date | None
    timezone: str
    as_of: Time
    test_clock_id: str | None
    columns: list[ColumnOut]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, name: str, asked: Asked, table: Table) -> "ReportOut":
        """A table as JSON."""
        names = [column.name for column in table.columns]
        return cls(
            report=name,
            first=asked.span.first if asked.span else None,
            to=asked.span.until if asked.span else None,
            timezone=asked.zone,
            as_of=asked.at,
            test_clock_id=asked.test_clock_id,
            columns=[ColumnOut(name=each.name, kind=each.kind.value, description=each.says) for each in table.columns],
            rows=[dict(zip(names, map(_json, row), strict=True)) for row in table.rows],
        )


def table_csv(table: Table, bom: bool | None = None) -> bytes:
    """A table as CSV (RFC 4180): amounts as decimals with the digits of their currency, times in UTC, days as ISO 8601.

    A text that a spreadsheet would take for a formula gets an apostrophe; a number never does, so that a negative
    amount stays one.
    """
    mark = BYTE_ORDER_MARK if bom else b""
    return mark + csv_of([column.name for column in table.columns], csv_rows(table.rows))


def csv_rows(rows: Iterable[Iterable[Cell]]) -> Iterator[list[str | int | Decimal | None]]:
    """Rows as ``csv_of`` takes them."""
    for row in rows:
        yield [_plain(cell) for cell in row]


def _json(cell: Cell) -> Any:
    return cell.micros if isinstance(cell, Money) else cell


def json_of(cell: Cell) -> Any:
    """A cell in a file of JSON: as ``ReportOut`` shows it."""
    if isinstance(cell, datetime):
        return format_time(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell) if isinstance(cell, Decimal) else _json(cell)


def _plain(cell: Cell) -> str | int | Decimal | None:
    if isinstance(cell, Money):
        digits = minor_digits(cell.currency)
        exact = Decimal(cell.micros).scaleb(-digits) / MICROS_PER_MINOR
        # Sub-minor units (MRR) keep their digits; whole ones have the currency's.
        return round(exact, digits) if cell.is_whole_minor else exact.normalize()
    if isinstance(cell, datetime):
        return format_time(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, date) else cell
