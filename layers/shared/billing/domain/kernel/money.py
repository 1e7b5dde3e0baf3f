"""Money: whole micro-units of one currency; everything that adds, rounds or splits amounts goes through here.

1,000 micro-units are one minor unit in every currency: USD 4_999_000 is $49.99, JPY
500_000 is 500 yen, KWD 5_124_000 is 5.124 dinar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import lcm

from billing.domain.kernel.currencies import is_currency, minor_digits

MICROS_PER_MINOR = 1000
LARGEST_AMOUNT = 10**15
"""Micro-units: ten billion dollars. Nothing billed here is larger, and Stripe's own limit is far below."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one operation."""


class SubMinorUnit(ValueError):
    """An amount has a fraction of a minor unit, so nobody can be charged it."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in micro-units of a currency; negative amounts are credits.

    `==` is structural: `Money(0, "USD") != Money(0, "EUR")`. Ordering needs one currency: `Money(1, "USD") <
    Money(2, "USD")` is True, while `Money(1, "USD") < Money(2, "EUR")` raises CurrencyMismatch, for no rate
    is known here. Every Money is truthy, zero too: ask `is_zero`.

    Args:
        micros: the amount in micro-units, an int.
        currency: ISO 4217 code, upper case.

    Raises:
        TypeError: `micros` is not an int (a bool or a float is not).
        ValueError: the currency is unknown.
    """

    micros: int
    currency: str

    def __post_init__(self) -> None:
        # Not isinstance: True is an int to Python, but no amount.
        if type(self.micros) is not int:
            raise TypeError(f"micros must be an int, not {type(self.micros).__name__}")
        if not isinstance(self.currency, str):
            raise TypeError(f"currency must be a str, not {type(self.currency).__name__}")
        if not is_currency(self.currency):
            raise ValueError(f"unknown currency {self.currency!r}: expected an active ISO 4217 code in upper case")

    def __str__(self) -> str:
        """For a message to people: `Money(4_999_000, "USD")` is "49.99 USD", `Money(500_000, "JPY")` "500 JPY"."""
        digits = minor_digits(self.currency)
        scaled = Decimal(self.micros).scaleb(-digits) / MICROS_PER_MINOR
        whole = self.micros % MICROS_PER_MINOR == 0
        return f"{scaled:.{digits}f} {self.currency}" if whole else f"{scaled.normalize():f} {self.currency}"

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Give nothing, in `currency`."""
        return cls(0, currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Money:
        """Make an amount from whole minor units: 4999 of USD is `Money(4_999_000, "USD")`.

        Raises:
            TypeError: `minor` is not an int.
        """
        if type(minor) is not int:
            raise TypeError(f"minor must be an int, not {type(minor).__name__}")
        return cls(minor * MICROS_PER_MINOR, currency)

    @classmethod
    def rounded(cls, exact: Fraction | Decimal | int, currency: str, step: int = 1) -> Money:
        """Round an exact number of micro-units to a whole minor unit, half away from zero.

        `Money.rounded(226_500, "USD")` (226.5 cents, 5 % of $45.30) is $2.27, and its negation is -$2.27, so
        that a credit is minus its debit.

        Args:
            exact: micro-units, with any fraction.
            currency: ISO 4217 code.
            step: minor units to round to a multiple of: 10 for KWD, where Stripe charges no finer.

        Raises:
            TypeError: `exact` is a float, a bool or no number.
            ValueError: `exact` is NaN or infinite.
        """
        units = exact_fraction(exact) / (MICROS_PER_MINOR * step)
        # floor(x + 1/2) on the magnitude, in integers: 226.5 -> (2 * 453 + 2) // (2 * 2) = 227.
        magnitude = (2 * abs(units.numerator) + units.denominator) // (2 * units.denominator)
        return cls.from_minor((magnitude if units >= 0 else -magnitude) * step, currency)

    @property
    def is_zero(self) -> bool:
        """Tell whether this is no money at all."""
        return self.micros == 0

    @property
    def is_negative(self) -> bool:
        """Tell whether this is below zero."""
        return self.micros < 0

    @property
    def is_whole_minor(self) -> bool:
        """Tell whether this can be charged: no fraction of a minor unit."""
        return self.micros % MICROS_PER_MINOR == 0

    @property
    def minor(self) -> int:
        """The amount in minor units, which is what Stripe takes.

        Raises:
            SubMinorUnit: the amount has a fraction of a minor unit.
        """
        if not self.is_whole_minor:
            raise SubMinorUnit(f"{self.micros} micro-units of {self.currency} are not whole minor units")
        return self.micros // MICROS_PER_MINOR

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.micros + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.micros - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.micros), self.currency)

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.micros < self._same(other)

    def __le__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.micros <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.micros > self._same(other)

    def __ge__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.micros >= self._same(other)

    def allocate(self, weights: Sequence[int | Fraction | Decimal]) -> list[Money]:
        """Split this into one part a weight by largest remainder, so that the parts always sum to the whole.

        Whole minor units are split into whole minor units ($0.05 over 1:1:1 is .02/.02/.01, the earlier part
        wins a tie); an amount with a fraction of a minor unit is split into micro-units. A negative amount
        mirrors its positive. A part of weight zero is zero.

        Args:
            weights: relative sizes, not negative, at least one above zero.

        Raises:
            TypeError: a weight is a float, a bool or no number.
            ValueError: no weight, a negative or non-finite weight, or all weights zero.
        """
        scaled = _integer_weights(weights)
        whole = sum(scaled)
        step = MICROS_PER_MINOR if self.is_whole_minor else 1
        units = abs(self.micros) // step
        shares = [divmod(units * weight, whole) for weight in scaled]
        parts = [floor for floor, _ in shares]
        # 100.00 over 1:2:3 in cents: floors 1666 + 3333 + 5000 leave 1; remainders 4/6, 2/6, 0 give it to the
        # first. Each remainder is below one whole and together they make `left` of them, so at least `left`
        # parts have a remainder above zero: a part of weight zero never receives anything.
        left = units - sum(parts)
        for index in sorted(range(len(parts)), key=lambda i: (-shares[i][1], i))[:left]:
            parts[index] += 1
        sign = -step if self.is_negative else step
        return [Money(sign * part, self.currency) for part in parts]

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")
        return other.micros


def sum_money(amounts: Iterable[Money], currency: str) -> Money:
    """Add up amounts of one currency; of none at all the sum is zero.

    Args:
        amounts: any number of amounts, each in `currency`.
        currency: ISO 4217 code.

    Raises:
        CurrencyMismatch: an amount has another currency.
    """
    total = Money.zero(currency)
    for amount in amounts:
        total += amount
    return total


def exact_fraction(value: Fraction | Decimal | int) -> Fraction:
    """Turn an exact number into a Fraction, without the rounding of Decimal's 28-digit context.

    Raises:
        TypeError: a float, a bool or no number; 0.1 as a float is 0.1000000000000000055.
        ValueError: NaN or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, int | Fraction | Decimal):
        raise TypeError(f"expected an int, Fraction or Decimal, not {type(value).__name__}")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return Fraction(value)


def _integer_weights(weights: Sequence[int | Fraction | Decimal]) -> list[int]:
    """Scale weights to integers of the same proportions: [1/2, 1/3] -> [3, 2]."""
    exact = [exact_fraction(weight) for weight in weights]
    if any(weight < 0 for weight in exact):
        raise ValueError("weights must not be negative")
    if not any(exact):
        raise ValueError("at least one weight must be above zero")
    denominator = lcm(*(weight.denominator for weight in exact))
    return [weight.numerator * (denominator // weight.denominator) for weight in exact]
