"""Coupons through the API: made, shown, redeemed, archived, and refused."""

import json
from datetime import datetime
from typing import Any

import pytest

from billing.domain.catalog.coupon import Redemption
from billing.domain.kernel.times import parse_time
from billing.schemas.events import present
from tests.integration.world import Answer, Json, Tenant, World

LAUNCH: Json = {"code": "Launch2026", "percentOff": "25", "duration": "once"}
REDEEM = "/v1/commerce/coupons/redeem"
AMOUNT: Json = {"percentOff": None, "amountOff": 900_000, "currency": "USD"}


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant with a plan: for what is refused, and so leaves nothing behind."""
    tenant = world.tenant()
    tenant.plan()
    return tenant


def make(tenant: Tenant, **terms: Any) -> Json:
    """A new coupon; None leaves a field out."""
    body = {name: value for name, value in (LAUNCH | terms).items() if value is not None}
    made: Json = tenant.post("/v1/coupons", body).data
    return made


def redeem(tenant: Tenant, code: str = "Launch2026", **more: Any) -> Answer:
    return tenant.post(REDEEM, {"code": code, **more})


def events(world: World, tenant: Tenant) -> list[Json]:
    return [row for row in world.rows_of("events", tenant.id) if row["type"]["S"] == "coupon.redeemed"]


# Made and shown


def test_a_new_coupon_shows_its_terms(tenant: Tenant) -> None:
    tenant.plan()
    answer = tenant.post(
        "/v1/coupons",
        {
            "code": "Launch2026",
            "percentOff": "12.50",
            "duration": "repeating",
            "durationPeriods": 3,
            "maxRedemptions": 100,
            "maxRedemptionsPerCustomer": 1,
            "expiresAt": "2099-01-01T01:00:00+01:00",
            "planIds": ["business-monthly", "business-monthly"],
        },
    )
    assert answer.status == 201
    assert answer.data["createdAt"].endswith("Z")
    shown = {name: value for name, value in answer.data.items() if name != "createdAt"}
    assert shown == {
        "id": "LAUNCH2026",
        "code": "Launch2026",
        "percentOff": "12.5",
        "amountOff": None,
        "currency": None,
        "duration": "repeating",
        "durationPeriods": 3,
        "maxRedemptions": 100,
        "maxRedemptionsPerCustomer": 1,
        "expiresAt": "2099-01-01T00:00:00Z",
        "planIds": ["business-monthly"],
        "fundedBy": None,
        "providerTenantIds": [],
        "skus": [],
        "timesRedeemed": 0,
        "active": True,
        "version": 1,
    }
    assert tenant.get("/v1/coupons/launch2026").data == answer.data


@pytest.mark.parametrize(
    ("given", "shown"),
    [(25, "25"), ("25", "25"), ("100", "100"), (100, "100"), ("33.3333", "33.3333"), ("0.0001", "0.0001")],
)
def test_a_percentage_is_an_integer_or_a_text_and_is_shown_as_a_text(tenant: Tenant, given: Any, shown: str) -> None:
    assert make(tenant, percentOff=given)["percentOff"] == shown


def test_an_amount_off_has_its_currency(tenant: Tenant) -> None:
    made = make(tenant, **AMOUNT)
    assert (made["percentOff"], made["amountOff"], made["currency"]) == (None, 900_000, "USD")


def test_commerce_has_the_same_coupons(tenant: Tenant) -> None:
    one = make(tenant)
    other = tenant.post("/api/v1/commerce/coupons", LAUNCH | {"code": "other"}).data
    for path in ("/v1/coupons", "/v1/commerce/coupons", "/api/v1/coupons", "/api/v1/commerce/coupons"):
        assert tenant.get(path).data == [other, one]  # by code, from Z to A


def test_coupons_page(tenant: Tenant) -> None:
    for code in ("a", "B", "c"):
        make(tenant, code=code)
    first = tenant.get("/v1/coupons", limit=2)
    rest = tenant.get("/v1/coupons", limit=2, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [[coupon["code"] for coupon in page.data] for page in (first, rest)] == [["c", "B"], ["a"]]


@pytest.mark.parametrize("code", ["Launch2026", "LAUNCH2026", "launch2026"])
@pytest.mark.parametrize("path", ["/v1/coupons", "/v1/commerce/coupons"])
def test_a_code_is_taken_once_in_any_case(tenant: Tenant, code: str, path: str) -> None:
    made = make(tenant)
    answer = tenant.post(path, LAUNCH | {"code": code, "percentOff": 50})
    assert (answer.status, answer.error["code"]) == (409, "resource.already_exists")
    assert tenant.get("/v1/coupons").data == [made]


def test_an_archived_code_stays_taken(tenant: Tenant) -> None:
    make(tenant)
    tenant.delete("/v1/coupons/launch2026")
    assert tenant.post("/v1/coupons", LAUNCH).error["code"] == "resource.already_exists"


def test_a_coupon_belongs_to_its_tenant(world: World, tenant: Tenant) -> None:
    make(tenant)
    other = world.tenant()
    assert other.get("/v1/coupons").data == []
    for answer in (other.get("/v1/coupons/launch2026"), other.delete("/v1/coupons/launch2026")):
        assert (answer.status, answer.error["code"]) == (404, "resource.not_found")
    assert redeem(other).error["code"] == "billing.coupon.invalid"
    assert make(other, percentOff="50")["percentOff"] == "50"
    assert tenant.get("/v1/coupons/launch2026").data["percentOff"] == "25"


@pytest.mark.parametrize("code", ["nobody", "launch 2026", "ſale", "x" * 300])
def test_an_unknown_code_is_not_found(tenant: Tenant, code: str) -> None:
    make(tenant, code="sale")
    for answer in (tenant.get(f"/v1/coupons/{code}"), tenant.delete(f"/v1/coupons/{code}")):
        assert (answer.status, answer.error["code"]) == (404, "resource.not_found")


def test_the_same_request_again_is_answered_as_before_also_when_it_would_have_expired(
    world: World, tenant: Tenant
) -> None:
    body = LAUNCH | {"expiresAt": "2027-01-01T12:00:00Z"}
    world.clock.freeze(datetime.fromisoformat("2027-01-01T11:00:00+00:00"))
    first = tenant.post("/v1/coupons", body, idempotency_key="once")
    world.clock.advance(hours=2)
    again = tenant.post("/v1/coupons", body, idempotency_key="once")
    assert (again.status, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


# Wrong shapes

BOTH = "exactly_one_of_percent_off_and_amount_off"
WRONG: list[tuple[str, Json, dict[str, str]]] = [
    ("no code", {"code": None}, {"code": "missing_required_field"}),
    ("no duration", {"duration": None}, {"duration": "missing_required_field"}),
    ("an empty code", {"code": ""}, {"code": "invalid_format"}),
    ("a blank in the code", {"code": "A B"}, {"code": "invalid_format"}),
    ("a long code", {"code": "x" * 65}, {"code": "invalid_format"}),
    ("a line end after the code", {"code": "SALE\n"}, {"code": "invalid_format"}),
    ("another alphabet", {"code": "ſale"}, {"code": "invalid_format"}),
    ("neither", {"percentOff": None}, {"percentOff": BOTH, "amountOff": BOTH}),
    ("both", AMOUNT | {"percentOff": 5}, {"percentOff": BOTH, "amountOff": BOTH}),
    ("a float", {"percentOff": 25.5}, {"percentOff": "must_be_a_decimal"}),
    ("a whole float", {"percentOff": 25.0}, {"percentOff": "must_be_a_decimal"}),
    ("true", {"percentOff": True}, {"percentOff": "must_be_a_decimal"}),
    ("a word", {"percentOff": "half"}, {"percentOff": "must_be_a_decimal"}),
    ("a percent sign", {"percentOff": "25%"}, {"percentOff": "must_be_a_decimal"}),
    ("an exponent", {"percentOff": "1e1"}, {"percentOff": "must_be_a_decimal"}),
    ("not a number", {"percentOff": "NaN"}, {"percentOff": "must_be_a_decimal"}),
    ("other digits", {"percentOff": "٢٥"}, {"percentOff": "must_be_a_decimal"}),
    ("nothing off", {"percentOff": "0.0000"}, {"percentOff": "too_small"}),
    ("less than nothing", {"percentOff": -5}, {"percentOff": "too_small"}),
    ("too much", {"percentOff": "100.0001"}, {"percentOff": "too_large"}),
    ("five decimals", {"percentOff": "33.33333"}, {"percentOff": "too_many_decimals"}),
    ("no amount", AMOUNT | {"amountOff": 0}, {"amountOff": "too_small"}),
    ("a fraction of a cent", AMOUNT | {"amountOff": 500}, {"amountOff": "sub_minor_unit"}),
    ("an amount as a text", AMOUNT | {"amountOff": "900000"}, {"amountOff": "must_be_an_integer"}),
    ("a huge amount", AMOUNT | {"amountOff": 10**16}, {"amountOff": "too_large"}),
    ("no currency", AMOUNT | {"currency": None}, {"currency": "missing_required_field"}),
    ("lower case", AMOUNT | {"currency": "usd"}, {"currency": "unknown_currency"}),
    ("a currency for a percentage", {"currency": "USD"}, {"currency": "only_with_amount_off"}),
    ("fils that no card takes", AMOUNT | {"currency": "KWD", "amountOff": 5_125_000},
     {"amountOff": "not_chargeable_in_currency"}),
    ("another duration", {"duration": "always"}, {"duration": "not_one_of_the_allowed_values"}),
    ("repeating, but how often", {"duration": "repeating"}, {"durationPeriods": "missing_required_field"}),
    ("once, three times", {"durationPeriods": 3}, {"durationPeriods": "only_with_repeating"}),
    ("forever, three times", {"duration": "forever", "durationPeriods": 3},
     {"durationPeriods": "only_with_repeating"}),
    ("for no period", {"duration": "repeating", "durationPeriods": 0}, {"durationPeriods": "too_small"}),
    ("no redemption", {"maxRedemptions": 0, "maxRedemptionsPerCustomer": 0},
     {"maxRedemptions": "too_small", "maxRedemptionsPerCustomer": "too_small"}),
    ("half a redemption", {"maxRedemptions": 1.5}, {"maxRedemptions": "must_be_an_integer"}),
    ("expired", {"expiresAt": "2020-01-01T00:00:00Z"}, {"expiresAt": "must_be_in_the_future"}),
    ("no offset", {"expiresAt": "2099-01-01T00:00:00"}, {"expiresAt": "must_be_a_time"}),
    ("a plan that is not there", {"planIds": ["business-monthly", "busines-monthly"]}, {"planIds.1": "no_such_plan"}),
    ("after a plan that is named twice", {"planIds": ["business-monthly", "business-monthly", "b"]},
     {"planIds.2": "no_such_plan"}),
    ("no plan id", {"planIds": ["Business"]}, {"planIds.0": "invalid_format"}),
    ("many plans", {"planIds": [f"p{n}" for n in range(41)]}, {"planIds": "too_long"}),
    ("unknown field", {"name": "Launch"}, {"name": "unknown_field"}),
    ("all that the fields say of each other", AMOUNT | {"currency": None, "duration": "repeating"},
     {"currency": "missing_required_field", "durationPeriods": "missing_required_field"}),
    ("all that has to be looked up", {"expiresAt": "2020-01-01T00:00:00Z", "planIds": ["a", "b"]},
     {"planIds.0": "no_such_plan", "planIds.1": "no_such_plan", "expiresAt": "must_be_in_the_future"}),
    ("everything at once", {"code": 7, "percentOff": 0.5, "duration": "x", "maxRedemptions": -1, "planIds": "pro"},
     {"code": "must_be_a_string", "percentOff": "must_be_a_decimal", "duration": "not_one_of_the_allowed_values",
      "maxRedemptions": "too_small", "planIds": "must_be_an_array"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "fields"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_coupon_of_the_wrong_shape_is_refused_field_by_field(
    world: World, shop: Tenant, changes: Json, fields: dict[str, str]
) -> None:
    world.writes.clear()
    body = {name: value for name, value in (LAUNCH | changes).items() if value is not None}
    answer = shop.post("/v1/coupons", body)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert answer.bad_fields == fields
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def test_fields_may_be_spelled_in_snake_case(tenant: Tenant) -> None:
    body = {"code": "A", "amount_off": 1000, "currency": "USD", "duration": "repeating", "duration_periods": 2}
    assert tenant.post("/v1/coupons", body).data["durationPeriods"] == 2


# Redeemed


def test_a_redemption_answers_with_its_discount_and_tells_subscribers(world: World, tenant: Tenant) -> None:
    make(tenant, maxRedemptions=2, duration="repeating", durationPeriods=3)
    customer = tenant.customer()
    answer = redeem(tenant, " launch2026 ", customerId=customer)
    assert answer.status == 200
    assert answer.data["discount"]["startedAt"].endswith("Z")
    body = dict(answer.data)
    body["discount"] = {name: value for name, value in body["discount"].items() if name != "startedAt"}
    assert body == {
        "code": "Launch2026",
        "customerId": customer,
        "discount": {
            "couponId": "LAUNCH2026",
            "code": "Launch2026",
            "percentOff": "25",
            "amountOff": None,
            "currency": None,
            "periods": 3,
            "periodsUsed": 0,
        },
    }
    assert tenant.get("/v1/coupons/launch2026").data["timesRedeemed"] == 1
    (event,) = events(world, tenant)
    assert event["object_id"]["S"] == f"LAUNCH2026#{customer}"


def test_the_event_shows_the_customers_redemptions(tenant: Tenant) -> None:
    at = parse_time("2027-01-31T09:00:00Z")
    assert present(Redemption("SALE#cus_1", tenant.id, "SALE", "cus_1", 2, at, 2)) == {
        "id": "SALE#cus_1",
        "couponId": "SALE",
        "customerId": "cus_1",
        "timesRedeemed": 2,
        "lastRedeemedAt": "2027-01-31T09:00:00Z",
        "version": 2,
    }


def test_without_a_customer_the_tenants_own_redeems(tenant: Tenant) -> None:
    make(tenant, **AMOUNT)
    answer = redeem(tenant)
    assert answer.data["customerId"] == tenant.data["defaultCustomerId"]
    assert (answer.data["discount"]["amountOff"], answer.data["discount"]["currency"]) == (900_000, "USD")


def test_the_same_request_again_redeems_once(world: World, tenant: Tenant) -> None:
    make(tenant, maxRedemptions=5)
    first, again = (tenant.post(REDEEM, {"code": "launch2026"}, idempotency_key="once") for _ in range(2))
    assert (again.status, again.content) == (first.status, first.content) == (200, first.content)
    assert tenant.get("/v1/coupons/launch2026").data["timesRedeemed"] == 1
    assert len(events(world, tenant)) == 1


def test_an_unlimited_coupon_is_never_written_and_each_customer_is_counted(world: World, tenant: Tenant) -> None:
    made = make(tenant)
    customer = tenant.customer()
    world.writes.clear()
    for _ in range(3):
        assert redeem(tenant, customerId=customer).status == 200
    assert "coupons" not in {table for _, tables in world.writes for table in tables}
    assert tenant.get("/v1/coupons/launch2026").data == made
    assert made["timesRedeemed"] is None
    (row,) = world.rows_of("redemptions", tenant.id)
    assert json.loads(row["body"]["S"])["count"] == 3
    assert len(events(world, tenant)) == 3


def refused(world: World, answer: Answer, code: str) -> None:
    """A 422, and nothing written but the audit row."""
    assert (answer.status, answer.error["code"]) == (422, code)
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]


def test_the_last_redemption_is_the_last(world: World, tenant: Tenant) -> None:
    make(tenant, maxRedemptions=2)
    for _ in range(2):
        assert redeem(tenant, customerId=tenant.customer()).status == 200
    world.writes.clear()
    refused(world, redeem(tenant), "billing.coupon.exhausted")
    assert tenant.get("/v1/coupons/launch2026").data["timesRedeemed"] == 2


def test_each_customer_has_its_own_limit(world: World, tenant: Tenant) -> None:
    make(tenant, maxRedemptionsPerCustomer=1)
    one, other = tenant.customer(), tenant.customer()
    assert [redeem(tenant, customerId=each).status for each in (one, other)] == [200, 200]
    world.writes.clear()
    refused(world, redeem(tenant, "LAUNCH2026", customerId=one), "billing.coupon.exhausted")


def test_an_archived_coupon_is_shown_and_redeemed_no_more(world: World, tenant: Tenant) -> None:
    make(tenant)
    archived = tenant.delete("/v1/coupons/launch2026")
    assert (archived.status, archived.data["active"], archived.data["version"]) == (200, False, 2)
    assert tenant.delete("/v1/coupons/LAUNCH2026").data == archived.data  # it stays as it is
    assert tenant.get("/v1/coupons").data == [archived.data]
    world.writes.clear()
    refused(world, redeem(tenant), "billing.coupon.invalid")


def test_a_coupon_expires(world: World, tenant: Tenant) -> None:
    world.clock.freeze(datetime.fromisoformat("2027-01-01T11:00:00+00:00"))
    make(tenant, expiresAt="2027-01-01T12:00:00Z")
    assert redeem(tenant).status == 200
    world.clock.advance(hours=1)
    world.writes.clear()
    refused(world, redeem(tenant), "billing.coupon.expired")


def test_a_coupon_expires_by_the_customers_own_clock(tenant: Tenant) -> None:
    make(tenant, expiresAt="2098-01-01T00:00:00Z")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2099-01-01T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    assert redeem(tenant, customerId=customer).error["code"] == "billing.coupon.expired"
    assert redeem(tenant, customerId=tenant.customer()).status == 200


def test_an_amount_off_is_for_its_own_currency(world: World, tenant: Tenant) -> None:
    make(tenant, **AMOUNT)
    customer = tenant.customer(currency="EUR")
    world.writes.clear()
    refused(world, redeem(tenant, customerId=customer), "billing.coupon.invalid")


def test_a_coupon_for_some_plans_is_for_no_other(world: World, tenant: Tenant) -> None:
    tenant.plan()
    tenant.plan(id="team")
    make(tenant, planIds=["team"])
    assert redeem(tenant, planId="team").status == 200
    for other in ({"planId": "business-monthly"}, {}):
        world.writes.clear()
        refused(world, redeem(tenant, **other), "billing.coupon.invalid")


def test_for_a_plan_the_plans_currency_counts(tenant: Tenant) -> None:
    tenant.plan(id="in-euros", currency="EUR")
    make(tenant, **AMOUNT)
    assert redeem(tenant, planId="in-euros").error["code"] == "billing.coupon.invalid"


@pytest.mark.parametrize("code", ["NOBODY", "no such code!", "ſale", "🎉", "x" * 200, "launch2026#cus_1"])
def test_whatever_names_no_coupon_is_invalid(world: World, shop: Tenant, code: str) -> None:
    world.writes.clear()
    refused(world, redeem(shop, code), "billing.coupon.invalid")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"code": "missing_required_field"}),
        ({"code": "  "}, {"code": "too_short"}),
        ({"code": 5, "customerId": "", "planId": "A", "orderId": "o"},
         {"code": "must_be_a_string", "customerId": "too_short", "planId": "invalid_format",
          "orderId": "unknown_field"}),
    ],
)  # fmt: skip
def test_a_redemption_of_the_wrong_shape_is_refused(shop: Tenant, body: Json, fields: dict[str, str]) -> None:
    assert shop.post(REDEEM, body).bad_fields == fields


@pytest.mark.parametrize(
    ("names", "code"),
    [({"customerId": "cus_0"}, "resource.not_found"), ({"planId": "none"}, "billing.plan.not_found")],
)
def test_whom_and_what_it_is_redeemed_for_must_be_there(tenant: Tenant, names: Json, code: str) -> None:
    make(tenant)
    answer = redeem(tenant, **names)
    assert (answer.status, answer.error["code"]) == (404, code)
