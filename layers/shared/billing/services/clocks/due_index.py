"""What is due, and who is woken for it: the ports of the due index and of the worker's queue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class DueItem:
    """An entry of the due index: an item that wants work; sorts by time, then by the kind's rank."""

    at: datetime
    rank: int
    kind: str = field(compare=False)
    tenant_id: str
    id: str


@dataclass(frozen=True, slots=True)
class DuePage:
    """What is due first: ``items`` in order of time; nothing that is due by ``complete_until`` is left out.

    Args:
        cut: the kinds of which there may be more.
    """

    items: list[DueItem]
    complete_until: datetime
    cut: frozenset[str] = frozenset()


class DueIndex(Protocol):
    """The sparse due indexes. They lag behind the tables a little: whoever acts loads the item itself."""

    def due(self, shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        """The first page of what is due in a shard at or before ``until``, of some kinds or of all."""

    def behind(self, shard: str, until: datetime, kinds: Collection[str], tenants: Collection[str]) -> list[DueItem]:
        """Some of what is due of some kinds behind what these tenants have due, which may be a million items."""


class Alarm(Protocol):
    """Wakes the worker of a shard now, rather than at the next sweep."""

    def wake(self, shard: str, deduplication_id: str) -> None:
        """Ask for a turn of the shard; the same deduplication id within five minutes asks once."""


class SweepAlarm(Protocol):
    """Wakes the workers of many shards of the wall clock."""

    def wake_many(self, shards: Sequence[str], deduplication_id: str) -> None:
        """Ask for a turn of each; the same deduplication id within five minutes asks once."""
