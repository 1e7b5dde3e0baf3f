"""A report as a table: columns that say what is in them, and rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.kernel.money import Money, sum_money

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
        adds: whether its cells in one currency come to something together: movements do, and balances of several months
            do not.
    """

    name: str
    kind: Kind
    says: str = ""
    adds: bool = False


def summed(name: str, kind: Kind, says: str = "") -> Column:
    """A column that adds."""
    return Column(name, kind, says, adds=True)


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its rows may be made as they are read, once.

    Args:
        columns: of each row, in this order.
        rows: each has a cell for every column.
    """

    columns: tuple[Column, ...]
    rows: Iterable[Row]


def totals(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Row, ...]:
    """What rows come to, a row for each currency: the columns that add, the currency, and nothing else.

    None where no currency has two rows, or no column adds: the rows say it already.

        EUR 119.00, EUR -19.00, USD 5.00  ->  EUR 100.00, USD 5.00
    """
    names = [each.name for each in columns]
    if "currency" not in names or not any(each.adds for each in columns):
        return ()
    place = names.index("currency")
    of_currency: dict[str, list[Row]] = {}
    for row in rows:
        if row[place] is not None:
            of_currency.setdefault(str(row[place]), []).append(row)
    if all(len(some) == 1 for some in of_currency.values()):
        return ()
    return tuple(
        [currency if n == place else _sum(each, [row[n] for row in some]) for n, each in enumerate(columns)]
        for currency, some in sorted(of_currency.items())
    )


def _sum(column: Column, cells: Sequence[Cell]) -> Cell:
    """None where nothing is told, or where a sum would mean nothing."""
    if not column.adds:
        return None
    amounts = [each for each in cells if isinstance(each, Money)]
    if amounts:
        return sum_money(amounts, amounts[0].currency)
    counts = [each for each in cells if isinstance(each, int)]
    return sum(counts) if counts else None
