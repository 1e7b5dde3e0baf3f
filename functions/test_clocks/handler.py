"""Test clocks: a tenant in test mode moves time for the customers attached to a clock."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.process import due_shards
from billing.bootstrap.sweep import alarm
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.clocks import TestClockIn, TestClockOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor
from billing.services.clocks.advance import Clocks
from billing.services.kernel.work import Window

api = http_api("test clocks")
clocks = Clocks(alarm(), due_shards())


@api.post("/v1/test-clocks", scope=Scope.BILLING_WRITE, answers=TestClockOut)
def create_test_clock(body: Annotated[TestClockIn, Body()], work: CurrentWork) -> TestClockOut:
    """Create a test clock that stands still at a time."""
    return TestClockOut.of(clocks.create(work, body.frozen_time))


@api.get("/v1/test-clocks", scope=Scope.BILLING_READ, answers=TestClockOut, many=True)
def list_test_clocks(
    work: CurrentWork,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List test clocks, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(clocks.page(work, window), TestClockOut.of)


@api.get("/v1/test-clocks/{clock_id}", scope=Scope.BILLING_READ, answers=TestClockOut)
def get_test_clock(clock_id: str, work: CurrentWork) -> TestClockOut:
    """Retrieve a test clock; it is `ready` when everything due has happened."""
    return TestClockOut.of(clocks.get(work, clock_id))


@api.post("/v1/test-clocks/{clock_id}/advance", status=202, scope=Scope.BILLING_WRITE, answers=TestClockOut)
def advance_test_clock(clock_id: str, body: Annotated[TestClockIn, Body()], work: CurrentWork) -> TestClockOut:
    """Advance a test clock: everything due until then happens, in order of time."""
    return TestClockOut.of(clocks.advance(work, clock_id, body.frozen_time))


@api.delete("/v1/test-clocks/{clock_id}", scope=Scope.BILLING_WRITE, answers=TestClockOut)
def delete_test_clock(clock_id: str, work: CurrentWork) -> TestClockOut:
    """Delete a test clock; time stands still for its customers."""
    return TestClockOut.of(clocks.delete(work, clock_id))


lambda_handler = api.lambda_handler
