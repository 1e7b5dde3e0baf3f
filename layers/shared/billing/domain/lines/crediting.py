"""How much of each invoice line credit notes leave, and how what they took divides into net and taxes.

Crediting an amount takes the same share off what is left of every line; crediting lines takes from those lines alone.
The shares are exact fractions, so a hundred small credits come out as one large one does. Only the sum of each tax is
rounded, once, and the net is the rest. The net and taxes of one credit note are the difference between the sums before
and after it. So the credit notes that add up to an invoice also add up to its net and to each of its taxes, in whatever
order they were issued.

    $12.00 = $10.00 net + $2.00 tax, credited twice by $1.00: tax 16.67 cents -> 0.17, then 33.33 -> 0.33, so 0.16
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.domain.kernel.proration import portion
from billing.domain.lines.line import CreditStep, InvoiceLine, TaxAmount

TaxKey = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount as its net and its taxes, one for each name and rate.

    Args:
        net: what is left without the taxes.
        taxes: on top of the net, also where an invoice's prices contained them.
    """

    net: Money
    taxes: tuple[TaxAmount, ...]

    @property
    def tax(self) -> Money:
        """All taxes."""
        return sum_money((each.amount for each in self.taxes), self.net.currency)

    def __sub__(self, other: "Parts") -> "Parts":
        before = {_key(tax): tax.amount for tax in other.taxes}
        taxes = tuple(
            TaxAmount(tax.name, tax.rate_percent, tax.amount - before.get(_key(tax), Money.zero(self.net.currency)))
            for tax in self.taxes
        )
        return Parts(self.net - other.net, taxes)


def gross(line: InvoiceLine) -> Money:
    """What a line adds to its invoice's total: its amount less discounts, with all taxes."""
    return line.taxable + line.tax - line.tax_included


def with_steps(steps: Sequence[CreditStep], more: Iterable[CreditStep]) -> tuple[CreditStep, ...]:
    """The steps and further ones, as the shortest list that means the same.

    Amounts in a row are one amount, because each takes a share of what the one before it left: 10 of 100 and then 9 of
    90 leave 81 hundredths, as 19 of 100 do. The order of lines in a row does not matter either.
    """
    merged = list(steps)
    for step in more:
        same = _same_kind(merged, step)
        if same is None:
            merged.append(step)
        else:
            merged[same] = CreditStep(step.line_id, merged[same].amount + step.amount)
    return tuple(merged)


def _same_kind(steps: Sequence[CreditStep], step: CreditStep) -> int | None:
    """Which step this one can be added to: the last, or one of the same line that has only lines after it."""
    for n in range(len(steps) - 1, -1, -1):
        if steps[n].line_id == step.line_id:
            return n
        if steps[n].line_id is None or step.line_id is None:
            return None
    return None


def shares_left(lines: Sequence[InvoiceLine], total: Money, steps: Iterable[CreditStep]) -> list[Fraction]:
    """What of each line is not credited yet, from 1 to 0.

    Args:
        lines: the invoice's.
        total: the invoice's, the sum of its lines' gross amounts.
        steps: what was credited, in order.
    """
    place = {line.id: n for n, line in enumerate(lines)}
    shares = [Fraction(1)] * len(lines)
    left = total.micros
    for step in steps:
        if step.line_id is None:
            kept = Fraction(left - step.amount.micros, left)
            shares = [share * kept for share in shares]
        else:
            n = place[step.line_id]
            shares[n] -= Fraction(step.amount.micros, gross(lines[n]).micros)
        left -= step.amount.micros
    return shares


def lines_left(
    lines: Sequence[InvoiceLine], total: Money, steps: Iterable[CreditStep]
) -> dict[str, InvoiceLine | None]:
    """What of each line is not credited yet, by its id; None where nothing is left of it.

    Args:
        lines, total, steps: as ``shares_left``.
    """
    found: dict[str, InvoiceLine | None] = {}
    for line, share in zip(lines, shares_left(lines, total, steps), strict=True):
        found[line.id] = None if share == 0 else line if share == 1 else scaled(line, share)
    return found


def scaled(line: InvoiceLine, share: Fraction) -> InvoiceLine:
    """A share of a line: of its amount, its discounts and its taxes."""
    return replace(
        line,
        amount=portion(line.amount, share),
        discounts=tuple(replace(each, amount=portion(each.amount, share)) for each in line.discounts),
        taxes=tuple(replace(each, amount=portion(each.amount, share)) for each in line.taxes),
    )


def parts_of(lines: Sequence[InvoiceLine], shares: Sequence[Fraction], amount: Money) -> Parts:
    """The net and the taxes in ``amount``, which is these shares of the lines.

    Each tax is rounded once, half up, over all lines together: of 500 lines with 16.67 cents of tax each, a tenth is
    $8.33 of tax and not 500 times 2 cents.
    """
    sums: dict[TaxKey, Fraction] = {}
    for line, share in zip(lines, shares, strict=True):
        for tax in line.taxes:
            sums[_key(tax)] = sums.get(_key(tax), Fraction(0)) + tax.amount.micros * share
    taxes = tuple(TaxAmount(name, rate, Money.rounded(exact, amount.currency)) for (name, rate), exact in sums.items())
    return Parts(amount - sum_money((tax.amount for tax in taxes), amount.currency), taxes)


def credited(lines: Sequence[InvoiceLine], total: Money, steps: Sequence[CreditStep]) -> Parts:
    """The net and the taxes in all that was credited."""
    taken = [1 - share for share in shares_left(lines, total, steps)]
    return parts_of(lines, taken, sum_money((step.amount for step in steps), total.currency))


def line_nets(lines: Sequence[InvoiceLine], amounts: Sequence[Money], net: Money) -> list[Money]:
    """The nets of credited lines, which sum to the credit note's net.

    Rounded as running sums, so that no line is off by more than a unit; the last line takes the remainder that the
    rounding of the taxes leaves.

    Args:
        lines: those that were credited, at least one.
        amounts: what of each, with its taxes.
        net: of all together.
    """
    found: list[Money] = []
    exact, given = Fraction(0), Money.zero(net.currency)
    for line, amount in zip(lines, amounts, strict=True):
        whole = gross(line)
        exact += Fraction(amount.micros * (whole - line.tax).micros, whole.micros)
        upto = Money.rounded(exact, net.currency)
        found.append(upto - given)
        given = upto
    return [*found[:-1], found[-1] + net - given]


def whole_units(exact: Fraction, currency: str) -> Money:
    """The most that can be credited of an exact amount: the amount, rounded down to what can be charged.

    Args:
        exact: micro-units, with any fraction.
    """
    if exact.denominator == 1 and exact.numerator % MICROS_PER_MINOR == 0:
        return Money(exact.numerator, currency)
    unit = charge_step(currency) * MICROS_PER_MINOR
    return Money(int(exact // unit) * unit, currency)


def of_quantity(line: InvoiceLine, quantity: Decimal, share_left: Fraction) -> Money:
    """What part of a line's quantity costs, with tax; the last part takes the remainder of rounding the others.

    3 units for $20.00: 6.67, 6.67, and 6.66 for the third.

    Args:
        quantity: at most the line's, which has one.
        share_left: what of the line is not credited yet.
    """
    assert line.quantity is not None
    whole = gross(line)
    currency = whole.currency
    exact = whole.micros * exact_fraction(quantity) / exact_fraction(line.quantity)
    left = whole.micros * share_left
    unit = charge_step(currency) * MICROS_PER_MINOR
    if abs(exact - left) < unit:
        return whole_units(left, currency)
    return Money.rounded(exact, currency, charge_step(currency))


def _key(tax: TaxAmount) -> TaxKey:
    return tax.name, tax.rate_percent
