"""`reseal` and `index-ledger`: jobs over all that is stored of a tenant, a page at a time.

Both may be stopped at any time and begun again, and nobody notices them. They run with the operator's own rights: no
function may delete, or touch an entry of the ledger.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from operations.operator import Operator, require_tenant

if TYPE_CHECKING:
    from billing.storage.resealing import Resealing

_ROUNDS = 10
"""A worker seals under the key before for a minute after a rotation: another round finds what it has just written."""


def reseal(operator: Operator, tenant_id: str, index: bool, pace_s: float) -> Iterator[str]:
    """Seal what is stored of a tenant under its newest data key; what is done, line by line.

    Args:
        index: have email addresses and names be looked up under that key, too (four minutes more), and give items from
            before a release what its lists and searches look at.
        pace_s: seconds to rest after each page of 100 items.

    Raises:
        BillingError: there is no such tenant, or somebody changes its settings at the same moment.
    """
    from billing.bootstrap import resealing

    require_tenant(tenant_id)
    operator.about(tenant_id, *(["--index"] if index else [])).note(tenant_id=tenant_id)
    job = resealing.resealing(pace_s)
    if operator.dry_run:
        yield f"{tenant_id}: {job.older(tenant_id)} items would be sealed anew"
        if index:
            yield f"{tenant_id}: addresses and names would be looked up under data key {job.newest_key(tenant_id)}"
        return
    yield from _resealed(job, tenant_id, pace_s)
    if index:
        yield f"{tenant_id}: {job.index_anew(tenant_id)} addresses indexed anew"
        yield f"{tenant_id}: {job.complete(tenant_id)} items from before got what lists and searches look at"


def _resealed(job: "Resealing", tenant_id: str, pace_s: float) -> Iterator[str]:
    for _ in range(_ROUNDS):
        changed = job.reseal(tenant_id)
        yield f"{tenant_id}: {changed} items sealed anew"
        if not changed:
            return
        time.sleep(pace_s)


def index_ledger(operator: Operator, tenant_id: str, pace_s: float) -> str:
    """Put a tenant's entries of the ledger into the index that reports read, those that are not in it.

    Args:
        pace_s: seconds to rest after each page of 100 entries.

    Raises:
        BillingError: there is no such tenant.
    """
    from billing.bootstrap import resealing

    require_tenant(tenant_id)
    operator.about(tenant_id).note(tenant_id=tenant_id)
    job = resealing.journal_index(pace_s)
    if operator.dry_run:
        return f"{tenant_id}: {job.missing(tenant_id)} entries would be indexed"
    return f"{tenant_id}: {job.fill(tenant_id)} entries indexed"
