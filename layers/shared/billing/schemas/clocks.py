"""Test clocks: the shapes of their requests and responses."""

from billing.domain.clocks import Clock
from billing.schemas.base import (
    Request,
    Resource,
    Time,
    TimeIn,
)


class TestClockIn(Request):
    frozen_time: TimeIn


class TestClockOut(Resource):
    id: str
    frozen_time: Time
    status: str
    target_time: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, clock: Clock) -> "TestClockOut":
        return cls(
            id=clock.id,
            frozen_time=clock.frozen_time,
            status=clock.status.value,
            target_time=clock.target_time,
            created_at=clock.created_at,
            version=clock.version,
        )
