"""Which shard of the due index an item is in."""

from dataclasses import dataclass
from typing import Protocol

from billing.domain.kernel.due import clock_shard, wall_clock_shard


class Clocked(Protocol):
    """What lives on its customer's clock: a subscription, an invoice, a payment."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def tenant_id(self) -> str:
        """Whose it is."""

    @property
    def test_clock_id(self) -> str | None:
        """Its customer's test clock; None on the wall clock."""


@dataclass(frozen=True, slots=True)
class DueShards:
    """The shards of the due index.

    Args:
        count: how many there are of the wall clock; each test clock has one of its own.
    """

    count: int

    def of(self, item: Clocked) -> str:
        """The shard of an item: its customer's test clock, or one of the wall clock's shards."""
        return self.of_id(item.tenant_id, item.test_clock_id, item.id)

    def of_id(self, tenant_id: str, test_clock_id: str | None, item_id: str) -> str:
        """The same for an item that is yet to be made."""
        return clock_shard(tenant_id, test_clock_id) if test_clock_id is not None else self.wall_clock(item_id)

    def wall_clock(self, item_id: str) -> str:
        """The wall clock's shard of an item, whatever clock its customer is on."""
        return wall_clock_shard(item_id, self.count)
