"""Issue 11, item 7: the balance carries what no card can be charged, and no invoice ever asks for so little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customers.balance import Balance
from billing.domain.kernel.card_limits import Unchargeable, is_too_small, require_chargeable, unchargeable
from billing.domain.kernel.currencies import charge_maximum, charge_minimum
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import Money

CENTS = st.integers(-500, 500)


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


@given(CENTS, CENTS)
def test_an_invoice_asks_for_nothing_or_for_what_can_be_charged(held: int, owed: int) -> None:
    balance = Balance("cus_1", "ten_1", usd(held))
    applied = balance.usable_for(usd(owed))
    asked = usd(owed) - applied
    assert asked.is_zero or unchargeable(asked) is None
    assert not asked.is_negative


@given(st.lists(CENTS, max_size=30))
def test_whatever_comes_what_was_asked_for_and_what_is_owed_is_the_sum(invoices: list[int]) -> None:
    """Nothing is lost and nothing made: charges less the balance are what was billed, and less than 0.50 is owed."""
    balance, charged = Balance("cus_1", "ten_1", usd(0)), usd(0)
    for owed in invoices:
        applied = balance.usable_for(usd(owed))
        charged += usd(owed) - applied
        balance = balance.used(applied)
        assert balance.amount > usd(-50)
    assert charged - balance.amount == usd(sum(invoices))


@given(CENTS, CENTS)
def test_what_is_carried_is_what_the_balance_did_not_hold(held: int, owed: int) -> None:
    balance = Balance("cus_1", "ten_1", usd(held))
    applied = balance.usable_for(usd(owed))
    beyond = balance.beyond(applied)
    assert beyond.is_zero or is_too_small(beyond)
    if not beyond.is_zero:
        assert balance.used(applied).amount == min(usd(held), usd(0)) - beyond


def test_why_an_amount_cannot_be_charged() -> None:
    assert unchargeable(usd(charge_minimum("USD"))) is None
    assert unchargeable(usd(charge_minimum("USD") - 1)) is Unchargeable.TOO_SMALL
    assert unchargeable(usd(charge_maximum("USD"))) is None
    assert unchargeable(usd(charge_maximum("USD") + 1)) is Unchargeable.TOO_LARGE
    assert unchargeable(Money.from_minor(1000, "GHS")) is Unchargeable.CURRENCY
    assert unchargeable(Money.from_minor(5_123, "KWD")) is Unchargeable.STEP
    assert not is_too_small(usd(0))
    assert not is_too_small(Money.from_minor(1, "GHS"))  # nothing of it will ever be enough for a card
    with pytest.raises(ValidationFailed) as refused:
        require_chargeable(Money.from_minor(1000, "GHS"))
    assert [(each.field, each.reason) for each in refused.value.details] == [("currency", "not_chargeable")]
