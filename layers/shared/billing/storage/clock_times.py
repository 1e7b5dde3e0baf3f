"""What time it is on the test clocks of a unit of work: no use case says so for what follows from its commit."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from billing.domain.clocks import Clock
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Ref
from billing.storage.store import Store


class ClockTimes:
    """Times of test clocks, out of what a unit of work sees; a clock that it has not seen is read, once."""

    def __init__(self, store: Store) -> None:
        self.worked: datetime | None = None
        """What time it is for customers on the test clock whose shard is worked."""
        self._store = store
        self._clocks: dict[str, Clock | None] = {}
        self._begun: dict[str, datetime] = {}

    def saw(self, entities: Iterable[Any]) -> None:
        """Take note of clocks that were read, and of when money was begun on one."""
        for each in entities:
            if isinstance(each, Clock):
                self._clocks[each.id] = each
            elif isinstance(each, Payment | Refund) and each.test_clock_id is not None:
                earlier = self._begun.get(each.test_clock_id, each.created_at)
                self._begun[each.test_clock_id] = max(earlier, each.created_at)

    def at(self, tenant_id: str, clock_id: str) -> datetime | None:
        """What time it is on a tenant's clock; None where there is no such clock.

        A clock that is on its way says where it left and where it goes. It left on 1 January for 1 March; the outcome
        of a charge of 1 February, which is learnt meanwhile, is no earlier than that.
        """
        if self.worked is not None:
            return self.worked
        if clock_id not in self._clocks:  # a request that goes on where one before it got to reads no clock
            ref = Ref(Clock, tenant_id, clock_id)
            self._clocks[clock_id] = self._store.load((ref,), {})[0].get(ref)
        clock = self._clocks[clock_id]
        if clock is None:
            return None
        if clock.target_time is None:
            return clock.frozen_time
        return min(max(clock.frozen_time, self._begun.get(clock_id, clock.frozen_time)), clock.target_time)
