"""A worker's turn at one shard: everything that is due, tenants in turns, each item under its own conditions.

An item that fails gets a later time, and after many failures it is parked, so it never blocks the rest. A turn
that is cut off leaves every item either done or still due; the next turn goes on.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from billing.domain.kernel.due import WORRYING_ATTEMPTS, Due, clock_of
from billing.domain.kernel.errors import Unavailable
from billing.domain.tenant import PLATFORM
from billing.services.clocks.due_index import Alarm, DueIndex, DueItem
from billing.services.kernel.failures import described
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import Ref, Unit, Units
from billing.services.payments.processor import OutcomeUnknown
from billing.services.payments.unknown_outcomes import StillUnknown
from billing.services.sweep.kinds import DUE_KINDS
from billing.services.sweep.read_ahead import ReadAhead
from billing.services.sweep.turn_queue import TurnItems, TurnQueue
from billing.services.sweep.wake_ups import ClockProgress

T = TypeVar("T")
Task = Callable[[Unit, str, datetime], Due | None]
"""The work of a due item: (its tenant's unit of work, its id, now) -> when it is due next."""
_log = logging.getLogger(__name__)
_OUTAGES: tuple[type[Exception], ...] = (Unavailable, OutcomeUnknown, StillUnknown)
_OUTAGES_A_TURN = 5
_OUTAGE_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What a turn did: items done, postponed after a failure, parked for good, and whether it ran out of time.

    Args:
        outages: how often an outside service did not answer about an item on a test clock. Such an item is neither
            postponed nor parked, because time cannot go on without it: after a few tries the turn ends, and the next
            turn goes on.
        oldest_s: how long what was due first had been due when the turn began, in seconds; 0 on a test clock.
    """

    done: int = 0
    postponed: int = 0
    parked: int = 0
    outages: int = 0
    cut_short: bool = False
    oldest_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Worker:
    """Works shards.

    Args:
        tasks: what does the work of a due item, by the item's kind; a test clock reminds itself (``clocks``).
        pause: sleeps; between the runs of a lost race, with growing length.
        ahead: reads ahead for items on the wall clock; None where each reads for itself.
        standing: by shard, what sees to it that something is always due in it, at the beginning of each turn.
    """

    units: Units
    index: DueIndex
    tasks: Mapping[str, Task]
    clocks: ClockProgress
    alarm: Alarm
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    pause: Callable[[float], None]
    standing: Mapping[str, Callable[[Unit], None]] = field(default_factory=dict)
    ahead: ReadAhead | None = None

    def work_shard(self, shard: str, deadline: datetime) -> ShardReport:
        """Work one shard until nothing is due in it.

        Args:
            deadline: after this nothing more is begun, and another turn is requested.
        """
        test_clock = clock_of(shard)
        if shard in self.standing:
            self._stand(shard)
        until: datetime | None = self.clock()
        if test_clock is not None:
            tenant_id, clock_id = test_clock
            until = self._run(tenant_id, lambda unit: self.clocks.target(unit, clock_id))
        if until is None:
            return ShardReport()
        try:
            report = self._work(shard, until, deadline, on_test_clock=test_clock is not None)
        finally:
            if self.ahead is not None:
                self.ahead.end()
        if report.outages == _OUTAGES_A_TURN:
            return report  # the clock's own alarm wakes the shard in a minute
        if report.cut_short:
            self.alarm.wake(shard, f"more:{self.clock().isoformat()}")
        elif test_clock is not None:
            self._run(test_clock[0], lambda unit: self.clocks.arrive(unit, test_clock[1]))
        return report

    def _stand(self, shard: str) -> None:
        try:
            self._run(PLATFORM, self.standing[shard])
        except Exception as error:  # noqa: BLE001 - what is due in the shard goes on; the next turn sees to it again
            _log.error("what stands in a shard was not seen to", extra={"shard": shard, **described(error)})

    def _work(self, shard: str, until: datetime, deadline: datetime, on_test_clock: bool) -> ShardReport:
        report = ShardReport()
        due = TurnItems(self.index, shard, until, self.pause, TurnQueue(on_test_clock))
        if not on_test_clock and due.more():
            report = replace(report, oldest_s=(until - due.queue.first().at).total_seconds())
        while due.more():
            if self.clock() >= deadline:
                return replace(report, cut_short=True)
            item = due.queue.take()
            if self.ahead is not None and not on_test_clock:
                self.ahead.before(item, due.queue, self.clock())
            outages = report.outages
            following, report = self._one(item, until, report, on_test_clock)
            if report.outages == _OUTAGES_A_TURN:
                return report  # the clock's time stands still until Stripe answers again
            if report.outages > outages:
                self.pause(_OUTAGE_PAUSE_S)
                due.queue.put(item)
                continue
            if following is not None and self._again(following, shard, item, until):
                # The index may not show this yet; what was just written is known here.
                due.queue.add_known(replace(item, at=following.at))
        return report

    @staticmethod
    def _again(following: Due, shard: str, item: DueItem, until: datetime) -> bool:
        """Whether an item's next alarm is still within this turn. One that did not move would be repeated for ever."""
        moved = following.at > item.at or following.attempts > 0
        return moved and following.shard == shard and following.at <= until

    def _one(
        self, item: DueItem, until: datetime, report: ShardReport, on_test_clock: bool
    ) -> tuple[Due | None, ShardReport]:
        # An item on a test clock is worked at its own time; one on the wall clock now, which may be a quarter of an
        # hour after the turn began, and in another month.
        try:
            at = item.at if on_test_clock else None
            following = self._run(item.tenant_id, lambda unit: self._handle(unit, item, at or unit.now, on_test_clock))
            return following, replace(report, done=report.done + 1)
        except Exception as error:  # noqa: BLE001 - one bad item must not stop the others: note it, put it off
            _log.error("due item failed", extra={"kind": item.kind, "item_id": item.id, **described(error)})
            if on_test_clock and isinstance(error, _OUTAGES):
                return None, replace(report, outages=report.outages + 1)
            following = self._postponed_safely(item, item.at if on_test_clock else until)
            if following is not None and clock_of(following.shard):
                self.pause(0.2 * following.attempts)  # the clock's time stands still: it comes again in this turn
            if following is None:
                return None, replace(report, parked=report.parked + 1)
            return following, replace(report, postponed=report.postponed + 1)

    def _handle(self, unit: Unit, item: DueItem, now: datetime, on_test_clock: bool) -> Due | None:
        if on_test_clock:
            unit.at_clock_time(now)
        if item.kind == "test_clock":
            return self.clocks.remind(unit, item.id, self.clock())
        return self.tasks[item.kind](unit, item.id, now)

    def _postponed_safely(self, item: DueItem, now: datetime) -> Due | None:
        try:
            return self._postpone(item, now)
        except Exception as error:  # noqa: BLE001 - it stays due as it is; what comes after it in the shard goes on
            _log.critical("due item cannot be put off", extra={"item_id": item.id, **described(error)})
            return None

    def _postpone(self, item: DueItem, now: datetime) -> Due | None:
        """Give a failed item a later time, or park it: no time at all, an event, a log line that raises an alarm."""

        def put_off(unit: Unit) -> Due | None:
            kind, parked = DUE_KINDS[item.kind]
            ref = Ref(kind, item.tenant_id, item.id)
            entity: Any = unit.load(ref).get(ref)
            if entity is None or entity.due is None:
                return None
            if entity.due.at > now:
                # It failed after its alarm had moved on (a renewal between its two commits): a subscription that
                # were put off from here would be due half a minute from now, and billed a period early.
                moved: Due = entity.due
                return moved
            if clock_of(entity.due.shard):
                unit.at_clock_time(now)
            due: Due | None = entity.due.postponed(self.clock())
            entity = unit.save(replace(entity, due=due))
            note = {"kind": item.kind, "item_id": item.id, "attempts": due.attempts if due else None}
            if due is None:
                _log.critical("due item parked", extra=note)
                unit.emit(parked, entity)
            elif due.attempts == WORRYING_ATTEMPTS:
                _log.critical("due item keeps failing", extra=note)
            return due

        return self._run(item.tenant_id, put_off)

    def _run(self, tenant_id: str, action: Callable[[Unit], T]) -> T:
        """One unit of work, run again from load when it loses a race."""
        unit = self.units.begin(tenant_id)

        def once() -> T:
            result = action(unit)
            unit.commit()
            return result

        return run_again(unit, once, self.jitter, self.pause)
