"""The alarm clock's entry on an item: what has to happen later is due in a shard at a time.

docs/architecture.md, "What is due", says who reads it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

MAX_ATTEMPTS = 32
"""On the wall clock: 30 s, 1 min, 2 min ... then every hour, so an item outlives a day's outage before it is parked."""
MAX_ATTEMPTS_ON_TEST_CLOCK = 8
WORRYING_ATTEMPTS = 8
"""After this many failures (about an hour) somebody should look at the item, although it is still tried."""
_FIRST_RETRY_S = 30
_LONGEST_PAUSE_S = 3600


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

        Args:
            now: the wall clock's time; on a test clock, where time stands still, the item stays due as it is.
        """
        on_test_clock = clock_of(self.shard) is not None
        if self.attempts + 1 >= (MAX_ATTEMPTS_ON_TEST_CLOCK if on_test_clock else MAX_ATTEMPTS):
            return None
        pause_s = min(_FIRST_RETRY_S * 2**self.attempts, _LONGEST_PAUSE_S)
        at = self.at if on_test_clock else now + timedelta(seconds=pause_s)
        return Due(self.shard, at, self.attempts + 1)


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


PAYOUT_SHARDS = 16
"""The shards of the payout worker, ``p00`` to ``p15``: the wall clock's, and none of the billing worker's."""


def payout_shard(item_id: str) -> str:
    """The payout worker's shard of an item: ``p07``."""
    return "p" + wall_clock_shard(item_id, PAYOUT_SHARDS)


def is_payout_shard(shard: str) -> bool:
    """Whether a shard is the payout worker's."""
    return shard.startswith("p")
