"""What a quantity costs: flat, per unit, graduated, volume and package prices, exact, and rounded once.

Sources: Stripe, "Set up tiered pricing" (https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing); Lago's
graduated and package charges. Both have worked examples in docs/vectors.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import Money, exact_fraction


class ComponentType(StrEnum):
    """Where a component's quantity comes from: there is none, the seats bought, or a meter."""

    FLAT = "flat"
    LICENSED = "licensed"
    METERED = "metered"


class PricingModel(StrEnum):
    """How a quantity becomes an amount."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


_TIERED = (PricingModel.GRADUATED, PricingModel.VOLUME)


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a graduated or volume price; it begins where the tier before it ends.

    Args:
        up_to: the largest quantity in this tier, itself included, or None for the last tier. 0 in the first
            tier makes a price for "nothing at all".
        unit_amount: micro-units a unit, not negative; may be below the minor unit (1 is a thousandth of a
            cent).
        flat_amount: micro-units, not negative, charged as soon as the tier is reached.

    Raises:
        TypeError: an amount is not an int, or `up_to` is a float.
        ValueError: a negative amount; a negative or non-finite `up_to`.
    """

    up_to: Decimal | None
    unit_amount: int
    flat_amount: int = 0

    def __post_init__(self) -> None:
        if self.up_to is not None:
            if exact_fraction(self.up_to) < 0:
                raise ValueError(f"up_to must not be negative: {self.up_to}")
            object.__setattr__(self, "up_to", Decimal(self.up_to))
        _check_int("unit_amount", self.unit_amount, least=0)
        _check_int("flat_amount", self.flat_amount, least=0)


@dataclass(frozen=True, slots=True)
class Component:
    """One priced part of a plan; a price that makes no sense cannot be made.

    ============== ==================== ===================================
    type, model    needs                must not have
    ============== ==================== ===================================
    flat           unit_amount          model, tiers, package_size, meter, free_units
    per_unit       unit_amount          tiers, package_size
    package        unit_amount (of a    tiers
                   package), its size
    graduated,     tiers                unit_amount, package_size
    volume
    ============== ==================== ===================================

    Args:
        key: the component's name within its plan.
        type: flat, licensed (seats) or metered; a metered one needs `meter`, the others have none.
        model: how the quantity is priced; None for flat.
        unit_amount: micro-units a unit, a package or, for flat, a period; not negative.
        tiers: ascending, the last one open-ended.
        package_size: units in a package, at least 1; a package begun is a package paid.
        free_units: units that cost nothing, taken off the quantity before it is priced.
        minimum: micro-units that the charge is never below, or None.
        meter: the key of the meter that counts the quantity.
        filters: only usage whose dimension has one of these values is priced; all of it where empty.
        group_by: dimensions of the meter; usage is priced and billed separately for each of their values.

    Raises:
        TypeError: a number is not an int.
        ValueError: the parts do not fit together, as the table says.
    """

    key: str
    type: ComponentType
    model: PricingModel | None = None
    unit_amount: int | None = None
    tiers: tuple[Tier, ...] = ()
    package_size: int | None = None
    free_units: int = 0
    minimum: int | None = None
    meter: str | None = None
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    group_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("a component needs a key")
        object.__setattr__(self, "type", ComponentType(self.type))
        object.__setattr__(self, "tiers", tuple(self.tiers))
        _check_int("free_units", self.free_units, least=0)
        if self.minimum is not None:
            _check_int("minimum", self.minimum, least=0)
        self._check_meter()
        if self.type is ComponentType.FLAT:
            self._check_flat()
            return
        if self.model is None:
            raise ValueError(f"component {self.key}: {self.type} needs a model")
        object.__setattr__(self, "model", PricingModel(self.model))
        if self.model in _TIERED:
            self._check_tiers()
        else:
            self._check_unit_price()

    def _check_meter(self) -> None:
        if self.type is ComponentType.METERED and not self.meter:
            raise ValueError(f"component {self.key}: metered needs a meter")
        if self.type is not ComponentType.METERED and self.meter is not None:
            raise ValueError(f"component {self.key}: only metered has a meter")
        if self.type is not ComponentType.METERED and (self.filters or self.group_by):
            raise ValueError(f"component {self.key}: only metered has filters and groups")
        if any(not values for values in self.filters.values()) or len(set(self.group_by)) != len(self.group_by):
            raise ValueError(f"component {self.key}: a filter needs values, and a dimension groups once")

    def _check_flat(self) -> None:
        if self.model is not None or self.tiers or self.package_size is not None or self.free_units:
            raise ValueError(f"component {self.key}: flat has no model, tiers, package_size or free_units")
        self._check_unit_amount()

    def _check_unit_price(self) -> None:
        if self.tiers:
            raise ValueError(f"component {self.key}: {self.model} has no tiers")
        self._check_unit_amount()
        if self.model is PricingModel.PACKAGE:
            if self.package_size is None:
                raise ValueError(f"component {self.key}: package needs a package_size")
            _check_int("package_size", self.package_size, least=1)
        elif self.package_size is not None:
            raise ValueError(f"component {self.key}: only package has a package_size")

    def _check_unit_amount(self) -> None:
        if self.unit_amount is None:
            raise ValueError(f"component {self.key}: {self.model or self.type} needs a unit_amount")
        _check_int("unit_amount", self.unit_amount, least=0)

    def _check_tiers(self) -> None:
        if self.unit_amount is not None or self.package_size is not None:
            raise ValueError(f"component {self.key}: {self.model} has its prices in tiers alone")
        if not self.tiers:
            raise ValueError(f"component {self.key}: {self.model} needs tiers")
        bounds = [tier.up_to for tier in self.tiers[:-1]]
        if self.tiers[-1].up_to is not None:
            raise ValueError(f"component {self.key}: the last tier must have no up_to")
        previous: Decimal | None = None
        for bound in bounds:
            if bound is None:
                raise ValueError(f"component {self.key}: only the last tier may have no up_to")
            if previous is not None and bound <= previous:
                raise ValueError(f"component {self.key}: tiers must ascend: {previous} is followed by {bound}")
            previous = bound


@dataclass(frozen=True, slots=True)
class PricedQuantity:
    """What a component costs for a quantity, ready for an invoice line.

    Args:
        quantity: the whole quantity, free units included; 1 for flat.
        unit_amount: micro-units a unit where one price explains the amount, else None (several tiers, a
            tier's flat amount, a package, the minimum).
        amount: whole minor units.
    """

    quantity: Decimal
    unit_amount: int | None
    amount: Money


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One step of a price: five seats at 120.00 are `PriceStep(Decimal(5), 12_000_000, 0, 60_000_000)`.

    Args:
        quantity: units in this step.
        unit_amount: micro-units each.
        flat_amount: micro-units for the step as such, whatever the quantity.
        amount: micro-units of the whole step; all steps together are what is charged.
    """

    quantity: Decimal
    unit_amount: int
    flat_amount: int
    amount: int


MOST_STEPS = 20
"""A price of more steps than this is not explained on a document: nobody reads it, and a line is to stay small."""


def price_steps(component: Component, quantity: Decimal, currency: str) -> tuple[PriceStep, ...]:
    """Explain an amount of `price` by its steps: 8 seats, the first 5 at 120.00, are 5 at 120.00 and 3 at 90.00.

    Free units are a step of their own, at nothing. Rounded as running sums, the steps always sum to the amount: twice
    a step of half a cent is 0.01 and 0.00, not 0.01 twice.

    Args:
        component: the price.
        quantity: units, not negative.
        currency: ISO 4217 code of the component's amounts.

    Returns:
        Nothing where one unit price explains the amount (`PricedQuantity.unit_amount`), or where steps do not: for
        packages, for a minimum, and for too many of them.
    """
    billable = _billable(component, quantity)
    below_minimum = component.minimum is not None and _charge(component, billable) < component.minimum
    if component.model is None or component.model is PricingModel.PACKAGE or below_minimum:
        return ()
    free = exact_fraction(quantity) - billable
    parts = [(free, 0, 0)] if free else []
    parts += _parts(component, billable)
    if len(parts) > MOST_STEPS or (len(parts) == 1 and not parts[0][2]):
        return ()
    step, exact, given = charge_step(currency), Fraction(0), 0
    found: list[PriceStep] = []
    for units, unit_amount, flat_amount in parts:
        exact += units * unit_amount + flat_amount
        upto = Money.rounded(exact, currency, step).micros
        found.append(PriceStep(_decimal(units), unit_amount, flat_amount, upto - given))
        given = upto
    return tuple(found)


def _parts(component: Component, billable: Fraction) -> list[tuple[Fraction, int, int]]:
    """Units, unit amount and flat amount of each step that a quantity reaches."""
    if component.model is PricingModel.VOLUME:
        tier = _tier_of(component.tiers, billable)
        return [(billable, tier.unit_amount, tier.flat_amount)]
    if component.model is PricingModel.GRADUATED:
        return [(units, tier.unit_amount, tier.flat_amount) for tier, units in _reached(component.tiers, billable)]
    assert component.unit_amount is not None
    return [(billable, component.unit_amount, 0)] if billable else []


def _decimal(units: Fraction) -> Decimal:
    """Units as a decimal: differences of decimals, so there is one."""
    return Decimal(units.numerator) / Decimal(units.denominator)


def price(component: Component, quantity: Decimal, currency: str) -> PricedQuantity:
    """Price a quantity and round it once, half-up, to the minor unit: 3 units at half a cent are 2 cents, not
    3.

    Args:
        component: the price.
        quantity: units used or bought, not negative; flat ignores it.
        currency: ISO 4217 code of the component's amounts.

    Raises:
        TypeError: the quantity is a float.
        ValueError: the quantity is negative or not finite, or the currency unknown.
    """
    exact = exact_price(component, quantity)
    if component.type is ComponentType.FLAT:
        quantity = Decimal(1)
    amount = Money.rounded(exact, currency, charge_step(currency))
    return PricedQuantity(Decimal(quantity), _single_unit_amount(component, quantity), amount)


def exact_price(component: Component, quantity: Decimal) -> Fraction:
    """Give the price of a quantity in micro-units, unrounded.

    Args:
        component: the price.
        quantity: units, not negative; flat ignores it.

    Raises:
        TypeError: the quantity is a float.
        ValueError: the quantity is negative or not finite.
    """
    exact = _charge(component, _billable(component, quantity))
    return exact if component.minimum is None else max(exact, Fraction(component.minimum))


def _billable(component: Component, quantity: Decimal) -> Fraction:
    """Take the free units off: of 121 units with 10 free, 111 are priced, from the first tier upwards."""
    if component.type is ComponentType.FLAT:
        return Fraction(1)
    exact = exact_fraction(quantity)
    if exact < 0:
        raise ValueError(f"quantity must not be negative: {quantity}")
    return max(exact - component.free_units, Fraction(0))


def _charge(component: Component, billable: Fraction) -> Fraction:
    if component.model is PricingModel.GRADUATED:
        return _graduated(component.tiers, billable)
    if component.model is PricingModel.VOLUME:
        tier = _tier_of(component.tiers, billable)
        return billable * tier.unit_amount + tier.flat_amount
    # The constructor has checked both.
    assert component.unit_amount is not None
    if component.model is PricingModel.PACKAGE:
        assert component.package_size is not None
        return Fraction(ceil(billable / component.package_size) * component.unit_amount)
    return billable * component.unit_amount


def _graduated(tiers: tuple[Tier, ...], billable: Fraction) -> Fraction:
    """Price each tier's share at the tier's own price.

    Lago's example, 0-10 at 10 + 2, then 5 + 3: 0 units cost 2, for the first tier is always reached; 10 cost
    102; 11 cost 102 + 5 + 3 = 110.
    """
    reached = _reached(tiers, billable)
    return sum((units * tier.unit_amount + tier.flat_amount for tier, units in reached), Fraction(0))


def _reached(tiers: tuple[Tier, ...], billable: Fraction) -> Iterator[tuple[Tier, Fraction]]:
    """The tiers that a quantity reaches, with how much of it is in each."""
    lower = Fraction(0)
    for index, tier in enumerate(tiers):
        if index > 0 and billable <= lower:
            break
        upper = billable if tier.up_to is None else min(billable, Fraction(tier.up_to))
        yield tier, upper - lower
        lower = upper if tier.up_to is None else Fraction(tier.up_to)


def _tier_of(tiers: tuple[Tier, ...], billable: Fraction) -> Tier:
    """Find the tier that a quantity reaches: with 1-5 and 6-10, 5 is in the first and 5.5 in the second."""
    return next(tier for tier in tiers if tier.up_to is None or billable <= Fraction(tier.up_to))


def _single_unit_amount(component: Component, quantity: Decimal) -> int | None:
    billable = _billable(component, quantity)
    if component.minimum is not None and _charge(component, billable) < component.minimum:
        return None
    if component.model is PricingModel.PACKAGE:
        return None
    if component.model not in _TIERED:
        return component.unit_amount
    tier = _tier_of(component.tiers, billable)
    several = component.model is PricingModel.GRADUATED and tier is not component.tiers[0]
    return None if several or tier.flat_amount else tier.unit_amount


def _check_int(name: str, value: int, least: int) -> None:
    if type(value) is not int:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}: {value}")
