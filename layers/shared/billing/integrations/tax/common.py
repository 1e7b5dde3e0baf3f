"""What the tax providers that are called over the network have in common."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.line import TaxAmount
from billing.domain.lines.tax_facts import Taxability
from billing.domain.tax.rate_table import ZERO
from billing.services.tax.assessment import Item

RETRY_AFTER_S = 5
CONNECT_TIMEOUT_S = 2.0
_TRIES_WORTH = 3
"""How many slow answers we wait for in one sale."""
Ask = Callable[[Sequence[Item]], Sequence[tuple[TaxAmount, ...]]]


class Budget:
    """The time that all the calls about one sale may take: the caller is a request, and has its own end.

    Args:
        timeout_s: how long one try may take; after three such times no further call begins.
        left_s: how long is left of the invocation: the last call has to end by then.
    """

    def __init__(self, timeout_s: float, left_s: float) -> None:
        seconds = min(_TRIES_WORTH * timeout_s, left_s - CONNECT_TIMEOUT_S - timeout_s)
        self._until = time.monotonic() + seconds

    def spend(self) -> None:
        """Called before each call.

        Raises:
            Unavailable: the budget is used up.
        """
        if time.monotonic() >= self._until:
            raise Unavailable("The tax provider is too slow", retry_after_s=RETRY_AFTER_S)


def is_untaxed(tax_code: str | None) -> bool:
    """Whether our own code says that no rate applies (``exempt`` is never asked about)."""
    return tax_code == ZERO


def asked_by_sign(items: Sequence[Item], ask: Ask, most: int) -> tuple[tuple[TaxAmount, ...], ...]:
    """The taxes of items, whatever their sign: providers accept no negative lines.

    Credits go into a calculation of their own as positive amounts, and their taxes are negated: the tax of a credit is
    minus the tax of its charge.

    Args:
        ask: gives the taxes of items with positive amounts.
        most: the most items that one calculation may have.
    """
    found: dict[int, tuple[TaxAmount, ...]] = {}
    for negative in (False, True):
        chosen = [n for n, item in enumerate(items) if item.taxable.is_negative is negative]
        for start in range(0, len(chosen), most):
            some = chosen[start : start + most]
            answers = ask([_magnitude(items[n]) for n in some])
            for n, taxes in zip(some, answers, strict=True):
                found[n] = tuple(-tax for tax in taxes) if negative else taxes
    return tuple(found[n] for n in range(len(items)))


def reconciled(taxes: Sequence[TaxAmount], total: Money) -> tuple[TaxAmount, ...]:
    """The taxes so that they sum to the provider's total of the line, which is what it will report."""
    parts = [tax.amount for tax in taxes]
    if sum(part.micros for part in parts) == total.micros or not any(part.micros for part in parts):
        return tuple(taxes)
    split = total.allocate([Fraction(abs(part.micros)) for part in parts])
    return tuple(replace(tax, amount=part) for tax, part in zip(taxes, split, strict=True))


def with_bases(on: Sequence[TaxAmount], off: Sequence[TaxAmount], item: Item) -> tuple[TaxAmount, ...]:
    """A line's taxes, and those that are not on it, so that the bases of each tax of a jurisdiction sum to the net.

    Of 100.00 of data processing Texas taxes 80.00: 80.00 under its tax, and 20.00 that are exempt from it. A provider
    may say the second (a part with an amount of zero) or leave it to be seen from the first.

    Args:
        on: those with a rate, each with its base; without one it is on all of the net.
        off: those that are not on it, or on a part of it.
    """
    included = sum_money((tax.amount for tax in on if tax.inclusive), item.taxable.currency)
    net = item.taxable - included
    rest: dict[tuple[object, ...], Money] = {}
    found: list[TaxAmount] = []
    for tax in on:
        key = _levied(tax)
        base = net if tax.base is None else tax.base
        rest[key] = rest.get(key, net) - base
        found.append(replace(tax, base=None if base == net else base))
    for tax in off:
        base = rest.get(_levied(tax), net)
        rest[_levied(tax)] = Money.zero(net.currency)
        if base.micros > 0:
            found.append(replace(tax, base=None if base == net else base))
    for tax in on:
        base = rest.pop(_levied(tax), Money.zero(net.currency))
        if base.micros > 0 and tax.facts is not None:
            exempt = replace(tax.facts, treatment=Taxability.EXEMPT)
            found.append(TaxAmount(tax.name, Decimal(0), Money.zero(net.currency), base=base, facts=exempt))
    return tuple(found)


def _levied(tax: TaxAmount) -> tuple[object, ...]:
    """Whose tax it is, and which of theirs."""
    facts = tax.facts
    assert facts is not None
    return facts.country, facts.region, facts.level, facts.jurisdiction, facts.category


def percent(text: str | Decimal) -> Decimal:
    """A percentage without trailing zeros: ``8.250`` -> 8.25."""
    value = Decimal(text)
    return value.quantize(Decimal(1)) if value == value.to_integral() else value.normalize()


def _magnitude(item: Item) -> Item:
    return Item(abs(item.taxable), item.inclusive, item.tax_code)
