"""Issue 17, number 7: what one tenant exports, another one imports."""

import json
from typing import Any

import pytest

from tests.integration.imports.test_17_stripe import bill, mrr_of, pages, verdicts, worked
from tests.integration.reports.runs import file_of, work
from tests.integration.world import Json, Tenant, World


def exported(world: World, tenant: Tenant) -> str:
    """Customers, plans and subscriptions, in one file."""
    text = ""
    for kind in ("subscriptions", "customers", "plans"):
        run = tenant.post("/v1/exports", {"kind": kind, "format": "jsonl"}).data["id"]
        world.clock.advance(seconds=1)
        work(world, run)
        text += file_of(tenant, f"/v1/exports/{run}").decode()
    return text


def taken(world: World, tenant: Tenant, text: str, **body: Any) -> Json:
    dry = worked(world, tenant, {"source": "ledgerline", "data": text})
    return worked(world, tenant, {"dryRun": False, "dryRunId": dry["id"], **body})


@pytest.fixture
def shop(tenant: Tenant) -> Tenant:
    """Two customers with all that may be said of one, a subscription each."""
    rich = tenant.customer(
        name="Ada", email="ada@example.com", metadata={"team": "a"}, externalId="42", timezone="Europe/Berlin",
        netTermsDays=14, poNumber="PO-1", customFields=[{"name": "Cost center", "value": "4711"}], locale="de",
        address={"line1": "Street 1", "city": "Berlin", "postalCode": "10115", "country": "DE"},
    )  # fmt: skip
    tenant.subscribe(customerId=rich, externalId="sub-42")
    tenant.subscribe(customerId=tenant.customer(name="Grace"))
    return tenant


def test_17_what_is_exported_is_imported_into_another_tenant_and_billed_there_once(world: World, shop: Tenant) -> None:
    other = world.tenant()
    text = exported(world, shop)
    run = taken(world, other, text)
    assert run["verdicts"]["refused"] == 0
    assert run["before"] == run["after"]
    assert run["after"]["subscriptions"] == 2
    assert mrr_of(other) == [("opening", run["after"]["mrr"]["USD"])]
    assert taken(world, other, text)["verdicts"]["created"] == 0
    there, here = ({each["name"]: each for each in pages(of, "/v1/customers")} for of in (shop, other))
    told = (
        "email", "address", "metadata", "externalId", "timezone", "netTermsDays", "poNumber", "customFields", "locale",
        "currency", "taxExempt",
    )  # fmt: skip
    assert {name: here["Ada"][name] for name in told} == {name: there["Ada"][name] for name in told}
    ends = [sorted(each["currentPeriod"]["end"] for each in pages(of, "/v1/subscriptions")) for of in (shop, other)]
    assert ends[0] == ends[1]
    before = sorted(each["subtotal"] for each in pages(shop, "/v1/invoices"))
    world.clock.advance(days=32)
    for _ in range(2):
        bill(world)
    billed = pages(other, "/v1/invoices")
    assert len({each["subscriptionId"] for each in billed}) == 2
    assert sorted(each["subtotal"] for each in billed) == before


def test_17_what_cannot_come_along_is_refused_by_name(world: World, shop: Tenant) -> None:
    plan = pages(shop, "/v1/plans")[0]
    metered = plan | {"id": "m", "components": [
        {"key": "calls", "type": "metered", "meter": "calls", "model": "per_unit", "unitAmount": 1}
    ]}  # fmt: skip
    (one,) = shop.get("/v1/subscriptions", externalId="sub-42").data
    lines = [
        plan, metered, one | {"id": "sub_1", "planId": "m"}, one | {"id": "sub_2", "state": "past_due"},
        one | {"id": "sub_3", "planVersion": 7}, one | {"id": "sub_4", "pendingLineCount": 1},
        one | {"id": "sub_5", "customerId": "cus_none"}, one | {"id": "sub_6", "state": "canceled"},
        one | {"id": "sub_7", "itemQuantities": {"seats": -1}},
    ]  # fmt: skip
    other = world.tenant()
    text = "\n".join(json.dumps(each) for each in lines)
    found = verdicts(other, worked(world, other, {"source": "ledgerline", "data": text}))
    assert {name: [e["field"] for e in each["problems"]] for name, each in found.items() if each["problems"]} == {
        "m": ["components"], "sub_1": ["planId"], "sub_2": ["state"], "sub_3": ["planVersion"],
        "sub_4": ["pendingLineCount"], "sub_5": ["customer"], "sub_7": [""],
    }  # fmt: skip
    assert found["sub_6"]["verdict"] == "ignored"
