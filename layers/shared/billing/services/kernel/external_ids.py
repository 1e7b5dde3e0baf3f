"""External ids: claimed and given up in the transaction of what they are the id of, so that each is there once.

Two who claim one at the same moment both find it free; the second commit meets the first one's item, runs again from
load, and is refused then (docs/decisions/0056-external-ids-and-lists.md).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from billing.domain.kernel.entity import Entity, in_words
from billing.domain.kernel.errors import AlreadyExists, Detail
from billing.domain.kernel.external_ids import ExternalIdClaim, claim_id
from billing.services.kernel.work import Found, Page, Query, Ref, Work

E = TypeVar("E", bound=Entity)

FIELD = "externalId"


def claim_ref(tenant_id: str, kind: type[Entity], external_id: str) -> Ref[ExternalIdClaim]:
    """Where it says whose an external id is."""
    return Ref(ExternalIdClaim, tenant_id, claim_id(tenant_id, kind, external_id))


def refs(tenant_id: str, kind: type[Entity], *external_ids: str | None) -> list[Ref[ExternalIdClaim]]:
    """The same for those that are said, to be loaded with everything else."""
    return [claim_ref(tenant_id, kind, each) for each in external_ids if each]


def take(
    work: Work,
    found: Found,
    kind: type[Entity],
    owner_id: str,
    external_id: str,
    over: Callable[[str], bool] = lambda holder_id: False,
) -> None:
    """Claim an external id for one that is saved in the same unit.

    Args:
        found: with the claim (``refs``).
        over: whether the present holder has ended, and gives way.

    Raises:
        AlreadyExists: another one has it.
    """
    ref = claim_ref(work.tenant.id, kind, external_id)
    claim = found.get(ref) or ExternalIdClaim(ref.id, work.tenant.id)
    if claim.owner_id == owner_id:
        return
    if claim.owner_id is not None and not over(claim.owner_id):
        raise AlreadyExists(f"Another {in_words(kind)} has this externalId", (Detail(FIELD, "already_exists"),))
    work.save(claim.of(owner_id))


def release(work: Work, found: Found, kind: type[Entity], owner_id: str, external_id: str | None) -> None:
    """Give an external id up, if this one has it (still).

    Args:
        found: with the claim (``refs``).
    """
    if external_id is None:
        return
    claim = found.get(claim_ref(work.tenant.id, kind, external_id))
    if claim is not None and claim.owner_id == owner_id:
        work.save(claim.of(None))


def exchange(
    work: Work,
    kind: type[Entity],
    owner_id: str,
    before: str | None,
    after: str | None,
    over: Callable[[str], bool] = lambda holder_id: False,
) -> None:
    """Give one external id up and claim another; either may be none.

    Raises:
        AlreadyExists: another one has it.
    """
    if before == after:
        return
    found = work.load(*refs(work.tenant.id, kind, before, after))
    if after is not None:
        take(work, found, kind, owner_id, after, over)
    release(work, found, kind, owner_id, before)


def listed(work: Work, query: Query[E], external_id: str | None) -> Page[E]:
    """A page of a list; where an external id is asked for, of the one that has it."""
    if external_id is None:
        return work.query(query)
    ref = claim_ref(work.tenant.id, query.kind, external_id)
    claim = work.load(ref).get(ref)
    if claim is None or claim.owner_id is None:
        return Page([], None, query.limit)
    return work.query(replace(query, id=claim.owner_id))
