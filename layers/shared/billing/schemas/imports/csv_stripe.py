"""CSV files that Stripe's dashboard exports, as objects of Stripe's API.

They say less than the API: no tiers, no terms of a coupon, no pause, no schedule, times to the minute. What would cost
somebody money is refused where a row shows it (a coupon, a fee, an end whose time it does not say).
Source: headers of exports as people keep them in public repositories; Stripe does not document them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.domain.imports.source import Kind
from billing.domain.kernel.currencies import is_currency, minor_digits
from billing.schemas.imports.csv_ours import Table
from billing.schemas.imports.csv_rows import Cells
from billing.schemas.imports.files import Line
from billing.schemas.imports.stripe_prices import at_stripe

_START, _END = "Current Period Start (UTC)", "Current Period End (UTC)"
_ADDRESS = {
    "line1": "Line1", "line2": "Line2", "city": "City", "postal_code": "Zip", "state": "State", "country": "Country",
}  # fmt: skip


def _customer(cells: Cells) -> dict[str, Any]:
    address = {name: cells.text(f"Address {column}") for name, column in _ADDRESS.items()}
    vat_id = cells.text("Business Vat ID")
    return {
        "object": "customer",
        "id": cells.text("id"),
        "name": cells.text("Name"),
        "email": cells.text("Email"),
        "description": cells.text("Description"),
        "currency": cells.text("Currency"),
        "balance": cells.decimal("Account Balance"),
        "address": address if any(address.values()) else None,
        "tax_ids": {"data": [{"value": vat_id}]} if vat_id else None,
        "metadata": cells.metadata(),
    }


def _price(cells: Cells) -> dict[str, Any]:
    currency = (cells.text("Currency") or "").upper()
    amount, interval = cells.decimal("Amount"), cells.text("Interval")
    product = {"id": cells.text("Product ID"), "name": cells.text("Product Name")}
    found: dict[str, Any] = {
        "object": "price",
        "id": cells.text("Price ID"),
        "currency": currency,
        "type": "recurring" if interval else "one_time",
        "billing_scheme": cells.text("Billing Scheme") or "per_unit",
        "tax_behavior": cells.text("Tax Behavior"),
        "product": product,
    }
    if interval:
        usage_type = cells.text("Usage Type") or "licensed"
        count = cells.integer("Interval Count")
        found["recurring"] = {"interval": interval, "interval_count": count or 1, "usage_type": usage_type}
    if amount is not None and is_currency(currency):
        found["unit_amount_decimal"] = at_stripe(amount * Decimal(10) ** minor_digits(currency), currency)
    return found


def _subscription(prices: Mapping[str, Any]) -> Callable[[Cells], dict[str, Any]]:
    def read(cells: Cells) -> dict[str, Any]:
        status = (cells.text("Status") or "").lower()
        start, end = cells.unix_time(_START), cells.unix_time(_END)
        trial_end = cells.unix_time("Trial End (UTC)")
        began = cells.unix_time("Start Date (UTC)") or cells.unix_time("Start (UTC)") or start
        item: dict[str, Any] = {
            "price": prices.get(cells.text("Plan") or ""),
            "quantity": cells.integer("Quantity"),
            "current_period_start": start,
            "current_period_end": end,
        }
        if item["price"] is None:
            cells.problems("Plan", "price_not_found", "Its price is not in the file of prices, or it has several")
        ends = cells.boolean("Cancel At Period End")
        if ends is None and cells.text("Canceled At (UTC)") and status in ("active", "trialing"):
            text = "It was canceled, and the file does not say for when: get it from Stripe's API"
            cells.problems("Canceled At (UTC)", "end_not_known", text)
        coupon = cells.text("Coupon")
        return {
            "object": "subscription",
            "id": cells.text("id"),
            "customer": cells.text("Customer ID"),
            "status": status,
            "items": {"data": [{name: value for name, value in item.items() if value is not None}]},
            "billing_cycle_anchor": trial_end if status == "trialing" else began,
            "trial_end": trial_end,
            "start_date": began,
            "cancel_at_period_end": bool(ends),
            "application_fee_percent": cells.decimal("Application Fee Percent"),
            "discounts": [coupon] if coupon else [],
            "metadata": cells.metadata(),
        }

    return read


_CUSTOMERS = Table(Kind.CUSTOMER, ("id",), _customer)
_PRICES = Table(Kind.PLAN, ("Price ID", "Amount", "Currency", "Interval", "Interval Count"), _price)
KINDS = ("customers", "prices", "subscriptions")


def stripe_lines(files: Sequence[tuple[str, bytes, str]]) -> Iterator[Line]:
    """The objects of Stripe's files; prices first, for subscriptions only name theirs.

    Args:
        files: what each has, its content and its delimiter.

    Raises:
        ValidationFailed: one of them cannot be read at all.
    """
    prices: dict[str, Any] = {}
    for name, content, delimiter in sorted(files, key=lambda each: KINDS.index(each[0])):
        if name == "customers":
            yield from _CUSTOMERS.lines(name, content, delimiter)
        elif name == "prices":
            for line in _PRICES.lines(name, content, delimiter):
                prices.setdefault(str(line.value.get("id")), line.value)
                yield line
        else:
            required = ("id", "Customer ID", "Plan", "Quantity", "Status", _START, _END)
            yield from Table(Kind.SUBSCRIPTION, required, _subscription(prices)).lines(name, content, delimiter)
