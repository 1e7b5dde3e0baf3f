"""Cells of reports as JSON, and back: rows that a run keeps from step to step are read again as they were."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.reports.table import Cell

_READERS: dict[str, Callable[..., Cell]] = {
    "money": Money,
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
}


def kept(cell: Cell) -> Any:
    """A cell as JSON: what JSON has as it is, anything else with its type."""
    if isinstance(cell, Money):
        return ["money", cell.micros, cell.currency]
    if isinstance(cell, datetime):
        return ["time", cell.isoformat()]
    if isinstance(cell, date):
        return ["date", cell.isoformat()]
    return ["decimal", str(cell)] if isinstance(cell, Decimal) else cell


def read(said: Any) -> Cell:
    """What ``kept`` was given."""
    if not isinstance(said, list):
        cell: Cell = said
        return cell
    kind, *parts = said
    return _READERS[kind](*parts)
