"""Issue 17, number 7: CSV files are imported like objects: our exports, Stripe's, the sample in examples/imports."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.imports.test_17_stripe import bill, mrr_of, pages, verdicts, worked
from tests.integration.reports.runs import file_of, work
from tests.integration.world import Json, Tenant, World

SAMPLES = Path(__file__).parents[3] / "examples" / "imports"
KINDS = ("customers", "plans", "subscriptions")


def files(**texts: str) -> list[Json]:
    return [{"kind": kind, "data": text} for kind, text in texts.items()]


def dry(world: World, tenant: Tenant, source: str, texts: dict[str, str], **body: Any) -> Json:
    return worked(world, tenant, {"source": source, "csv": files(**texts), **body})


def taken(world: World, tenant: Tenant, source: str, texts: dict[str, str], **body: Any) -> Json:
    first = dry(world, tenant, source, texts, **body)
    assert first["verdicts"]["refused"] == 0, verdicts(tenant, first)
    return worked(world, tenant, {"dryRun": False, "dryRunId": first["id"]})


def exported(world: World, tenant: Tenant) -> dict[str, str]:
    found = {}
    for kind in KINDS:
        run = tenant.post("/v1/exports", {"kind": kind, "format": "csv", "bom": True}).data["id"]
        world.clock.advance(seconds=1)
        work(world, run)
        found[kind] = file_of(tenant, f"/v1/exports/{run}").decode()
    return found


def sample(world: World) -> dict[str, str]:
    """The files in examples/imports, in the month that is running."""
    now = world.clock().astimezone(UTC)
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    end = (start + timedelta(days=40)).replace(day=1)
    found = {}
    for kind in ("customers", "subscriptions"):
        text = (SAMPLES / f"{kind}.csv").read_text()
        found[kind] = text.replace("2026-01-01", f"{start:%Y-%m-%d}").replace("2026-02-01", f"{end:%Y-%m-%d}")
    return found


def team_plan(tenant: Tenant) -> None:
    seats = {"key": "seats", "type": "licensed", "model": "per_unit", "unitAmount": 500_000}
    tenant.plan(id="team-monthly", currency="EUR", components=[seats])


def test_17_our_csv_exports_are_imported_into_another_tenant(world: World, tenant: Tenant) -> None:
    coupon = tenant.post("/v1/coupons", {"code": "FRIENDS", "percentOff": "12.5", "duration": "forever"})
    assert coupon.status == 201, coupon.json
    rich = tenant.customer(
        name="=Ada, 'the first'", email="ada@example.com", metadata={"team": '"a"\nb'}, externalId="'=42",
        timezone="Europe/Berlin", netTermsDays=14, poNumber="-1", locale="de",
        customFields=[{"name": "Cost center", "value": "+4711"}],
        address={"line1": "Street 1", "city": "Berlin", "postalCode": "01067", "country": "DE"},
    )  # fmt: skip
    tenant.subscribe(customerId=rich, externalId="sub-42", couponCode="FRIENDS")
    tenant.subscribe(customerId=tenant.customer(name="Grace"))
    other = world.tenant()
    texts = exported(world, tenant)
    run = taken(world, other, "ledgerline", texts)
    assert run["csv"] == [*KINDS]
    assert (run["before"], run["after"]["subscriptions"]) == (run["after"], 2)
    assert mrr_of(other) == [("opening", run["after"]["mrr"]["USD"])]
    assert taken(world, other, "ledgerline", texts)["verdicts"]["created"] == 0
    there, here = ({each["name"]: each for each in pages(of, "/v1/customers")} for of in (tenant, other))
    told = (
        "email", "address", "metadata", "externalId", "timezone", "netTermsDays", "poNumber", "customFields", "locale",
        "currency", "taxExempt",
    )  # fmt: skip
    name = "=Ada, 'the first'"
    assert {each: here[name][each] for each in told} == {each: there[name][each] for each in told}
    before, after = ({e["externalId"]: e for e in pages(of, "/v1/subscriptions")} for of in (tenant, other))
    same = ("discount", "itemQuantities", "currentPeriod", "state")
    assert {each: after["sub-42"][each] for each in same} == {each: before["sub-42"][each] for each in same}
    prices = [each["components"] for each in (*pages(tenant, "/v1/plans"), *pages(other, "/v1/plans"))]
    assert prices[0] == prices[1]
    billed = sorted(each["total"] for each in pages(tenant, "/v1/invoices"))
    world.clock.advance(days=32)
    bill(world)
    assert sorted(each["total"] for each in pages(other, "/v1/invoices")) == billed


def test_17_the_sample_is_billed_once_from_billed_until_on(world: World, tenant: Tenant) -> None:
    team_plan(tenant)
    texts = sample(world)
    run = taken(world, tenant, "other", texts)
    assert run["verdicts"]["created"] == 4
    assert run["before"] == run["after"]
    assert run["after"]["mrr"] == {"EUR": 2_500_000}
    assert taken(world, tenant, "other", texts)["verdicts"]["exists"] == 4
    (one,) = tenant.get("/v1/subscriptions", externalId="S-1").data
    assert one["billedUntil"] == one["currentPeriod"]["end"]
    assert tenant.get("/v1/invoices").data == []
    left = datetime.fromisoformat(one["billedUntil"]) - world.clock()
    world.clock.advance(seconds=left.total_seconds() + 1)
    for _ in range(2):
        bill(world)
    assert sorted(each["subtotal"] for each in pages(tenant, "/v1/invoices")) == [1_000_000, 2_500_000]


def test_17_totals_that_differ_show_that_a_plan_here_costs_something_else(world: World, tenant: Tenant) -> None:
    team_plan(tenant)
    texts = sample(world)
    texts["subscriptions"] = texts["subscriptions"].replace("25.00", "24.00")
    run = dry(world, tenant, "other", texts)
    assert (run["before"]["mrr"], run["after"]["mrr"]) == ({"EUR": 2_400_000}, {"EUR": 2_500_000})


def test_17_a_plan_that_is_not_here_or_metered_or_of_another_currency_is_refused(world: World, tenant: Tenant) -> None:
    texts = sample(world)
    found = verdicts(tenant, dry(world, tenant, "other", texts))
    assert [each["reason"] for each in found["S-1"]["problems"]] == ["plan_not_found"]
    tenant.meter("calls")
    calls = {"key": "calls", "type": "metered", "meter": "calls", "model": "per_unit", "unitAmount": 1000}
    seats = {"key": "seats", "type": "licensed", "model": "per_unit", "unitAmount": 500_000}
    tenant.plan(id="team-monthly", currency="USD", components=[seats, calls])
    found = verdicts(tenant, dry(world, tenant, "other", texts))
    reasons = {each["reason"] for each in found["S-1"]["problems"]}
    assert reasons == {"currency_mismatch", "metered"}


def test_17_the_dashboards_exports_of_stripe_are_imported(world: World, tenant: Tenant) -> None:
    end = world.clock().astimezone(UTC).replace(second=0, microsecond=0) + timedelta(days=10)
    start = end - timedelta(days=30)
    times = f"{start:%Y-%m-%d %H:%M},{end:%Y-%m-%d %H:%M}"
    texts = {
        "customers": "id,Email,Name\ncus_A,ada@example.com,Ada\n",
        "prices": "Price ID,Product Name,Amount,Currency,Interval,Interval Count\nprice_A,Seats,5.00,usd,day,30\n",
        "subscriptions": "id,Customer ID,Plan,Quantity,Status,Current Period Start (UTC),Current Period End (UTC)\n"
        f"sub_A,cus_A,price_A,3,active,{times}\n",
    }
    run = taken(world, tenant, "stripe", texts)
    assert (run["verdicts"]["created"], run["before"]) == (3, run["after"])
    world.clock.advance(days=10, minutes=1)
    for _ in range(2):
        bill(world)
    assert [each["subtotal"] for each in pages(tenant, "/v1/invoices")] == [1_500_000]


def test_17_files_of_csv_are_uploaded_each_to_its_own_link(world: World, tenant: Tenant) -> None:
    team_plan(tenant)
    texts = sample(world)
    texts["subscriptions"] = texts["subscriptions"].replace(",", ";")
    texts["customers"] = "id;name;currency\n1001;Ada;EUR\n1002;Grace;EUR\n"
    body = {"source": "other", "csv": [{"kind": kind} for kind in texts], "delimiter": ";"}
    asked = tenant.post("/v1/imports", body).data
    assert asked["uploadUrls"].keys() == texts.keys()
    for n, (kind, link) in enumerate(asked["uploadUrls"].items()):
        assert requests.put(link, data=texts[kind], timeout=60).ok
        world.clock.advance(seconds=16)
        work(world, asked["id"])
        state = tenant.get(f"/v1/imports/{asked['id']}").data["state"]
        assert state == ("running" if n == 0 else "done")
    done = worked(world, tenant, {"dryRun": False, "dryRunId": asked["id"]})
    assert done["verdicts"]["created"] == 4


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"source": "other", "data": "{}"}, {"csv": "missing_required_field"}),
        ({"source": "other", "csv": [{"kind": "plans", "data": "x"}]}, {"csv.0.kind": "not_of_the_source"}),
        ({"source": "stripe", "csv": [{"kind": "prices"}, {"kind": "prices"}]}, {"csv.1.kind": "duplicate"}),
        ({"source": "stripe", "data": "{}", "csv": [{"kind": "prices"}]}, {"data": "one_of_data_upload_and_csv"}),
        ({"source": "stripe", "data": "{}", "delimiter": ";"}, {"delimiter": "only_for_csv"}),
        ({"dryRun": False, "dryRunId": "imp_x", "csv": [{"kind": "prices"}]}, {"csv": "only_for_dry_runs"}),
    ],
)
def test_17_what_does_not_fit_together_is_refused(tenant: Tenant, body: Json, wrong: Json) -> None:
    assert tenant.post("/v1/imports", body).bad_fields == wrong


def test_17_a_file_that_cannot_be_read_fails_and_says_why(world: World, tenant: Tenant) -> None:
    asked = tenant.post("/v1/imports", {"source": "other", "csv": files(customers="id;name\n1;Ada\n")}).data["id"]
    world.clock.advance(seconds=1)
    work(world, asked)
    found = tenant.get(f"/v1/imports/{asked}").data
    assert found["state"] == "failed"
    assert "customers: its cells seem to be separated by ';'" in found["reason"]
