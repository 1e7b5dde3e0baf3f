"""Plans: what is sold, at which prices, how often. A version of a plan never changes once it is stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.catalog.pricing import Component, ComponentType
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR
from billing.domain.kernel.periods import Cadence, Interval
from billing.domain.kernel.proration import ProrationUnit


class PauseBilling(StrEnum):
    """What becomes of the unused rest of a period that is paused: credited to the customer, or kept."""

    CREDIT = "credit"
    KEEP = "keep"


class TaxBehavior(StrEnum):
    """Whether a plan's prices have their tax in them (119.00 with 19.00 in it) or get it on top (100.00 + 19.00)."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


@dataclass(frozen=True, slots=True)
class Plan:
    """A version of a plan in a tenant's catalog, or in the platform's.

    Args:
        tenant_id: whose catalog: a tenant's, or ``platform``.
        plan_version: 1, 2, ...; a subscription keeps the one it began with.
        interval_count: intervals per period, at least 1.
        trial_days: what a subscription gets where it asks for nothing else.
        proration_unit: what a part of a period is counted in.
        active: False once it is archived: not sold any more, still billed.
    """

    entity_name: ClassVar[str] = "Plan"

    id: str
    tenant_id: str
    plan_version: int
    name: str
    currency: str
    interval: Interval
    interval_count: int
    components: tuple[Component, ...]
    created_at: datetime
    trial_days: int = 0
    tax_behavior: TaxBehavior = TaxBehavior.EXCLUSIVE
    proration_unit: ProrationUnit = ProrationUnit.SECOND
    pause_billing: PauseBilling = PauseBilling.CREDIT
    active: bool = True
    version: int = 0

    def __post_init__(self) -> None:
        keys = [component.key for component in self.components]
        if not keys or len(keys) != len(set(keys)):
            raise ValueError(f"plan {self.id} needs components, each with a key of its own: {keys}")

    @property
    def licensed_keys(self) -> tuple[str, ...]:
        """The components whose quantity a subscription chooses, such as ``seats``."""
        return tuple(c.key for c in self.components if c.type is ComponentType.LICENSED)

    @property
    def meters(self) -> tuple[str, ...]:
        """The meters that its components price, each once."""
        return tuple(dict.fromkeys(c.meter for c in self.components if c.meter is not None))

    def cadence(
        self, at: datetime, timezone: str, anchor_day: int | None = None, anchor_month: int | None = None
    ) -> Cadence:
        """The billing cadence of a subscription whose first paid period starts at ``at``.

        Args:
            anchor_day, anchor_month: when later periods are to begin, where that is not at the same day as this one.
        """
        if anchor_day is None:
            return Cadence.starting(at, timezone, self.interval, self.interval_count)
        return Cadence.anchored(at, timezone, self.interval, self.interval_count, anchor_day, anchor_month)


@dataclass(frozen=True, slots=True)
class PlanKey:
    """Names a version of a plan in a catalog."""

    tenant_id: str
    plan_id: str
    plan_version: int

    @classmethod
    def of(cls, plan: Plan) -> "PlanKey":
        """The key of a plan's version."""
        return cls(plan.tenant_id, plan.id, plan.plan_version)


def version_id(plan_id: str, plan_version: int) -> str:
    """The id under which a version of a plan stays for ever: ``business-monthly@000001``."""
    return f"{plan_id}@{plan_version:06d}"


def unchargeable(components: tuple[Component, ...], currency: str) -> tuple[str, ...]:
    """The fields with an amount that no card can be charged: KWD 5.125, because cards take two decimals of it.

    A unit price may be finer, because it is multiplied and rounded before it is charged.

    Returns:
        paths such as ``components.1.tiers.0.flatAmount``.
    """
    step = charge_step(currency) * MICROS_PER_MINOR
    return tuple(
        f"components.{n}.{field}"
        for n, component in enumerate(components)
        for field, amount in _charged_as_they_are(component)
        if amount % step
    )


def _charged_as_they_are(component: Component) -> list[tuple[str, int]]:
    found = [(f"tiers.{n}.flatAmount", tier.flat_amount) for n, tier in enumerate(component.tiers)]
    if component.minimum is not None:
        found.append(("minimum", component.minimum))
    if component.type is ComponentType.FLAT and component.unit_amount is not None:
        found.append(("unitAmount", component.unit_amount))
    return found
