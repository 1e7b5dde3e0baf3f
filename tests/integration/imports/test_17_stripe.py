"""Issue 17, number 7: what Stripe Billing has is taken over once, and billed once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap.process import settings
from tests.integration.reports.runs import file_of, objects, steps_of, work
from tests.integration.world import Json, Tenant, World
from tests.support import stripe_account as stripe


def text_of(made: list[Json]) -> str:
    return "\n".join(json.dumps(each) for each in made)


def worked(world: World, tenant: Tenant, body: Json) -> Json:
    """An import, worked to its end."""
    asked = tenant.post("/v1/imports", body)
    assert asked.status == 202, asked.json
    world.clock.advance(seconds=1)
    work(world, asked.data["id"])
    found: Json = tenant.get(f"/v1/imports/{asked.data['id']}").data
    assert found["state"] == "done", found
    return found


def dry(world: World, tenant: Tenant, made: list[Json]) -> Json:
    return worked(world, tenant, {"source": "stripe", "data": text_of(made)})


def taken(world: World, tenant: Tenant, made: list[Json], **body: Any) -> Json:
    first = dry(world, tenant, made)
    return worked(world, tenant, {"dryRun": False, "dryRunId": first["id"], **body})


def bill(world: World) -> None:
    """A turn of the billing worker at each shard of the wall clock."""
    world.work(*(f"{n:02d}" for n in range(settings().due_shards)))
    world.drain()


def mrr_of(tenant: Tenant) -> list[tuple[str, int]]:
    """What moved MRR, and by how much."""
    report = tenant.get("/v1/reports/mrr-movements").data
    print(report)
    return []


def verdicts(tenant: Tenant, run: Json) -> dict[str, Json]:
    lines = file_of(tenant, f"/v1/imports/{run['id']}").splitlines()
    return {each["sourceId"]: each for each in map(json.loads, lines)}


def problems(tenant: Tenant, run: Json, source_id: str) -> dict[str, str]:
    return {each["field"]: each["reason"] for each in verdicts(tenant, run)[source_id]["problems"]}


def one(world: World, **fields: Any) -> list[Json]:
    """A customer with three seats at 5.00 a month, billed for another ten days."""
    end = world.clock().astimezone(UTC).replace(microsecond=0) + timedelta(days=10)
    start = end - timedelta(days=30)
    seats = stripe.price("price_Seats", 500, "day", 30)
    return [
        {"id": "prod_1", "object": "product", "name": "Acme"},
        stripe.customer("cus_A"),
        stripe.subscription("sub_A", "cus_A", [stripe.item(seats, 3)], start, end, **fields),
    ]


def test_17_a_dry_run_writes_nothing_but_its_verdicts(world: World, tenant: Tenant) -> None:
    before = {name: world.rows_of(name, tenant.id) for name in ("customers", "plans", "subscriptions", "sequences")}
    run = dry(world, tenant, stripe.account(world.clock(), 8))
    assert run["verdicts"] == {"created": 0, "exists": 0, "wouldCreate": 8 + 4 + 8 + 1, "refused": 0, "ignored": 0}
    assert run["before"] == run["after"]
    assert {name: world.rows_of(name, tenant.id) for name in before} == before


def test_17_totals_after_are_those_before(world: World, tenant: Tenant) -> None:
    made = stripe.account(world.clock(), 12)
    run = taken(world, tenant, made)
    assert run["verdicts"]["created"] == 12 + 5 + 12
    assert run["after"] == run["before"]
    assert run["after"]["subscriptions"] == 12
    assert mrr_of(tenant) == [("opening", run["after"]["mrr"]["USD"])]


def test_17_a_repeat_takes_nothing_over_twice(world: World, tenant: Tenant) -> None:
    made = stripe.account(world.clock(), 6)
    first = taken(world, tenant, made)
    again = taken(world, tenant, made)
    assert again["verdicts"] == {"created": 0, "exists": 6 + 5 + 6, "wouldCreate": 0, "refused": 0, "ignored": 0}
    assert again["after"] == first["after"]
    ids = {name: each["id"] for name, each in verdicts(tenant, first).items()}
    assert {name: each["id"] for name, each in verdicts(tenant, again).items()} == ids
    assert len(tenant.get("/v1/subscriptions", limit="100").data) == 6
    assert len(tenant.get("/v1/customers", limit="100").data) == 6 + 1  # and the tenant's default customer


def test_17_what_was_billed_there_is_not_billed_here_and_the_next_period_is_once(world: World, tenant: Tenant) -> None:
    made = one(world)
    taken(world, tenant, made)
    (found,) = tenant.get("/v1/subscriptions", externalId="sub_A").data
    end = datetime.fromtimestamp(made[2]["items"]["data"][0]["current_period_end"], UTC)
    assert found["state"] == "active"
    assert datetime.fromisoformat(found["billedUntil"]) == end
    world.clock.advance(days=9)
    bill(world)
    assert tenant.get("/v1/invoices").data == []
    world.clock.advance(days=1)
    for _ in range(3):
        bill(world)
    (invoice,) = tenant.get("/v1/invoices").data
    assert invoice["subtotal"] == 15_000_000
    assert datetime.fromisoformat(invoice["lines"][0]["period"]["start"]) == end
    world.clock.advance(days=30)
    bill(world)
    assert len(tenant.get("/v1/invoices").data) == 2
