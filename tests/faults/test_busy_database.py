"""DynamoDB throttles, conflicts or fails: retried in one place, bounded; then a 503 with nothing half-written."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.faults.processes import Json
from tests.faults.world import AT, Tenant, World, step

APART = timedelta(days=60)
TRANSACT = "TransactWriteItems"
ERRORS = ("ProvisionedThroughputExceededException", "ThrottlingException", "TransactionConflict", "500")
CASES = [(TRANSACT, error) for error in ERRORS] + [("UpdateItem", ERRORS[0]), ("BatchGetItem", "500")]
MOST_TRIES = 6
_cases = iter(range(1000))


@pytest.fixture
def at() -> datetime:
    """A time that no other test of this module comes near: each lives before the one before it."""
    return AT - APART * next(_cases)


def _busy(operation: str, error: str, times: int, call: int = 1) -> Json:
    return step("fault", mode="deny", call=call, operations=[operation], error=error, times=times)


def _states(tenant: Tenant, at: datetime) -> tuple[list[str], list[str]]:
    books = tenant.check(at)
    return [s["state"] for s in books.bodies("subscriptions")], [i["status"] for i in books.bodies("invoices")]


@pytest.mark.parametrize(("operation", "error"), CASES)
def test_a_busy_moment_is_absorbed(world: World, at: datetime, operation: str, error: str) -> None:
    tenant = world.new_tenant(at)
    answer = world.run(at, _busy(operation, error, 2), tenant.subscribe()).last()
    assert answer["status"] == 201, answer
    assert _states(tenant, at) == (["active"], ["paid"])


@pytest.mark.parametrize(("operation", "error"), CASES)
def test_a_database_that_stays_busy_is_a_503_with_nothing_written(
    world: World, at: datetime, operation: str, error: str
) -> None:
    tenant = world.new_tenant(at)
    answer, calls = world.run(at, _busy(operation, error, 1000), tenant.subscribe(), step("calls")).all()[1:]
    assert answer["status"] == 503, answer
    assert int(answer["headers"]["Retry-After"]) > 0
    denied = calls.count(f"{operation} denied")
    assert denied == MOST_TRIES, f"retried in more than one place: {denied} tries"
    books = tenant.check(at)
    assert not books.bodies("subscriptions") + books.bodies("payments") + books.rows["payment_methods"]
    assert not books.records("POST /v1/subscriptions")
    again = world.run(at + timedelta(seconds=2), tenant.subscribe()).last()
    assert again["status"] == 201, again
    assert _states(tenant, at) == (["active"], ["paid"])


@pytest.mark.parametrize("error", ["TransactionConflict", "ThrottlingException"])
def test_busy_at_the_second_commit_the_retry_goes_on_from_the_first(world: World, at: datetime, error: str) -> None:
    """The card is charged, and nobody can write it down: the retry, or the sweep, finds the charge."""
    tenant = world.new_tenant(at)
    answer = world.run(at, _busy(TRANSACT, error, 1000, call=2), tenant.subscribe()).last()
    assert answer["status"] == 503, answer
    assert len(tenant.charges()) == 1
    again, replay = world.run(at + timedelta(seconds=15), tenant.subscribe(), tenant.subscribe()).all()
    assert again["status"] == 201
    assert replay["body"] == again["body"]
    assert _states(tenant, at + timedelta(seconds=15)) == (["active"], ["paid"])
    assert len(tenant.charges()) == 1


def test_a_twin_inside_the_lease_is_told_to_wait_and_charges_nothing(world: World, at: datetime) -> None:
    tenant = world.new_tenant(at)
    world.run(at, _busy(TRANSACT, "500", 1000, call=2), tenant.subscribe()).all()
    twin = world.run(at + timedelta(seconds=3), tenant.subscribe()).last()
    assert (twin["status"], twin["body"]["error"]["code"]) == (409, "idempotency.in_progress")
    assert len(tenant.charges()) == 1
    assert world.run(at + timedelta(seconds=15), tenant.subscribe()).last()["status"] == 201
    tenant.check(at + timedelta(seconds=15))


def test_a_renewal_that_cannot_write_its_outcome_does_not_bill_the_next_period_early(
    world: World, at: datetime
) -> None:
    """The failed item is put off; the subscription, whose alarm has moved on, is not."""
    tenant = world.new_tenant(at)
    world.run(at, tenant.subscribe()).all()
    due = at + timedelta(days=31, hours=1)
    # The renewal's first commit stands; its second is refused until the item is given up for now.
    world.run(due, _busy(TRANSACT, "TransactionConflict", MOST_TRIES, call=2), step("turn", shard="00")).all()
    for seconds in (40, 100, 200, 400):
        world.run(due + timedelta(seconds=seconds), step("turn", shard="00")).all()
    later = due + timedelta(seconds=400)
    assert _states(tenant, later) == (["active"], ["paid", "paid"])
    assert len(tenant.charges()) == 2


@pytest.mark.parametrize("first", [1, 3, 5])
def test_a_worker_on_a_busy_database_leaves_the_work_to_the_next_turn(world: World, at: datetime, first: int) -> None:
    """Whichever read fails: the message comes again, or the item does."""
    tenant = world.new_tenant(at)
    world.run(at, tenant.subscribe()).all()
    due = at + timedelta(days=31, hours=1)
    world.run(due, _busy("BatchGetItem", "ThrottlingException", MOST_TRIES, call=first), step("turn", shard="00")).all()
    for seconds in (40, 100, 200):
        world.run(due + timedelta(seconds=seconds), step("turn", shard="00")).all()
    assert _states(tenant, due + timedelta(seconds=200)) == (["active"], ["paid", "paid"])
    assert len(tenant.charges()) == 2
