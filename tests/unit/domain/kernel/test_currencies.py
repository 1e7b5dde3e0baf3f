"""Currencies: what a card can be charged in each."""

import pytest

from billing.domain.kernel.currencies import charge_maximum, charge_minimum, charge_step, is_currency
from billing.domain.kernel.money import Money
from billing.integrations.stripe.objects import stripe_amount
from local.stripe_sandbox.errors import InvalidRequestError
from local.stripe_sandbox.money import _SMALLEST, CURRENCIES, check_amount


@pytest.mark.parametrize(
    ("currency", "minor"), [("USD", 50), ("GBP", 30), ("JPY", 50), ("HUF", 17_500), ("CZK", 1_500), ("KRW", 0)]
)
def test_the_least_that_a_card_can_be_charged(currency: str, minor: int) -> None:
    assert charge_minimum(currency) == minor


@pytest.mark.parametrize("currency", sorted(each for each in CURRENCIES if is_currency(each.upper())))
def test_the_minimum_is_what_the_sandbox_takes(currency: str) -> None:
    least = charge_minimum(currency.upper())
    assert least == _SMALLEST.get(currency, 0)
    assert least % charge_step(currency.upper()) == 0  # so that what is priced can be exactly the minimum
    assert check_amount(max(least, 1), currency)
    with pytest.raises(InvalidRequestError):
        check_amount(max(least, 1) - 1, currency)


@pytest.mark.parametrize(
    ("currency", "minor"),
    [
        ("USD", 99_999_999),
        ("JPY", 99_999_999),
        ("ISK", 999_999),
        ("IDR", 999_999_999_999),
        ("COP", 999_999_999_999),
        ("HUF", 999_999_999_999),
        ("INR", 999_999_999),
    ],
)
def test_the_most_that_a_card_can_be_charged(currency: str, minor: int) -> None:
    assert charge_maximum(currency) == minor


@pytest.mark.parametrize("currency", sorted(each for each in CURRENCIES if is_currency(each.upper())))
def test_the_maximum_is_what_the_sandbox_takes(currency: str) -> None:
    """To the last unit: a maximum that is too high is a refusal, one that is too low an invoice that waits for ever."""
    most = Money.from_minor(charge_maximum(currency.upper()), currency.upper())
    most -= Money.from_minor(most.minor % charge_step(currency.upper()), currency.upper())
    assert check_amount(stripe_amount(most), currency)
    over = stripe_amount(most + Money.from_minor(charge_step(currency.upper()), currency.upper()))
    if currency != "mga":  # whole ariary: eight digits of theirs are ten of ours
        with pytest.raises(InvalidRequestError):
            check_amount(over, currency)
