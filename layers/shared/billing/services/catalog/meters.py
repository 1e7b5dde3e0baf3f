"""Meters: a tenant's own, and the platform's that every tenant's plans may price.

A key belongs to one meter for ever. Only a meter's name and its number of shards can change, and no tenant can make a
meter under a key of the platform's, because usage may already be counted under it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from billing.domain.catalog.meter import MOST_SHARDS_WITH_DIMENSIONS, Aggregation, Meter
from billing.domain.catalog.pricing import Component
from billing.domain.kernel.errors import AlreadyExists, Detail, NotFound, ValidationFailed
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Found, Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class NewMeter:
    """A new meter as the caller describes it; the fields are those of ``Meter``."""

    key: str
    name: str
    aggregation: Aggregation
    property: str | None
    dimensions: tuple[str, ...]
    shards: int


def create(work: Work, new: NewMeter) -> Meter:
    """A new meter.

    Raises:
        AlreadyExists: the tenant has a meter with this key, or the platform has.
    """
    own, platform = meter_refs(work.tenant.id, new.key)
    if meter_for(work.load(own, platform), own, platform) is not None:
        raise AlreadyExists(f"There is a meter {new.key} already")
    return work.save(
        Meter(
            key=new.key,
            tenant_id=work.tenant.id,
            name=new.name,
            aggregation=new.aggregation,
            property=new.property,
            created_at=work.now,
            dimensions=new.dimensions,
            shards=new.shards,
            shards_before=new.shards,
            most_shards=new.shards,
        )
    )


def update(work: Work, key: str, changes: dict[str, Any]) -> Meter:
    """A meter of the tenant's own with another name, or another number of shards.

    Args:
        changes: by field name: ``name``, ``shards``.

    Raises:
        NotFound: the tenant has none with this key, though the platform may.
        ValidationFailed: these are too many shards for a meter with dimensions.
    """
    ref = Ref(Meter, work.tenant.id, key)
    meter = work.load(ref).require(ref)
    changed = replace(meter, name=changes.get("name", meter.name))
    if changes.get("shards", meter.shards) != meter.shards:
        if meter.dimensions and changes["shards"] > MOST_SHARDS_WITH_DIMENSIONS:
            raise ValidationFailed.of("shards", "too_many_with_dimensions")
        changed = changed.resharded(changes["shards"], work.now)
    return work.save(changed) if changed != meter else meter


def get(work: Work, key: str) -> Meter:
    """A meter: the tenant's own, or else the platform's.

    Raises:
        NotFound: neither has this key.
    """
    own, platform = meter_refs(work.tenant.id, key)
    meter = meter_for(work.load(own, platform), own, platform)
    if meter is None:
        raise NotFound.of(Meter, key)
    return meter


def page(work: Work, of_platform: bool, limit: int, cursor: str | None) -> Page[Meter]:
    """A page of the tenant's own meters, or of the platform's, by key from Z to A."""
    return work.query(Query(Meter, of_platform=of_platform, limit=limit, start=cursor))


def meter_refs(tenant_id: str, key: str) -> tuple[Ref[Meter], Ref[Meter]]:
    """Where a meter may be: among the tenant's own, then among the platform's."""
    return Ref(Meter, tenant_id, key), Ref(Meter, PLATFORM, key)


def meter_for(found: Found, own: Ref[Meter], platform: Ref[Meter]) -> Meter | None:
    """The meter that counts under a key, or None: the tenant's own goes before the platform's."""
    return found.get(own) or found.get(platform)


def refs_of(tenant_id: str, components: Iterable[Component]) -> tuple[Ref[Meter], ...]:
    """Where the meters of a plan's components may be, to be loaded with the plan.

    Args:
        tenant_id: in whose catalog the plan is; a plan of the platform's prices the platform's meters alone.
    """
    keys = dict.fromkeys(component.meter for component in components if component.meter is not None)
    return tuple(ref for key in keys for ref in meter_refs(tenant_id, key))


def misfits(found: Found, tenant_id: str, components: Iterable[Component]) -> list[Detail]:
    """The meters and dimensions that a plan's components name and that do not exist.

    Args:
        found: what ``refs_of`` the same components brought.
    """
    bad: list[Detail] = []
    for n, component in enumerate(components):
        if component.meter is None:
            continue
        meter = meter_for(found, *meter_refs(tenant_id, component.meter))
        if meter is None:
            bad.append(Detail(f"components.{n}.meter", "unknown_meter"))
            continue
        asked = [(f"filters.{name}", name) for name in component.filters]
        asked += [(f"groupBy.{k}", name) for k, name in enumerate(component.group_by)]
        bad += [
            Detail(f"components.{n}.{field}", "unknown_dimension")
            for field, name in asked
            if name not in meter.dimensions
        ]
    return bad
