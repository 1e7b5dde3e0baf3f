"""Tax rounded once per document: what it sums to, and how it is split onto the lines (issue 11, 17)."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.domain.lines.line import TaxRate
from billing.domain.tax.rounding import RatedAmount, per_document, split
from billing.domain.tax.rules import line_taxes

VAT = TaxRate("VAT", Decimal(19))


def rated(minor: int, *rates: TaxRate, inclusive: bool = False, currency: str = "EUR") -> RatedAmount:
    """An amount with its taxes rounded by itself."""
    amount = Money.from_minor(minor, currency)
    return RatedAmount(amount, line_taxes(amount, rates or (VAT,), inclusive))


def taxes(amounts: list[RatedAmount]) -> list[int]:
    """The tax of each amount, in minor units."""
    return [sum(tax.amount.minor for tax in each.taxes) for each in amounts]


def by_rate(amounts: list[RatedAmount]) -> dict[tuple[str, Decimal], int]:
    """The tax of each rate on the document, in minor units."""
    found: dict[tuple[str, Decimal], int] = {}
    for tax in (tax for each in amounts for tax in each.taxes):
        key = (tax.name, tax.rate_percent)
        found[key] = found.get(key, 0) + tax.amount.minor
    return found


def test_11_17_a_document_owes_its_base_times_the_rate() -> None:
    """Three times 0.83 at 19 %: 0.48 line by line, 0.47 on the document; the lines sum to it."""
    lines = [rated(83)] * 3
    assert taxes(lines) == [16, 16, 16]
    assert taxes(per_document(lines)) == [16, 16, 15]


def test_11_17_the_largest_remainders_are_rounded_up() -> None:
    """2.49, 1.18 and 0.04 carry 0.4731, 0.2242 and 0.0076; together 0.7049."""
    assert taxes(per_document([rated(249), rated(118), rated(4)])) == [47, 22, 1]


def test_11_17_each_rate_is_rounded_by_itself() -> None:
    reduced = TaxRate("VAT", Decimal(7))
    lines = [rated(83), rated(83, reduced), rated(83), rated(83, reduced), rated(50, VAT, reduced)]
    # 19 % of 2.16 is 0.4104, 7 % of 2.16 is 0.1512.
    assert by_rate(per_document(lines)) == {("VAT", Decimal(19)): 41, ("VAT", Decimal(7)): 15}
    assert sum(taxes(lines)) == 16 * 2 + 6 * 2 + 10 + 4


def test_11_17_of_inclusive_prices_the_net_is_rounded_once() -> None:
    """Three times 0.99 with 19 % in it: 0.1581 each, so 0.48 line by line; of 2.97 it is 0.4742."""
    lines = [rated(99, inclusive=True)] * 3
    assert (taxes(lines), taxes(per_document(lines))) == ([16, 16, 16], [16, 16, 15])


def test_11_17_prices_with_and_without_tax_share_the_base_of_their_rate() -> None:
    """0.99 with its tax in it is 0.83 net; 0.83 + 0.83 + 0.83 at 19 % is 0.4731."""
    lines = [rated(99, inclusive=True), rated(83), rated(83)]
    assert taxes(per_document(lines)) == [16, 16, 15]


def test_11_17_a_credit_keeps_its_tax_and_the_rest_makes_up_for_it() -> None:
    """37.50 given back with 7.12 of tax (a share of what was billed), and 37.50 billed: the document owes nothing."""
    credit = rated(-3750)
    assert taxes([credit]) == [-713]
    share = RatedAmount(credit.taxable, (line_taxes(Money.from_minor(-3747, "EUR"), [VAT], False)[0],))
    assert taxes([share]) == [-712]
    assert taxes(per_document([rated(3750)], [share])) == [712]
    assert taxes(per_document([rated(3750)])) == [713]


def test_11_17_what_only_a_part_of_a_credit_was_taxed_for_says_nothing_about_the_rate() -> None:
    """A provider may tax 10.00 of 100.00; its tax is no base times rate, and does not shift to others."""
    partly = RatedAmount(Money.from_minor(-10_000, "EUR"), line_taxes(Money.from_minor(-1000, "EUR"), [VAT], False))
    assert taxes(per_document([rated(83)] * 3, [partly])) == [16, 16, 15]


def test_11_17_no_line_is_off_by_a_unit_whatever_the_credits_leave() -> None:
    """Two hundred credits of 0.02 carry no tax each; the one new line does not make up for 0.76 of it."""
    credits_ = [rated(-2)] * 200
    assert taxes(per_document([rated(400)], credits_)) == [76]
    assert taxes(per_document([rated(401)], credits_)) == [76]


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_11_17_what_can_be_charged_stays_so(currency: str) -> None:
    """Dinars are charged to two of their three decimals."""
    step = charge_step(currency)
    for inclusive in (False, True):
        found = per_document([rated(83 * step, inclusive=inclusive, currency=currency)] * 7)
        assert all(tax % step == 0 for tax in taxes(found))


def test_11_17_of_nothing_nothing() -> None:
    untaxed = RatedAmount(Money.from_minor(83, "EUR"), ())
    zero = TaxRate("VAT", Decimal(0))
    assert per_document([]) == []
    assert taxes(per_document([untaxed, rated(83, zero), rated(83, zero, inclusive=True)])) == [0, 0, 0]


# Laws

LAW = settings(max_examples=120, deadline=None)
RATES = st.lists(
    st.tuples(st.sampled_from(["VAT", "City"]), st.sampled_from(["19", "7", "5.5", "9.975", "0", "21"])),
    max_size=2, unique=True,
).map(lambda found: tuple(TaxRate(name, Decimal(percent)) for name, percent in found))  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, low: int = -3000) -> list[RatedAmount]:
    currency = draw(st.sampled_from(["JPY", "EUR", "KWD"]))
    step = charge_step(currency)
    minors = draw(st.lists(st.integers(low, 9000), min_size=1, max_size=12))
    found = []
    for minor in minors:
        amount = Money.from_minor(minor * step, currency)
        inclusive = draw(st.booleans())
        found.append(RatedAmount(amount, line_taxes(amount, draw(RATES), inclusive)))
    return found


def exact_tax(each: RatedAmount, place: int) -> Fraction:
    """The tax of an amount in micro-units, before any rounding."""
    percents = [exact_fraction(tax.rate_percent) for tax in each.taxes]
    of = 100 + sum(percents) if each.is_inclusive else Fraction(100)
    return each.taxable.micros * percents[place] / of


@LAW
@given(documents())
def test_11_17_every_line_carries_its_exact_tax_rounded_up_or_down(document: list[RatedAmount]) -> None:
    """And amounts, names, rates stay as they were."""
    found = per_document(document)
    for before, after in zip(document, found, strict=True):
        assert (after.taxable, after.rates, after.is_inclusive) == (before.taxable, before.rates, before.is_inclusive)
        unit = charge_step(after.taxable.currency) * MICROS_PER_MINOR
        for place, tax in enumerate(after.taxes):
            exact = exact_tax(after, place) / unit
            assert tax.amount.micros % unit == 0
            assert floor(exact) <= tax.amount.micros // unit <= ceil(exact)


@LAW
@given(documents())
def test_11_17_on_top_the_documents_tax_is_its_base_times_the_rate(document: list[RatedAmount]) -> None:
    """To the unit, whatever the lines are: charges, credits, of several rates."""
    on_top = [each for each in document if not each.is_inclusive]
    found = per_document(on_top)
    if not found:
        return
    currency = found[0].taxable.currency
    rates = {rate for each in found for rate in each.rates}
    for rate in rates:
        base = sum_money((each.taxable for each in found for own in each.rates if own == rate), currency)
        owed = Money.rounded(base.micros * exact_fraction(rate[1]) / 100, currency, charge_step(currency))
        assert by_rate(found)[rate] == owed.minor


@LAW
@given(
    st.lists(st.integers(-3000, 900_000), min_size=1, max_size=12),
    st.lists(st.sampled_from(["19", "7", "5.5", "25"]), min_size=1, max_size=3, unique=True),
)
def test_11_17_net_and_tax_of_inclusive_prices_sum_to_what_was_asked(minors: list[int], percents: list[str]) -> None:
    """The document's net is the gross without tax, rounded once, however many taxes there are."""
    rates = [TaxRate("VAT", Decimal(percent)) for percent in percents]
    found = per_document([rated(minor, *rates, inclusive=True) for minor in minors])
    gross = Money.from_minor(sum(minors), "EUR")
    net = Money.rounded(Fraction(gross.micros * 100) / (100 + exact_fraction(sum(map(Decimal, percents)))), "EUR")
    assert sum_money((each.net for each in found), "EUR") == net
    assert sum(taxes(found)) == (gross - net).minor


@LAW
@given(documents(), st.randoms(use_true_random=False))
def test_11_17_the_order_of_the_lines_does_not_change_the_document(document: list[RatedAmount], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(document)
    random.shuffle(shuffled)
    assert by_rate(per_document(document)) == by_rate(per_document(shuffled))


@LAW
@given(documents())
def test_11_17_one_line_is_taxed_as_line_by_line(document: list[RatedAmount]) -> None:
    """But for an inclusive price with several rates, of which each is rounded."""
    (first, *_) = document
    if len(first.taxes) < 2 or not first.is_inclusive:
        assert per_document([first]) == [first]


@LAW
@given(documents(low=0))
def test_11_17_a_document_of_credits_is_minus_the_one_of_its_charges(document: list[RatedAmount]) -> None:
    negated = [
        RatedAmount(
            -each.taxable, line_taxes(-each.taxable, [TaxRate(*rate) for rate in each.rates], each.is_inclusive)
        )
        for each in document
    ]
    assert taxes(per_document(negated)) == [-tax for tax in taxes(per_document(document))]


@LAW
@given(documents())
def test_11_17_done_twice_it_is_done_once(document: list[RatedAmount]) -> None:
    once = per_document(document)
    assert per_document(once) == once


@LAW
@given(st.lists(st.fractions(min_value=0, max_value=10**7, max_denominator=997), min_size=1, max_size=20))
def test_11_17_parts_sum_to_what_is_split(exact: list[Fraction]) -> None:
    target = Money.rounded(sum(exact), "EUR")
    assert sum_money(split(target, exact), "EUR") == target
