"""A tenant's settings: its own admin edits them, the platform those of any tenant."""

from typing import Any

import pytest

from billing.bootstrap import storage
from billing.services.tenants import Tenants
from billing.storage.store import TenantDirectory
from tests.integration.access.test_auth import new_key
from tests.integration.access.test_privacy import readable
from tests.integration.kernel.test_bad_input import check_error
from tests.integration.world import Json, Tenant, World

SETTINGS: Json = {
    "name": "Acme Billing",
    "legalName": "Acme Billing GmbH",
    "address": {"line1": "Torstr. 1", "line2": None, "city": "Berlin", "postalCode": "10119", "state": None,
                "country": "DE"},
    "taxId": "DE136695976",
    "email": "books@acme.example",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "invoicePrefix": "AB-27",
    "gracePeriodSeconds": 3_600,
    "dunning": {"scheduleDays": [2, 4, 60], "action": "paused"},
    "taxProvider": "builtin",
    "taxRounding": "line",
    "usageWindow": {"pastSeconds": 60 * 86_400, "futureSeconds": 0},
}  # fmt: skip


def settings_of(tenant: Tenant) -> Json:
    found: Json = tenant.get(f"/v1/tenants/{tenant.id}").data
    return found


def patch(tenant: Tenant, body: Any, *, by: Tenant | None = None) -> Any:
    return (by or tenant).patch(f"/v1/tenants/{tenant.id}", body)


def made_again(tenant: Tenant) -> Json:
    """What the creation answered, without what it shows once."""
    return {name: value for name, value in tenant.data.items() if name != "apiKey"}


# What they are


def test_a_tenant_that_says_nothing_bills_at_once_and_duns_for_a_week(tenant: Tenant) -> None:
    shown = settings_of(tenant)
    assert {name: shown[name] for name in ("gracePeriodSeconds", "dunning", "taxProvider", "usageWindow")} == {
        "gracePeriodSeconds": 0,
        "dunning": {"scheduleDays": [1, 3, 5, 7], "action": "canceled"},
        "taxProvider": "none",
        "usageWindow": {"pastSeconds": 35 * 86_400, "futureSeconds": 300},
    }


def test_a_tenant_can_be_made_with_all_its_settings(world: World) -> None:
    tenant = world.tenant(**SETTINGS)
    shown = settings_of(tenant)
    assert shown == made_again(tenant) | {"apiKey": None}
    assert {name: shown[name] for name in SETTINGS} == SETTINGS


def test_part_of_the_dunning_leaves_the_other_part_as_it_is(world: World) -> None:
    tenant = world.tenant(dunning={"action": "left"})
    assert tenant.data["dunning"] == {"scheduleDays": [1, 3, 5, 7], "action": "left"}
    assert patch(tenant, {"dunning": {"scheduleDays": []}}).data["dunning"] == {"scheduleDays": [], "action": "left"}
    assert patch(tenant, {"dunning": {}}).data["dunning"] == {"scheduleDays": [], "action": "left"}
    assert patch(tenant, {"dunning": {"action": "paused"}}).data["dunning"] == {"scheduleDays": [], "action": "paused"}


def test_part_of_the_usage_window_leaves_the_other_part_as_it_is(world: World) -> None:
    tenant = world.tenant(usageWindow={"pastSeconds": 86_400})
    assert tenant.data["usageWindow"] == {"pastSeconds": 86_400, "futureSeconds": 300}
    later = patch(tenant, {"usage_window": {"future_seconds": 86_400}}).data
    assert later["usageWindow"] == {"pastSeconds": 86_400, "futureSeconds": 86_400}
    assert patch(tenant, {"usageWindow": {}}).data == later
    assert patch(tenant, {"usageWindow": {"pastSeconds": 0}}).data["usageWindow"] == {
        "pastSeconds": 0,
        "futureSeconds": 86_400,
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_a_tenant_changes_each_of_its_settings_alone(tenant: Tenant, name: str) -> None:
    before = settings_of(tenant)
    answer = patch(tenant, {name: SETTINGS[name]})
    assert answer.status == 200
    moved = {"taxRounding": "document"} if name == "address" else {}  # to Germany
    assert answer.data == before | moved | {name: SETTINGS[name], "version": before["version"] + 1}
    assert settings_of(tenant) == answer.data


@pytest.mark.parametrize(
    ("country", "rounding"), [("DE", "document"), ("GR", "document"), ("US", "line"), ("GB", "line"), (None, "line")]
)
def test_11_17_tax_is_rounded_as_is_usual_where_the_seller_is(world: World, country: str | None, rounding: str) -> None:
    """EN 16931 in the EU; unless the tenant says otherwise, and until it takes that back."""
    tenant = world.tenant(address={"country": country} if country else None)
    assert settings_of(tenant)["taxRounding"] == rounding
    other = "line" if rounding == "document" else "document"
    assert patch(tenant, {"taxRounding": other}).data["taxRounding"] == settings_of(tenant)["taxRounding"] == other
    assert patch(tenant, {"address": {"country": "US"}}).data["taxRounding"] == other
    assert patch(tenant, {"taxRounding": None}).data["taxRounding"] == "line"
    assert patch(tenant, {"address": {"country": "FR"}}).data["taxRounding"] == "document"


def test_null_clears_what_is_personal(world: World) -> None:
    tenant = world.tenant(**SETTINGS)
    cleared = dict.fromkeys(("legalName", "address", "taxId", "email"))
    assert (
        patch(tenant, cleared).data
        == settings_of(tenant)
        == made_again(tenant)
        | cleared
        | {
            "apiKey": None,
            "version": 2,
        }
    )


def test_personal_settings_are_sealed_after_a_change_as_well(world: World, tenant: Tenant) -> None:
    patch(tenant, SETTINGS)
    stored = world.everything_of(tenant.id)
    for text in ("Billing GmbH", "Torstr. 1", '"10119"', "DE136695976", "books@acme.example"):
        assert not readable(stored, text), text
    # Another worker, which has cached nothing, opens them.
    directory = TenantDirectory(storage.database(), world.clock, 60, storage.vault)
    assert directory.get(tenant.id).email == "books@acme.example"


@pytest.mark.parametrize("body", [{}, {"name": "Acme"}, {"invoicePrefix": "ACME", "dunning": {"action": "canceled"}}])
def test_a_change_that_changes_nothing_writes_nothing(world: World, tenant: Tenant, body: Json) -> None:
    before = settings_of(tenant)
    world.writes.clear()
    assert patch(tenant, body).data == before
    transactions = [tables for operation, tables in world.writes if operation == "TransactWriteItems"]
    assert transactions == [[world.tables["idempotency"], world.tables["audit"]]]


def test_a_change_is_everywhere_after_a_minute(world: World, tenant: Tenant) -> None:
    tenant.customer()
    patch(tenant, {"currency": "EUR", "timezone": "Asia/Tokyo"})
    world.clock.advance(seconds=61)
    made = tenant.get(f"/v1/customers/{tenant.customer()}").data
    assert (made["currency"], made["timezone"]) == ("EUR", "Asia/Tokyo")


def test_the_default_customer_is_not_changed_with_the_tenant(tenant: Tenant) -> None:
    path = f"/v1/customers/{tenant.data['defaultCustomerId']}"
    before = tenant.get(path).data
    patch(tenant, SETTINGS)
    assert tenant.get(path).data == before


# What is refused


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"id": "other", "mode": "live", "apiKey": "k"},
         {"id": "immutable", "mode": "immutable", "apiKey": "unknown_field"}),
        ({"name": None, "currency": "usd", "timezone": "Mars", "invoicePrefix": "acme"},
         {"name": "must_be_a_string", "currency": "unknown_currency", "timezone": "unknown_timezone",
          "invoicePrefix": "invalid_format"}),
        ({"gracePeriodSeconds": 30 * 86_400 + 1, "taxProvider": "avalara", "email": "nobody"},
         {"gracePeriodSeconds": "too_large", "taxProvider": "not_one_of_the_allowed_values",
          "email": "invalid_format"}),
        ({"grace_period_seconds": -1}, {"grace_period_seconds": "too_small"}),
        ({"gracePeriodSeconds": 1.5}, {"gracePeriodSeconds": "must_be_an_integer"}),
        ({"gracePeriodSeconds": None, "dunning": None, "taxProvider": None},
         {"gracePeriodSeconds": "must_be_an_integer", "dunning": "must_be_an_object",
          "taxProvider": "not_one_of_the_allowed_values"}),
        ({"dunning": {"scheduleDays": [0, 61, True], "action": "forgotten", "retries": 3}},
         {"dunning.scheduleDays.0": "too_small", "dunning.scheduleDays.1": "too_large",
          "dunning.scheduleDays.2": "must_be_an_integer", "dunning.action": "not_one_of_the_allowed_values",
          "dunning.retries": "unknown_field"}),
        ({"dunning": {"scheduleDays": [1, 3, 3]}}, {"dunning.scheduleDays": "must_ascend"}),
        ({"dunning": {"scheduleDays": [3, 1]}}, {"dunning.scheduleDays": "must_ascend"}),
        ({"dunning": {"scheduleDays": list(range(1, 12))}}, {"dunning.scheduleDays": "too_long"}),
        ({"usageWindow": {"pastSeconds": 60 * 86_400 + 1, "futureSeconds": 86_401, "days": 1}},
         {"usageWindow.pastSeconds": "too_large", "usageWindow.futureSeconds": "too_large",
          "usageWindow.days": "unknown_field"}),
        ({"usageWindow": {"pastSeconds": -1, "future_seconds": "300"}},
         {"usageWindow.pastSeconds": "too_small", "usageWindow.future_seconds": "must_be_an_integer"}),
        ({"usageWindow": None}, {"usageWindow": "must_be_an_object"}),
        ({"address": {"country": "Germany", "zip": "1"}},
         {"address.country": "invalid_format", "address.zip": "unknown_field"}),
    ],
)  # fmt: skip
def test_bad_settings_are_refused_field_by_field(world: World, tenant: Tenant, body: Json, fields: Json) -> None:
    tenant.get("/v1/customers")
    world.writes.clear()
    answer = patch(tenant, body)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == fields
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def test_a_tenant_is_made_with_good_settings_only(world: World) -> None:
    body = {"name": "A", "currency": "USD", "dunning": {"scheduleDays": [5, 4]}, "taxProvider": 1}
    answer = world.platform().post("/v1/tenants", body)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {
        "dunning.scheduleDays": "must_ascend",
        "taxProvider": "not_one_of_the_allowed_values",
    }


@pytest.mark.parametrize("body", [{"tier": "enterprise"}, {"status": "active", "name": "A"}, {"tier": "standard"}])
def test_tier_and_status_are_the_platforms_to_change(tenant: Tenant, body: Json) -> None:
    before = settings_of(tenant)
    check_error(patch(tenant, body), 403, "auth.forbidden")
    assert settings_of(tenant) == before


@pytest.mark.parametrize("scope", ["read", "write"])
def test_only_an_admin_changes_settings(world: World, tenant: Tenant, scope: str) -> None:
    check_error(patch(tenant, {"name": "A"}, by=new_key(world, tenant, scope=scope)), 403, "auth.forbidden")
    assert patch(tenant, {"name": "A"}, by=new_key(world, tenant)).data["name"] == "A"


def test_a_tenant_does_not_reach_another(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    check_error(patch(other, {"name": "Mine"}, by=tenant), 403, "auth.tenant_mismatch")
    check_error(tenant.patch("/v1/tenants/platform", {"name": "Mine"}), 403, "auth.tenant_mismatch")
    check_error(world.platform().patch("/v1/tenants/nobody", {"name": "A"}), 404, "resource.not_found")
    assert settings_of(other)["name"] == "Acme"


# What the platform may


def test_the_platform_edits_any_tenant(world: World, tenant: Tenant) -> None:
    answer = patch(tenant, SETTINGS | {"tier": "enterprise"}, by=world.platform())
    assert answer.data == settings_of(tenant)
    assert {name: answer.data[name] for name in SETTINGS} == SETTINGS
    assert answer.data["tier"] == "enterprise"


def test_a_tenant_is_suspended_and_let_in_again_within_a_minute(world: World, tenant: Tenant) -> None:
    assert patch(tenant, {"status": "suspended"}, by=world.platform()).data["status"] == "suspended"
    world.clock.advance(seconds=61)
    check_error(tenant.get("/v1/customers"), 403, "tenant.suspended")
    assert patch(tenant, {"status": "active"}, by=world.platform()).data["status"] == "active"
    world.clock.advance(seconds=61)
    assert tenant.get("/v1/customers").status == 200


def test_the_platform_cannot_lock_itself_out(world: World) -> None:
    answer = world.platform().patch("/v1/tenants/platform", {"status": "suspended"})
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {"status": "the_platform_stays_active"}
    assert world.platform().get("/v1/tenants/platform").data["status"] == "active"


# The numbers of invoices


def number(tenant: Tenant) -> str:
    """The number of a new subscription's first invoice."""
    invoice = tenant.subscribe()["latestInvoiceId"]
    found: str = tenant.get(f"/v1/invoices/{invoice}").data["number"]
    return found


def test_a_new_prefix_goes_on_where_the_old_one_stopped_and_so_does_an_old_one(tenant: Tenant) -> None:
    numbers = [number(tenant), number(tenant)]
    for prefix in ("NEW", "ACME"):
        patch(tenant, {"invoicePrefix": prefix})
        numbers.append(number(tenant))
    assert numbers == ["ACME-000001", "ACME-000002", "NEW-000003", "ACME-000004"]


def test_a_prefix_changed_before_the_first_invoice_holds_at_once(tenant: Tenant) -> None:
    """The worker's copy of the settings is up to a minute old; the numbers are not."""
    tenant.get("/v1/customers")
    patch(tenant, {"invoicePrefix": "NEW"})
    assert storage.tenants().get(tenant.id).invoice_prefix == "ACME"
    assert [number(tenant), number(tenant)] == ["NEW-000001", "NEW-000002"]


def test_other_changes_leave_the_numbers_alone(world: World, tenant: Tenant) -> None:
    patch(tenant, {"name": "Another"})
    assert world.rows_of("sequences", tenant.id) == []
    number(tenant)
    patch(tenant, {"name": "Yet another", "invoicePrefix": "ACME"})
    (row,) = [each for each in world.rows_of("sequences", tenant.id) if "next_number" in each]
    assert (row["prefix"]["S"], row["next_number"]["N"]) == ("ACME", "2")
    assert number(tenant) == "ACME-000002"


@pytest.mark.parametrize("invoices", [0, 1])
def test_a_number_taken_during_the_change_is_neither_lost_nor_given_twice(
    world: World, tenant: Tenant, invoices: int
) -> None:
    """The prefix moves between the claim and the commit of a request: its number is the last with the old one."""
    before = [number(tenant) for _ in range(invoices)]
    tenant.plan(id="another")
    events = storage.database().client.meta.events

    def race(params: Json, model: Any, **_: Any) -> None:
        tables = [next(iter(each.values()))["TableName"] for each in params.get("TransactItems", [])]
        if world.tables["sequences"] in tables:
            events.unregister("provide-client-params.dynamodb.*", race)
            unit = storage.units().begin(tenant.id)
            Tenants(lambda _: "", lambda: "").update(unit, tenant.id, {"invoice_prefix": "NEW"})
            unit.commit()

    events.register("provide-client-params.dynamodb.*", race)
    try:
        subscription = tenant.subscribe(planId="another")
    finally:
        events.unregister("provide-client-params.dynamodb.*", race)
    during = tenant.get(f"/v1/invoices/{subscription['latestInvoiceId']}").data["number"]
    assert [*before, during, number(tenant)] == (
        ["ACME-000001", "NEW-000002"] if not invoices else ["ACME-000001", "ACME-000002", "NEW-000003"]
    )
