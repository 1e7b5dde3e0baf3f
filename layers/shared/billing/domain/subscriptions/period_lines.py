"""The lines for a subscription's time: billed in advance, and given back. ``domain.usage.billing`` bills usage."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan, TaxBehavior
from billing.domain.catalog.pricing import Component, ComponentType, PricedQuantity, price, price_steps
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.proration import portion, rest_of, share
from billing.domain.lines.line import DiscountAmount, InvoiceLine
from billing.domain.subscriptions.subscription import Subscription

_UNUSED, _REMAINING = "Unused time on ", "Remaining time on "


def in_advance(
    subscription: Subscription,
    plan: Plan,
    discount: Discount | None,
    span: Period,
    only: Collection[str] | None = None,
) -> tuple[InvoiceLine, ...]:
    """What a stretch of time costs: the share of the whole period's price, less the share of its discount.

    Of 30.00 a month with 10.00 off, the second half of June costs 15.00 less 5.00.

    Args:
        span: from an instant to the end of the cadence's period that contains it.
        only: the components that are wanted; None for all.
    """
    whole = subscription.cadence.priced(subscription.cadence.index_at(span.start))
    exact = None if span == whole else _share(subscription, plan, span, whole)
    priced = [
        (each, price(each, Decimal(subscription.quantities.get(each.key, 1)), plan.currency))
        for each in plan.components
        if each.type is not ComponentType.METERED
    ]
    off = _off(discount, [each.amount for _, each in priced])
    return tuple(
        _line(plan, component, each, discount, less, span, exact)
        for (component, each), less in zip(priced, off, strict=True)
        if only is None or component.key in only
    )


def given_back(
    subscription: Subscription, plan: Plan, at: datetime, only: Collection[str] | None = None
) -> tuple[InvoiceLine, ...]:
    """Credit lines for what was billed for the time from ``at`` on.

    Args:
        plan: the present one.
        only: the components that are wanted; None for all.
    """
    chosen = [line for line in subscription.billed if only is None or line.component in only]
    found = (_credit(subscription, plan, line, at) for line in chosen)
    return tuple(line for line in found if line is not None and not line.amount.is_zero)


def _credit(subscription: Subscription, plan: Plan, line: InvoiceLine, at: datetime) -> InvoiceLine | None:
    """75.00 after its discount, for June, given back from 16 June: -37.50, with half of the tax that was on it.

    A line that is on no invoice yet has no tax yet; its credit is taxed together with it.
    """
    assert line.period is not None
    rest = rest_of(line.period, at)
    if rest is None:
        return None
    exact = _share(subscription, plan, rest, line.period)
    amount = -portion(line.taxable, exact)
    return replace(
        line,
        id="",
        credits=line.id or None,
        of_line=line.of_line,
        taxes=tuple(-tax.of_share(exact) for tax in line.taxes),
        untaxed=tuple(-tax.of_share(exact) for tax in line.untaxed),
        description=_UNUSED + line.description.removeprefix(_REMAINING),
        unit_amount=None,
        amount=amount,
        period=rest,
        proration=True,
        discounts=(),
        steps=(),
    )


def _share(subscription: Subscription, plan: Plan, part: Period, whole: Period) -> Fraction:
    return share(subscription.counted_in(plan), subscription.cadence.timezone, part, whole)


def _off(discount: Discount | None, amounts: list[Money]) -> list[Money]:
    if discount is None:
        return [Money.zero(each.currency) for each in amounts]
    return discount.shares(amounts)


def _line(
    plan: Plan,
    component: Component,
    priced: PricedQuantity,
    discount: Discount | None,
    off: Money,
    span: Period,
    exact: Fraction | None,
) -> InvoiceLine:
    """A line for a span of time: the whole price, or its exact share where the span is not a whole period."""
    name = plan.name if component.type is ComponentType.FLAT else f"{plan.name}: {component.key}"
    amount, less = (priced.amount, off) if exact is None else (portion(priced.amount, exact), portion(off, exact))
    discounts = (DiscountAmount.of(discount, less),) if discount is not None and not less.is_zero else ()
    return InvoiceLine(
        id="",
        description=name if exact is None else _REMAINING + name,
        component=component.key,
        quantity=priced.quantity,
        unit_amount=priced.unit_amount if exact is None else None,
        amount=amount,
        period=span,
        proration=exact is not None,
        discounts=discounts,
        tax_inclusive=plan.tax_behavior is TaxBehavior.INCLUSIVE,
        steps=price_steps(component, priced.quantity, plan.currency) if exact is None else (),
        plan_id=plan.id,
    )
