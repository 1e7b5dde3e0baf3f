"""Invoice lines: what is billed, for which time, less which discount, plus which tax."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.pricing import PriceStep
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.proration import portion
from billing.domain.lines.tax_facts import TaxFacts


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax and its rate in percent: ``TaxRate("VAT", Decimal("20"))``."""

    name: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One tax on a line: ``rate_percent`` of its net, or of a part of it; or a tax that is not on it (``facts``).

    Args:
        inclusive: the tax is part of the line's amount already; else it comes on top.
        base: what of the line's net it is on, or is not on; None for all of it.
        facts: whose tax it is, and how the line was treated; None on lines from before this was recorded.
    """

    name: str
    rate_percent: Decimal
    amount: Money
    inclusive: bool = False
    base: Money | None = None
    facts: TaxFacts | None = None

    def __neg__(self) -> "TaxAmount":
        """The same tax given back."""
        return replace(self, amount=-self.amount, base=None if self.base is None else -self.base)

    def of_share(self, share: Fraction) -> "TaxAmount":
        """The tax on a share of its line, rounded."""
        base = None if self.base is None else portion(self.base, share)
        return replace(self, amount=portion(self.amount, share), base=base)

    def less(self, part: "TaxAmount") -> "TaxAmount":
        """What is left of it without the tax on a share of its line."""
        base = None if self.base is None or part.base is None else self.base - part.base
        return replace(self, amount=self.amount - part.amount, base=base)


@dataclass(frozen=True, slots=True)
class DiscountAmount:
    """What a coupon took off a line: positive for a charge.

    Args:
        code: as its maker wrote it; None on lines from before it was kept, which know the id alone.
        percent_off, amount_off: the coupon's terms, one of them.
    """

    coupon_id: str
    amount: Money
    code: str | None = None
    percent_off: Decimal | None = None
    amount_off: Money | None = None

    @classmethod
    def of(cls, discount: Discount, amount: Money) -> "DiscountAmount":
        """What a redeemed coupon took off, with the coupon's terms as they were then."""
        return cls(discount.coupon_id, amount, discount.code, discount.percent_off, discount.amount_off)

    @property
    def text(self) -> str:
        """The coupon for people: ``LAUNCH26, 25 % off``."""
        name = self.code or self.coupon_id
        if self.percent_off is not None:
            return f"{name}, {self.percent_off.normalize():f} % off"
        return name if self.amount_off is None else f"{name}, {self.amount_off} off"


@dataclass(frozen=True, slots=True)
class CreditStep:
    """What came back of an invoice, with tax: off one line, or the same share of all (no ``line_id``).

    Args:
        taxes: the taxes in it, where the subscription gave it back on an invoice of its own (unused time, usage that
            was corrected); None for a credit note, whose taxes are a share of the invoice's.
    """

    line_id: str | None
    amount: Money
    taxes: tuple[TaxAmount, ...] | None = None


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """The usage that a line bills, or gives back.

    Args:
        since: the change of plan in the period after which this usage came, if there was one.
        slot: the closing that read it: no two lines for the same usage have the same slot.
        meter: what measured it; None on lines from before it was recorded.
        late: it came, or was corrected, after its period was billed; None on lines from before it was recorded.
    """

    period_id: str
    since: datetime | None = None
    slot: int = 0
    meter: str | None = None
    late: bool | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line: ``amount`` is whole minor units, rounded once; ``unit_amount`` (micro-units) where there is one price.

    Args:
        id: given when the line goes onto an invoice; empty while it waits for one.
        component: the plan's component that it bills, or None.
        amount: before its discounts; negative for a credit.
        period: the time that it bills; None where there is none.
        proration: it bills, or gives back, a part of a period.
        tax_inclusive: the amount contains its tax.
        tax_code: the tax provider's code of what is sold, or None for the usual.
        tax_rates: rates that the caller fixed, whatever the tax provider would say.
        credits: the id of the invoice line that it gives back; its taxes are a share of that line's taxes, whatever
            tax would be due today.
        of_line: the id of the invoice line that it gives back where that had no tax yet, so that this one is taxed
            anew: a line of the same invoice, or of a draft that waits for its tax. On a line that a subscription keeps
            as billed, its id on such a draft.
        untaxed: the taxes that are not on it, or not on a part of it, and why; their amounts are zero. Documents show
            none of them: an invoice says of the whole of it that it is exempt, or reverse charge.
        steps: how a price of several steps makes up the amount; none where one price does, or for a part of a period.
        plan_id: the plan that it bills, or gives back; None where there is none, and on lines from before it was kept.
        dimensions: the usage that it bills, where a component prices it by dimensions: ``{"region": "eu"}``.
        usage: what usage it bills; None where it bills none.
    """

    id: str
    description: str
    component: str | None
    quantity: Decimal | None
    unit_amount: int | None
    amount: Money
    period: Period | None
    proration: bool = False
    taxes: tuple[TaxAmount, ...] = ()
    discounts: tuple[DiscountAmount, ...] = ()
    tax_inclusive: bool = False
    tax_code: str | None = None
    tax_rates: tuple[TaxRate, ...] = field(default=())
    credits: str | None = None
    dimensions: dict[str, str] = field(default_factory=dict, hash=False)
    usage: BilledUsage | None = None
    of_line: str | None = None
    steps: tuple[PriceStep, ...] = ()
    untaxed: tuple[TaxAmount, ...] = ()
    plan_id: str | None = None

    def __post_init__(self) -> None:
        if self.steps and sum(step.amount for step in self.steps) != self.amount.micros:
            raise ValueError(f"line {self.id}: its steps are not {self.amount}")

    @property
    def gives_back(self) -> str | None:
        """The id of the invoice line that it gives back; None where it is no credit."""
        return (self.credits or self.of_line) if self.amount.is_negative else None

    @property
    def credited_invoice_id(self) -> str | None:
        """The invoice whose line it gives back."""
        return invoice_of(self.gives_back) if self.gives_back else None

    @property
    def discount(self) -> Money:
        """What coupons took off it."""
        return sum_money((each.amount for each in self.discounts), self.amount.currency)

    @property
    def net(self) -> Money:
        """What its taxes are computed on: after discounts, and without those that are part of it."""
        return self.taxable - self.tax_included

    @property
    def taxable(self) -> Money:
        """Its amount after discounts. Discount before tax: nobody owes tax on money we waived."""
        return self.amount - self.discount

    @property
    def tax(self) -> Money:
        """All its tax, including tax that is part of its amount."""
        return sum_money((each.amount for each in self.taxes), self.amount.currency)

    @property
    def tax_included(self) -> Money:
        """The tax that is part of its amount."""
        return sum_money((each.amount for each in self.taxes if each.inclusive), self.amount.currency)


def invoice_of(line_id: str) -> str:
    """The id of the invoice that has a line: ``in_1`` of ``in_1-17``."""
    return line_id.rpartition("-")[0]
