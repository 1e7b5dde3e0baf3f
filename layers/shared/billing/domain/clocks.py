"""Test clocks: a tenant in test mode moves time for the customers attached to a clock."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, ValidationFailed

LONGEST_ADVANCE = timedelta(days=2 * 366)
"""The longest step: a clock that runs for centuries would keep the worker from everybody else's billing."""


class ClockStatus(StrEnum):
    READY = "ready"
    ADVANCING = "advancing"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that stands still until it is advanced; while it advances, what is due happens in order of time."""

    entity_name: ClassVar[str] = "TestClock"

    id: str
    tenant_id: str
    frozen_time: datetime
    status: ClockStatus
    created_at: datetime
    target_time: datetime | None = None
    due: Due | None = None
    version: int = 0

    def advance(self, to: datetime, due: Due) -> "Clock":
        """The clock on its way to ``to``.

        Raises:
            InvalidState: it is already on its way, or deleted.
            ValidationFailed: ``to`` is not later than its time, or more than two years later.
        """
        if self.status is not ClockStatus.READY:
            raise InvalidState.of("test_clock", self.status, "advanced")
        if to <= self.frozen_time:
            raise ValidationFailed.of("frozenTime", "not_after_frozen_time")
        if to - self.frozen_time > LONGEST_ADVANCE:
            raise ValidationFailed.of("frozenTime", "too_far_ahead")
        return replace(self, status=ClockStatus.ADVANCING, target_time=to, due=due)

    def arrived(self) -> "Clock":
        """The clock at its target, with nothing left to do."""
        assert self.target_time is not None
        return replace(self, status=ClockStatus.READY, frozen_time=self.target_time, target_time=None, due=None)
