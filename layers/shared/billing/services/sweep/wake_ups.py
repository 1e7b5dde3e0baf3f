"""The sweep: a wake-up call for each shard, and a worker's turn at one (docs/architecture.md, "What is due")."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.kernel.due import PAYOUT_SHARDS, Due, clock_shard
from billing.domain.reports.run import REPORT_SHARDS
from billing.domain.webhooks.delivery import WEBHOOK_SHARDS
from billing.services.clocks.due_index import Alarm, SweepAlarm
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work

_REMIND_EVERY = timedelta(minutes=1)


def wake_all(alarm: SweepAlarm, shards: int, now: datetime) -> int:
    """One message per shard; a schedule that fires twice in a minute sends them once."""
    alarm.wake_many([f"{shard:02d}" for shard in range(shards)], now.strftime("%Y-%m-%dT%H:%M"))
    return shards


def wake_payouts(alarm: SweepAlarm, now: datetime) -> None:
    """The same for the payout worker's shards."""
    shards = [f"p{shard:02d}" for shard in range(PAYOUT_SHARDS)]
    alarm.wake_many(shards, now.strftime("%Y-%m-%dT%H:%M"))


def wake_webhooks(alarm: SweepAlarm, now: datetime) -> None:
    """The same for the webhook worker's shards."""
    shards = [f"w{shard:02d}" for shard in range(WEBHOOK_SHARDS)]
    alarm.wake_many(shards, now.strftime("%Y-%m-%dT%H:%M"))


def wake_reports(alarm: SweepAlarm, now: datetime) -> None:
    """The same for the report worker's shards."""
    shards = [f"r{shard:02d}" for shard in range(REPORT_SHARDS)]
    alarm.wake_many(shards, now.strftime("%Y-%m-%dT%H:%M"))


@dataclass(frozen=True, slots=True)
class ClockProgress:
    """The use cases of an advancing test clock: find its target, and mark it as arrived."""

    alarm: Alarm

    def target(self, work: Work, clock_id: str) -> datetime | None:
        """The time up to which the clock's shard is to be worked; None if the clock stands still."""
        ref = Ref(Clock, work.tenant.id, clock_id)
        clock = work.load(ref).get(ref)
        return clock.target_time if clock is not None and clock.status is ClockStatus.ADVANCING else None

    def arrive(self, work: Work, clock_id: str) -> None:
        """Mark the clock as ready, at its target."""
        ref = Ref(Clock, work.tenant.id, clock_id)
        clock = work.load(ref).require(ref)
        if clock.status is ClockStatus.ADVANCING:
            work.save(clock.arrived())

    def remind(self, work: Work, clock_id: str, now: datetime) -> Due | None:
        """For a clock that is due in a wall-clock shard: wake its own shard, and look again in a minute.

        Args:
            now: the wall clock's time.

        Returns:
            when it is due next; None where it has arrived.
        """
        clock, due = load_due(work, Clock, clock_id, now)
        if clock is None or due is None:
            return due
        clock = work.save(replace(clock, due=replace(due, at=now + _REMIND_EVERY)))
        shard = clock_shard(clock.tenant_id, clock.id)
        work.after_commit(lambda: self.alarm.wake(shard, f"remind:{now:%Y-%m-%dT%H:%M}"))
        return clock.due
