"""Issue 17, number 7: what Stripe Billing has is taken over once, and billed once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

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
    # 3 x (5.00 + 49.99) + ... as the report of MRR has it, too
    report = tenant.get("/v1/reports/mrr", at="2100-01-01T00:00:00Z")
    assert report.status == 200, report.json
    assert run["after"]["mrr"]["USD"] > 0
    mrr = sum(each["mrr"]["amount"] for each in map(_mrr, tenant.get("/v1/subscriptions", limit="100").data) if each)
    assert mrr in (0, run["after"]["mrr"]["USD"])


def _mrr(each: Json) -> Json:
    return each if "mrr" in each else {}
