"""The alarm clock's entry on an item: what has to happen later is due in a shard at a time (design.md, idea 3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

MAX_ATTEMPTS = 8
_FIRST_RETRY_S = 30


@dataclass(frozen=True, slots=True)
class Due:
    """When an item wants work, and in which shard of the due index.

    Args:
        shard: two digits for wall-clock time, ``clock#<tenant>#<clock id>`` for a test clock's.
        at: the instant; the item is due from then on.
        attempts: how often the work has failed since it was set.
    """

    shard: str
    at: datetime
    attempts: int = 0

    def postponed(self, now: datetime) -> "Due | None":
        """The entry after one more failure, or None when it has failed too often and is to be parked.

        30 s, 1 min, 2 min ... 64 min: eight tries in about an hour, so a broken item never blocks the rest.
        """
        if self.attempts + 1 >= MAX_ATTEMPTS:
            return None
        return Due(self.shard, now + timedelta(seconds=_FIRST_RETRY_S * 2**self.attempts), self.attempts + 1)


def wall_clock_shard(item_id: str, shards: int) -> str:
    """The shard of an item under wall-clock time: the same in every process (crc32, not ``hash``)."""
    return f"{crc32(item_id.encode()) % shards:02d}"


def clock_shard(tenant_id: str, clock_id: str) -> str:
    """The shard of everything whose customer is attached to a test clock."""
    return f"clock#{tenant_id}#{clock_id}"


def clock_of(shard: str) -> tuple[str, str] | None:
    """The (tenant id, clock id) of a test clock's shard; None for a wall-clock shard."""
    if not shard.startswith("clock#"):
        return None
    _, tenant_id, clock_id = shard.split("#")
    return tenant_id, clock_id
