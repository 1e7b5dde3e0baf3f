"""A report as a table: columns that say what is in them, and rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.kernel.money import Money

Cell = str | int | Decimal | Money | date | datetime | bool | None
Row = Sequence[Cell]


class Kind(StrEnum):
    """What is in a column."""

    TEXT = "text"
    AMOUNT = "amount"
    """Money. Its currency has a column of its own, ``currency``: amounts are per currency and never added across."""
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        name: as JSON and CSV call it, in camel case.
        says: a sentence for people: what is counted, and what is not.
    """

    name: str
    kind: Kind
    says: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its rows may be made as they are read, once.

    Args:
        columns: of each row, in this order.
        rows: each has a cell for every column.
    """

    columns: tuple[Column, ...]
    rows: Iterable[Row]
