"""Test clocks: the shapes of their requests and responses."""

from typing import Annotated

from pydantic import Field

from billing.domain.clocks import Clock, series
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
    series: Annotated[
        str, Field(description="of its customers' documents: their numbers are `PREFIX.SERIES-000001` and so on")
    ]
    created_at: Time
    version: int

    @classmethod
    def of(cls, clock: Clock) -> "TestClockOut":
        return cls(
            id=clock.id,
            frozen_time=clock.frozen_time,
            status=clock.status.value,
            target_time=clock.target_time,
            series=series(clock.id),
            created_at=clock.created_at,
            version=clock.version,
        )
