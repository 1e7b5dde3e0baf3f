"""One-off lines: what a tenant puts onto an invoice by hand, priced, limited, and with a coupon taken off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.catalog.coupon import Discount
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR, Money, exact_fraction
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxRate

MOST_LINES = 500


@dataclass(frozen=True, slots=True)
class OneOffLine:
    """A line as the caller describes it.

    Args:
        quantity: how many, not negative; only shown where ``amount`` says what they cost together.
        unit_amount: micro-units each, not negative, which may be finer than a minor unit; or
        amount: micro-units for all of them, whole minor units; negative for a credit.
        tax_rates: fixed rates, whatever a tax provider would say.
    """

    description: str
    quantity: Decimal
    unit_amount: int | None
    amount: int | None
    period: Period | None = None
    tax_rates: tuple[TaxRate, ...] = ()
    tax_code: str | None = None

    def __post_init__(self) -> None:
        if (self.unit_amount is None) == (self.amount is None):
            raise ValueError("a line has a unit amount or an amount, one of them")

    @property
    def exact(self) -> Fraction:
        """What it costs in micro-units, unrounded."""
        if self.amount is not None:
            return Fraction(self.amount)
        assert self.unit_amount is not None
        return exact_fraction(self.quantity) * self.unit_amount


def priced(
    items: Sequence[OneOffLine], currency: str, inclusive: bool, field: str = "lines"
) -> tuple[InvoiceLine, ...]:
    """The caller's lines as invoice lines, each rounded once, half-up, to what can be charged.

    2.5 hours at 99.99 are 249.975 -> 250.00 USD; 3 at 0.005 are 0.015 -> 0.02.

    Args:
        inclusive: the amounts contain their tax.
        field: what the caller calls the list.

    Raises:
        ValidationFailed: naming every line whose amount is too large, or cannot be charged in the currency.
    """
    step = charge_step(currency)
    bad = []
    for n, item in enumerate(items):
        if abs(item.exact) > LARGEST_AMOUNT:
            bad.append(Detail(f"{field}.{n}.{'amount' if item.amount is not None else 'unitAmount'}", "too_large"))
        elif item.amount is not None and item.amount % (step * MICROS_PER_MINOR):
            bad.append(Detail(f"{field}.{n}.amount", "not_chargeable_in_currency"))
    if bad:
        raise ValidationFailed(f"Amounts that cannot be charged in {currency}", tuple(bad))
    return tuple(
        InvoiceLine(
            id="",
            description=item.description,
            component=None,
            quantity=item.quantity,
            unit_amount=item.unit_amount,
            amount=Money.rounded(item.exact, currency, step),
            period=item.period,
            tax_inclusive=inclusive,
            tax_code=item.tax_code,
            tax_rates=item.tax_rates,
        )
        for item in items
    )


def check_limits(lines: Sequence[InvoiceLine], field: str = "lines") -> None:
    """Check the number and the sum of all lines of an invoice.

    Raises:
        ValidationFailed: too many, or charges (or credits) of more than anybody is billed.
    """
    if len(lines) > MOST_LINES:
        raise ValidationFailed.of(field, "too_long", f"An invoice has at most {MOST_LINES} lines")
    charged = sum(line.amount.micros for line in lines if not line.amount.is_negative)
    credited = -sum(line.amount.micros for line in lines if line.amount.is_negative)
    if charged > LARGEST_AMOUNT or credited > LARGEST_AMOUNT:
        raise ValidationFailed.of(field, "too_large", f"The lines sum to more than {LARGEST_AMOUNT}")


def discounted(lines: Sequence[InvoiceLine], discount: Discount | None) -> tuple[InvoiceLine, ...]:
    """The lines with a coupon taken off the charges among them, and off nothing else; it replaces any other discount.

    10.00 off 30.00, 20.00 and a credit of 5.00: 6.00 and 4.00 off the two charges.
    """
    charges = [n for n, line in enumerate(lines) if not line.amount.is_negative]
    found = [replace(line, discounts=()) for line in lines]
    if discount is not None:
        for n, off in zip(charges, discount.shares([lines[n].amount for n in charges]), strict=True):
            if not off.is_zero:
                found[n] = replace(found[n], discounts=(DiscountAmount.of(discount, off),))
    return tuple(found)
