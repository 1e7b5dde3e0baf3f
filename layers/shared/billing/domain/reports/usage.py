"""The usage report: what invoices bill of usage, by subscription, period of use, meter and dimensions.

It is made of the lines of invoices, by the time at which they were posted, and so it is what was billed, whatever a
meter shows since. What came late, after its period was billed, is in the month in which it is billed, under the period
in which it was used; a correction is negative; a void invoice takes its lines out again on its own date.

    March 1,000 calls on 1 April, 20 more of March on 1 May  ->  April: March 1,000; May: March 20, all of it late
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine
from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Cell, Column, Kind, summed
from billing.domain.usage.billing import LATE_USAGE
from billing.domain.usage.event import UsageSpan

Key = tuple[str | None, ...]
"""Customer, subscription, period, meter, component, dimensions, currency."""


@dataclass(slots=True)
class Billed:
    """What was billed of usage in one row: quantities, and micro-units."""

    quantity: Decimal = Decimal(0)
    amount: int = 0
    discounts: int = 0
    net: int = 0
    late_quantity: Decimal = Decimal(0)
    late_net: int = 0

    def add(self, line: InvoiceLine, sign: int) -> None:
        """Add a line, or with ``sign`` -1 take it out again."""
        quantity = (line.quantity or Decimal(0)) * sign
        self.quantity += quantity
        self.amount += line.amount.micros * sign
        self.discounts += line.discount.micros * sign
        self.net += line.net.micros * sign
        if _is_late(line):
            self.late_quantity += quantity
            self.late_net += line.net.micros * sign


def _is_late(line: InvoiceLine) -> bool:
    """Whether a line bills usage after its period was billed; older lines say so in their description alone."""
    if line.usage is not None and line.usage.late is not None:
        return line.usage.late
    return LATE_USAGE in line.description


class UsageFold:
    """Adds up lines that bill usage: a fold (see ``domain.reports.fold``)."""

    name = "usage"
    version = 1
    with_documents = True

    def empty(self) -> dict[Key, Billed]:
        """Nothing was billed."""
        return {}

    def add(self, state: dict[Key, Billed], record: Posted) -> None:
        """Add the lines of an invoice that was finalized, or take those of one that is void out again."""
        sign = {"invoice_finalized": 1, "invoice_voided": -1}.get(record.entry.kind)
        if sign is None or not isinstance(record.document, Invoice):
            return
        for line in record.document.lines:
            if line.usage is not None:
                state.setdefault(_key(record.document, line), Billed()).add(line, sign)

    def dump(self, state: dict[Key, Billed]) -> Any:
        """As JSON."""
        return [
            [
                list(key),
                str(each.quantity),
                each.amount,
                each.discounts,
                each.net,
                str(each.late_quantity),
                each.late_net,
            ]
            for key, each in state.items()
        ]

    def read(self, dumped: Any) -> dict[Key, Billed]:
        """From JSON."""
        return {
            tuple(key): Billed(Decimal(quantity), amount, discounts, net, Decimal(late), late_net)
            for key, quantity, amount, discounts, net, late, late_net in dumped
        }


def _key(invoice: Invoice, line: InvoiceLine) -> Key:
    assert line.usage is not None
    subscription_id, _, span = line.usage.period_id.partition("#")
    dimensions = ", ".join(f"{name}={value}" for name, value in line.dimensions.items()) or None
    meter, component = line.usage.meter, line.component
    return invoice.customer_id, subscription_id, span, meter, component, dimensions, invoice.currency


@dataclass(frozen=True, slots=True)
class RejectedUsage:
    """How many events of a subscription and meter were accepted and could not be counted.

    Args:
        customer_id: None where there is no such subscription.
    """

    customer_id: str | None
    subscription_id: str
    meter: str
    events: int


COLUMNS = (
    Column("customerId", Kind.TEXT),
    Column("subscriptionId", Kind.TEXT),
    Column("periodStart", Kind.TIME, "The period in which it was used"),
    Column("periodEnd", Kind.TIME),
    Column("meter", Kind.TEXT, "Empty on lines from before it was recorded: the component says which"),
    Column("component", Kind.TEXT, "The plan's"),
    Column("dimensions", Kind.TEXT, "By which the component groups it: region=eu"),
    Column("currency", Kind.TEXT),
    Column("billedQuantity", Kind.DECIMAL, "On the lines, also where its price is zero; corrections are negative"),
    summed("amount", Kind.AMOUNT, "On the lines, before discounts"),
    summed("discounts", Kind.AMOUNT),
    summed("net", Kind.AMOUNT, "Before tax"),
    Column("lateQuantity", Kind.DECIMAL, "The part of the quantity that was billed after its period was"),
    summed("lateNet", Kind.AMOUNT, "The part of the net that was"),
    Column("rejectedEvents", Kind.INTEGER, "Events that were accepted in these days and could not be counted"),
)


def billed_rows(billed: Mapping[Key, Billed]) -> Iterator[tuple[tuple[str | int, ...], tuple[Cell, ...]]]:
    """The rows with their keys: by customer, subscription and period."""
    for key, each in sorted(billed.items(), key=lambda each: tuple(cell or "" for cell in each[0])):
        yield (0, *(cell or "" for cell in key)), _row(key, each)


def rejected_rows(
    rejected: Iterable[RejectedUsage],
) -> Iterator[tuple[tuple[str | int, ...], tuple[Cell, ...]]]:
    """And then what was rejected, which is of no period."""
    nothing = (None,) * 6
    for each in rejected:
        row = (each.customer_id, each.subscription_id, None, None, each.meter, None, None, None, *nothing, each.events)
        yield (1, each.subscription_id, each.meter), row


def _row(key: Key, billed: Billed) -> tuple[Cell, ...]:
    customer_id, subscription_id, span, meter, component, dimensions, currency = key
    period = UsageSpan.of_key(str(span)).period
    amount, discounts, net, late_net = (
        Money(each, str(currency)) for each in (billed.amount, billed.discounts, billed.net, billed.late_net)
    )
    return (
        customer_id, subscription_id, period.start, period.end, meter, component, dimensions, currency,
        billed.quantity, amount, discounts, net, billed.late_quantity, late_net, 0,
    )  # fmt: skip
