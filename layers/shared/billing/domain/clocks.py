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


def series(clock_id: str) -> str:
    """The name of the series in which what is issued on a clock is numbered.

    Six characters of the clock's id, 30 bits. Two clocks of a tenant that had the same ones would share a series: no
    number would be there twice.

    >>> series("clk_01M8NEMVZ4432PPC7C879D1JMG")
    'TC9D1JMG'
    """
    return "TC" + clock_id[-6:]


def series_id(kind: str, clock_id: str) -> str:
    """The id of a sequence of a clock's series.

    Args:
        kind: the id of the tenant's own sequence of the same documents.
    """
    return f"{kind}.{series(clock_id)}"


def series_prefix(prefix: str, clock_id: str) -> str:
    """What the numbers of a clock's series begin with.

    A tenant's own prefix has no dot in it, so a number of its own series, whatever its prefix becomes, is never one of
    a clock's: ``ACME-000001``, ``ACME.TC9D1JMG-000001``, ``ACME.TC9D1JMG-CN-000001``.
    """
    return f"{prefix}.{series(clock_id)}"


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
