"""What a unit of work changes in MRR: no use case says so, and none can forget it (docs/decisions/0054)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar, cast

from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from billing.domain.clocks import Clock
from billing.domain.subscriptions.mrr import MrrMovement, movement, recounted
from billing.domain.subscriptions.recurring import Mrr
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.work import Ref
from billing.storage.mrr_movements import movement_item
from billing.storage.store import Store
from billing.storage.tables import MrrMovementItem

E = TypeVar("E")


class MrrOfUnit:
    """What a unit of work changes in MRR: each subscription that it saves counts for what it is, with its movement.

    Args:
        now: the wall clock's time.
    """

    def __init__(self, now: datetime, store: Store) -> None:
        self.now = now
        self.on_clock: datetime | None = None
        """What time it is for customers on the test clock whose shard is worked."""
        self._store = store
        self._times: dict[str, datetime] = {}
        self._before: dict[str, tuple[Mrr | None, bool]] = {}

    def begin(self) -> None:
        """Nothing is saved yet, or any more."""
        self._before = {}

    def saw(self, entities: Iterable[Any]) -> None:
        """Take note of what time it is on clocks that were read."""
        self._times.update({each.id: each.frozen_time for each in entities if isinstance(each, Clock)})

    def counted(self, entity: E) -> E:
        """An entity that is saved; if it is a subscription, with what it counts for from now on.

        As it was loaded it has what it counted for until now. Of one that is saved twice in a unit, that is what it had
        at first.
        """
        if not isinstance(entity, Subscription):
            return entity
        before, _ = self._before.setdefault(entity.id, (entity.mrr, entity.version == 1))
        return cast("E", recounted(entity, before, self._time(entity)))

    def _time(self, subscription: Subscription) -> datetime:
        clock_id = subscription.test_clock_id
        if clock_id is None:
            return self.now
        if self.on_clock is not None:
            return self.on_clock
        if clock_id not in self._times:  # a request that goes on where one before it got to reads no clock
            ref = Ref(Clock, subscription.tenant_id, clock_id)
            self.saw([self._store.load((ref,), {})[0].require(ref)])
        return self._times[clock_id]

    def puts(self, saved: Iterable[Any]) -> list[tuple[Model, Condition | None]]:
        """The movements of a commit, at most one for each subscription that it saves."""
        moves = (self._moved(each) for each in saved if isinstance(each, Subscription))
        once = MrrMovementItem.moved.does_not_exist()
        return [(movement_item(each, self._store.sealer), once) for each in moves if each is not None]

    def _moved(self, subscription: Subscription) -> MrrMovement | None:
        before, is_new = self._before[subscription.id]
        return movement(subscription, before, self.now, is_new=is_new)
