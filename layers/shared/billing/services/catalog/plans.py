"""The catalog: a tenant's plans, and the platform's that every tenant may sell.

A plan is stored twice: as it is now, under its id; and as each version was, under the version's id, written once and
never changed. A subscription reads its version, so changing or archiving a plan does not touch what is sold already.
"""

from dataclasses import dataclass, replace

from billing.domain.catalog.meter import Meter
from billing.domain.catalog.plan import PauseBilling, Plan, PlanKey, TaxBehavior, unchargeable, version_id
from billing.domain.catalog.pricing import Component
from billing.domain.kernel.errors import (
    AlreadyExists,
    Detail,
    InvalidState,
    PlanNotFound,
    ValidationFailed,
)
from billing.domain.kernel.periods import Interval
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import PLATFORM
from billing.services.catalog import meters
from billing.services.kernel.work import Found, Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A new plan as the caller describes it; the caller chooses ``id``, such as ``business-monthly``."""

    id: str
    name: str
    currency: str
    interval: Interval
    interval_count: int
    trial_days: int
    tax_behavior: TaxBehavior
    proration_unit: ProrationUnit
    pause_billing: PauseBilling
    components: tuple[Component, ...]


def create(work: Work, new: NewPlan) -> Plan:
    """A new plan, at version 1.

    Raises:
        AlreadyExists: the tenant has a plan with this id, be it archived.
        ValidationFailed: an amount cannot be charged in the plan's currency; what it prices is not metered.
    """
    ref = Ref(Plan, work.tenant.id, new.id)
    found = work.load(ref, *meters.refs_of(work.tenant.id, new.components))
    _check(work, found, new.components, new.currency)
    if found.get(ref) is not None:
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
            proration_unit=new.proration_unit,
            pause_billing=new.pause_billing,
            components=new.components,
            created_at=work.now,
        )
    )


def update(work: Work, plan_id: str, changes: dict[str, object]) -> Plan:
    """The next version of a plan of the tenant's own; the present one where nothing is different.

    Args:
        changes: by field name.

    Raises:
        PlanNotFound: the tenant's own catalog has none, though the platform's may.
        InvalidState: it is archived.
        ValidationFailed: an amount cannot be charged in the plan's currency; what it prices is not metered.
    """
    components: tuple[Component, ...] = changes.get("components", ())  # type: ignore[assignment]
    plan, found = _own(work, plan_id, *meters.refs_of(work.tenant.id, components))
    if not plan.active:
        raise InvalidState.of("plan", "archived", "changed")
    changed = replace(plan, **changes)  # type: ignore[arg-type]
    if changed == plan:
        return plan
    _check(work, found, components, plan.currency)
    return work.save(replace(changed, plan_version=plan.plan_version + 1))


def archive(work: Work, plan_id: str) -> Plan:
    """A plan of the tenant's own that is sold no more; who has it keeps it. One that is archived stays as it is.

    Raises:
        PlanNotFound: the tenant's own catalog has none, though the platform's may.
    """
    plan, _ = _own(work, plan_id)
    return work.save(replace(plan, active=False)) if plan.active else plan


def plan_refs(tenant_id: str, plan_id: str) -> tuple[Ref[Plan], Ref[Plan]]:
    """Where a plan may be: in the tenant's own catalog, then in the platform's."""
    return Ref(Plan, tenant_id, plan_id), Ref(Plan, PLATFORM, plan_id)


def version_ref(key: PlanKey) -> Ref[Plan]:
    """Where a version of a plan is."""
    return Ref(Plan, key.tenant_id, version_id(key.plan_id, key.plan_version))


def sold_plan(found: Found, own: Ref[Plan], platform: Ref[Plan]) -> Plan:
    """The plan that is sold under an id.

    A tenant's own archived plan hides the platform's of the same id, so that archiving never changes a price.

    Raises:
        PlanNotFound: neither catalog has it, or it is archived.
    """
    plan = found.get(own) or found.get(platform)
    if plan is None or not plan.active:
        raise PlanNotFound(f"No plan {own.id}")
    return plan


def get(work: Work, plan_id: str, plan_version: int | None = None) -> Plan:
    """A plan of either catalog, archived ones too: its present version, or an earlier one.

    Whether it is active is the plan's state now, also on an earlier version.

    Raises:
        PlanNotFound: there is none, or it has no such version.
    """
    _check_id(plan_id)
    places = plan_refs(work.tenant.id, plan_id)
    versions = plan_refs(work.tenant.id, version_id(plan_id, plan_version)) if plan_version is not None else ()
    found = work.load(*places, *versions)
    for n, place in enumerate(places):
        plan = found.get(place)
        if plan is None:
            continue
        if plan_version is None:
            return plan
        earlier = found.get(versions[n])
        if earlier is not None:
            return replace(earlier, active=plan.active)
        raise PlanNotFound(f"The plan {plan_id} has no version {plan_version}")
    raise PlanNotFound(f"No plan {plan_id}")


def page(work: Work, of_platform: bool, active: bool | None, limit: int, cursor: str | None) -> Page[Plan]:
    """A page of the tenant's own plans, or of the platform's.

    Args:
        active: only those that are sold (True), or archived (False).
    """
    filters = {} if active is None else {"status": "active" if active else "archived"}
    return work.query(Query(Plan, filters=filters, of_platform=of_platform, limit=limit, start=cursor))


def _own(work: Work, plan_id: str, *beside: Ref[Meter]) -> tuple[Plan, Found]:
    """A plan of the tenant's own, and what was loaded ``beside`` it."""
    _check_id(plan_id)
    ref = Ref(Plan, work.tenant.id, plan_id)
    found = work.load(ref, *beside)
    plan = found.get(ref)
    if plan is None:
        raise PlanNotFound(f"No plan {plan_id} in the catalog of {work.tenant.id}")
    return plan, found


def _check_id(plan_id: str) -> None:
    """``business-monthly@000001`` names a version in the table; in the API it names nothing."""
    if "@" in plan_id:
        raise PlanNotFound(f"No plan {plan_id}")


def _check(work: Work, found: Found, components: tuple[Component, ...], currency: str) -> None:
    bad = [Detail(field, "not_chargeable_in_currency") for field in unchargeable(components, currency)]
    bad += meters.misfits(found, work.tenant.id, components)
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad[:5]), tuple(bad))


def plan_ref_of(subscription: Subscription) -> Ref[Plan]:
    """The version of a plan that a subscription has."""
    return version_ref(subscription.plan_key)
