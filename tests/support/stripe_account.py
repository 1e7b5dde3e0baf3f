"""A synthetic account of Stripe Billing: objects in the shapes that Stripe's API publishes."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


def at(time: datetime) -> int:
    """A Unix time."""
    return int(time.timestamp())


def customer(source_id: str, **fields: Any) -> Json:
    return {
        "id": source_id, "object": "customer", "address": None, "balance": 0, "created": 1_700_000_000,
        "currency": "usd", "default_source": None, "delinquent": False, "description": None, "discount": None,
        "email": f"{source_id.removeprefix('cus_').lower()}@example.com", "invoice_prefix": "ABC",
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False, "metadata": {}, "name": f"Customer {source_id[-4:]}", "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    } | fields  # fmt: skip


def price(source_id: str, amount: int | None = 1000, interval: str = "month", count: int = 1, **fields: Any) -> Json:
    return {
        "id": source_id, "object": "price", "active": True, "billing_scheme": "per_unit", "created": 1_700_000_000,
        "currency": "usd", "custom_unit_amount": None, "livemode": False, "lookup_key": None, "metadata": {},
        "nickname": None, "product": "prod_1",
        "recurring": {"interval": interval, "interval_count": count, "meter": None, "usage_type": "licensed"},
        "tax_behavior": "unspecified", "tiers_mode": None, "transform_quantity": None, "type": "recurring",
        "unit_amount": amount, "unit_amount_decimal": None if amount is None else str(amount),
    } | fields  # fmt: skip


def item(of: Json, quantity: int = 1, start: datetime | None = None, end: datetime | None = None) -> Json:
    found = {
        "id": f"si_{of['id']}", "object": "subscription_item", "billing_thresholds": None, "created": 1_700_000_000,
        "discounts": [], "metadata": {}, "price": of, "quantity": quantity, "subscription": "sub", "tax_rates": [],
    }  # fmt: skip
    if start is not None and end is not None:
        found |= {"current_period_start": at(start), "current_period_end": at(end)}
    return found


def subscription(
    source_id: str, of: str, items: list[Json], start: datetime, end: datetime, *, anchor: datetime | None = None,
    **fields: Any,
) -> Json:  # fmt: skip
    """One whose running period is on its items, as since 2025-03-31."""
    for each in items:
        each.setdefault("current_period_start", at(start))
        each.setdefault("current_period_end", at(end))
    return {
        "id": source_id, "object": "subscription", "application": None, "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": at(anchor or start), "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": None, "type": "classic"}, "billing_schedules": [],
        "billing_thresholds": None, "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
        "cancellation_details": None, "collection_method": "charge_automatically", "created": 1_700_000_000,
        "currency": "usd", "customer": of, "customer_account": None, "days_until_due": None,
        "default_payment_method": None, "default_source": None, "default_tax_rates": [], "description": None,
        "discounts": [], "ended_at": None, "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {"data": items, "has_more": False, "object": "list", "url": "/v1/subscription_items"},
        "latest_invoice": None, "livemode": False, "metadata": {}, "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None, "pause_collection": None, "payment_settings": None,
        "pending_invoice_item_interval": None, "pending_setup_intent": None, "pending_update": None,
        "schedule": None, "start_date": 1_700_000_000, "status": "active", "test_clock": None,
        "transfer_data": None, "trial_end": None, "trial_settings": None, "trial_start": None,
    } | fields  # fmt: skip


def tiered(source_id: str) -> Json:
    """Five at 12.00, and the others at 9.00."""
    steps = [(5, 1200), (None, 900)]
    tiers = [
        {"flat_amount": None, "flat_amount_decimal": None, "unit_amount": each, "unit_amount_decimal": str(each),
         "up_to": up_to}
        for up_to, each in steps
    ]  # fmt: skip
    return price(source_id, None, billing_scheme="tiered", tiers_mode="graduated", tiers=tiers)


def account(now: datetime, subscriptions: int) -> list[Json]:
    """An account of so many customers with a subscription each: seats, tiers, yearly, and two prices together.

    Their periods end from an hour to a month after ``now``.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    seats, base = price("price_Seats", 500), price("price_Base", 4999)
    yearly = price("price_Year", 120_000, "year")
    steps = tiered("price_Tiers")
    product = {"id": "prod_1", "object": "product", "name": "Acme", "active": True}
    made: list[Json] = [product, seats, base, yearly, steps]
    for n in range(subscriptions):
        end = (now + timedelta(hours=2 + n % 600)).replace(minute=0, second=0)  # 12:59 + 2 h: 14:00, an hour left
        items: list[Json] = [
            [item(seats, 1 + n % 40)], [item(base), item(seats, 3)], [item(yearly)], [item(steps, 1 + n % 9)],
        ][n % 4]  # fmt: skip
        start = _before(end, 12 if n % 4 == 2 else 1)
        made.append(customer(f"cus_{n:05d}"))
        made.append(subscription(f"sub_{n:05d}", f"cus_{n:05d}", items, start, end, anchor=end))
    return made


def _before(end: datetime, months: int) -> datetime:
    """The same day and time some months earlier, or the month's last day."""
    year, month = divmod(end.year * 12 + end.month - 1 - months, 12)
    return end.replace(year=year, month=month + 1, day=min(end.day, monthrange(year, month + 1)[1]))
