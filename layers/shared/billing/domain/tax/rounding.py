"""Tax rounded once per document and rate, and split onto the lines.

Three lines of 0.83 at 19 % carry 0.1577 each. Rounded line by line that is 0.16 + 0.16 + 0.16 = 0.48; the document owes
19 % of 2.49 = 0.4731, so 0.47 (EN 16931, rule BR-CO-17: the tax of a rate is its base times the rate). Split by the
largest remainder, the lines carry 0.16, 0.16 and 0.15, which sum to it.

Lines keep a tax of their own, as credits and credit notes are shares of lines. It is the exact tax of the line, rounded
up or down, so no line is off by a unit or more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import floor

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.domain.lines.line import TaxAmount

TaxKey = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class RatedAmount:
    """An amount after discounts, and its taxes: all of them part of it, or all on top of it."""

    taxable: Money
    taxes: tuple[TaxAmount, ...]

    @property
    def is_inclusive(self) -> bool:
        """Whether the taxes are part of the amount."""
        return any(tax.inclusive for tax in self.taxes)

    @property
    def rates(self) -> tuple[TaxKey, ...]:
        """The names and rates of its taxes."""
        return tuple((tax.name, tax.rate_percent) for tax in self.taxes)

    @property
    def net(self) -> Money:
        """The amount without taxes."""
        return self.taxable - sum_money((tax.amount for tax in self.taxes if tax.inclusive), self.taxable.currency)


def per_document(amounts: Sequence[RatedAmount], fixed: Iterable[RatedAmount] = ()) -> list[RatedAmount]:
    """The amounts, each of their taxes rounded once over the document.

    On top: the sum of the bases times the rate, rounded half up. Included: the net of all amounts with the same rates
    is rounded, and the tax is the rest, as for a single line.

    Args:
        amounts: of one currency; the taxes of each rounded line by line.
        fixed: what else is on the document, whose taxes stay as they are, such as credits for earlier lines. Together
            with them the document's tax is exact, as far as one unit a line can make it so.
    """
    others = [each for each in fixed if _follows_its_rates(each)]
    found = list(amounts)
    inclusive = [n for n, each in enumerate(found) if each.is_inclusive]
    for rates in dict.fromkeys(found[n].rates for n in inclusive):
        members = [n for n in inclusive if found[n].rates == rates]
        same = [each for each in others if each.is_inclusive and each.rates == rates]
        for n, after in zip(members, _contained([found[n] for n in members], same), strict=True):
            found[n] = after
    others += [found[n] for n in inclusive]
    on_top = [(n, place) for n, each in enumerate(found) if not each.is_inclusive for place in range(len(each.taxes))]
    for rate in dict.fromkeys(found[n].rates[place] for n, place in on_top):
        places = [(n, place) for n, place in on_top if found[n].rates[place] == rate]
        parts = _on_top([found[n].taxable for n, _ in places], rate, others)
        for (n, place), part in zip(places, parts, strict=True):
            found[n] = _with_tax(found[n], place, part)
    return found


def _on_top(bases: Sequence[Money], rate: TaxKey, others: Iterable[RatedAmount]) -> list[Money]:
    """The tax of a rate on each base, so that the document's is its base times the rate."""
    currency = bases[0].currency
    share = exact_fraction(rate[1]) / 100
    exact = [base.micros * share for base in bases]
    more, known = Fraction(0), Money.zero(currency)
    for each in others:
        own = [tax.amount for tax in each.taxes if (tax.name, tax.rate_percent) == rate]
        more += each.net.micros * share * len(own)
        known += sum_money(own, currency)
    whole = Money.rounded(sum(exact, more), currency, charge_step(currency))
    return split(whole - known, exact)


def _contained(members: Sequence[RatedAmount], others: Sequence[RatedAmount]) -> list[RatedAmount]:
    """The amounts with the taxes that are part of them; all have the same rates."""
    currency = members[0].taxable.currency
    percents = [exact_fraction(percent) for _, percent in members[0].rates]
    whole = sum(percents, Fraction(0))
    if not whole:
        return list(members)
    gross = sum_money((each.taxable for each in (*members, *others)), currency)
    net = Money.rounded(gross.micros * 100 / (100 + whole), currency, charge_step(currency))
    parts = split(gross - net, [gross.micros * percent / (100 + whole) for percent in percents])
    found = list(members)
    for place, percent in enumerate(percents):
        known = sum_money((each.taxes[place].amount for each in others), currency)
        exact = [each.taxable.micros * percent / (100 + whole) for each in members]
        for n, part in enumerate(split(parts[place] - known, exact)):
            found[n] = _with_tax(found[n], place, part)
    return found


def split(target: Money, exact: Sequence[Fraction]) -> list[Money]:
    """An amount over exact shares of it, each rounded up or down: the largest remainders are rounded up.

    0.47 over three times 0.1577: each is 0.15 at least, and the two units that are left go to the first two.

    Args:
        target: what the parts sum to, unless that takes more than rounding each of them up or down.
        exact: micro-units; their sum is about the target.
    """
    if sum(exact) < 0:
        return [-part for part in split(-target, [-each for each in exact])]  # a credit is minus its debit
    unit = _unit(target)
    floors = [floor(each / unit) for each in exact]
    remainders = [each / unit - low for each, low in zip(exact, floors, strict=True)]
    broken = sum(1 for each in remainders if each)
    left = min(max(target.micros // unit - sum(floors), 0), broken)
    up = set(sorted(range(len(exact)), key=lambda n: (-remainders[n], n))[:left])
    return [Money((low + (n in up)) * unit, target.currency) for n, low in enumerate(floors)]


def _unit(amount: Money) -> int:
    """Micro-units: the largest of a chargeable unit, a minor unit and a micro-unit that divides an amount."""
    minor = MICROS_PER_MINOR
    return next(each for each in (charge_step(amount.currency) * minor, minor, 1) if amount.micros % each == 0)


def _with_tax(amount: RatedAmount, place: int, tax: Money) -> RatedAmount:
    taxes = list(amount.taxes)
    taxes[place] = replace(taxes[place], amount=tax)
    return replace(amount, taxes=tuple(taxes))


def _follows_its_rates(amount: RatedAmount) -> bool:
    """Whether each tax of an amount is its net times its rate, to within the rounding of a share of a line.

    A provider may tax a part of an amount only. Such a tax says nothing about the base of its rate.
    """
    unit = charge_step(amount.taxable.currency) * MICROS_PER_MINOR
    exact = (amount.net.micros * exact_fraction(tax.rate_percent) / 100 for tax in amount.taxes)
    return all(abs(tax.amount.micros - each) <= 2 * unit for tax, each in zip(amount.taxes, exact, strict=True))
