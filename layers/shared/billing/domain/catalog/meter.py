"""Meters: what is measured of a tenant's usage, and how many measurements become one total.

How usage is counted, closed and billed: docs/decisions/0019-usage.md.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal
from enum import StrEnum
from typing import ClassVar

QUANTITY = "quantity"
"""The property that every event has: its own quantity."""
EXACT = Context(prec=80)
"""Sums of quantities are exact; Decimal's usual context rounds at 28 digits."""
MOST_SHARDS = 32
MOST_SHARDS_WITH_DIMENSIONS = 8
"""Each shard has up to 200 cells of its own, and each cell may become a line: an invoice takes no more than 8 * 200."""
SHARDS_SETTLE = timedelta(minutes=15)
"""A larger number of shards is written to only this long after it was set. Whoever closes a period reads all of them as
soon as the number is stored; a process that still knows the old number has ended by then (a Lambda runs for 15 minutes
at most)."""


class Aggregation(StrEnum):
    """How a period's measurements become its total."""

    SUM = "sum"
    COUNT = "count"
    MAX = "max"
    LAST = "last"
    UNIQUE = "unique"

    @property
    def adds_up(self) -> bool:
        """Whether a total of a whole is the sum of its parts' totals."""
        return self in (Aggregation.SUM, Aggregation.COUNT, Aggregation.UNIQUE)

    @property
    def correctable(self) -> bool:
        """Whether an event can be taken back: what was only the largest or the latest left no trace of the others."""
        return self in (Aggregation.SUM, Aggregation.COUNT)


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of a tenant or of the platform.

    Args:
        key: chosen by its maker, such as ``api_calls``; its id within the tenant.
        property: what of an event is measured: ``quantity``, or the name of one of its properties. None for ``count``.
        dimensions: properties by whose values totals are kept apart, in this order; components filter and group by
            them.
        shards: over how many items a total is spread, so that many writers do not meet at one.
        shards_before: how many there were before the last change, used until that has settled.
        most_shards: the largest number there ever was: so many are read.
    """

    entity_name: ClassVar[str] = "Meter"

    key: str
    tenant_id: str
    name: str
    aggregation: Aggregation
    property: str | None
    created_at: datetime
    dimensions: tuple[str, ...] = ()
    shards: int = 1
    shards_before: int = 1
    shards_changed_at: datetime | None = None
    most_shards: int = 1
    version: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= MOST_SHARDS:
            raise ValueError(f"meter {self.key}: 1 to {MOST_SHARDS} shards, not {self.shards}")
        if self.dimensions and self.shards > MOST_SHARDS_WITH_DIMENSIONS:
            raise ValueError(f"meter {self.key}: {self.shards} shards are too many for dimensions")
        if (self.property is None) != (self.aggregation is Aggregation.COUNT):
            raise ValueError(f"meter {self.key}: {self.aggregation} of {self.property}")
        if self.aggregation is Aggregation.UNIQUE and self.dimensions:
            # Of 3 users in the EU and 2 in the US, one may be the same: the whole is not the sum of its parts.
            raise ValueError(f"meter {self.key}: unique values have no dimensions")

    def shards_in_use(self, now: datetime) -> int:
        """How many shards are written to now.

        Args:
            now: the wall clock's time.
        """
        changed = self.shards_changed_at
        if changed is None or now - changed >= SHARDS_SETTLE:
            return self.shards
        return min(self.shards, self.shards_before)

    def resharded(self, shards: int, now: datetime) -> "Meter":
        """The meter with another number of shards; more are written to when that has settled, fewer at once."""
        return replace(
            self,
            shards=shards,
            shards_before=self.shards_in_use(now),
            shards_changed_at=now,
            most_shards=max(self.most_shards, shards),
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """A measured value; ``order`` says which of two is the later one, where that decides (``last``)."""

    number: Decimal
    order: str = ""


def combined(aggregation: Aggregation, one: Amount | None, other: Amount) -> Amount:
    """Two parts of a total as one: 3 and 5 are 8 as a sum, 5 as a maximum, and the later one as the last."""
    if one is None:
        return other
    if aggregation is Aggregation.MAX:
        return max(one, other, key=lambda each: each.number)
    if aggregation is Aggregation.LAST:
        return max(one, other, key=lambda each: each.order)
    return Amount(EXACT.add(one.number, other.number))


def less(one: Decimal, other: Decimal) -> Decimal:
    """One quantity less another, exactly, and as it is written: 130000.25 less 125000.25 is 5000."""
    rest = EXACT.subtract(one, other).normalize(EXACT)
    return rest.quantize(Decimal(1), context=EXACT) if rest == rest.to_integral_value() else rest
