"""Rows of reports that are made in parts: as texts, in the order in which they are merged, and added up.

A key is a list of texts and numbers that sorts as the report does. Rows of one key are the same row, of which each part
has some: their amounts and numbers are added.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.reports.cells import kept, read
from billing.domain.reports.table import Column, Kind, Row

Key = tuple[str | int, ...]
"""Where a row is in its report; keys of a report have texts and numbers at the same places."""


def text_of(key: Key, row: Row) -> str:
    """A row and its key as one line of JSON."""
    return json.dumps([list(key), [kept(cell) for cell in row]], separators=(",", ":"), ensure_ascii=False)


def row_of(text: str) -> tuple[Key, Row]:
    """What ``text_of`` was given."""
    key, cells = json.loads(text)
    return tuple(key), tuple(map(read, cells))


def added(columns: Sequence[Column], rows: Iterable[Row]) -> Row:
    """One row of several: amounts and integers are sums; anything else, and what is null, they have in common."""
    first, *others = rows
    cells = list(first)
    for row in others:
        for n, column in enumerate(columns):
            if column.kind in (Kind.AMOUNT, Kind.INTEGER) and cells[n] is not None:
                cells[n] = _sum(cells[n], row[n])
    return tuple(cells)


def is_nothing(row: Row) -> bool:
    """Whether all its amounts are zero."""
    return all(cell.is_zero for cell in row if isinstance(cell, Money))


def _sum(one: Any, other: Any) -> Any:
    return one + other
