"""`due` and `unpark`: what waits for its time, what fails, and what nobody tries any more."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.domain.kernel.errors import BillingError
from operations.operator import Operator

if TYPE_CHECKING:
    from billing.domain.kernel.due import Due
    from billing.services.kernel.work import Unit
    from billing.services.sweep.overview import Waiting
    from billing.services.sweep.parked import ParkedItem

EVENTS_KEPT = timedelta(days=30)
"""Parked items are known by their events; one that was parked earlier is set going by its name."""
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Overview:
    """What waits, of all tenants or of one.

    Args:
        at: as of when.
        complete: whether the whole index was looked at.
    """

    at: datetime
    waiting: Sequence["Waiting"]
    parked: Sequence["ParkedItem"]
    complete: bool

    @property
    def failing(self) -> list["Waiting"]:
        """What has failed and is tried again, most often first."""
        return sorted((each for each in self.waiting if each.due.attempts), key=lambda each: -each.due.attempts)

    @property
    def oldest_s(self) -> int:
        """How long what is due longest has been due, in seconds; 0 where nothing is."""
        due = [each.due.at for each in self.waiting if each.is_due]
        return round((self.at - min(due)).total_seconds()) if due else 0

    def by_shard(self) -> dict[tuple[str, str], Counter[str]]:
        """How many are due and failing, by shard and tenant."""
        counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for each in self.waiting:
            place = counts[each.due.shard, each.tenant_id]
            place["due"] += each.is_due
            place["failing"] += each.due.attempts > 0
        return dict(sorted(counts.items()))


def overview(operator: Operator, tenant_id: str | None = None, most: int = MOST) -> Overview:
    """What waits.

    Args:
        tenant_id: of this one alone; None for all.
        most: so many entries of the due index are looked at.
    """
    from billing.bootstrap import operating
    from billing.domain.tenant import PLATFORM

    def look(work: "Unit") -> Overview:
        found, complete = operating.due_overview().waiting(work, most)
        mine = [each for each in found if tenant_id in (None, each.tenant_id)]
        return Overview(work.now, mine, list(_parked(work, tenant_id)), complete)

    return operator.act(tenant_id or PLATFORM, look)


def _parked(work: "Unit", tenant_id: str | None) -> Iterator["ParkedItem"]:
    from billing.bootstrap import operating

    for each in [tenant_id] if tenant_id else operating.tenant_ids():
        yield from operating.parked().of(work, each, work.now - EVENTS_KEPT)


def unpark(operator: Operator, kind: str, tenant_id: str, item_id: str) -> "Due":
    """Have a parked item be due again; one that is due already stays as it is.

    Raises:
        BillingError: there is no such item, or nothing is left to do for it.
    """
    from billing.bootstrap import operating

    named = operator.about(kind, tenant_id, item_id)
    return named.act(tenant_id, lambda work: operating.parked().unpark(work, kind, item_id))


def unpark_all(operator: Operator, tenant_id: str | None = None) -> Iterator[tuple["ParkedItem", "Due | BillingError"]]:
    """The same for everything that is parked, each in a commit of its own: what was done when it is cut off is done.

    One that is refused, because it has ended meanwhile, comes with the refusal and keeps no other from being set going.
    """
    for each in overview(operator, tenant_id).parked:
        try:
            yield each, unpark(operator, each.kind, each.tenant_id, each.id)
        except BillingError as refusal:
            yield each, refusal
