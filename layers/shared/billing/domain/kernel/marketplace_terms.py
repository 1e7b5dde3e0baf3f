"""On what terms a marketplace sells for providers: a tenant's settings, frozen on each order made under them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Party(StrEnum):
    """Who pays for a coupon, bears Stripe's fees, or owes a sale's tax: the marketplace, or the provider who sells."""

    MARKETPLACE = "marketplace"
    PROVIDER = "provider"


class CommissionBase(StrEnum):
    """What a commission is a part of: the price without tax, or with it."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class MarketplaceTerms:
    """A marketplace's settings.

    Args:
        refund_window_s: so long after an order is paid it can be refunded here.
        release_after_s: so long after it is paid its earnings can be paid out; None for the refund window.
        fees_borne_by: who bears Stripe's fee of an order's charge; that of a dispute is the marketplace's.
        tax_collector: who owes the tax of what providers sell, unless an item says otherwise.
        coupons_funded_by: who pays for a coupon that does not say it.
        commission_base: of what a commission is taken; a discount that the provider pays for is off it either way.
        commission_tax_percent: the tax on the commission itself, 0 to 100.
        refund_fee_percent: how much of its commission the marketplace keeps of a refund, 0 to 100 ...
        refund_fee_most: ... but no more than this of an item, in micro-units of the order's currency; None for any.
        reserve_percent: how much of an earning is held back for longer, 0 to 100 ...
        reserve_days: ... and for how many days more.
        region_currencies: by region (ISO 3166-1 country, upper case), the currencies that may be charged there; what is
            not listed may be charged in any. Heeded where COMMERCE_STRICT_CURRENCY_REGION is set.
    """

    refund_window_s: int = 14 * 86_400
    release_after_s: int | None = None
    fees_borne_by: Party = Party.MARKETPLACE
    tax_collector: Party = Party.MARKETPLACE
    coupons_funded_by: Party = Party.MARKETPLACE
    commission_base: CommissionBase = CommissionBase.NET
    commission_tax_percent: Decimal = Decimal(0)
    refund_fee_percent: Decimal = Decimal(0)
    refund_fee_most: int | None = None
    reserve_percent: Decimal = Decimal(0)
    reserve_days: int = 0
    region_currencies: dict[str, tuple[str, ...]] | None = None

    @property
    def held_for_s(self) -> int:
        """How long after its payment an order's earnings are pending at the least."""
        return self.refund_window_s if self.release_after_s is None else self.release_after_s


DEFAULT_TERMS = MarketplaceTerms()
