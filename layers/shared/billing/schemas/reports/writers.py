"""Tables as text, row by row: ``services.reports.writing.RowWriter`` for each form of a file."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from billing.domain.kernel.times import format_time
from billing.domain.reports.run import Form
from billing.domain.reports.table import Column, Row
from billing.schemas.csv_table import BYTE_ORDER_MARK, csv_of, csv_rows_of
from billing.schemas.reports.table import csv_rows, json_of
from billing.services.reports.sources import Asked
from billing.services.reports.writing import RowWriter

BOM = "bom"
"""The option that asks for a byte order mark, without which some spreadsheets do not take a file for UTF-8."""


def with_bom(asked: Asked, bom: bool | None) -> Asked:
    """What was asked for, with the option where it is wanted."""
    return replace(asked, options={**asked.options, BOM: "1"}) if bom else asked


class CsvWriter:
    """RFC 4180, UTF-8."""

    content_type = "text/csv; charset=utf-8"

    def head(self, name: str, asked: Asked, columns: Sequence[Column]) -> bytes:
        """The names of the columns."""
        mark = BYTE_ORDER_MARK if asked.options.get(BOM) else b""
        return mark + csv_of([column.name for column in columns], ())

    def rows(self, columns: Sequence[Column], rows: Iterable[Row], before: int) -> bytes:
        """Rows as lines."""
        return csv_rows_of(csv_rows(rows))

    def foot(self) -> bytes:
        """Nothing."""
        return b""


class JsonWriter:
    """One object, as ``ReportOut`` has it; each row is a line of its own."""

    content_type = "application/json"

    def head(self, name: str, asked: Asked, columns: Sequence[Column]) -> bytes:
        """All but the rows."""
        span = asked.span
        said = {
            "report": name,
            "from": span.first.isoformat() if span else None,
            "to": span.until.isoformat() if span else None,
            "timezone": asked.zone,
            "asOf": format_time(asked.at),
            "testClockId": asked.test_clock_id,
            "columns": [{"name": each.name, "kind": each.kind.value, "description": each.says} for each in columns],
        }
        return _text(said)[:-1] + b',"rows":['

    def rows(self, columns: Sequence[Column], rows: Iterable[Row], before: int) -> bytes:
        """Rows as objects."""
        text = b""
        for row in rows:
            text += (b",\n" if before else b"\n") + _text(_object(columns, row))
            before += 1
        return text

    def foot(self) -> bytes:
        """The end of the object."""
        return b"\n]}\n"


class JsonLinesWriter:
    """One object a line; of one column, each line is its cell: an object as the API shows it."""

    content_type = "application/x-ndjson"

    def head(self, name: str, asked: Asked, columns: Sequence[Column]) -> bytes:
        """Nothing."""
        return b""

    def rows(self, columns: Sequence[Column], rows: Iterable[Row], before: int) -> bytes:
        """Rows as lines."""
        if len(columns) == 1:
            return b"".join(str(row[0]).encode() + b"\n" for row in rows)
        return b"".join(_text(_object(columns, row)) + b"\n" for row in rows)

    def foot(self) -> bytes:
        """Nothing."""
        return b""


WRITERS: dict[Form, RowWriter] = {Form.CSV: CsvWriter(), Form.JSON: JsonWriter(), Form.JSONL: JsonLinesWriter()}


def _object(columns: Sequence[Column], row: Row) -> dict[str, Any]:
    return {column.name: json_of(cell) for column, cell in zip(columns, row, strict=True)}


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
