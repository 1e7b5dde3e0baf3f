"""What an order costs: its items, less a coupon, with tax, split among those who get the money. Worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.domain.catalog.coupon import Discount
from billing.domain.kernel.errors import CommissionTooHigh, CouponInvalid, Detail
from billing.domain.kernel.marketplace_terms import MarketplaceTerms, Party
from billing.domain.kernel.money import Money
from billing.domain.lines.line import DiscountAmount, InvoiceLine
from billing.domain.marketplace.order import OrderItem
from billing.domain.marketplace.split import Split, split


@dataclass(frozen=True, slots=True)
class WantedItem:
    """An item as the buyer's order names it; the fields are those of ``OrderItem``.

    Args:
        tax_collector: None for whoever the marketplace's settings say.
    """

    sku: str
    description: str
    provider_id: str | None
    quantity: int
    unit_amount: Money
    commission_bps: int = 0
    tax_collector: Party | None = None
    tax_code: str | None = None


def lines(
    items: Sequence[WantedItem], discount: Discount | None, marketplace_id: str, tax_inclusive: bool
) -> tuple[InvoiceLine, ...]:
    """The items as lines to be taxed, each with its part of the discount.

    A discount holds for the items in its scope and leaves the others untouched; an amount is split over those by the
    largest remainder.

    Raises:
        CouponInvalid: it holds for none of them.
    """
    priced = tuple(
        InvoiceLine(
            item_id(number),
            each.description,
            None,
            Decimal(each.quantity),
            each.unit_amount.micros,
            Money(each.unit_amount.micros * each.quantity, each.unit_amount.currency),
            None,
            tax_inclusive=tax_inclusive,
            tax_code=each.tax_code,
        )
        for number, each in enumerate(items)
    )
    if discount is None:
        return priced
    scope = [discount.holds_for_item(each.provider_id or marketplace_id, each.sku) for each in items]
    if not any(scope):
        raise CouponInvalid(f"The coupon {discount.code} is for none of the items")
    shares = iter(discount.shares([line.amount for line, holds in zip(priced, scope, strict=True) if holds]))
    return tuple(
        _discounted(line, discount, next(shares)) if holds else line for line, holds in zip(priced, scope, strict=True)
    )


def item_id(number: int) -> str:
    """The id of an order's item, within the order, by its place, from 0."""
    return f"item_{number + 1}"


def sold_items(
    items: Sequence[WantedItem], taxed: Sequence[InvoiceLine], discount: Discount | None, terms: MarketplaceTerms
) -> tuple[OrderItem, ...]:
    """The order's items, each with its split.

    Args:
        taxed: ``lines`` of the same items, with their taxes.

    Raises:
        CommissionTooHigh: a commission is more than its item brings.
    """
    funder = (discount.funded_by if discount is not None else None) or terms.coupons_funded_by
    found: list[OrderItem] = []
    bad: list[Detail] = []
    for number, (each, line) in enumerate(zip(items, taxed, strict=True)):
        collector = each.tax_collector or terms.tax_collector
        # A discount on its own goods is less revenue, and nobody's expense.
        promotes = funder is Party.MARKETPLACE and each.provider_id is not None
        zero = Money.zero(line.amount.currency)
        promotion = line.discount if promotes else zero
        try:
            parts = split(
                line.net + line.tax,
                promotion,
                line.tax,
                each.commission_bps,
                terms,
                collector,
                first_party=each.provider_id is None,
            )
        except ValueError:
            bad.append(Detail(f"items.{number}.commissionBps", "more_than_the_item_brings"))
            continue
        found.append(_item(number, each, line, parts, collector))
    if bad:
        raise CommissionTooHigh("A commission is more than its item brings", tuple(bad))
    return tuple(found)


def _item(number: int, wanted: WantedItem, line: InvoiceLine, parts: Split, collector: Party) -> OrderItem:
    return OrderItem(
        id=item_id(number),
        sku=wanted.sku,
        description=wanted.description,
        provider_id=wanted.provider_id,
        quantity=wanted.quantity,
        unit_amount=wanted.unit_amount,
        commission_bps=wanted.commission_bps if wanted.provider_id is not None else 0,
        gross=line.amount,
        discount=line.discount,
        split=parts,
        returned=Split.nothing(line.amount.currency),
        tax_collector=collector,
        tax_code=wanted.tax_code,
        taxes=line.taxes,
        untaxed=line.untaxed,
    )


def _discounted(line: InvoiceLine, discount: Discount, amount: Money) -> InvoiceLine:
    return line if amount.is_zero else replace(line, discounts=(DiscountAmount.of(discount, amount),))
