"""Which amounts cards can be charged at all: one answer for every route that charges, and for every invoice.

Too little is carried to the next invoice by the customer's balance; too much, or a currency that no card is charged in,
waits for another way to be paid. Neither is tried, for a card cannot help it, and so neither is dunned.
"""

from enum import StrEnum

from billing.domain.kernel.currencies import charge_maximum, charge_minimum, charge_step, is_charged
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import Money


class Unchargeable(StrEnum):
    """Why no card can be charged an amount; the values are public reasons."""

    CURRENCY = "not_chargeable"
    STEP = "not_chargeable_in_currency"
    TOO_SMALL = "below_the_least_that_cards_are_charged"
    TOO_LARGE = "above_the_most_that_cards_are_charged"


def unchargeable(amount: Money) -> Unchargeable | None:
    """Why no card can be charged ``amount``; None where one can: 0.30 USD is too small, 1,200,000.00 USD too large."""
    code = amount.currency
    if not is_charged(code):
        return Unchargeable.CURRENCY
    if amount.minor < max(charge_minimum(code), 1):
        return Unchargeable.TOO_SMALL
    if amount.minor > charge_maximum(code):
        return Unchargeable.TOO_LARGE
    return Unchargeable.STEP if amount.minor % charge_step(code) else None


def is_too_small(amount: Money) -> bool:
    """Whether an amount above zero is less than a card can be charged, so that it has to go with another one."""
    return amount.micros > 0 and unchargeable(amount) is Unchargeable.TOO_SMALL


def require_chargeable(amount: Money) -> None:
    """Refuse what the card processor would refuse, before anything is written or asked.

    Raises:
        ValidationFailed: cards cannot be charged in this currency, or not this amount of it.
    """
    reason = unchargeable(amount)
    if reason is not None:
        raise not_chargeable(amount, reason)


def not_chargeable(amount: Money, reason: Unchargeable) -> ValidationFailed:
    """The error for who wants an amount charged that no card can be charged."""
    field = "currency" if reason is Unchargeable.CURRENCY else "amount"
    return ValidationFailed.of(field, reason.value, f"{amount}: {reason.value}")
