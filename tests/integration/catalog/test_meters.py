"""Meters: what is counted of usage, the tenant's own and the platform's; and the plans that price them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.catalog.meter import SHARDS_SETTLE, Aggregation, Meter
from billing.services.catalog import meters
from billing.services.catalog.meters import NewMeter
from billing.services.kernel.work import Ref
from tests.integration.access.test_auth import new_key
from tests.integration.kernel.test_bad_input import check_error
from tests.integration.world import BUSINESS_MONTHLY, Answer, Json, Tenant, World

CALLS = "/v1/meters/api_calls"
NOTHING_WRITTEN = [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def platform_meter(world: World, key: str, **fields: Any) -> Json:
    """A meter of the platform's. It outlives the test, so each has a key of its own."""
    answer = world.platform().post("/v1/meters", {"key": key, "aggregation": "sum"} | fields)
    assert answer.status == 201, answer.json
    made: Json = answer.data
    return made


def metered(meter: str = "api_calls", **fields: Any) -> Json:
    """A metered component."""
    return {"key": "calls", "type": "metered", "meter": meter, "unitAmount": 250, **fields}


def sell(tenant: Tenant, *components: Json, plan_id: str = "metered") -> Answer:
    """Create a plan of these components."""
    return tenant.post("/v1/plans", BUSINESS_MONTHLY | {"id": plan_id, "components": components})


def stored(tenant: Tenant, key: str = "api_calls") -> Meter:
    """The meter as it is in the table."""
    ref = Ref(Meter, tenant.id, key)
    return storage.units().begin(tenant.id).load(ref).require(ref)


# What a meter says


def test_a_meter_that_says_little_sums_up_quantities(tenant: Tenant) -> None:
    answer = tenant.post("/v1/meters", {"key": "api_calls", "aggregation": "sum"})
    assert answer.status == 201
    made = answer.data
    assert {name: value for name, value in made.items() if name != "createdAt"} == {
        "id": "api_calls",
        "key": "api_calls",
        "name": "api_calls",
        "aggregation": "sum",
        "property": "quantity",
        "dimensions": [],
        "shards": 1,
        "catalog": "tenant",
        "version": 1,
    }
    assert tenant.get(CALLS).data == made


@pytest.mark.parametrize(
    ("said", "measured"),
    [
        ({"aggregation": "sum"}, "quantity"),
        ({"aggregation": "max", "property": None}, "quantity"),
        ({"aggregation": "last", "property": "seats"}, "seats"),
        ({"aggregation": "sum", "property": "bytes.out", "dimensions": ["region", "tier"]}, "bytes.out"),
        ({"aggregation": "count", "dimensions": ["a", "b", "c", "d", "e"]}, None),
        ({"aggregation": "count", "property": None}, None),
        ({"aggregation": "unique", "property": "user_id", "dimensions": []}, "user_id"),
    ],
)
def test_a_meter_measures_what_it_says(tenant: Tenant, said: Json, measured: str | None) -> None:
    shards = 8 if said.get("dimensions") else 32
    tenant.meter(name="What is used", shards=shards, **said)
    made = tenant.get(CALLS).data
    assert (made["aggregation"], made["property"]) == (said["aggregation"], measured)
    assert (made["dimensions"], made["shards"], made["name"]) == (said.get("dimensions", []), shards, "What is used")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"key": "missing_required_field", "aggregation": "missing_required_field"}),
        ({"key": "Not A Key", "name": "", "aggregation": "average", "property": "a b", "dimensions": ["a b", 5],
          "shards": 33, "unit": "s"},
         {"key": "invalid_format", "name": "too_short", "aggregation": "not_one_of_the_allowed_values",
          "property": "invalid_format", "dimensions.0": "invalid_format", "dimensions.1": "must_be_a_string",
          "shards": "too_large", "unit": "unknown_field"}),
        ({"key": "x" * 65, "aggregation": "count", "property": "quantity", "shards": 0,
          "dimensions": [f"d{n}" for n in range(6)]},
         {"key": "invalid_format", "property": "not_with_count", "shards": "too_small", "dimensions": "too_long"}),
        ({"key": "calls", "aggregation": "sum", "dimensions": ["region"], "shards": 9},
         {"shards": "too_many_with_dimensions"}),
        ({"key": 1, "aggregation": "unique", "dimensions": ["region"], "shards": "8"},
         {"key": "must_be_a_string", "property": "missing_required_field", "dimensions": "not_with_unique",
          "shards": "must_be_an_integer"}),
        ({"key": "users", "aggregation": "unique", "property": "quantity", "shards": True},
         {"property": "must_not_be_quantity", "shards": "must_be_an_integer"}),
        ({"key": "a", "aggregation": "sum", "property": "bytes",
          "dimensions": ["region", "bytes", "region", "quantity"]},
         {"dimensions.1": "measured_property", "dimensions.2": "duplicate_dimension",
          "dimensions.3": "measured_property"}),
        ({"key": "a", "aggregation": "max", "dimensions": ["quantity"], "shards": None},
         {"dimensions.0": "measured_property", "shards": "must_be_an_integer"}),
    ],
    ids=["nothing", "shapes", "count", "shards", "unique", "unique-quantity", "dimensions", "measured"],
)  # fmt: skip
def test_every_bad_field_of_a_meter_is_named_at_once(world: World, tenant: Tenant, body: Json, fields: Json) -> None:
    tenant.get("/v1/meters")
    world.writes.clear()
    answer = tenant.post("/v1/meters", body)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == fields
    assert world.writes == NOTHING_WRITTEN


def test_a_key_is_taken_once(world: World, tenant: Tenant) -> None:
    tenant.meter()
    before = tenant.get(CALLS).data
    body = {"key": "api_calls", "aggregation": "count"}
    check_error(tenant.post("/v1/meters", body), 409, "resource.already_exists")
    assert tenant.get(CALLS).data == before
    assert world.tenant().post("/v1/meters", body).status == 201


def test_of_two_who_make_a_meter_at_once_one_loses_and_then_finds_it_taken(tenant: Tenant) -> None:
    """Another request is committed between a request's load and its commit; then the request loads again."""
    events = storage.database().client.meta.events

    def race(params: Json, model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            events.unregister("provide-client-params.dynamodb.*", race)
            unit = storage.units().begin(tenant.id)
            meters.create(unit, NewMeter("api_calls", "Calls", Aggregation.MAX, "quantity", (), 1))
            unit.commit()

    events.register("provide-client-params.dynamodb.*", race)
    try:
        answer = tenant.post("/v1/meters", {"key": "api_calls", "aggregation": "sum"})
    finally:
        events.unregister("provide-client-params.dynamodb.*", race)
    check_error(answer, 409, "resource.already_exists")
    assert tenant.get(CALLS).data["aggregation"] == "max"


def test_a_creation_sent_twice_is_made_once(tenant: Tenant) -> None:
    body = {"key": "api_calls", "aggregation": "sum"}
    first, second = (tenant.post("/v1/meters", body, idempotency_key="k") for _ in range(2))
    assert (first.status, second.status, first.json) == (201, 201, second.json)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert [each["key"] for each in tenant.get("/v1/meters").data] == ["api_calls"]
    other = tenant.post("/v1/meters", body | {"aggregation": "max"}, idempotency_key="k")
    check_error(other, 422, "idempotency.key_reused")


def test_meters_are_listed_page_by_page(tenant: Tenant) -> None:
    for key in ("b", "d", "a", "c"):
        tenant.meter(key)
    first = tenant.get("/v1/meters", limit=3)
    rest = tenant.get("/v1/meters", limit=3, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [[each["key"] for each in page.data] for page in (first, rest)] == [["d", "c", "b"], ["a"]]
    assert rest.json["meta"]["pagination"]["has_more"] is False
    answer = tenant.get("/v1/meters", catalog="mine", limit=0)
    assert (answer.status, answer.bad_fields) == (
        400,
        {"catalog": "not_one_of_the_allowed_values", "limit": "too_small"},
    )


def test_who_may_only_read_makes_no_meter(world: World, tenant: Tenant) -> None:
    tenant.meter()
    reader = new_key(world, tenant, scope="read")
    check_error(reader.post("/v1/meters", {"key": "b", "aggregation": "sum"}), 403, "auth.forbidden")
    check_error(reader.patch(CALLS, {"shards": 2}), 403, "auth.forbidden")
    assert reader.get(CALLS).data["shards"] == 1


# Changes


def test_name_and_shards_change_alone(tenant: Tenant) -> None:
    tenant.meter(dimensions=["region"])
    before = tenant.get(CALLS).data
    named = tenant.patch(CALLS, {"name": "API calls"})
    assert (named.status, named.data) == (200, before | {"name": "API calls", "version": 2})
    assert tenant.patch(CALLS, {"shards": 8}).data == named.data | {"shards": 8, "version": 3}
    assert tenant.get(CALLS).data == named.data | {"shards": 8, "version": 3}


def test_more_shards_wait_until_every_reader_knows_of_them(world: World, tenant: Tenant) -> None:
    tenant.meter()
    tenant.patch(CALLS, {"shards": 8})
    meter, now = stored(tenant), world.clock()
    assert (meter.shards, meter.most_shards) == (8, 8)
    assert [meter.shards_in_use(now + after) for after in (timedelta(), SHARDS_SETTLE)] == [1, 8]


def test_another_name_leaves_shards_that_have_not_settled_as_they_are(world: World, tenant: Tenant) -> None:
    tenant.meter()
    tenant.patch(CALLS, {"shards": 8})
    before = stored(tenant)
    world.clock.advance(minutes=10)
    tenant.patch(CALLS, {"name": "API calls", "shards": 8})
    after = stored(tenant)
    assert after.name == "API calls"
    assert after.shards_changed_at == before.shards_changed_at
    assert (after.shards, after.shards_before) == (before.shards, before.shards_before)


@pytest.mark.parametrize("changes", [{}, {"name": "api_calls"}, {"shards": 1, "name": "api_calls"}])
def test_a_change_that_changes_nothing_writes_nothing(world: World, tenant: Tenant, changes: Json) -> None:
    tenant.meter()
    before = tenant.get(CALLS).data
    world.writes.clear()
    assert tenant.patch(CALLS, changes).data == before
    transactions = [tables for operation, tables in world.writes if operation == "TransactWriteItems"]
    assert transactions == [[world.tables["idempotency"], world.tables["audit"]]]


def test_what_a_meter_counts_never_changes(world: World, tenant: Tenant) -> None:
    tenant.meter()
    before = tenant.get(CALLS).data
    world.writes.clear()
    body = {"id": "a", "key": "a", "aggregation": "max", "property": "a", "dimensions": ["a"], "version": 7,
            "name": None, "shards": 64}  # fmt: skip
    answer = tenant.patch(CALLS, body)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {
        "id": "immutable",
        "key": "immutable",
        "aggregation": "immutable",
        "property": "immutable",
        "dimensions": "immutable",
        "version": "unknown_field",
        "name": "must_be_a_string",
        "shards": "too_large",
    }
    assert world.writes == NOTHING_WRITTEN
    assert tenant.get(CALLS).data == before


# Whose it is


@pytest.mark.parametrize("key", ["nobody", "x" * 300, "Not-A-Key", "api_calls@1"])
def test_what_names_no_meter_is_not_found(tenant: Tenant, key: str) -> None:
    tenant.meter()
    check_error(tenant.get(f"/v1/meters/{key}"), 404, "resource.not_found")
    check_error(tenant.patch(f"/v1/meters/{key}", {"shards": 2}), 404, "resource.not_found")


def test_another_tenants_meter_is_not_there(world: World, tenant: Tenant) -> None:
    tenant.meter("secret_meter")
    other = world.tenant()
    check_error(other.get("/v1/meters/secret_meter"), 404, "resource.not_found")
    check_error(other.patch("/v1/meters/secret_meter", {"name": "Mine"}), 404, "resource.not_found")
    for catalog in ("tenant", "platform"):
        assert "secret_meter" not in json.dumps(other.get("/v1/meters", catalog=catalog).json)
    answer = sell(other, metered("secret_meter"))
    assert (answer.status, answer.bad_fields) == (400, {"components.0.meter": "unknown_meter"})


def test_every_tenant_reads_the_platforms_meters_and_changes_none(world: World, tenant: Tenant) -> None:
    made = platform_meter(world, "platform_read")
    tenant.meter()
    assert made["catalog"] == "platform"
    assert tenant.get("/v1/meters/platform_read").data == made
    assert [each["key"] for each in tenant.get("/v1/meters").data] == ["api_calls"]
    theirs = tenant.get("/v1/meters", catalog="platform", limit=100).data
    assert made in theirs
    assert {each["catalog"] for each in theirs} == {"platform"}
    check_error(tenant.patch("/v1/meters/platform_read", {"shards": 2}), 404, "resource.not_found")
    assert world.platform().patch("/v1/meters/platform_read", {"shards": 2}).data["shards"] == 2


def test_no_tenant_makes_a_meter_where_the_platform_counts(world: World, tenant: Tenant) -> None:
    """Its usage may be counted there already: as another kind of total, under other dimensions."""
    platform_meter(world, "platform_taken", dimensions=["region"])
    answer = tenant.post("/v1/meters", {"key": "platform_taken", "aggregation": "max"})
    check_error(answer, 409, "resource.already_exists")


def test_a_tenants_own_meter_goes_before_one_that_the_platform_makes_later(world: World, tenant: Tenant) -> None:
    tenant.meter("platform_later", dimensions=["zone"])
    platform_meter(world, "platform_later", dimensions=["region"])
    assert tenant.get("/v1/meters/platform_later").data["catalog"] == "tenant"
    answer = sell(tenant, metered("platform_later", groupBy=["region"]))
    assert answer.bad_fields == {"components.0.groupBy.0": "unknown_dimension"}
    assert sell(tenant, metered("platform_later", groupBy=["zone"])).status == 201


# The plans that price them


def test_a_plan_shows_its_filters_and_groups(tenant: Tenant) -> None:
    tenant.meter(dimensions=["region", "tier", "zone"])
    said: Json = {"filters": {"tier": ["gold", "free"], "region": ["eu"]}, "groupBy": ["zone", "region"]}
    made = sell(tenant, metered(**said)).data
    (shown,) = made["components"]
    assert {name: shown[name] for name in said} == said
    assert tenant.get("/v1/plans/metered").data == made
    changed = tenant.patch("/v1/plans/metered", {"components": [metered(group_by=["tier"])]}).data
    assert [(each["filters"], each["groupBy"]) for each in changed["components"]] == [({}, ["tier"])]
    assert tenant.get("/v1/plans/metered", version=1).data == made


def test_other_filters_alone_make_another_version(tenant: Tenant) -> None:
    tenant.meter(dimensions=["region"])
    sell(tenant, metered(filters={"region": ["eu"]}))
    for region, version in (("eu", 1), ("us", 2)):
        changes = {"components": [metered(filters={"region": [region]})]}
        assert tenant.patch("/v1/plans/metered", changes).data["version"] == version


BAD_COMPONENTS = [
    metered("nowhere", filters={"region": ["eu"]}, groupBy=["region"]),
    metered(key="good", filters={"region": ["eu"]}, groupBy=["tier"]),
    metered(key="bad", filters={"zone": ["a"], "region": ["eu"], "api_calls": ["b"]}, groupBy=["tier", "zone"]),
    {"key": "base", "type": "flat", "unitAmount": 1_000},
    metered("neither", key="other", minimum=1_000),
]
BAD_FIELDS = {
    "components.0.meter": "unknown_meter",
    "components.2.filters.zone": "unknown_dimension",
    "components.2.filters.api_calls": "unknown_dimension",
    "components.2.groupBy.1": "unknown_dimension",
    "components.4.meter": "unknown_meter",
}


def test_a_plan_prices_only_what_is_metered(world: World, tenant: Tenant) -> None:
    tenant.meter(dimensions=["region", "tier"])
    world.writes.clear()
    answer = sell(tenant, *BAD_COMPONENTS)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == BAD_FIELDS
    assert world.writes == NOTHING_WRITTEN


def test_a_changed_plan_prices_only_what_is_metered(world: World, tenant: Tenant) -> None:
    tenant.meter(dimensions=["region", "tier"])
    before = sell(tenant, metered()).data
    world.writes.clear()
    answer = tenant.patch("/v1/plans/metered", {"name": "Other", "components": BAD_COMPONENTS})
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == BAD_FIELDS
    assert world.writes == NOTHING_WRITTEN
    assert tenant.get("/v1/plans/metered").data == before


def test_amounts_and_meters_are_refused_together(tenant: Tenant) -> None:
    body = BUSINESS_MONTHLY | {"currency": "KWD", "components": [metered("nowhere", minimum=5_125_000)]}
    answer = tenant.post("/v1/plans", body)
    assert answer.bad_fields == {
        "components.0.minimum": "not_chargeable_in_currency",
        "components.0.meter": "unknown_meter",
    }


def test_a_plan_prices_the_platforms_meters_too(world: World, tenant: Tenant) -> None:
    platform_meter(world, "platform_priced", dimensions=["region"])
    assert sell(tenant, metered("platform_priced", groupBy=["region"])).status == 201
    answer = tenant.patch("/v1/plans/metered", {"components": [metered("platform_priced", groupBy=["tier"])]})
    assert answer.bad_fields == {"components.0.groupBy.0": "unknown_dimension"}


def test_a_plan_of_the_platforms_prices_the_platforms_meters_alone(world: World, tenant: Tenant) -> None:
    tenant.meter("tenants_own")
    answer = sell(world.platform(), metered("tenants_own"), plan_id="platform-metered-own")
    assert (answer.status, answer.bad_fields) == (400, {"components.0.meter": "unknown_meter"})
    platform_meter(world, "platform_own")
    assert sell(world.platform(), metered("platform_own"), plan_id="platform-metered-own").status == 201


def reads_of(world: World, send: Any) -> list[set[str]]:
    """The tables of each batch that a call reads, but for the tenant's settings, which are cached."""
    plain = {name: table for table, name in world.tables.items()}
    read: list[set[str]] = []

    def note(params: Json, model: Any, **_: Any) -> None:
        if model.name == "BatchGetItem":
            read.append({plain[table] for table in params["RequestItems"]})

    events = storage.database().client.meta.events
    events.register("provide-client-params.dynamodb.*", note)
    try:
        answer = send()
    finally:
        events.unregister("provide-client-params.dynamodb.*", note)
    assert answer.status in (200, 201), answer.json
    return [tables for tables in read if tables != {"tenants"}]


def test_meters_come_in_the_same_batch_as_the_plan(world: World, tenant: Tenant) -> None:
    for n in range(3):
        tenant.meter(f"m{n}")
    components = [metered(f"m{n}", key=f"c{n}") for n in range(3)]
    assert reads_of(world, lambda: sell(tenant, *components)) == [{"plans", "meters", "idempotency"}]
    changed = {"components": components[:2]}
    assert reads_of(world, lambda: tenant.patch("/v1/plans/metered", changed)) == [{"plans", "meters", "idempotency"}]
    named = {"name": "Another"}
    assert reads_of(world, lambda: tenant.patch("/v1/plans/metered", named)) == [{"plans", "idempotency"}]


def test_a_meter_with_dimensions_takes_eight_shards_at_most(tenant: Tenant) -> None:
    tenant.meter("by_region", dimensions=["region"])
    assert tenant.patch("/v1/meters/by_region", {"shards": 8}).status == 200
    refused = tenant.patch("/v1/meters/by_region", {"shards": 9})
    assert refused.bad_fields == {"shards": "too_many_with_dimensions"}
