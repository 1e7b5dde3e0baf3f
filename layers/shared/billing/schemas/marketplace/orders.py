"""Orders in the API. Amounts are integers in micro-units."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR, Money
from billing.domain.marketplace.order import MOST_ITEMS, MOST_PROVIDERS, Order, OrderItem
from billing.domain.marketplace.pricing import WantedItem
from billing.schemas.base import (
    Amount,
    Country,
    Currency,
    Id,
    Metadata,
    Name,
    PositiveAmount,
    Request,
    Resource,
    ShortText,
    Time,
    not_null,
    unsaid,
)
from billing.schemas.payments.payment import IntentOut
from billing.services.marketplace.order_refunds import Returned, WantedReturn
from billing.services.marketplace.orders import NewOrder
from billing.services.payments.one_time import Made

Sku = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^item_[1-9][0-9]{0,2}$")]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
PartyIn = Literal["marketplace", "provider"]
CommissionBps = Annotated[int, Field(ge=0, le=10_000, description="hundredths of a percent of the item's price")]


class OrderItemIn(Request):
    sku: Sku
    description: Name
    provider_tenant_id: Annotated[
        Id | None, Field(description="who sells it; the marketplace itself where it is not said, or is its own")
    ] = None
    quantity: Quantity = 1
    unit_amount: Amount
    commission_bps: CommissionBps = 0
    tax_code: Annotated[Name | None, Field(description="the tax provider's code of what is sold")] = None
    tax_collector: Annotated[
        PartyIn | None, Field(description="who owes its tax; the marketplace's setting where not said")
    ] = None

    def bad(self, place: str, currency: str) -> list[Detail]:
        """What cannot be sold in the order's currency; ``place`` is the item's own path."""
        found = []
        if self.unit_amount % (charge_step(currency) * MICROS_PER_MINOR):
            found.append(Detail(f"{place}.unitAmount", "not_chargeable_in_currency"))
        if self.unit_amount * self.quantity > LARGEST_AMOUNT:
            found.append(Detail(f"{place}.quantity", "too_large"))
        return found

    def item(self, currency: str) -> WantedItem:
        """The item that is asked for."""
        return WantedItem(
            sku=self.sku,
            description=self.description,
            provider_id=self.provider_tenant_id,
            quantity=self.quantity,
            unit_amount=Money(self.unit_amount, currency),
            commission_bps=self.commission_bps,
            tax_collector=Party(self.tax_collector) if self.tax_collector else None,
            tax_code=self.tax_code,
        )


class OrderIn(Request):
    customer_id: Annotated[Id | None, Field(description="the buyer; the tenant's own customer where not said")] = None
    currency: Currency
    region: Annotated[Country | None, Field(description="where it is sold; the buyer's country where not said")] = None
    coupon_code: Annotated[Name | None, Field(description="as a buyer typed it")] = None
    tax_behavior: Literal["inclusive", "exclusive"] = "exclusive"
    items: Annotated[list[OrderItemIn], Field(min_length=1, max_length=MOST_ITEMS)]
    metadata: Metadata = {}

    def new(self, marketplace_id: str) -> NewOrder:
        """The order that is asked for.

        Args:
            marketplace_id: the tenant who sells whatever names it, and is no provider of its own.

        Raises:
            ValidationFailed: items that cannot be sold in the currency, are too much together, or are of too many
                providers.
        """
        bad = [each for n, item in enumerate(self.items) for each in item.bad(f"items.{n}", self.currency)]
        if len({each.provider_tenant_id for each in self.items} - {None, marketplace_id}) > MOST_PROVIDERS:
            bad.append(Detail("items", "too_many_providers"))
        if not bad and sum(each.unit_amount * each.quantity for each in self.items) > LARGEST_AMOUNT:
            bad.append(Detail("items", "too_large"))
        if bad:
            raise ValidationFailed.all(bad)
        return NewOrder(
            currency=self.currency,
            items=tuple(each.item(self.currency) for each in self.items),
            customer_id=self.customer_id,
            region=self.region,
            tax_inclusive=self.tax_behavior == "inclusive",
            coupon_code=self.coupon_code,
            metadata=dict(self.metadata),
        )


class OrderPayIn(Request):
    payment_method_id: Annotated[
        Id | None, Field(description="charged at once; without it the payer chooses in a form")
    ] = None
    save_payment_method: Annotated[bool, Field(description="keep what the payer pays by, to charge it later")] = False


class ReturnItemIn(Request):
    """``quantity``, or ``amount``."""

    item_id: ItemId
    quantity: Annotated[Quantity | None, not_null(Quantity)] = unsaid()
    amount: Annotated[PositiveAmount | None, not_null(PositiveAmount)] = unsaid()


class OrderRefundIn(Request):
    """``amount``, or ``items``; all that is left where neither is said."""

    amount: Annotated[PositiveAmount | None, not_null(PositiveAmount)] = unsaid()
    items: Annotated[
        Annotated[list[ReturnItemIn], Field(min_length=1, max_length=MOST_ITEMS)] | None, not_null(list)
    ] = unsaid()
    reason: ShortText | None = None

    def wanted(self) -> WantedReturn:
        """What is to be refunded.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        items = self.items or []
        bad = []
        if self.amount is not None and self.items is not None:
            bad.append(Detail("items", "not_with_amount"))
        seen: set[str] = set()
        for n, each in enumerate(items):
            if (each.quantity is None) == (each.amount is None):
                bad += [
                    Detail(f"items.{n}.{name}", "exactly_one_of_quantity_and_amount") for name in ("quantity", "amount")
                ]
            if each.item_id in seen:
                bad.append(Detail(f"items.{n}.itemId", "named_twice"))
            seen.add(each.item_id)
        if bad:
            raise ValidationFailed.all(bad)
        return WantedReturn(
            amount=self.amount,
            quantities={each.item_id: each.quantity for each in items if each.quantity is not None},
            amounts={each.item_id: each.amount for each in items if each.amount is not None},
            named=tuple(each.item_id for each in items),
            reason=self.reason,
        )


class OrderTaxOut(Resource):
    name: str
    rate_percent: str
    amount: int
    inclusive: bool


class OrderItemOut(Resource):
    """An item, and who gets what of it.

    What the buyer and the marketplace's coupon pay is the earning, the commission, the tax on that, and the tax owed.
    """

    id: str
    sku: str
    description: str
    provider_tenant_id: Annotated[str | None, Field(description="null where the marketplace sells it itself")]
    quantity: int
    unit_amount: int
    commission_bps: int
    tax_code: str | None
    tax_collector: str
    gross: int
    discount: int
    discount_by_marketplace: Annotated[int, Field(description="the part of the discount that the marketplace pays for")]
    net: Annotated[int, Field(description="what the buyer pays, without tax")]
    tax: int
    taxes: list[OrderTaxOut]
    total: Annotated[int, Field(description="what the buyer pays")]
    commission: int
    commission_tax: int
    earning: Annotated[int, Field(description="the provider's; the marketplace's own of what it sells itself")]
    amount_refunded: int
    earning_returned: int
    commission_returned: int
    quantity_refunded: int

    @classmethod
    def of(cls, item: OrderItem) -> "OrderItemOut":
        parts = item.split
        return cls(
            id=item.id,
            sku=item.sku,
            description=item.description,
            provider_tenant_id=item.provider_id,
            quantity=item.quantity,
            unit_amount=item.unit_amount.micros,
            commission_bps=item.commission_bps,
            tax_code=item.tax_code,
            tax_collector=item.tax_collector.value,
            gross=item.gross.micros,
            discount=item.discount.micros,
            discount_by_marketplace=parts.promotion.micros,
            net=parts.net.micros,
            tax=parts.tax.micros,
            taxes=[
                OrderTaxOut(
                    name=each.name,
                    rate_percent=format(each.rate_percent.normalize(), "f"),
                    amount=each.amount.micros,
                    inclusive=each.inclusive,
                )
                for each in item.taxes
            ],
            total=parts.paid.micros,
            commission=parts.commission.micros,
            commission_tax=parts.commission_tax.micros,
            earning=parts.earning.micros,
            amount_refunded=item.returned.paid.micros,
            earning_returned=item.returned.earning.micros,
            commission_returned=item.returned.commission.micros,
            quantity_refunded=item.returned_quantity,
        )


class OrderOut(Resource):
    id: str
    customer_id: str
    status: str
    currency: str
    region: str | None
    tax_behavior: str
    coupon_code: str | None
    items: list[OrderItemOut]
    subtotal: Annotated[int, Field(description="before discounts")]
    discount: int
    tax: int
    total: int
    amount_refunded: Annotated[int, Field(description="given back, or held or taken by disputes")]
    tax_notes: list[str]
    payment_id: Annotated[str | None, Field(description="the present attempt to pay it, or the one that paid it")]
    disputed: Annotated[bool, Field(description="a dispute of its payment is open; that leaves the status as it is")]
    amount_lost: Annotated[int, Field(description="what disputes that were lost took")]
    refund_deadline_at: Annotated[Time | None, Field(description="from then on it cannot be refunded")]
    expires_at: Annotated[Time, Field(description="so long it can be paid")]
    paid_at: Time | None
    closed_at: Annotated[Time | None, Field(description="when it expired or was canceled")]
    metadata: dict[str, str]
    created_at: Time
    version: int

    @classmethod
    def of(cls, order: Order) -> Self:
        return cls(**_fields(order))


class OrderPaymentOut(IntentOut):
    """Where the payment of an order stands, and what its payer's form needs to go on."""


class OrderPaidOut(OrderOut):
    payment: OrderPaymentOut

    @classmethod
    def of_payment(cls, order: Order, made: Made) -> "OrderPaidOut":
        payment = IntentOut.of(made.payment, made.client_secret)
        return cls(**_fields(order), payment=OrderPaymentOut(**payment.model_dump()))


class ReturnedItemOut(Resource):
    item_id: str
    quantity: int | None
    amount: int
    earning: Annotated[int, Field(description="what its provider gives back")]
    commission: Annotated[int, Field(description="what the marketplace gives back of its commission")]


class OrderRefundOut(Resource):
    id: Annotated[str, Field(description="the refund's, where there is anything to send back")]
    order_id: str
    order_status: str
    payment_id: Annotated[str | None, Field(description="null where the buyer had paid nothing")]
    amount: int
    currency: str
    status: str
    reason: str | None
    failure_reason: str | None
    items: list[ReturnedItemOut]
    created_at: Time
    version: int

    @classmethod
    def of(cls, returned: Returned) -> "OrderRefundOut":
        order, back, refund = returned.order, returned.back, returned.refund
        return cls(
            id=back.id,
            order_id=order.id,
            order_status=order.status.value,
            payment_id=refund.payment_id if refund else None,
            amount=refund.amount.micros if refund else 0,
            currency=order.currency,
            status=refund.status.value if refund else "succeeded",
            reason=refund.reason if refund else None,
            failure_reason=refund.failure_reason if refund else None,
            items=[
                ReturnedItemOut(
                    item_id=item_id,
                    quantity=back.quantities.get(item_id),
                    amount=part.paid.micros,
                    earning=part.earning.micros,
                    commission=part.commission.micros,
                )
                for item_id, part in back.parts.items()
            ],
            created_at=back.created_at,
            version=refund.version if refund else back.version,
        )


def _fields(order: Order) -> dict[str, Any]:
    items = [OrderItemOut.of(each) for each in order.items]
    return {
        "id": order.id,
        "customer_id": order.customer_id,
        "status": order.status.value,
        "currency": order.currency,
        "region": order.region,
        "tax_behavior": "inclusive" if order.tax_inclusive else "exclusive",
        "coupon_code": order.coupon_code,
        "items": items,
        "subtotal": sum(each.gross for each in items),
        "discount": sum(each.discount for each in items),
        "tax": sum(each.tax for each in items),
        "total": order.total.micros,
        "amount_refunded": order.returned.micros,
        "tax_notes": list(order.tax_notes),
        "payment_id": order.payment_id,
        "disputed": bool(order.disputes),
        "amount_lost": sum(each.micros for each in order.lost.values()),
        "refund_deadline_at": order.refund_deadline_at,
        "expires_at": order.expires_at,
        "paid_at": order.paid_at,
        "closed_at": order.closed_at,
        "metadata": order.metadata,
        "created_at": order.created_at,
        "version": order.version,
    }
