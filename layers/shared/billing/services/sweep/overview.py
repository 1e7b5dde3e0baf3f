"""What waits for its time, for an operator: how much of it is late, and how much of it fails."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from billing.domain.kernel.due import PAYOUT_SHARDS, Due
from billing.domain.reports.run import REPORT_SHARDS
from billing.domain.webhooks.delivery import WEBHOOK_SHARDS
from billing.services.clocks.due_index import DueItem
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Ref, Work
from billing.services.sweep.kinds import DUE_KINDS

_AHEAD = timedelta(hours=1)
"""An item that fails is put off by an hour at most, so that its next try is at most so far ahead."""
_AT_ONCE = 100


class WholeIndex(Protocol):
    """The due indexes, to the end."""

    def all_due(self, shard: str, until: datetime) -> Iterator[DueItem]:
        """Everything that is due in a shard at or before ``until``, kind by kind."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item with an alarm.

    Args:
        is_due: whether its time has come; else it fails, and is tried again later.
    """

    kind: str
    tenant_id: str
    id: str
    due: Due
    is_due: bool


@dataclass(frozen=True, slots=True)
class DueOverview:
    """The use case."""

    index: WholeIndex
    shards: DueShards

    def waiting(self, work: Work, most: int) -> tuple[list[Waiting], bool]:
        """What is due, and what fails and is to be tried again, in the shards of the wall clock; and whether it is all.

        A test clock that is on its way is an item of these, too; what happens on it, its tenant sees.

        Args:
            most: so many entries of the index are looked at.
        """
        until = work.now + _AHEAD
        index = (item for shard in self._all_shards() for item in self.index.all_due(shard, until))
        entries = islice(index, most)
        found: list[Waiting] = []
        while some := list(islice(entries, _AT_ONCE)):
            found += self._loaded(work, some)
        return found, next(index, None) is None

    def _all_shards(self) -> Iterator[str]:
        kinds = (("", self.shards.count), ("p", PAYOUT_SHARDS), ("w", WEBHOOK_SHARDS), ("r", REPORT_SHARDS))
        return (f"{letter}{shard:02d}" for letter, count in kinds for shard in range(count))

    @staticmethod
    def _loaded(work: Work, items: Sequence[DueItem]) -> Iterator[Waiting]:
        """The items themselves: the index lags, and does not say how often one has failed."""
        refs = {item: Ref(DUE_KINDS[item.kind][0], item.tenant_id, item.id) for item in items}
        found = work.load(*refs.values())
        for item, ref in refs.items():
            due: Due | None = getattr(found.get(ref), "due", None)
            if due is not None and (due.at <= work.now or due.attempts):
                yield Waiting(item.kind, item.tenant_id, item.id, due, due.at <= work.now)
