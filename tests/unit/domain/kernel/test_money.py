"""Money and currencies: laws, and the worked examples of other billing systems (docs/vectors.md)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.currencies import is_currency, minor_digits
from billing.domain.kernel.money import MICROS_PER_MINOR, CurrencyMismatch, Money, SubMinorUnit, sum_money

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=60, deadline=None)
MICROS = st.integers(-(10**15), 10**15)
WHOLE = st.integers(-(10**12), 10**12).map(lambda minor: Money.from_minor(minor, "USD"))
AMOUNTS = MICROS.map(lambda micros: Money(micros, "USD"))
EXACT = st.builds(Fraction, st.integers(-(10**15), 10**15), st.integers(1, 10**6))
# Built from integers: Hypothesis draws them several times as fast as its own fractions and decimals.
WEIGHTS = st.lists(
    st.one_of(
        st.integers(0, 10**9),
        st.builds(Fraction, st.integers(0, 10**6), st.integers(1, 10**4)),
        st.integers(0, 10**9).map(lambda thousandths: Decimal(thousandths).scaleb(-3)),
    ),
    min_size=1,
    max_size=8,
).filter(any)


def usd(text: str) -> Money:
    """Dollars as printed: usd("49.99") is Money(4_999_000, "USD")."""
    return Money(int(Decimal(text) * 100 * MICROS_PER_MINOR), "USD")


# Currencies


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("UGX", 0),
        ("HUF", 2),
        ("TWD", 2),
        ("MGA", 2),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("CLP", 0),
        ("CLF", 4),
        ("UYW", 4),
        ("XCG", 2),
    ],
)
def test_minor_digits_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("code", ["usd", "Usd", "", "US", "USDX", "BTC", "XXX", "XTS", "XAU", "DEM", "HRK", "BGN"])
def test_what_nobody_can_be_charged_in_is_no_currency(code: str) -> None:
    assert not is_currency(code)
    with pytest.raises(ValueError, match="unknown currency"):
        minor_digits(code)
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, code)


def test_the_table_has_every_code_of_list_one_once() -> None:
    from billing.domain.kernel import currencies

    codes = " ".join(currencies._CODES_BY_DIGITS.values()).split()
    # SIX List One, 2026-01-01: 17 currencies without decimals, 139 with two, 7 with three, 2 with four.
    assert {digits: len(text.split()) for digits, text in currencies._CODES_BY_DIGITS.items()} == {
        0: 17,
        2: 139,
        3: 7,
        4: 2,
    }
    assert len(set(codes)) == len(codes)
    assert all(is_currency(code) for code in codes)


# Construction


@pytest.mark.parametrize("micros", [1.0, True, Decimal(1), Fraction(1), "1", None])
def test_micros_must_be_an_int(micros: Any) -> None:
    with pytest.raises(TypeError):
        Money(micros, "USD")


@pytest.mark.parametrize("minor", [1.0, True, Decimal(1)])
def test_minor_units_must_be_an_int(minor: Any) -> None:
    with pytest.raises(TypeError):
        Money.from_minor(minor, "USD")


def test_currency_must_be_text() -> None:
    not_text: Any = None
    with pytest.raises(TypeError):
        Money(1, not_text)


def test_the_contracts_example_is_49_dollars_99() -> None:
    assert Money(4_999_000, "USD").minor == 4999
    assert Money.from_minor(4999, "USD") == Money(4_999_000, "USD")


def test_500_yen_are_500_minor_units() -> None:
    assert Money(500_000, "JPY").minor == 500


@LAW
@given(AMOUNTS)
def test_minor_is_exact_or_refused(amount: Money) -> None:
    if amount.micros % 1000:
        assert not amount.is_whole_minor
        with pytest.raises(SubMinorUnit):
            _ = amount.minor
    else:
        assert amount.is_whole_minor
        assert Money.from_minor(amount.minor, "USD") == amount


def test_sub_minor_unit_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="not whole minor units"):
        _ = Money(4_999_001, "USD").minor


# Arithmetic and comparison


@LAW
@given(AMOUNTS, AMOUNTS)
def test_subtraction_undoes_addition(a: Money, b: Money) -> None:
    assert (a + b) - b == a
    assert a - b == a + -b


@LAW
@given(AMOUNTS)
def test_sign_and_magnitude_agree(amount: Money) -> None:
    assert abs(amount) == (-amount if amount.is_negative else amount)
    assert amount.is_zero == (amount == Money.zero("USD"))
    assert (amount + -amount).is_zero


@LAW
@given(MICROS, MICROS)
def test_order_is_that_of_the_micros(a: int, b: int) -> None:
    left, right = Money(a, "EUR"), Money(b, "EUR")
    assert (left < right, left <= right, left > right, left >= right) == (a < b, a <= b, a > b, a >= b)


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
def test_currencies_do_not_mix(operation: Callable[[Money, Money], object]) -> None:
    with pytest.raises(CurrencyMismatch):
        operation(Money(1, "USD"), Money(1, "EUR"))


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [0, 1.5, Decimal(1)])
def test_money_and_plain_numbers_do_not_mix(operation: Callable[[Any, Any], object], other: object) -> None:
    with pytest.raises(TypeError):
        operation(Money(1, "USD"), other)


def test_amounts_of_two_currencies_are_never_equal() -> None:
    assert Money.zero("USD") != Money.zero("EUR")


@LAW
@given(st.lists(AMOUNTS, max_size=10))
def test_sum_is_the_sum_of_the_micros(amounts: list[Money]) -> None:
    assert sum_money(amounts, "USD") == Money(sum(amount.micros for amount in amounts), "USD")


def test_sum_refuses_another_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        sum_money([Money(1, "USD"), Money(1, "EUR")], "USD")


# Rounding


@LAW
@given(EXACT)
def test_rounding_gives_the_nearest_minor_unit(exact: Fraction) -> None:
    rounded = Money.rounded(exact, "USD")
    assert rounded.is_whole_minor
    assert abs(rounded.micros - exact) <= Fraction(MICROS_PER_MINOR, 2)


@LAW
@given(EXACT)
def test_rounding_a_credit_mirrors_its_debit(exact: Fraction) -> None:
    assert Money.rounded(-exact, "USD") == -Money.rounded(exact, "USD")


@LAW
@given(st.integers(0, 10**9))
def test_rounding_takes_a_half_away_from_zero(minor: int) -> None:
    half = Fraction(minor * 1000 + 500)
    assert Money.rounded(half, "USD").minor == minor + 1
    assert Money.rounded(-half, "USD").minor == -minor - 1
    assert Money.rounded(half - Fraction(1, 10**9), "USD").minor == minor


@LAW
@given(WHOLE)
def test_rounding_leaves_whole_minor_units_alone(amount: Money) -> None:
    assert Money.rounded(amount.micros, "USD") == amount


@LAW
@given(st.decimals(-(10**9), 10**9, places=6))
def test_rounding_a_decimal_is_rounding_its_fraction(exact: Decimal) -> None:
    assert Money.rounded(exact, "USD") == Money.rounded(Fraction(exact), "USD")


def test_rounding_ignores_the_decimal_context() -> None:
    # 33 digits: a Decimal operation would round to 28 and lose the half.
    assert Money.rounded(Decimal("100000000000000000000000000000500"), "USD").minor == 10**29 + 1


@pytest.mark.parametrize("exact", [0.5, True, "1", None])
def test_rounding_refuses_what_is_not_exact(exact: Any) -> None:
    with pytest.raises(TypeError):
        Money.rounded(exact, "USD")


@pytest.mark.parametrize("exact", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_rounding_refuses_what_is_not_finite(exact: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        Money.rounded(Decimal(exact), "USD")


ROUNDING_VECTORS = [
    ("wafeq: 5 % of 45.30", "45.30", Fraction(5, 100), "2.27"),
    ("zuora: net of 2.99 with 4 % included", "2.99", Fraction(100, 104), "2.88"),
    ("killbill: 29 of 31 days of 249.95", "249.95", Fraction(29, 31), "233.82"),
    ("killbill: 27 of 30 days of 249.95", "249.95", Fraction(27, 30), "224.96"),
    ("lago: 14 of 31 days of 100", "100.00", Fraction(14, 31), "45.16"),
    ("polar: 20 of 30 days of 100", "100.00", Fraction(20, 30), "66.67"),
    ("polar: 304 of 365 days of 1000", "1000.00", Fraction(304, 365), "832.88"),
    ("polar: 304 of 365 days of 3000", "3000.00", Fraction(304, 365), "2498.63"),
    ("polar: 10000 with 25 % off, half way", "100.00", Fraction(75, 200), "37.50"),
    ("vtex: 16 % of 87.12", "87.12", Fraction(16, 100), "13.94"),
    ("vtex: 20 % of 42.60", "42.60", Fraction(20, 100), "8.52"),
]


@pytest.mark.parametrize(
    ("base", "factor", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROUNDING_VECTORS]
)
def test_rounding_vectors(base: str, factor: Fraction, expected: str) -> None:
    assert Money.rounded(usd(base).micros * factor, "USD") == usd(expected)


def test_zuora_the_tax_is_the_rest() -> None:
    gross = usd("2.99")
    assert gross - Money.rounded(Fraction(gross.micros * 100, 104), "USD") == usd("0.11")


def test_vtex_order_is_shared_out_without_rest() -> None:
    order, seller_x, seller_y = usd("199.62"), usd("87.12"), usd("42.60")
    commission_x = Money.rounded(Fraction(seller_x.micros * 16, 100), "USD")
    commission_y = Money.rounded(Fraction(seller_y.micros * 20, 100), "USD")
    paid_out = [seller_x - commission_x, seller_y - commission_y]
    assert paid_out == [usd("73.18"), usd("34.08")]
    assert order - sum_money(paid_out, "USD") == usd("92.36")


# Splitting


@LAW
@given(st.one_of(WHOLE, AMOUNTS), WEIGHTS)
def test_parts_always_sum_to_the_whole(amount: Money, weights: list[Any]) -> None:
    assert sum_money(amount.allocate(weights), "USD") == amount


@LAW
@given(st.one_of(WHOLE, AMOUNTS), WEIGHTS)
def test_parts_differ_from_their_ideal_by_less_than_a_unit(amount: Money, weights: list[Any]) -> None:
    unit = MICROS_PER_MINOR if amount.is_whole_minor else 1
    total = sum(Fraction(weight) for weight in weights)
    for part, weight in zip(amount.allocate(weights), weights, strict=True):
        assert abs(part.micros - amount.micros * Fraction(weight) / total) < unit


@LAW
@given(WHOLE, WEIGHTS)
def test_whole_minor_units_split_into_whole_minor_units(amount: Money, weights: list[Any]) -> None:
    assert all(part.is_whole_minor for part in amount.allocate(weights))


@LAW
@given(st.one_of(WHOLE, AMOUNTS), WEIGHTS)
def test_splitting_a_credit_mirrors_its_debit(amount: Money, weights: list[Any]) -> None:
    assert (-amount).allocate(weights) == [-part for part in amount.allocate(weights)]


@LAW
@given(WHOLE, WEIGHTS)
def test_a_weight_of_zero_gets_nothing(amount: Money, weights: list[Any]) -> None:
    assert amount.allocate([*weights, 0])[-1].is_zero


@LAW
@given(WHOLE.map(abs), st.lists(st.just(7), min_size=1, max_size=9))
def test_a_tie_goes_to_the_earlier_part(amount: Money, weights: list[int]) -> None:
    parts = amount.allocate(weights)
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= Money.from_minor(1, "USD")


@LAW
@given(WHOLE, WEIGHTS, st.builds(Fraction, st.integers(1, 1000), st.integers(1, 1000)))
def test_only_the_proportion_of_weights_counts(amount: Money, weights: list[Any], factor: Fraction) -> None:
    assert amount.allocate([Fraction(weight) * factor for weight in weights]) == amount.allocate(weights)


SPLITTING_VECTORS = [
    ("0.05 over 1:1:1", 5, "USD", [1, 1, 1], [2, 2, 1]),
    ("JPY 5 over 1:1:1", 5, "JPY", [1, 1, 1], [2, 2, 1]),
    ("100.00 over 1:2:3", 10000, "USD", [1, 2, 3], [1667, 3333, 5000]),
    ("polar: refund of 500 from 800 and 200 tax", 500, "USD", [800, 200], [400, 100]),
    ("lago: coupon 1000 over four fees", 1000, "EUR", [10000, 5000, 3000, 2000], [500, 250, 150, 100]),
]


@pytest.mark.parametrize(
    ("minor", "currency", "weights", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in SPLITTING_VECTORS],
)
def test_splitting_vectors(minor: int, currency: str, weights: list[int], expected: list[int]) -> None:
    assert [part.minor for part in Money.from_minor(minor, currency).allocate(weights)] == expected


def test_the_style_pages_dollar_splits_into_thirds() -> None:
    assert [part.minor for part in Money(100_000, "USD").allocate([1, 1, 1])] == [34, 33, 33]


def test_an_amount_below_the_minor_unit_splits_into_micros() -> None:
    assert [part.micros for part in Money(1_001, "USD").allocate([1, 1])] == [501, 500]


def test_lago_taxes_after_a_split_coupon() -> None:
    fees = [Money.from_minor(minor, "EUR") for minor in (10000, 5000, 3000, 2000)]
    discounts = Money.from_minor(1000, "EUR").allocate([fee.minor for fee in fees])
    taxes = [
        Money.rounded((fee - discount).micros * Fraction(percent, 100), "EUR")
        for fee, discount, percent in zip(fees, discounts, (10, 0, 20, 20), strict=True)
    ]
    assert [tax.minor for tax in taxes] == [950, 0, 570, 380]
    total = sum_money(fees, "EUR") - sum_money(discounts, "EUR") + sum_money(taxes, "EUR")
    assert total.minor == 20900


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [Decimal("NaN")], [Decimal("Infinity")]])
def test_weights_that_say_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weight|finite"):
        Money.from_minor(1, "USD").allocate(weights)


@pytest.mark.parametrize("weight", [1.0, True, "1"])
def test_weights_that_are_not_exact_are_refused(weight: Any) -> None:
    with pytest.raises(TypeError):
        Money.from_minor(1, "USD").allocate([weight])
