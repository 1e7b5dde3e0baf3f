"""One-off lines: priced and rounded once, limited, with a coupon off the charges alone."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Discount
from billing.domain.invoicing.one_off import MOST_LINES, OneOffLine, check_limits, discounted, priced
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import LARGEST_AMOUNT, MICROS_PER_MINOR, Money, sum_money
from billing.domain.lines.line import InvoiceLine, TaxRate

NOW = datetime(2027, 1, 1, tzinfo=UTC)
currencies = st.sampled_from(["USD", "JPY", "KWD", "MGA"])


def item(**fields: Any) -> OneOffLine:
    values: dict[str, Any] = {"description": "Work", "quantity": Decimal(1), "unit_amount": None, "amount": None}
    return OneOffLine(**values | fields)


def lines(*amounts: int, currency: str = "USD") -> tuple[InvoiceLine, ...]:
    """Lines of amounts in minor units."""
    return priced([item(amount=amount * MICROS_PER_MINOR) for amount in amounts], currency, inclusive=False)


def coupon(percent: str | None = None, amount: int | None = None) -> Discount:
    off = None if amount is None else Money.from_minor(amount, "USD")
    return Discount("C", "c", Decimal(percent) if percent else None, off, 1, NOW)


def reasons(error: ValidationFailed) -> dict[str, str]:
    return {detail.field: detail.reason for detail in error.details}


def test_a_line_says_what_it_was_made_of() -> None:
    taxed = item(
        quantity=Decimal("2.5"), unit_amount=9_999_000, tax_rates=(TaxRate("VAT", Decimal(19)),), tax_code="sw"
    )
    (line,) = priced([taxed], "USD", inclusive=True)
    assert (line.quantity, line.unit_amount, line.amount) == (
        Decimal("2.5"),
        9_999_000,
        Money.from_minor(24_998, "USD"),
    )
    assert (line.tax_inclusive, line.tax_rates, line.tax_code) == (True, taxed.tax_rates, "sw")


@given(
    currencies,
    st.decimals(0, 10**6, places=4, allow_nan=False),
    st.integers(0, 10**8),
)
def test_what_is_priced_can_be_charged_and_is_at_most_half_a_step_off(
    currency: str, quantity: Decimal, unit_amount: int
) -> None:
    one = item(quantity=quantity, unit_amount=unit_amount)
    (line,) = priced([one], currency, inclusive=False)
    step = charge_step(currency) * MICROS_PER_MINOR
    assert line.amount.micros % step == 0
    assert abs(line.amount.micros - one.exact) * 2 <= step


def test_every_line_that_cannot_be_charged_is_named() -> None:
    items = [
        item(amount=5_125_000),
        item(amount=5_120_000),
        item(amount=-5_125_000),
        item(quantity=Decimal(10**9), unit_amount=LARGEST_AMOUNT),
        item(unit_amount=5_125_000),  # a price per unit is rounded
    ]
    with pytest.raises(ValidationFailed) as refused:
        priced(items, "KWD", False, "addLines")
    assert reasons(refused.value) == {
        "addLines.0.amount": "not_chargeable_in_currency",
        "addLines.2.amount": "not_chargeable_in_currency",
        "addLines.3.unitAmount": "too_large",
    }


@pytest.mark.parametrize("fields", [{}, {"unit_amount": 1, "amount": 1000}])
def test_a_line_has_one_price(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="one of them"):
        item(**fields)


LARGEST = LARGEST_AMOUNT // MICROS_PER_MINOR


@pytest.mark.parametrize(
    ("amounts", "reason"),
    [
        ([1] * MOST_LINES, None),
        ([1] * (MOST_LINES + 1), "too_long"),
        ([LARGEST, -LARGEST], None),
        ([LARGEST, 1, -1], "too_large"),  # what is charged counts, whatever is given back beside it
        ([-LARGEST, -1, 1], "too_large"),
    ],
    ids=["500", "501", "largest", "charges", "credits"],
)
def test_all_lines_together_have_limits(amounts: list[int], reason: str | None) -> None:
    if reason is None:
        check_limits(lines(*amounts))
        return
    with pytest.raises(ValidationFailed) as refused:
        check_limits(lines(*amounts), "addLines")
    assert reasons(refused.value) == {"addLines": reason}


def test_an_amount_off_is_spread_over_the_charges() -> None:
    found = discounted(lines(3000, 2000, -500), coupon(amount=1000))
    assert [line.discount.minor for line in found] == [600, 400, 0]
    assert found[2].discounts == ()


def test_it_is_never_more_than_the_charges() -> None:
    found = discounted(lines(300, -500), coupon(amount=1000))
    assert [line.discount.minor for line in found] == [300, 0]


def test_without_a_charge_there_is_nothing_to_take_off() -> None:
    assert discounted(lines(-500), coupon(percent="50")) == lines(-500)


def test_a_new_discount_replaces_the_old_one() -> None:
    half = discounted(lines(1000), coupon(percent="50"))
    assert discounted(half, None) == lines(1000)
    assert discounted(half, coupon(percent="10"))[0].discount == Money.from_minor(100, "USD")


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20), st.integers(1, 10**7))
def test_what_an_amount_takes_off_sums_to_it_or_to_all_charges(amounts: list[int], off: int) -> None:
    found = discounted(lines(*amounts), coupon(amount=off))
    charged = sum(amount for amount in amounts if amount > 0)
    assert sum_money((line.discount for line in found), "USD").minor == min(off, charged)
    assert all(line.discount.is_zero for line in found if line.amount.is_negative)
