"""What a unit of work changes in MRR: no use case says so, and none can forget it (docs/decisions/0054)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar, cast

from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import NotFound
from billing.domain.subscriptions.mrr import MrrMovement, movement, recounted
from billing.domain.subscriptions.recurring import Mrr
from billing.domain.subscriptions.subscription import Subscription
from billing.storage.clock_times import ClockTimes
from billing.storage.mrr_movements import movement_item
from billing.storage.store import Store
from billing.storage.tables import MrrMovementItem

E = TypeVar("E")


class MrrOfUnit:
    """What a unit of work changes in MRR: each subscription that it saves counts for what it is, with its movement.

    Args:
        now: the wall clock's time.
        clocks: the times of the unit's test clocks.
    """

    def __init__(self, now: datetime, clocks: ClockTimes, store: Store) -> None:
        self.now = now
        self._clocks = clocks
        self._store = store
        self._before: dict[str, tuple[Mrr | None, bool]] = {}

    def begin(self) -> None:
        """Nothing is saved yet, or any more."""
        self._before = {}

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
        at = self._clocks.at(subscription.tenant_id, clock_id)
        if at is None:
            raise NotFound.of(Clock, clock_id)
        return at

    def puts(self, saved: Iterable[Any]) -> list[tuple[Model, Condition | None]]:
        """The movements of a commit, at most one for each subscription that it saves."""
        moves = (self._moved(each) for each in saved if isinstance(each, Subscription))
        once = MrrMovementItem.moved.does_not_exist()
        return [(movement_item(each, self._store.sealer), once) for each in moves if each is not None]

    def _moved(self, subscription: Subscription) -> MrrMovement | None:
        before, is_new = self._before[subscription.id]
        return movement(subscription, before, self.now, is_new=is_new)
