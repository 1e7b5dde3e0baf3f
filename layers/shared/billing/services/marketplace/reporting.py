"""What a marketplace's providers sold in a year's quarters: the data of DAC7 and 1099-K reports.

It is added up from the marketplace's own orders, by when each was paid, in the marketplace's time zone. A sale stays in
its quarter: what is given back of it later is beside it there, as 1099-K asks for sales before refunds, and DAC7 for
what providers were credited in the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.domain.kernel.money import Money
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.split import Split
from billing.domain.tenant import SETTINGS_ID, Tenant
from billing.services.kernel.work import Query, Ref, Work

_MOST_QUERIES = 30
"""So many pages of orders are read for a page of the report: 3,000 orders of its time, or 60,000 newer ones. The rows
of a report's pages are added up."""
_PAID_WITHIN = timedelta(days=30)
"""A bank transfer takes days: how long before it was paid an order may have been made."""
_READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Sold:
    """What one provider sold in one quarter, in one currency.

    Args:
        sales: orders that have something of it.
        quantity: how many things.
        split: as it was sold: what buyers and the marketplace's coupons paid, taxes, commission, earnings.
        returned: what was given back of that, until now.
        fees: what the provider bears of the processor's fees.
    """

    provider_id: str
    quarter: int
    currency: str
    sales: int
    quantity: int
    split: Split
    returned: Split
    fees: Money

    @property
    def gross(self) -> Money:
        """What was paid for it, by buyers and by the marketplace's coupons, with tax; nothing taken off (1099-K)."""
        return self.split.paid + self.split.promotion

    @property
    def consideration(self) -> Money:
        """What the provider was credited: less commission, its tax, fees, and the tax that the marketplace owes; less
        what was given back (DAC7)."""
        return self.split.earning - self.returned.earning - self.fees


@dataclass(frozen=True, slots=True)
class ReportedProvider:
    """A row of the report, with who the provider is now."""

    sold: Sold
    tenant: Tenant | None


@dataclass(frozen=True, slots=True)
class Report:
    """A page of the report.

    Args:
        next_cursor: where the next page goes on; rows of several pages are to be added up. None: this is all of it.
    """

    rows: tuple[ReportedProvider, ...]
    next_cursor: str | None


def report(work: Work, year: int, quarter: int | None, cursor: str | None = None) -> Report:
    """What the caller's providers sold in a year, or in one of its quarters.

    Args:
        quarter: 1 to 4; None for all four, each in rows of its own.
        cursor: ``Report.next_cursor`` of the page before.

    Raises:
        ValidationFailed: the cursor is of another report.
    """
    zone = ZoneInfo(work.tenant.timezone)
    first, last = (quarter, quarter) if quarter is not None else (1, 4)
    begin, end = _begin(year, first, zone), _begin(year, last + 1, zone)
    wanted = Query(Order, created_from=begin - _PAID_WITHIN, created_to=end, limit=_READ_AT_ONCE, start=cursor)
    rows: dict[tuple[str, int, str], Sold] = {}
    for _ in range(_MOST_QUERIES):
        page = work.query(wanted)
        for order in page.items:
            if order.paid_at is not None and begin <= order.paid_at < end:
                _count(rows, order, (order.paid_at.astimezone(zone).month + 2) // 3)
        wanted = replace(wanted, start=page.next_cursor)
        if page.next_cursor is None:
            break
    return Report(tuple(_named(work, rows.values())), wanted.start)


def _count(rows: dict[tuple[str, int, str], Sold], order: Order, quarter: int) -> None:
    nothing, zero = Split.nothing(order.currency), Money.zero(order.currency)
    for provider_id in order.provider_ids:
        key = provider_id, quarter, order.currency
        before = rows.get(key) or Sold(*key, 0, 0, nothing, nothing, zero)
        own = [each for each in order.items if each.provider_id == provider_id]
        rows[key] = replace(
            before,
            sales=before.sales + 1,
            quantity=before.quantity + sum(each.quantity for each in own),
            split=before.split + order.of_provider(provider_id),
            returned=before.returned + sum((each.returned for each in own), nothing),
            fees=before.fees + order.fees.get(provider_id, zero),
        )


def _named(work: Work, rows: Iterable[Sold]) -> Iterable[ReportedProvider]:
    sold = sorted(rows, key=lambda each: (each.provider_id, each.quarter, each.currency))
    refs = {each: Ref(Tenant, each, SETTINGS_ID) for each in dict.fromkeys(row.provider_id for row in sold)}
    found = work.load(*refs.values()) if refs else None
    return [ReportedProvider(row, found.get(refs[row.provider_id]) if found else None) for row in sold]


def _begin(year: int, quarter: int, zone: ZoneInfo) -> datetime:
    """The first instant of a quarter; of the fifth one, of the next year."""
    year, quarter = (year + 1, 1) if quarter == 5 else (year, quarter)
    return datetime(year, 3 * quarter - 2, 1, tzinfo=zone).astimezone(UTC)
