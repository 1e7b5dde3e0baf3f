"""What came back of each invoice line, and how what credit notes took divides into net and taxes.

What credit notes take, and what a subscription gives back of its lines (unused time, usage that was corrected), are
steps of one list, in order, that is kept with the invoice. So each knows what the others left.

Crediting an amount takes the same share off what is left of every line; crediting lines takes from those lines alone.
The shares are exact fractions, so a hundred small credits come out as one large one does. Only the sum of each tax is
rounded, once, and the net is the rest. The net and taxes of one credit note are the difference between the sums before
and after it. So the credit notes that add up to an invoice also add up to its net and to each of its taxes, in whatever
order they were issued.

    $12.00 = $10.00 net + $2.00 tax, credited twice by $1.00: tax 16.67 cents -> 0.17, then 33.33 -> 0.33, so 0.16
"""

from collections.abc import Iterable, Mapping, Sequence
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
        bases: what of the net each of the taxes is on, in their order.
    """

    net: Money
    taxes: tuple[TaxAmount, ...]
    bases: tuple[Money, ...]

    @property
    def tax(self) -> Money:
        """All taxes."""
        return sum_money((each.amount for each in self.taxes), self.net.currency)

    def __sub__(self, other: "Parts") -> "Parts":
        zero = Money.zero(self.net.currency)
        before = {_key(tax): (tax.amount, base) for tax, base in zip(other.taxes, other.bases, strict=True)}
        less = [before.get(_key(tax), (zero, zero)) for tax in self.taxes]
        taxes = tuple(
            TaxAmount(tax.name, tax.rate_percent, tax.amount - amount)
            for tax, (amount, _) in zip(self.taxes, less, strict=True)
        )
        bases = tuple(base - of_it for base, (_, of_it) in zip(self.bases, less, strict=True))
        return Parts(self.net - other.net, taxes, bases)


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
    """Which step this one can be added to: the last, or one of the same line that has only lines after it.

    What a subscription gave back stays a step of its own: its taxes are fixed, not a share of what is left.
    """
    if step.taxes is not None:
        return None
    for n in range(len(steps) - 1, -1, -1):
        if steps[n].line_id == step.line_id:
            return n if steps[n].taxes is None else None
        if steps[n].line_id is None or step.line_id is None:
            return None
    return None


@dataclass(slots=True)
class LineLeft:
    """What of a line has not come back yet: exact, in micro-units.

    Args:
        amount: with its taxes, and less its share of what was credited of all lines alike; below zero for a line that
            is a credit itself.
        taxes: what is left of each.
        billed: what was billed, less what came back of this line in particular.
        whole: the line, less what is given back of it by a line of the same invoice.
        whole_taxes: each tax on that.
    """

    amount: Fraction
    taxes: dict[TaxKey, Fraction]
    billed: Fraction
    whole: Fraction
    whole_taxes: dict[TaxKey, Fraction]

    @classmethod
    def of(cls, amount: Fraction, taxes: dict[TaxKey, Fraction]) -> "LineLeft":
        """A line of which nothing has come back."""
        return cls(amount, taxes, max(amount, Fraction(0)), amount, dict(taxes))

    def take(self, amount: Fraction, taxes: Mapping[TaxKey, Fraction]) -> None:
        """Take an amount off it, with these taxes in it."""
        self.amount -= amount
        for key, tax in taxes.items():
            self.taxes[key] = self.taxes.get(key, Fraction(0)) - tax

    def share(self, amount: Fraction) -> dict[TaxKey, Fraction]:
        """The taxes in an amount of it."""
        if self.amount <= 0:
            return {key: tax * amount / self.whole for key, tax in self.whole_taxes.items()} if self.whole else {}
        return {key: tax * amount / self.amount for key, tax in self.taxes.items()}


@dataclass(slots=True)
class Left:
    """What of an invoice has not come back yet: exact, in micro-units.

    Args:
        lines: in the invoice's order.
        billed: what was billed, less all that came back. An amount that was credited counts here, and against no line
            in particular: so it makes no difference which came first, that or what a subscription gave back of a line.
            $100.00 and $50.00 on one invoice, 100.00 credited: all the 50.00 can still be given back of either line.
    """

    lines: list[LineLeft]
    billed: Fraction

    def to_give_back(self, n: int) -> Fraction:
        """What a subscription can still give back of a line."""
        return max(min(self.lines[n].billed, self.billed), Fraction(0))

    def to_credit(self, n: int) -> Fraction:
        """What a credit note can still take of a line."""
        return min(max(self.lines[n].amount, Fraction(0)), self.to_give_back(n))

    def taxes(self) -> dict[TaxKey, Fraction]:
        """What of each tax that was billed has not come back."""
        found: dict[TaxKey, Fraction] = {}
        for line in self.lines:
            for key, whole in line.whole_taxes.items():
                billed = whole if line.whole > 0 else Fraction(0)
                found[key] = found.get(key, Fraction(0)) + billed - whole + line.taxes[key]
        return found


def left_of(lines: Sequence[InvoiceLine], steps: Iterable[CreditStep]) -> Left:
    """What of an invoice has not come back yet.

    Args:
        lines: the invoice's.
        steps: what came back of it, in order.
    """
    place = {line.id: n for n, line in enumerate(lines)}
    whole = _whole(lines, place)
    left = Left(whole, sum((line.billed for line in whole), Fraction(0)))
    for step in steps:
        amount = Fraction(step.amount.micros)
        left.billed -= amount
        if step.line_id is None:
            _take_of_all(left.lines, amount)
            continue
        line = left.lines[place[step.line_id]]
        line.billed -= amount
        line.take(amount, line.share(amount) if step.taxes is None else _sums(step.taxes))
    return left


def _whole(lines: Sequence[InvoiceLine], place: Mapping[str, int]) -> list[LineLeft]:
    """The lines before anything came back; a credit of a line that is on the same invoice is part of that line."""
    amounts = [Fraction(gross(line).micros) for line in lines]
    taxes = [_sums(line.taxes) for line in lines]
    for n, line in enumerate(lines):
        own = place.get(line.gives_back or "")
        if own is not None:
            amounts[own] += amounts[n]
            for key, tax in taxes[n].items():
                taxes[own][key] = taxes[own].get(key, Fraction(0)) + tax
            amounts[n], taxes[n] = Fraction(0), {}
    return [LineLeft.of(amount, each) for amount, each in zip(amounts, taxes, strict=True)]


def _take_of_all(lines: Sequence[LineLeft], amount: Fraction) -> None:
    """Take an amount off all lines alike.

    Where less is left of them together, because there are credits among them and the others were given back, it is of
    what was billed.
    """
    total = sum((line.amount for line in lines), Fraction(0))
    billed = sum((max(line.whole, Fraction(0)) for line in lines), Fraction(0))
    for line in lines:
        if total >= amount > 0:
            taken = line.amount * amount / total
            line.take(taken, {key: tax * amount / total for key, tax in line.taxes.items()})
        elif line.whole > 0:
            taken = line.whole * amount / billed
            line.take(taken, {key: tax * taken / line.whole for key, tax in line.whole_taxes.items()})


def left_to_credit(lines: Sequence[InvoiceLine], total: Money, steps: Sequence[CreditStep]) -> Money:
    """What credit notes can still take: of what was asked for, and of what is billed; never below zero.

    Args:
        lines: the invoice's.
        total: the invoice's.
        steps: what came back of it, in order.
    """
    asked = total - sum_money((step.amount for step in steps if step.taxes is None), total.currency)
    billed = Money(int(left_of(lines, steps).billed), total.currency)
    return max(min(asked, billed), Money.zero(total.currency))


def lines_left(lines: Sequence[InvoiceLine], steps: Iterable[CreditStep]) -> dict[str, InvoiceLine | None]:
    """What of each line has not come back yet, by its id; None where nothing is left of it.

    Args:
        lines, steps: as ``left_of``.
    """
    found: dict[str, InvoiceLine | None] = {}
    for line, left in zip(lines, left_of(lines, steps).lines, strict=True):
        whole = Fraction(gross(line).micros)
        share = left.amount / whole if whole else Fraction(1)
        found[line.id] = None if share <= 0 else line if share == 1 else scaled(line, share)
    return found


def given_back(line: InvoiceLine) -> CreditStep:
    """What a credit of a subscription's takes off the line that it gives back."""
    assert line.gives_back is not None
    # A step counts sums of taxes: whose they are, its line says.
    taxes = tuple(replace(tax, amount=-tax.amount, base=None, facts=None) for tax in line.taxes)
    return CreditStep(line.gives_back, -gross(line), taxes)


def retaxed(
    steps: Iterable[CreditStep], before: Sequence[InvoiceLine], after: Sequence[InvoiceLine]
) -> tuple[CreditStep, ...]:
    """What a subscription gave back of a draft whose tax nobody knew, with its share of the tax that is on it now.

    Args:
        before: the draft's lines, without tax.
        after: the same, with it.
    """
    old, new = ({line.id: line for line in lines} for lines in (before, after))

    def with_tax(step: CreditStep) -> CreditStep:
        whole = gross(old[step.line_id]) if step.line_id in old else Money.zero(step.amount.currency)
        if step.line_id not in new or whole.is_zero:
            return step
        line = scaled(new[step.line_id], Fraction(step.amount.micros, whole.micros))
        return CreditStep(step.line_id, gross(line), line.taxes)

    return tuple(with_tax(step) for step in steps)


def at_most(line: InvoiceLine, most: Fraction, taxes: Mapping[TaxKey, Fraction]) -> InvoiceLine | None:
    """A credit that gives back no more than that; None where nothing can be given back.

    Args:
        most: micro-units, with any fraction; with taxes.
        taxes: no more of each tax; what is less of it is more of the net.
    """
    wanted = -gross(line)
    amount = wanted if wanted.micros <= most else whole_units(most, wanted.currency)
    if amount.is_zero:
        return None
    less = line if amount == wanted else scaled(line, Fraction(amount.micros, wanted.micros))
    fitting = tuple(_no_more_tax(tax, taxes.get(_key(tax), Fraction(0))) for tax in less.taxes)
    if amount == wanted and fitting == line.taxes:
        return line
    less = replace(less, taxes=fitting)
    # Its taxes are rounded; the rest of the amount is what it is without those that come on top.
    return replace(less, amount=-(amount + less.tax - less.tax_included), steps=())


def _no_more_tax(tax: TaxAmount, left: Fraction) -> TaxAmount:
    if -tax.amount.micros <= left:
        return tax
    return replace(tax, amount=-whole_units(max(left, Fraction(0)), tax.amount.currency))


def scaled(line: InvoiceLine, share: Fraction) -> InvoiceLine:
    """A share of a line: of its amount, its discounts and its taxes."""
    return replace(
        line,
        amount=portion(line.amount, share),
        discounts=tuple(replace(each, amount=portion(each.amount, share)) for each in line.discounts),
        taxes=tuple(each.of_share(share) for each in line.taxes),
        untaxed=tuple(each.of_share(share) for each in line.untaxed),
        steps=(),
    )


def credited(lines: Sequence[InvoiceLine], total: Money, steps: Sequence[CreditStep]) -> Parts:
    """The net and the taxes in all that came back.

    Each tax is rounded once, half up, over all lines together: of 500 lines with 16.67 cents of tax each, a tenth is
    $8.33 of tax and not 500 times 2 cents.
    """
    sums: dict[TaxKey, Fraction] = {}
    on: dict[TaxKey, Fraction] = {}
    one_each = True
    for left in left_of(lines, steps).lines:
        taken = {key: whole - left.taxes[key] for key, whole in left.whole_taxes.items()}
        base = left.whole - left.amount - sum(taken.values())
        one_each = one_each and (len(taken) == 1 or not left.whole)
        for key, tax in taken.items():
            sums[key] = sums.get(key, Fraction(0)) + tax
            on[key] = on.get(key, Fraction(0)) + base
    amount = sum_money((step.amount for step in steps), total.currency)
    taxes = tuple(TaxAmount(name, rate, Money.rounded(exact, amount.currency)) for (name, rate), exact in sums.items())
    net = amount - sum_money((tax.amount for tax in taxes), amount.currency)
    bases = [Money.rounded(exact, amount.currency) for exact in on.values()]
    if bases and one_each:  # the whole net is taxed, each part by one tax: then the bases sum to it
        bases[-1] = net - sum_money(bases[:-1], amount.currency)
    return Parts(net, taxes, tuple(bases))


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


def _sums(taxes: Iterable[TaxAmount]) -> dict[TaxKey, Fraction]:
    found: dict[TaxKey, Fraction] = {}
    for tax in taxes:
        found[_key(tax)] = found.get(_key(tax), Fraction(0)) + tax.amount.micros
    return found


def _key(tax: TaxAmount) -> TaxKey:
    return tax.name, tax.rate_percent
