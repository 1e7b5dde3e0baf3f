"""The catalog: a tenant's plans, and the platform's that every tenant may sell."""

from dataclasses import dataclass

from billing.domain.errors import AlreadyExists, PlanNotFound
from billing.domain.periods import Interval
from billing.domain.plan import Plan
from billing.domain.pricing import Component
from billing.domain.tenant import PLATFORM
from billing.services.ports import Found, Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a caller says of a new plan; ``id`` is chosen by the caller, such as ``business-monthly``."""

    id: str
    name: str
    currency: str
    interval: Interval
    interval_count: int
    trial_days: int
    tax_behavior: str
    components: tuple[Component, ...]


def create(work: Work, new: NewPlan) -> Plan:
    """A new plan, at version 1.

    Raises:
        AlreadyExists: the tenant has a plan with this id.
    """
    ref = Ref(Plan, work.tenant.id, new.id)
    if work.load(ref).get(ref) is not None:
        raise AlreadyExists(f"There is a plan {new.id} already")
    return work.save(
        Plan(
            id=new.id,
            tenant_id=work.tenant.id,
            plan_version=1,
            name=new.name,
            currency=new.currency,
            interval=new.interval,
            interval_count=new.interval_count,
            trial_days=new.trial_days,
            tax_behavior=new.tax_behavior,
            components=new.components,
            created_at=work.now,
        )
    )


def refs(tenant_id: str, plan_id: str) -> tuple[Ref[Plan], Ref[Plan]]:
    """Where a plan may be: in the tenant's own catalog, then in the platform's."""
    return Ref(Plan, tenant_id, plan_id), Ref(Plan, PLATFORM, plan_id)


def chosen(found: Found, own: Ref[Plan], platform: Ref[Plan]) -> Plan:
    """The plan that is sold under an id.

    Raises:
        PlanNotFound: neither catalog has it, or it is archived.
    """
    plan = found.get(own) or found.get(platform)
    if plan is None or not plan.active:
        raise PlanNotFound(f"No plan {own.id}")
    return plan


def get(work: Work, plan_id: str) -> Plan:
    """The present version of a plan of either catalog.

    Raises:
        PlanNotFound: there is none.
    """
    own, platform = refs(work.tenant.id, plan_id)
    return chosen(work.load(own, platform), own, platform)


def page(work: Work, limit: int, cursor: str | None) -> Page[Plan]:
    """A page of the tenant's own plans."""
    return work.query(Query(Plan, limit=limit, start=cursor))
