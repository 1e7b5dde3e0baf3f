"""Issue 17, number 7: what Stripe Billing has is taken over once, and billed once."""

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from billing.bootstrap.process import settings
from tests.integration.reports.runs import file_of, objects, steps_of, work
from tests.integration.webhooks.cuts import MODES, cut, every_cut
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
    """What moved MRR, and by how much, by cause."""
    sums: Counter[str] = Counter()
    for row in tenant.get("/v1/reports/mrr-movements").data["rows"]:
        sums[row["cause"]] += row["amount"]
    return sorted(sums.items())


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
    found, end = subscription(tenant), end_of(made)
    assert found["state"] == "active"
    assert datetime.fromisoformat(found["billedUntil"]) == end
    world.clock.advance(days=9)
    bill(world)
    assert tenant.get("/v1/invoices").data == []
    world.clock.advance(days=1)
    for _ in range(3):
        bill(world)
    (invoice,) = tenant.get("/v1/invoices").data
    assert invoice["subtotal"] == 1_500_000
    assert datetime.fromisoformat(invoice["lines"][0]["period"]["start"]) == end
    again = taken(world, tenant, made, skipRefused=True)
    assert again["verdicts"]["exists"] == 3
    world.clock.advance(days=30)
    bill(world)
    assert [each["subtotal"] for each in tenant.get("/v1/invoices").data] == [1_500_000, 1_500_000]


def test_17_each_of_an_account_is_billed_once_for_its_next_period(world: World, tenant: Tenant) -> None:
    """5,000 of them with ``IMPORTED_SUBSCRIPTIONS=5000``: docs/decisions/0060 has how long that took."""
    many = int(os.environ.get("IMPORTED_SUBSCRIPTIONS", "60"))
    made = stripe.account(world.clock(), many)
    dry_run = tenant.post("/v1/imports", {"source": "stripe", "upload": True}).data
    assert requests.put(dry_run["uploadUrl"], data=text_of(made), timeout=60).ok
    assert ended(world, tenant, dry_run["id"])["verdicts"]["wouldCreate"] == many + 5 + many
    asked = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": dry_run["id"]}).data
    run = ended(world, tenant, asked["id"])
    assert run["verdicts"]["created"] == many + 5 + many
    assert run["after"] == run["before"]
    world.clock.advance(days=26)
    for _ in range(2):
        bill(world)
    invoices = pages(tenant, "/v1/invoices")
    assert len(invoices) == many == len({each["subscriptionId"] for each in invoices})
    costs = {each["id"]: cost(each) for each in made if each["object"] == "subscription"}
    shown = {each["id"]: each["externalId"] for each in pages(tenant, "/v1/subscriptions")}
    assert {shown[each["subscriptionId"]]: each["subtotal"] for each in invoices} == costs


def ended(world: World, tenant: Tenant, import_id: str) -> Json:
    """An import, worked turn by turn to its end."""
    for _ in range(60):
        world.clock.advance(seconds=1)
        work(world, import_id)
        found: Json = tenant.get(f"/v1/imports/{import_id}").data
        if found["state"] not in ("queued", "running"):
            break
    assert found["state"] == "done", found
    return found


def pages(tenant: Tenant, path: str) -> list[Json]:
    """All of a list."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        answer = tenant.get(path, limit="100", **cursor)
        found += answer.data
        following = answer.json["meta"]["pagination"]["next_cursor"]
        if not following:
            return found
        cursor = {"cursor": following}


def cost(each: Json) -> int:
    """Micro-units: what a period of a subscription costs, counted by hand."""
    total = 0
    for one in each["items"]["data"]:
        quantity, price = one["quantity"], one["price"]
        first = min(quantity, 5)
        tiers = first * 1200 + (quantity - first) * 900
        total += (tiers if price["billing_scheme"] == "tiered" else quantity * price["unit_amount"]) * 1000
    return total


def test_17_more_seats_in_a_period_that_was_billed_there_cost_nothing_until_the_next(
    world: World, tenant: Tenant
) -> None:
    """Billing the difference would need what was paid there; billing all of it would be twice."""
    taken(world, tenant, one(world))
    found = subscription(tenant)
    (seats,) = found["itemQuantities"]
    world.clock.advance(days=5)
    for quantity in (5, 1, 4):
        body = {"quantities": {seats: quantity}, "prorationBehavior": "invoice_now"}
        assert tenant.patch(f"/v1/subscriptions/{found['id']}", body).status == 200
    assert tenant.get("/v1/invoices").data == []
    world.clock.advance(days=5, seconds=1)
    bill(world)
    (invoice,) = tenant.get("/v1/invoices").data
    assert [line["amount"] for line in invoice["lines"]] == [4 * 500_000]


def test_17_a_pause_in_that_period_gives_nothing_back_and_resuming_bills_nothing(world: World, tenant: Tenant) -> None:
    taken(world, tenant, one(world))
    path = f"/v1/subscriptions/{subscription(tenant)['id']}"
    assert tenant.patch(path, {"paused": True, "prorationBehavior": "invoice_now"}).status == 200
    world.clock.advance(days=2)
    assert tenant.post(f"{path}/resume", {}).data["state"] == "active"
    assert tenant.get("/v1/invoices").data == []
    world.clock.advance(days=8, seconds=1)
    bill(world)
    assert [each["subtotal"] for each in tenant.get("/v1/invoices").data] == [1_500_000]


def test_17_another_interval_in_that_period_is_refused_and_an_end_gives_nothing_back(
    world: World, tenant: Tenant
) -> None:
    taken(world, tenant, one(world))
    found = subscription(tenant)
    tenant.plan(id="yearly", interval="year")
    changed = tenant.patch(f"/v1/subscriptions/{found['id']}", {"planId": "yearly", "quantities": {"seats": 1}})
    assert changed.status == 409, changed.json
    assert "billed elsewhere" in changed.json["error"]["message"]
    assert tenant.post(f"/v1/subscriptions/{found['id']}/cancel", {"atPeriodEnd": False}).status == 200
    world.clock.advance(days=40)
    bill(world)
    assert tenant.get("/v1/invoices").data == []
    again = dry(world, tenant, one(world))
    assert again["verdicts"]["wouldCreate"] == 0


def test_17_a_trial_is_billed_when_it_ends(world: World, tenant: Tenant) -> None:
    made = one(world, status="trialing")
    end = made[2]["items"]["data"][0]["current_period_end"]
    made[2] |= {"trial_end": end, "billing_cycle_anchor": end}
    run = taken(world, tenant, made)
    assert run["before"]["mrr"] == run["after"]["mrr"] == {"USD": 0}
    assert subscription(tenant)["state"] == "trialing"
    world.clock.advance(days=10, seconds=1)
    for _ in range(2):
        bill(world)
    assert [each["subtotal"] for each in tenant.get("/v1/invoices").data] == [1_500_000]


def test_17_a_pause_and_an_end_with_the_period_are_kept(world: World, tenant: Tenant) -> None:
    ending = one(world, cancel_at_period_end=True)
    paused = one(world, pause_collection={"behavior": "void", "resumes_at": None})[2] | {"id": "sub_B"}
    run = taken(world, tenant, [*ending, paused])
    assert run["before"] == run["after"]
    assert subscription(tenant)["cancelAtPeriodEnd"] is True
    assert subscription(tenant, "sub_B")["state"] == "paused"
    world.clock.advance(days=60)
    bill(world)
    assert tenant.get("/v1/invoices").data == []
    assert subscription(tenant)["state"] == "canceled"


def test_17_what_is_unpaid_there_stays_there_and_ours_begins_with_the_next_period(world: World, tenant: Tenant) -> None:
    made = one(world, status="past_due")
    run = taken(world, tenant, made)
    assert run["before"] == run["after"] == {"customers": 1, "subscriptions": 1, "mrr": run["after"]["mrr"]}
    assert "stays at Stripe" in verdicts(tenant, run)["sub_A"]["note"]
    found = subscription(tenant)
    assert (found["state"], datetime.fromisoformat(found["billedUntil"])) == ("active", end_of(made))
    world.clock.advance(days=10, seconds=1)
    for _ in range(2):
        bill(world)
    assert [each["subtotal"] for each in tenant.get("/v1/invoices").data] == [1_500_000]


def test_17_a_discount_for_ever_is_on_the_next_invoice(world: World, tenant: Tenant) -> None:
    coupon = {"id": "co", "object": "coupon", "duration": "forever", "percent_off": 12.5, "amount_off": None,
              "currency": None, "name": "Friends"}  # fmt: skip
    off = {"id": "di", "object": "discount", "start": 1_700_000_000, "end": None, "source": {"coupon": coupon}}
    run = taken(world, tenant, one(world, discounts=[off]))
    assert run["before"] == run["after"]
    world.clock.advance(days=10, seconds=1)
    bill(world)
    (invoice,) = tenant.get("/v1/invoices").data
    assert (invoice["subtotal"], invoice["total"]) == (1_500_000, 1_312_000)


def test_17_a_period_that_is_over_is_refused_for_it_may_be_billed_there_already(world: World, tenant: Tenant) -> None:
    made = one(world)
    world.clock.advance(days=11)
    run = dry(world, tenant, made)
    assert problems(tenant, run, "sub_A") == {"period": "is_over"}
    refused = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": run["id"]})
    assert (refused.status, refused.bad_fields) == (400, {"skipRefused": "some_are_refused"})
    done = worked(world, tenant, {"dryRun": False, "dryRunId": run["id"], "skipRefused": True})
    assert (done["verdicts"]["created"], done["verdicts"]["refused"]) == (2, 1)
    assert tenant.get("/v1/subscriptions").data == []


def test_17_one_that_was_looked_through_in_time_is_refused_later_all_the_same(world: World, tenant: Tenant) -> None:
    made = one(world)
    world.clock.advance(days=9, hours=23)
    first = dry(world, tenant, made)
    assert first["verdicts"]["refused"] == 0
    world.clock.advance(hours=2)
    done = worked(world, tenant, {"dryRun": False, "dryRunId": first["id"]})
    assert (done["verdicts"]["created"], done["verdicts"]["refused"]) == (2, 1)


def test_17_an_import_needs_a_dry_run_that_is_done_and_there(world: World, tenant: Tenant) -> None:
    assert tenant.post("/v1/imports", {"dryRun": False, "dryRunId": "imp_none"}).status == 404
    wrong = tenant.post("/v1/imports", {"source": "stripe", "dryRunId": "imp_x", "skipRefused": True})
    assert wrong.bad_fields.keys() == {"data", "dryRunId", "skipRefused"}
    wrong = tenant.post("/v1/imports", {"dryRun": False, "source": "stripe", "data": "{}"})
    assert wrong.bad_fields.keys() == {"dryRunId", "source", "data"}
    asked = tenant.post("/v1/imports", {"source": "stripe", "data": text_of(one(world))}).data["id"]
    assert tenant.post("/v1/imports", {"dryRun": False, "dryRunId": asked}).status == 409
    first = dry(world, tenant, one(world))
    done = worked(world, tenant, {"dryRun": False, "dryRunId": first["id"]})
    not_dry = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": done["id"]})
    assert not_dry.bad_fields == {"dryRunId": "not_a_dry_run"}
    world.clock.advance(hours=25)
    assert tenant.post("/v1/imports", {"dryRun": False, "dryRunId": first["id"]}).status == 409
    work(world, first["id"])
    assert objects(world, f"imports/{tenant.id}/{first['id']}") == {}


def test_17_a_file_is_uploaded_and_no_later_one_takes_its_place(world: World, tenant: Tenant) -> None:
    asked = tenant.post("/v1/imports", {"source": "stripe", "upload": True}).data
    path = f"/v1/imports/{asked['id']}"
    world.clock.advance(seconds=1)
    work(world, asked["id"])
    assert tenant.get(path).data["state"] == "running"
    assert requests.put(asked["uploadUrl"], data=text_of(one(world)), timeout=60).status_code == 200
    world.clock.advance(seconds=16)
    work(world, asked["id"])
    assert tenant.get(path).data["verdicts"]["wouldCreate"] == 3
    assert requests.put(asked["uploadUrl"], data=text_of(stripe.account(world.clock(), 5)), timeout=60).ok
    done = worked(world, tenant, {"dryRun": False, "dryRunId": asked["id"]})
    assert done["verdicts"]["created"] == 3


def test_17_what_nobody_uploads_fails_after_an_hour(world: World, tenant: Tenant) -> None:
    asked = tenant.post("/v1/imports", {"source": "stripe", "upload": True}).data
    world.clock.advance(hours=1, seconds=1)
    work(world, asked["id"])
    found = tenant.get(f"/v1/imports/{asked['id']}").data
    assert (found["state"], found["reason"]) == ("failed", "no file was uploaded within an hour")


def test_17_each_tenant_imports_for_itself(world: World, tenant: Tenant) -> None:
    made = one(world)
    taken(world, tenant, made)
    other = world.tenant()
    assert taken(world, other, made)["verdicts"]["created"] == 3
    first = dry(world, tenant, made)
    assert other.get(f"/v1/imports/{first['id']}").status == 404
    assert other.post("/v1/imports", {"dryRun": False, "dryRunId": first["id"]}).status == 404


def subscription(tenant: Tenant, external_id: str = "sub_A") -> Json:
    (found,) = tenant.get("/v1/subscriptions", externalId=external_id).data
    return found


def end_of(made: list[Json]) -> datetime:
    return datetime.fromtimestamp(made[2]["items"]["data"][0]["current_period_end"], UTC)


@pytest.mark.parametrize("mode", MODES)
def test_17_an_import_that_is_cut_anywhere_takes_each_over_once(
    world: World, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)

    def once(n: int) -> list[str]:
        tenant = world.tenant()
        first = dry(world, tenant, stripe.account(world.clock(), 2))  # periods that run, however long the cuts take
        asked = tenant.post("/v1/imports", {"dryRun": False, "dryRunId": first["id"]}).data["id"]
        world.clock.advance(seconds=1)
        with cut(mode, n) as calls:
            work(world, asked)
        for _ in range(20):
            found = tenant.get(f"/v1/imports/{asked}").data
            if found["state"] == "done":
                break
            world.clock.advance(seconds=40)
            work(world, asked)
        assert found["verdicts"]["created"] == 2 + 5 + 2, (mode, n, calls)
        assert found["after"] == found["before"], (mode, n, calls)
        assert len(world.rows_of("subscriptions", tenant.id)) == 2, (mode, n, calls)
        assert len(world.rows_of("customers", tenant.id)) == 2 + 1, (mode, n, calls)
        return calls

    assert every_cut(mode, once) >= 20


def test_17_steps_of_one_record_come_to_the_same(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stripe.account(world.clock(), 3)
    with steps_of(monkeypatch, step_records=1) as steps:
        run = taken(world, tenant, made)
    assert len(steps) >= 2 * (3 + 5 + 3)
    assert run["verdicts"]["created"] == 3 + 5 + 3
    assert run["after"] == run["before"]
    assert len(verdicts(tenant, run)) == 11
