"""Plans: what is sold, at which prices, how often. A version of a plan never changes once it is stored."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.periods import Cadence, Interval
from billing.domain.pricing import Component, ComponentType


@dataclass(frozen=True, slots=True)
class Plan:
    """A version of a plan in a tenant's catalog, or in the platform's.

    Args:
        tenant_id: whose catalog: a tenant's, or ``platform``.
        plan_version: 1, 2, ...; a subscription keeps the one it began with.
        interval_count: intervals per period, at least 1.
        trial_days: what a subscription gets where it asks for nothing else.
    """

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
    tax_behavior: str = "exclusive"
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

    def cadence(self, at: datetime, timezone: str) -> Cadence:
        """The billing cadence of a subscription whose first paid period starts at ``at``."""
        return Cadence.starting(at, timezone, self.interval, self.interval_count)


def version_id(plan_id: str, plan_version: int) -> str:
    """The id under which a version of a plan stays for ever: ``business-monthly@000001``."""
    return f"{plan_id}@{plan_version:06d}"
