"""The circuit to Stripe over the whole product: a worker that has seen enough asks no more, and begins again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.processes import Json
from tests.faults.world import PERIOD_CENTS, World, step

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
FAILURES = 5
OPEN_S = 20
TRIES = 2  # the SDK's own second one


def broken(path: str) -> Json:
    """From here on Stripe answers every POST of a path with 500, as a step."""
    fault = {"kind": "status", "method": "POST", "path": path, "times": 1000}
    return step("stripe", method="POST", path="faults", body=fault)


WELL = step("stripe", method="DELETE", path="faults")
CALLS = step("calls")


def answers(world: World, *steps: Json, at: datetime = AT) -> list[Any]:
    """What the steps of one worker answered, without those that answer nothing."""
    return [answer for answer in world.run_apart(at, *steps).all() if answer is not None]


def posts(calls: list[str], path: str) -> int:
    """How many requests of a path left the process."""
    return calls.count(f"POST {path}")


def test_after_five_failures_nobody_asks_until_the_probe(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=FAILURES + 1)
    ahead = [tenant.subscribe(f"s{n}", n) for n in range(FAILURES)]
    last = tenant.subscribe("last", FAILURES)
    soon, then = step("later", seconds=OPEN_S - 3), step("later", seconds=3.5)
    *failed, seen, refused, unseen, still, made, probed = answers(
        own_world, broken("/v1/customers$"), *ahead, CALLS, last, CALLS, WELL, soon, last, then, last, CALLS
    )
    assert [answer["status"] for answer in failed] == [503] * FAILURES
    assert posts(seen, "customers") == posts(unseen, "customers") == FAILURES * TRIES
    for answer in (refused, still):
        assert (answer["status"], answer["body"]["error"]["code"]) == (503, "service.unavailable")
    assert int(refused["headers"]["Retry-After"]) > int(still["headers"]["Retry-After"]) > 0
    assert made["body"]["data"]["state"] == "active", made
    assert posts(probed, "customers") == posts(seen, "customers") + 1
    books = tenant.check(AT + timedelta(seconds=60))
    assert [s["state"] for s in books.bodies("subscriptions")] == ["active"]
    assert [charge["amount"] for charge in tenant.charges()] == [PERIOD_CENTS]


def test_a_sweep_of_renewals_stops_asking_and_each_is_charged_once_in_the_end(own_world: World) -> None:
    renewals = FAILURES + 3
    tenant = own_world.new_tenant(AT, customers=renewals)
    own_world.run(AT, *[tenant.subscribe(f"s{n}", n) for n in range(renewals)]).all()
    due = AT + timedelta(days=30, hours=1)
    sweep = [step("turn", shard="00"), CALLS]
    _, seen, _, probed = answers(
        own_world, broken("/v1/payment_intents$"), *sweep, step("later", seconds=90), *sweep, at=due
    )
    assert posts(seen, "payment_intents") == FAILURES * TRIES
    assert posts(probed, "payment_intents") == (FAILURES + 1) * TRIES
    tenant.check(due + timedelta(seconds=120))
    assert len(tenant.charges()) == renewals
    own_world.clear_faults()
    for minutes in (5, 15, 30):
        own_world.run(due + timedelta(minutes=minutes), step("turn", shard="00")).all()
    books = tenant.check(due + timedelta(minutes=30))
    assert [invoice["status"] for invoice in books.bodies("invoices")] == ["paid"] * 2 * renewals
    assert [charge["amount"] for charge in tenant.charges()] == [PERIOD_CENTS] * 2 * renewals
