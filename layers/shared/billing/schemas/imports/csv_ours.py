"""CSV files with our own columns: what exports of customers, plans and subscriptions write, as the API's objects.

A file of another system has as many of the columns as it can fill; docs/import.md says which it needs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from billing.domain.imports.source import Kind
from billing.schemas.csv_table import text_of
from billing.schemas.imports.csv_rows import Cells, CsvRow, read_rows
from billing.schemas.imports.files import Line

_PERIOD = ("currentPeriodStart", "currentPeriodEnd")
_ADDRESS = ("line1", "line2", "city", "postalCode", "state", "country")


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of CSV file.

    Args:
        required: columns that it has to have.
        read: an object from a row; what is wrong with a cell is collected there.
    """

    kind: Kind
    required: tuple[str, ...]
    read: Callable[[Cells], dict[str, Any]]

    def lines(self, name: str, content: bytes, delimiter: str) -> Iterator[Line]:
        """The objects of a file.

        Raises:
            ValidationFailed: it cannot be read at all.
        """
        for row in read_rows(name, content, delimiter, self.required):
            yield self.line(row)

    def line(self, row: CsvRow) -> Line:
        """The object of a row."""
        if row.problem is not None:
            return Line(row.number, {}, (row.problem,), self.kind)
        cells = Cells(row)
        value = self.read(cells)
        said = {name: each for name, each in value.items() if each is not None}
        return Line(row.number, said, tuple(cells.problems.found), self.kind)


def _texts(cells: Cells, *columns: str) -> dict[str, str | None]:
    found = {each: cells.text(each) for each in columns}
    return {each: text_of(text) if text is not None else None for each, text in found.items()}


def _customer(cells: Cells) -> dict[str, Any]:
    address = _texts(cells, *_ADDRESS)
    return {
        **_texts(
            cells, "externalId", "name", "email", "currency", "timezone", "taxId", "taxExempt", "locale",
            "poNumber", "deletedAt",
        ),
        "id": cells.required("id"),
        "address": address if any(address.values()) else None,
        "netTermsDays": cells.integer("netTermsDays"),
        "metadata": cells.json("metadata"),
        "customFields": cells.json("customFields"),
    }  # fmt: skip


def _plan(cells: Cells) -> dict[str, Any]:
    texts = _texts(cells, "name", "currency", "interval", "taxBehavior", "prorationUnit", "pauseBilling")
    return {
        **texts,
        "id": cells.required("id"),
        "version": cells.integer("version"),
        "intervalCount": cells.integer("intervalCount"),
        "trialDays": cells.integer("trialDays"),
        "components": cells.json("components"),
    }


def _subscription(cells: Cells) -> dict[str, Any]:
    period = {name: cells.time(column, required=True) for name, column in zip(("start", "end"), _PERIOD, strict=True)}
    return {
        **_texts(cells, "externalId", "state", "pausedBy", "currency"),
        **{name: cells.required(name) for name in ("id", "customerId", "planId")},
        **{name: cells.time(name) for name in ("resumesAt", "createdAt", "billedUntil", "anchor")},
        "planVersion": cells.integer("planVersion"),
        "itemQuantities": cells.json("quantities") or {},
        "quantity": cells.integer("quantity"),
        "currentPeriod": period,
        "cancelAtPeriodEnd": cells.boolean("cancelAtPeriodEnd"),
        "discount": cells.json("discount"),
        "currentPeriodDiscount": cells.json("currentPeriodDiscount"),
        "pendingLineCount": cells.integer("pendingLineCount"),
        "unpaidInvoiceIds": cells.json("unpaidInvoiceIds"),
        "metadata": cells.json("metadata"),
        "monthlyAmount": cells.decimal("monthlyAmount"),
    }


TABLES: Mapping[str, Table] = {
    "customers": Table(Kind.CUSTOMER, ("id", "name"), _customer),
    "plans": Table(Kind.PLAN, ("id", "version", "name", "currency", "interval", "components"), _plan),
    "subscriptions": Table(Kind.SUBSCRIPTION, ("id", "customerId", "planId", *_PERIOD), _subscription),
}
