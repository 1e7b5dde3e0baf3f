"""What Stripe is asked for: an amount in Stripe's own units, never rounded on the way."""

import pytest

from billing.domain.kernel.currencies import charge_step, is_currency, minor_digits
from billing.domain.kernel.money import Money
from billing.integrations.stripe.objects import stripe_amount
from local.stripe_sandbox.money import CURRENCIES, THREE_DECIMAL, ZERO_DECIMAL

SERVED = sorted(code.upper() for code in CURRENCIES if is_currency(code.upper()))
STEPPED = [code for code in SERVED if charge_step(code) > 1]


def stripe_decimals(currency: str) -> int:
    """As the sandbox has them."""
    lower = currency.lower()
    return 0 if lower in ZERO_DECIMAL else 3 if lower in THREE_DECIMAL else 2


def test_next_to_every_currency_of_stripe_is_one_of_iso() -> None:
    """The others were withdrawn from ISO 4217, and no plan can be made in them."""
    assert {code.upper() for code in CURRENCIES} - set(SERVED) == {"ANG", "BGN", "STD"}


@pytest.mark.parametrize("currency", SERVED)
def test_a_major_unit_is_what_stripes_decimals_say(currency: str) -> None:
    major = Money.from_minor(10 ** minor_digits(currency), currency)
    assert stripe_amount(major) == 10 ** stripe_decimals(currency)


@pytest.mark.parametrize("currency", SERVED)
def test_the_least_that_is_charged_is_a_whole_number_of_stripes_units(currency: str) -> None:
    least = Money.from_minor(charge_step(currency), currency)
    assert stripe_amount(least) * 10 ** minor_digits(currency) == least.minor * 10 ** stripe_decimals(currency)


@pytest.mark.parametrize("currency", ["ISK", "UGX"])
def test_a_currency_whose_two_decimals_are_00_is_charged_in_whole_units(currency: str) -> None:
    assert [stripe_amount(Money.from_minor(n, currency)) for n in (1, 7, 500)] == [100, 700, 50_000]


@pytest.mark.parametrize("currency", sorted(THREE_DECIMAL))
def test_the_last_digit_of_a_three_decimal_currency_is_0(currency: str) -> None:
    assert stripe_amount(Money.from_minor(5120, currency.upper())) == 5120


def test_ariary_is_charged_whole() -> None:
    assert stripe_amount(Money(10_000_000, "MGA")) == 100


def test_some_currencies_cannot_be_charged_to_the_last_digit() -> None:
    assert STEPPED == ["BHD", "JOD", "KWD", "MGA", "OMR", "TND"]


@pytest.mark.parametrize("currency", STEPPED)
def test_an_amount_that_stripe_cannot_charge_is_an_error(currency: str) -> None:
    step = charge_step(currency)
    for minor in (1, step - 1, step + 1, -1):
        with pytest.raises(ValueError, match="not a multiple"):
            stripe_amount(Money.from_minor(minor, currency))


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "MGA", "ISK"])
def test_a_fraction_of_a_minor_unit_is_an_error(currency: str) -> None:
    with pytest.raises(ValueError, match="whole minor"):
        stripe_amount(Money(charge_step(currency) * 1000 + 1, currency))
