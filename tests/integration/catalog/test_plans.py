"""Plans: what they say, their versions and archive."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.errors import LostRace
from billing.services.catalog import plans
from tests.integration.kernel.test_bad_input import check_error
from tests.integration.world import BUSINESS_MONTHLY, Answer, Json, Tenant, World

METERED: list[Json] = [
    {"model": "per_unit", "unitAmount": 250},
    {"model": "package", "unitAmount": 100_000, "packageSize": 1000, "freeUnits": 10_000},
    {"model": "graduated", "tiers": [{"upTo": 10, "unitAmount": 7}, {"upTo": None, "unitAmount": 6}]},
    {"model": "volume", "tiers": [{"upTo": None, "unitAmount": 6, "flatAmount": 1_000}], "minimum": 5_000},
]
SEATS_AT_SIX = [{"key": "base", "type": "flat", "unitAmount": 4_999_000},
                {"key": "seats", "type": "licensed", "unitAmount": 600_000}]  # fmt: skip
PATH = "/v1/plans/business-monthly"


def writes_of(world: World, send: Callable[[], Answer]) -> list[str]:
    """The tables that a call puts items into."""
    world.writes.clear()
    assert send().status == 200
    return [table for operation, tables in world.writes if operation == "TransactWriteItems" for table in tables]


# What a plan says


def test_settings_that_a_plan_does_not_say_are_shown_as_they_are_taken(shop: Tenant) -> None:
    made = shop.get(PATH).data
    shown = {name: made[name] for name in ("prorationUnit", "pauseBilling", "taxBehavior", "active", "catalog")}
    assert shown == {
        "prorationUnit": "second",
        "pauseBilling": "credit",
        "taxBehavior": "exclusive",
        "active": True,
        "catalog": "tenant",
    }


def test_a_plan_keeps_the_settings_that_it_says(tenant: Tenant) -> None:
    said = {"prorationUnit": "day", "pauseBilling": "keep", "taxBehavior": "inclusive", "trialDays": 14}
    tenant.plan(**said)
    made = tenant.get(PATH).data
    assert {name: made[name] for name in said} == said


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
def test_a_plan_counts_any_number_of_any_interval(tenant: Tenant, interval: str) -> None:
    tenant.plan(interval=interval, intervalCount=13)
    made = tenant.get(PATH).data
    assert (made["interval"], made["intervalCount"]) == (interval, 13)


@pytest.mark.parametrize("price", METERED, ids=lambda price: str(price["model"]))
def test_a_plan_of_metered_components_alone(tenant: Tenant, price: Json) -> None:
    component = {"key": "calls", "type": "metered", "meter": tenant.meter(), **price}
    tenant.plan(id="metered", components=[component])
    (shown,) = tenant.get("/v1/plans/metered").data["components"]
    tiers = [{"unitAmount": 0, "flatAmount": 0, **tier} for tier in price.get("tiers", [])]
    nothing = {"unitAmount": None, "packageSize": None, "freeUnits": 0, "minimum": None, "filters": {}, "groupBy": []}
    assert shown == nothing | component | {"tiers": tiers}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"prorationUnit": "hour", "pauseBilling": "both", "taxBehavior": True},
         {"prorationUnit": "not_one_of_the_allowed_values", "pauseBilling": "not_one_of_the_allowed_values",
          "taxBehavior": "not_one_of_the_allowed_values"}),
        ({"components": [{"key": "a", "type": "metered", "unitAmount": 5}]},
         {"components.0.meter": "missing_required_field"}),
        ({"components": [{"key": "a", "type": "licensed", "unitAmount": 5, "meter": "calls",
                          "filters": {"region": ["eu"]}, "groupBy": ["tier"]}]},
         {"components.0.meter": "only_for_metered", "components.0.filters": "only_for_metered",
          "components.0.groupBy": "only_for_metered"}),
        ({"components": [{"key": "a", "type": "metered", "meter": "m", "unitAmount": 5, "group_by": ["tier", "a b", 5],
                          "filters": {"region": [], "tier": ["", "x" * 201, 5], "zone": None}},
                         {"key": "b", "type": "metered", "meter": "m", "unitAmount": 5,
                          "filters": {f"d{n}": ["a"] for n in range(6)}, "groupBy": [f"d{n}" for n in range(6)]}]},
         {"components.0.group_by.1": "invalid_format", "components.0.group_by.2": "must_be_a_string",
          "components.0.filters.region": "too_short", "components.0.filters.tier.0": "too_short",
          "components.0.filters.tier.1": "too_long", "components.0.filters.tier.2": "must_be_a_string",
          "components.0.filters.zone": "must_be_an_array", "components.1.filters": "too_long",
          "components.1.groupBy": "too_long"}),
        ({"components": [{"key": "a", "type": "metered", "meter": "m", "unitAmount": 5,
                          "filters": {"region": ["eu", "us", "eu"]}, "groupBy": ["region", "tier", "tier"]}]},
         {"components.0.filters.region.2": "duplicate_value", "components.0.groupBy.2": "duplicate_value"}),
        ({"components": [{"key": f"c{n}", "type": "metered", "meter": "m", "unitAmount": 1,
                          "filters": {"region": [str(value) for value in range(46)]}} for n in range(11)]},
         {"components": "too_many_filter_values"}),
        ({"components": [{"key": "a", "type": "metered", "unitAmount": 5, "meter": "Not A Key"}]},
         {"components.0.meter": "invalid_format"}),
        ({"components": [{"key": "a", "type": "flat"}, {"key": "a", "type": "metered", "unitAmount": 5},
                         {"key": "b", "type": "metered", "meter": "m", "model": "package", "unitAmount": 5}]},
         {"components.0": "inconsistent", "components.1.meter": "missing_required_field",
          "components.1.key": "duplicate_key", "components.2": "inconsistent"}),
        ({"currency": "KWD", "components": [
            {"key": "a", "type": "flat", "unitAmount": 5_125_000, "minimum": 1_000},
            {"key": "b", "type": "metered", "meter": "m", "model": "volume",
             "tiers": [{"upTo": None, "unitAmount": 1, "flatAmount": 1_000}]}]},
         {"components.0.unitAmount": "not_chargeable_in_currency", "components.0.minimum": "not_chargeable_in_currency",
          "components.1.tiers.0.flatAmount": "not_chargeable_in_currency",
          "components.1.meter": "unknown_meter"}),
        ({"components": [{"key": f"c{n}", "type": "metered", "meter": "m", "model": "volume",
                          "tiers": [{"upTo": up_to, "unitAmount": 1} for up_to in [*range(1, 84), None]]}
                         for n in range(6)]},
         {"components": "too_many_tiers"}),
    ],
    ids=["settings", "no-meter", "meter-of-licensed", "dimensions", "twice", "filter-values", "meter",
         "everything", "unchargeable", "tiers"],
)  # fmt: skip
def test_bad_components_are_named_all_at_once(world: World, tenant: Tenant, changes: Json, fields: Json) -> None:
    world.writes.clear()
    answer = tenant.post("/v1/plans", BUSINESS_MONTHLY | changes)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == fields
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


# Versions


def test_a_change_makes_the_next_version_and_the_one_before_stays_readable(shop: Tenant) -> None:
    before = shop.get(PATH).data
    changes = {
        "name": "Business 2027",
        "components": SEATS_AT_SIX,
        "trialDays": 7,
        "prorationUnit": "day",
        "pauseBilling": "keep",
        "taxBehavior": "inclusive",
    }
    answer = shop.patch(PATH, changes)
    assert (answer.status, answer.data["version"]) == (200, 2)
    assert {name: answer.data[name] for name in changes if name != "components"} == {
        name: value for name, value in changes.items() if name != "components"
    }
    assert [each["unitAmount"] for each in answer.data["components"]] == [4_999_000, 600_000]
    assert shop.get(PATH).data == answer.data == shop.get(PATH, version=2).data
    assert shop.get(PATH, version=1).data == before


def test_a_field_that_is_not_there_stays_as_it_is(shop: Tenant) -> None:
    before = shop.get(PATH).data
    assert shop.patch(PATH, {"trialDays": 7}).data == before | {"trialDays": 7, "version": 2}
    assert shop.patch(PATH, {"name": "Again"}).data == before | {"trialDays": 7, "name": "Again", "version": 3}


@pytest.mark.parametrize(
    "changes", [{}, {"name": "Business"}, {"trial_days": 0, "components": BUSINESS_MONTHLY["components"]}]
)
def test_a_change_that_changes_nothing_makes_no_version(world: World, shop: Tenant, changes: Json) -> None:
    before = shop.get(PATH).data
    assert writes_of(world, lambda: shop.patch(PATH, changes)) == [
        world.tables["idempotency"],
        world.tables["audit"],
    ]
    assert shop.get(PATH).data == before


def test_what_a_plan_is_cannot_be_changed(world: World, shop: Tenant) -> None:
    world.writes.clear()
    body = {"id": "other", "currency": "EUR", "interval": "year", "interval_count": 1, "version": 7, "name": 5}
    answer = shop.patch(PATH, body)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {
        "id": "immutable",
        "currency": "immutable",
        "interval": "immutable",
        "interval_count": "immutable",
        "version": "unknown_field",
        "name": "must_be_a_string",
    }
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"components": []}, {"components": "too_short"}),
        ({"components": None, "name": None}, {"components": "must_be_an_array", "name": "must_be_a_string"}),
        ({"components": [{"key": "a", "type": "metered", "unitAmount": 1}]},
         {"components.0.meter": "missing_required_field"}),
        ({"trialDays": 731, "prorationUnit": None},
         {"trialDays": "too_large", "prorationUnit": "not_one_of_the_allowed_values"}),
    ],
)  # fmt: skip
def test_a_bad_change_is_refused_field_by_field(shop: Tenant, changes: Json, fields: Json) -> None:
    answer = shop.patch(PATH, changes)
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == fields
    assert shop.get(PATH).data["version"] == 1


def test_a_change_must_be_chargeable_in_the_plans_currency(tenant: Tenant) -> None:
    tenant.plan(currency="KWD", components=[{"key": "base", "type": "flat", "unitAmount": 5_120_000}])
    answer = tenant.patch(PATH, {"components": [{"key": "base", "type": "flat", "unitAmount": 5_125_000}]})
    check_error(answer, 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {"components.0.unitAmount": "not_chargeable_in_currency"}


@pytest.mark.parametrize("path", ["/v1/plans/business-monthly@000001", "/v1/plans/nobody", "/v1/plans/" + "x" * 300])
def test_what_names_no_plan_is_not_found(shop: Tenant, path: str) -> None:
    shop.patch(PATH, {"name": "Second"})
    for answer in (
        shop.get(path),
        shop.get(path, version=1),
        shop.patch(path, {"name": "A"}),
        shop.post(path + "/archive"),
    ):
        check_error(answer, 404, "billing.plan.not_found")
    assert shop.get(PATH).data["version"] == 2


def test_a_version_that_was_never_made_is_not_found(shop: Tenant) -> None:
    check_error(shop.get(PATH, version=2), 404, "billing.plan.not_found")
    answer = shop.get(PATH, version=0)
    assert (answer.status, answer.bad_fields) == (400, {"version": "too_small"})


def test_changes_that_race_make_versions_in_a_row_and_none_is_lost(world: World, shop: Tenant) -> None:
    """Another change is committed between a request's load and its commit; then the request loads again."""
    twins = iter(["twin 1", "twin 2"])
    events = storage.database().client.meta.events

    def race(params: Json, model: Any, **_: Any) -> None:
        # Only into the request: a twin's own commit, which comes by here too, finds the hook gone.
        if model.name == "TransactWriteItems" and (name := next(twins, None)):
            events.unregister("provide-client-params.dynamodb.*", race)
            unit = storage.units().begin(shop.id)
            plans.update(unit, "business-monthly", {"name": name})
            unit.commit()
            events.register("provide-client-params.dynamodb.*", race)

    events.register("provide-client-params.dynamodb.*", race)
    try:
        answer = shop.patch(PATH, {"trialDays": 30})
    finally:
        events.unregister("provide-client-params.dynamodb.*", race)
    assert answer.data["version"] == 4
    names = [shop.get(PATH, version=n).data for n in (1, 2, 3, 4)]
    assert [(each["name"], each["trialDays"]) for each in names] == [
        ("Business", 0),
        ("twin 1", 0),
        ("twin 2", 0),
        ("twin 2", 30),
    ]


def test_who_loses_a_race_leaves_the_winners_version_as_it_is(shop: Tenant) -> None:
    first, second = (storage.units().begin(shop.id) for _ in range(2))
    plans.update(first, "business-monthly", {"name": "first"})
    plans.update(second, "business-monthly", {"name": "second"})
    first.commit()
    with pytest.raises(LostRace):
        second.commit()
    assert shop.get(PATH, version=2).data["name"] == shop.get(PATH).data["name"] == "first"


def test_a_stored_version_is_never_written_again(world: World, shop: Tenant) -> None:
    def versions() -> list[str]:
        rows = world.rows_of("plans", shop.id)
        return [json.dumps(row, sort_keys=True) for row in rows if row["item"]["S"].startswith("version#")]

    shop.patch(PATH, {"name": "Second"})
    stored = versions()
    assert len(stored) == 2
    shop.patch(PATH, {"name": "Third"})
    shop.post(PATH + "/archive")
    assert versions()[:2] == stored
    assert len(versions()) == 3


def test_a_change_sent_twice_is_made_once(shop: Tenant) -> None:
    answers = [shop.patch(PATH, {"name": "Second"}, idempotency_key="k") for _ in range(2)]
    assert [answer.data["version"] for answer in answers] == [2, 2]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    check_error(shop.get(PATH, version=3), 404, "billing.plan.not_found")


# The archive


def test_an_archived_plan_is_read_and_listed_but_not_sold_or_changed(shop: Tenant) -> None:
    shop.patch(PATH, {"name": "Second"})
    answer = shop.post(PATH + "/archive")
    assert (answer.status, answer.data["active"], answer.data["version"]) == (200, False, 2)
    assert shop.get(PATH).data == answer.data
    assert [shop.get(PATH, version=n).data["active"] for n in (1, 2)] == [False, False]
    assert [plan["id"] for plan in shop.get("/v1/plans").data] == ["business-monthly"]
    check_error(shop.patch(PATH, {"name": "Third"}), 409, "plan.invalid_state")
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "trialDays": 1}
    check_error(shop.post("/v1/subscriptions", body), 404, "billing.plan.not_found")
    check_error(shop.post("/v1/plans", BUSINESS_MONTHLY), 409, "resource.already_exists")


def test_to_archive_twice_is_to_archive_once(world: World, shop: Tenant) -> None:
    first = shop.post(PATH + "/archive").data
    assert writes_of(world, lambda: shop.post(PATH + "/archive")) == [
        world.tables["idempotency"],
        world.tables["audit"],
    ]
    assert shop.get(PATH).data == first


def test_the_list_shows_what_is_sold_or_what_is_archived(tenant: Tenant) -> None:
    for name in ("a", "b", "c", "d"):
        tenant.plan(id=name)
    for name in ("a", "c"):
        tenant.post(f"/v1/plans/{name}/archive")
    listed = {
        active: [plan["id"] for plan in tenant.get("/v1/plans", active=active).data] for active in ("true", "false")
    }
    assert listed == {"true": ["d", "b"], "false": ["c", "a"]}
    first = tenant.get("/v1/plans", active="true", limit=1)
    rest = tenant.get("/v1/plans", active="true", cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [plan["id"] for plan in [*first.data, *rest.data]] == ["d", "b"]
    answer = tenant.get("/v1/plans", active="perhaps", catalog="mine")
    assert (answer.status, answer.bad_fields) == (
        400,
        {"active": "must_be_a_boolean", "catalog": "not_one_of_the_allowed_values"},
    )
