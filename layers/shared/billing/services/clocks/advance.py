"""Test clocks: make one, advance it, look at it, delete it; only for a tenant in test mode."""

from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.kernel.due import Due, clock_shard
from billing.domain.kernel.errors import InvalidState, LiveTenant, NotFound
from billing.domain.tenant import Mode
from billing.services.clocks.due_index import Alarm
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Page, Ref, Window, Work


@dataclass(frozen=True, slots=True)
class Clocks:
    """The use cases.

    Args:
        alarm: wakes the worker of a clock's shard.
        shards: of the due index.
    """

    alarm: Alarm
    shards: DueShards

    def create(self, work: Work, frozen_time: datetime) -> Clock:
        """A clock that stands at ``frozen_time``.

        Raises:
            LiveTenant: the tenant is live.
        """
        self._only_in_test_mode(work)
        return work.save(
            Clock(
                id=work.fresh_id("clk"),
                tenant_id=work.tenant.id,
                frozen_time=frozen_time,
                status=ClockStatus.READY,
                created_at=work.now,
            )
        )

    def get(self, work: Work, clock_id: str) -> Clock:
        """A clock.

        Raises:
            LiveTenant, NotFound: the tenant is live; it has no such clock.
        """
        self._only_in_test_mode(work)
        ref = Ref(Clock, work.tenant.id, clock_id)
        clock = work.load(ref).require(ref)
        if clock.status is ClockStatus.DELETED:
            raise NotFound.of(Clock, clock_id)
        return clock

    def page(self, work: Work, window: Window) -> Page[Clock]:
        """A page of the tenant's clocks, newest first."""
        self._only_in_test_mode(work)
        return work.query(window.query(Clock))

    def advance(self, work: Work, clock_id: str, to: datetime) -> Clock:
        """Set the clock on its way: the worker does all that is due until then, in order, and then it is ready.

        The clock itself is due at once in a wall-clock shard, so a wake-up call that is lost only costs a minute.

        Raises:
            LiveTenant, NotFound, InvalidState, ValidationFailed: see ``Clock.advance``.
        """
        clock = self.get(work, clock_id)
        due = Due(self.shards.wall_clock(clock_id), work.now)
        clock = work.save(clock.advance(to, due))
        shard = clock_shard(clock.tenant_id, clock.id)
        work.after_commit(lambda: self.alarm.wake(shard, f"advance:{clock.version}"))
        return clock

    def delete(self, work: Work, clock_id: str) -> Clock:
        """Delete a clock; its customers stay, and time stands still for them.

        Raises:
            LiveTenant, NotFound: as ``get``.
            InvalidState: it is advancing.
        """
        clock = self.get(work, clock_id)
        if clock.status is ClockStatus.ADVANCING:
            raise InvalidState.of("test_clock", clock.status, "deleted")
        return work.save(replace(clock, status=ClockStatus.DELETED))

    @staticmethod
    def _only_in_test_mode(work: Work) -> None:
        if work.tenant.mode is not Mode.TEST:
            raise LiveTenant("Test clocks exist only for tenants in test mode")
