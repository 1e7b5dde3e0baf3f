"""Who gets what of an item that is sold: worked out once, when the order is made, and never again from a rate.

    paid by the buyer + paid by the marketplace's coupon = earning + commission + tax on the commission + tax owed here

A commission is rounded half-up once for each item; the earning is the exact rest, never rounded on its own: 6.45 at
30 % is 1.94 of commission and 4.51, not 4.52.
"""

from dataclasses import dataclass, fields
from fractions import Fraction

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.marketplace_terms import CommissionBase, MarketplaceTerms, Party
from billing.domain.kernel.money import Money, exact_fraction


@dataclass(frozen=True, slots=True)
class Split:
    """An item's money (or what is given back of it), by who gets it; of one currency, no part below zero.

    Args:
        paid: by the buyer, with tax.
        promotion: by the marketplace, whose coupon it was.
        tax: within ``paid``, whoever owes it to an authority.
        tax_owed: the part of ``tax`` that the marketplace owes; zero where the provider collects it.
        commission: the marketplace's.
        commission_tax: the tax on its commission, which the marketplace owes.
        earning: the provider's; with the tax, where the provider collects it. Of first-party goods it is the
            marketplace's own revenue.
    """

    paid: Money
    promotion: Money
    tax: Money
    tax_owed: Money
    commission: Money
    commission_tax: Money
    earning: Money

    def __post_init__(self) -> None:
        given = self.paid + self.promotion
        got = self.earning + self.commission + self.commission_tax + self.tax_owed
        if given != got:
            raise ValueError(f"a split of {given} gives {got}")

    @classmethod
    def nothing(cls, currency: str) -> "Split":
        """A split of zero."""
        zero = Money.zero(currency)
        return cls(zero, zero, zero, zero, zero, zero, zero)

    @property
    def net(self) -> Money:
        """What the buyer paid, tax apart."""
        return self.paid - self.tax

    def __add__(self, other: "Split") -> "Split":
        return Split(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: "Split") -> "Split":
        return Split(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))

    def __neg__(self) -> "Split":
        return Split(*(-getattr(self, each.name) for each in fields(self)))


def split(
    paid: Money,
    promotion: Money,
    tax: Money,
    commission_bps: int,
    terms: MarketplaceTerms,
    tax_collector: Party,
    first_party: bool = False,
) -> Split:
    """The split of an item.

    87.12 at 16 %: commission 13.94, earning 73.18. With a coupon of 4.37 that the provider pays for, 82.75 are paid:
    13.24 and 69.51; where the marketplace pays for it, 13.94 and 73.18 as before, of which it pays 4.37.

    100.00 and 10.00 tax at 15 %: commission 15.00, earning 85.00, tax owed 10.00; where the provider collects the tax,
    its earning is 95.00.

    Args:
        paid: by the buyer, with tax, after every discount; not below zero.
        promotion: the discount that the marketplace pays for.
        tax: within ``paid``.
        commission_bps: hundredths of a percent, 0 to 10,000; ignored for first-party goods.
        first_party: the marketplace itself sells it.

    Raises:
        ValueError: commission and its tax are more than the item brings.
    """
    currency = paid.currency
    zero = Money.zero(currency)
    if first_party:
        return Split(paid, promotion, tax, tax, zero, zero, paid + promotion - tax)
    step = charge_step(currency)
    base = paid + promotion - (zero if terms.commission_base is CommissionBase.GROSS else tax)
    commission = Money.rounded(Fraction(base.micros * commission_bps, 10_000), currency, step)
    percent = exact_fraction(terms.commission_tax_percent) / 100
    commission_tax = Money.rounded(commission.micros * percent, currency, step)
    tax_owed = tax if tax_collector is Party.MARKETPLACE else zero
    earning = paid + promotion - tax_owed - commission - commission_tax
    if earning.is_negative:
        raise ValueError(f"a commission of {commission} and its tax of {commission_tax} are more than {base}")
    return Split(paid, promotion, tax, tax_owed, commission, commission_tax, earning)
