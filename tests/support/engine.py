"""Plans, subscriptions and lines for tests of the billing engine's pure domain."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.customers.customer import Customer
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import DiscountApplies, ProrationBehavior, Step, Wanted
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.tenant import Mode, Tenant, TenantStatus, Tier

BORN = datetime(2020, 1, 1, tzinfo=UTC)
TENANT = Tenant(
    id="ten_1",
    name="Acme",
    tier=Tier.STANDARD,
    mode=Mode.TEST,
    status=TenantStatus.ACTIVE,
    currency="USD",
    timezone="UTC",
    invoice_prefix="ACME",
    data_key="k",
    created_at=BORN,
)
CUSTOMER = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", BORN, email="ada@example.com")


def on(text: str) -> datetime:
    """An instant in UTC: ``on("2025-06-16")``, ``on("2025-06-16T14:30")``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def flat(minor: int, key: str = "base") -> Component:
    return Component(key, ComponentType.FLAT, unit_amount=minor * 1000)


def seats(minor: int, key: str = "seats") -> Component:
    return Component(key, ComponentType.LICENSED, PricingModel.PER_UNIT, unit_amount=minor * 1000)


def metered(minor: int, key: str = "calls", **more: Any) -> Component:
    return Component(key, ComponentType.METERED, PricingModel.PER_UNIT, unit_amount=minor * 1000, meter=key, **more)


def plan(*components: Component, name: str = "Basic", **settings: Any) -> Plan:
    """A monthly plan in USD, unless the settings say something else."""
    values: dict[str, Any] = {"currency": "USD", "interval": Interval.MONTH, "interval_count": 1} | settings
    return Plan(
        id=name.casefold(),
        tenant_id="ten_1",
        plan_version=values.pop("plan_version", 1),
        name=name,
        components=components,
        created_at=BORN,
        **values,
    )


def percent(off: int, periods: int | None = None, name: str = "SALE") -> Discount:
    return Discount(name, name, Decimal(off), None, periods, BORN)


def amount(minor: int, periods: int | None = None, currency: str = "USD", name: str = "GIFT") -> Discount:
    return Discount(name, name, None, Money.from_minor(minor, currency), periods, BORN)


def started(
    sold: Plan,
    at: datetime,
    quantities: dict[str, int] | None = None,
    trial_days: int = 0,
    timezone: str = "UTC",
    discount: Discount | None = None,
    **more: Any,
) -> Subscription:
    """A new subscription, not billed yet."""
    customer = replace(CUSTOMER, currency=sold.currency, timezone=timezone)
    made = lifecycle.start("sub_1", customer, sold, at, Start(quantities or {}, trial_days, **more))
    return replace(made, discount=discount)


def begun(sold: Plan, at: datetime, quantities: dict[str, int] | None = None, **more: Any) -> Step:
    """The first billed period of a subscription whose first invoice has been paid."""
    step = changes.first_period(started(sold, at, quantities, **more), sold)
    return replace(step, subscription=replace(step.subscription, state=SubscriptionState.ACTIVE))


def running(sold: Plan, at: datetime, quantities: dict[str, int] | None = None, **more: Any) -> Subscription:
    """An active subscription in its first period."""
    return begun(sold, at, quantities, **more).subscription


def changed(
    before: Subscription,
    present: Plan,
    at: datetime,
    to: Plan | None = None,
    quantities: dict[str, int] | None = None,
    behavior: ProrationBehavior = ProrationBehavior.CREATE_PRORATIONS,
    proration_at: datetime | None = None,
    applies: DiscountApplies | None = None,
    **more: Discount | None,
) -> Step:
    """A change; the discount stays as it is unless ``discount`` is given."""
    wanted = Wanted(
        to or present,
        before.quantities if quantities is None else quantities,
        more.get("discount", before.discount),
        behavior,
        proration_at,
        "discount" in more,
        applies,
    )
    return changes.change(before, present, wanted, at)


def nets(lines: Iterable[InvoiceLine]) -> list[int]:
    """What lines come to after their discounts, in minor units."""
    return [line.taxable.minor for line in lines]


def amounts(lines: Iterable[InvoiceLine]) -> list[int]:
    """What lines come to before their discounts, in minor units."""
    return [line.amount.minor for line in lines]
