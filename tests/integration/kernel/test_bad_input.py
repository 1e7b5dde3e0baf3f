"""Bad input: the contract's error, every bad field by name, and nothing written but the audit row."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.world import BUSINESS_MONTHLY, Answer, Json, Tenant, World, http_event, request

MAX_BYTES = 1024 * 1024


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant with a plan and customers. Nothing that is refused changes it, so the module shares it."""
    tenant = world.tenant()
    tenant.plan()
    tenant.data["in_euros"] = tenant.customer(currency="EUR")
    tenant.data["clock"] = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    return tenant


@pytest.fixture(scope="module")
def refusals(world: World, shop: Tenant) -> Iterator[list[str]]:
    """Request ids of what was refused. After all of them every table is as it was, but for one audit row each."""
    sent: list[str] = []
    before = world.snapshot()
    yield sent
    after = world.snapshot()
    audited = set(after.pop("audit")) - set(before.pop("audit"))
    assert after == before
    assert sorted(json.loads(row)["request_id"]["S"] for row in audited) == sorted(sent)


@dataclass
class Refusals:
    """Sends requests that must leave nothing behind."""

    world: World
    tenant: Tenant
    sent: list[str]

    def send(self, send: Callable[[], Answer], status: int, code: str) -> Answer:
        """The answer, after a look at what was written: the caller's counters, and the audit row."""
        self.world.writes.clear()
        answer = send()
        check_error(answer, status, code)
        assert self.world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]
        self.sent.append(answer.error["request_id"])
        return answer

    def post(self, path: str, body: Any, status: int = 400, code: str = "VALIDATION_ERROR", **more: Any) -> Answer:
        """A write that is refused."""
        return self.send(lambda: self.tenant.post(path, body, **more), status, code)


@pytest.fixture
def refused(world: World, shop: Tenant, refusals: list[str]) -> Refusals:
    return Refusals(world, shop, refusals)


def check_error(answer: Answer, status: int, code: str) -> None:
    """T's error body, on every error."""
    assert (answer.status, answer.error["code"]) == (status, code)
    assert set(answer.json) == {"error"}
    assert set(answer.error) == {"code", "message", "details", "request_id", "documentation_url"}
    assert answer.error["message"]
    assert answer.error["request_id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"https://\S+#[a-z_]+", answer.error["documentation_url"])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-API-Version"] == "1.0"


# Wrong shapes

CUSTOMER_CASES: list[tuple[str, Json, dict[str, str]]] = [
    ("nothing", {}, {"name": "missing_required_field"}),
    ("unknown field", {"name": "A", "nick": 1}, {"nick": "unknown_field"}),
    ("number for text", {"name": 5}, {"name": "must_be_a_string"}),
    ("null for text", {"name": None}, {"name": "must_be_a_string"}),
    ("empty name", {"name": ""}, {"name": "too_short"}),
    ("blank name", {"name": "   "}, {"name": "too_short"}),
    ("long name", {"name": "x" * 201}, {"name": "too_long"}),
    ("control characters", {"name": "a\u0000b"}, {"name": "invalid_format"}),
    ("lone surrogate", {"name": "a\ud800"}, {"name": "invalid_format"}),
    ("no email", {"name": "A", "email": "a b@c"}, {"email": "invalid_format"}),
    ("lower-case currency", {"name": "A", "currency": "usd"}, {"currency": "unknown_currency"}),
    ("no currency", {"name": "A", "currency": "XXX"}, {"currency": "unknown_currency"}),
    ("no zone", {"name": "A", "timezone": "Mars/Olympus"}, {"timezone": "unknown_timezone"}),
    ("list for object", {"name": "A", "address": []}, {"address": "must_be_an_object"}),
    ("nested", {"name": "A", "address": {"zip": "1", "country": "USA"}},
     {"address.zip": "unknown_field", "address.country": "invalid_format"}),
    ("metadata value", {"name": "A", "metadata": {"query": 1}}, {"metadata.query": "must_be_a_string"}),
    ("everything at once", {"nick": 1, "name": 2, "email": True, "currency": 1.5},
     {"nick": "unknown_field", "name": "must_be_a_string", "email": "must_be_a_string",
      "currency": "must_be_a_string"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "fields"), [c[1:] for c in CUSTOMER_CASES], ids=[c[0] for c in CUSTOMER_CASES])
def test_a_customer_of_the_wrong_shape_is_refused_field_by_field(
    refused: Refusals, body: Json, fields: dict[str, str]
) -> None:
    answer = refused.post("/v1/customers", body)
    assert answer.bad_fields == fields
    assert all(field in answer.error["message"] for field in fields)


@pytest.mark.parametrize("body", ["[]", '"text"', "5", "true", "null", "[{}]"])
def test_a_body_that_is_no_object_is_refused(refused: Refusals, body: str) -> None:
    refused.post("/v1/customers", body)


def test_a_write_without_its_body_is_refused(refused: Refusals) -> None:
    refused.post("/v1/customers", None)


def plan(**changes: Any) -> Json:
    return BUSINESS_MONTHLY | {"id": "refused"} | changes


def priced(text: str) -> str:
    """A plan whose one price is a piece of JSON."""
    component = {"key": "base", "type": "flat", "unitAmount": "@"}
    return json.dumps(plan(components=[component])).replace('"@"', text)


MONEY = "components.0.unitAmount"


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("49.99", "must_be_an_integer"),
        ("5000.0", "must_be_an_integer"),
        ("5e3", "must_be_an_integer"),
        ("1e400", "must_be_an_integer"),
        ("true", "must_be_an_integer"),
        ('"5000"', "must_be_an_integer"),
        ("[5000]", "must_be_an_integer"),
        ("-1000", "too_small"),
        (str(10**15 + 1000), "too_large"),
        (str(10**30), "too_large"),
    ],
)
def test_money_is_an_integer_in_range(refused: Refusals, amount: str, reason: str) -> None:
    assert refused.post("/v1/plans", priced(amount)).bad_fields == {MONEY: reason}


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "0x10", "01", "1_000", "9" * 5000, "+1"])
def test_what_is_no_json_number_is_no_json(refused: Refusals, amount: str) -> None:
    assert refused.post("/v1/plans", priced(amount)).bad_fields == {"body": "invalid_json"}


def test_an_amount_that_is_charged_as_it_is_has_whole_minor_units(refused: Refusals) -> None:
    (field,) = refused.post("/v1/plans", priced("4999500")).bad_fields.items()
    assert field == ("components.0.unitAmount", "sub_minor_unit")


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"components": []}, "components", "too_short"),
        ({"interval": "decade"}, "interval", "not_one_of_the_allowed_values"),
        ({"intervalCount": 0}, "intervalCount", "too_small"),
        ({"trialDays": 1.5}, "trialDays", "must_be_an_integer"),
        ({"id": "Not An Id"}, "id", "invalid_format"),
        ({"id": "a@000001"}, "id", "invalid_format"),
        ({"components": [{"key": "a", "type": "flat"}]}, "components.0", "inconsistent"),
        (
            {"components": [{"key": "a", "type": "flat", "unitAmount": 0}] * 2},
            "components.1.key",
            "duplicate_key",
        ),
        (
            {"components": [{"key": "a", "type": "licensed", "model": "graduated", "tiers": [{"upTo": 5}]}]},
            "components.0",
            "inconsistent",
        ),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(refused: Refusals, changes: Json, field: str, reason: str) -> None:
    assert refused.post("/v1/plans", plan(**changes)).bad_fields == {field: reason}


def subscription(**changes: Any) -> Json:
    return {"planId": "business-monthly", "quantities": {"seats": 1}, "trialDays": 1} | changes


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"quantities": {}}, {"quantities.seats": "missing_required_field"}),
        (
            {"quantities": {"desks": 1, "chairs": 2}},
            {
                "quantities.chairs": "unknown_component",
                "quantities.desks": "unknown_component",
                "quantities.seats": "missing_required_field",
            },
        ),
        ({"quantities": {"seats": 1.5}}, {"quantities.seats": "must_be_an_integer"}),
        ({"quantities": {"seats": True}}, {"quantities.seats": "must_be_an_integer"}),
        ({"quantities": {"seats": -1}}, {"quantities.seats": "too_small"}),
        ({"quantities": {"seats": 10**10}}, {"quantities.seats": "too_large"}),
        ({"trialDays": -1}, {"trialDays": "too_small"}),
        ({"customerId": "../x"}, {"customerId": "invalid_format"}),
    ],
)
def test_a_subscription_that_does_not_fit_is_refused(refused: Refusals, changes: Json, fields: dict[str, str]) -> None:
    assert refused.post("/v1/subscriptions", subscription(**changes)).bad_fields == fields


def test_a_plan_in_another_currency_than_the_customers_is_refused(refused: Refusals, shop: Tenant) -> None:
    answer = refused.post("/v1/subscriptions", subscription(customerId=shop.data["in_euros"]))
    assert answer.bad_fields == {"planId": "currency_mismatch"}


# What is not there


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"planId": "nobody-sells-this"}, 404, "billing.plan.not_found"),
        ({"couponCode": "NOBODY"}, 422, "billing.coupon.invalid"),
        ({"customerId": "cus_01KAK3Z6W0E4T9Q2R5S8V1X7YB"}, 404, "resource.not_found"),
        ({"paymentMethodId": "pm_nobody"}, 400, "validation.payment_method.invalid"),
        ({"paymentMethodId": "pm_card_chargeDeclined"}, 502, "payment.declined"),
    ],
)  # fmt: skip
def test_what_a_subscription_names_must_be_there(refused: Refusals, changes: Json, status: int, code: str) -> None:
    refused.post("/v1/subscriptions", subscription(**changes), status, code)


def test_the_id_of_a_plan_is_taken_once(refused: Refusals) -> None:
    refused.post("/v1/plans", BUSINESS_MONTHLY, 409, "resource.already_exists")


def test_the_id_of_a_tenant_is_taken_once(refused: Refusals, world: World) -> None:
    body = {"id": refused.tenant.id, "name": "Twin", "currency": "USD"}
    refused.send(lambda: world.platform().post("/v1/tenants", body), 409, "resource.already_exists")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/customers/cus_0",
        "/v1/subscriptions/sub_0",
        "/v1/invoices/in_0",
        "/v1/invoices/in_0/pdf",
        "/v1/invoices/in_0/xml",
        "/v1/payments/pay_0",
        "/v1/payments/pi_0",
        "/v1/payments/pay_0/refunds",
        "/v1/disputes/dp_0",
        "/v1/test-clocks/clk_0",
    ],
)
def test_an_unknown_id_is_not_found(refused: Refusals, shop: Tenant, path: str) -> None:
    refused.send(lambda: shop.get(path), 404, "resource.not_found")


def test_an_unknown_plan_is_not_found(refused: Refusals, shop: Tenant) -> None:
    refused.send(lambda: shop.get("/v1/plans/none"), 404, "billing.plan.not_found")


@pytest.mark.parametrize("path", ["/v1/custom", "/v2/customers", "/", "/v1/customers/a/b/c"])
def test_an_unknown_path_is_not_found(refused: Refusals, shop: Tenant, path: str) -> None:
    refused.send(lambda: shop.get(path), 404, "route.not_found")


def test_an_unknown_method_is_not_found(refused: Refusals) -> None:
    refused.send(lambda: refused.tenant.delete("/v1/customers"), 404, "route.not_found")


# Bodies


def test_a_body_of_a_mebibyte_is_read(refused: Refusals) -> None:
    body = json.dumps({"name": "A", "nick": ""})
    body = body.replace('""', '"' + "x" * (MAX_BYTES - len(body)) + '"')
    assert refused.post("/v1/customers", body).bad_fields == {"nick": "unknown_field"}


def test_a_body_over_a_mebibyte_is_refused(refused: Refusals) -> None:
    refused.post("/v1/customers", '{"name": "' + "x" * MAX_BYTES + '"}', 413, "request.too_large")


def test_what_counts_is_the_bodys_bytes(refused: Refusals) -> None:
    body = ('{"name": "' + "ö" * (MAX_BYTES // 2) + '"}').encode()
    refused.post("/v1/customers", body, 413, "request.too_large")


@pytest.mark.parametrize("depth", [33, 1000, 200_000])
def test_deep_json_is_refused(refused: Refusals, depth: int) -> None:
    body = '{"name": ' + "[" * depth + "]" * depth + "}"
    assert refused.post("/v1/customers", body).bad_fields == {"body": "nested_too_deep"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("{", {"body": "invalid_json"}),
        ("name=Ada", {"body": "invalid_json"}),
        ('{"name": "A"} {"name": "B"}', {"body": "invalid_json"}),
        (b'{"name": "\xff"}', {"body": "invalid_json"}),
        ('{"name": "A"}'.encode("utf-16"), {"body": "invalid_json"}),
        ('{"name": "A", "name": "B"}', {"name": "duplicate_field"}),
        ('{"name": "A", "address": {"city": "B", "city": "C"}}', {"city": "duplicate_field"}),
    ],
    ids=["cut off", "a form", "two values", "not UTF-8", "UTF-16", "a field twice", "a nested field twice"],
)
def test_what_is_no_strict_json_is_refused(refused: Refusals, body: str | bytes, fields: dict[str, str]) -> None:
    assert refused.post("/v1/customers", body).bad_fields == fields


def test_a_body_that_is_no_base64_is_refused(refused: Refusals, shop: Tenant) -> None:
    made = http_event("POST", "/v1/customers", key=shop.key, idempotency_key="k", body="{!}")
    made["isBase64Encoded"] = True
    answer = refused.send(lambda: request(made), 400, "VALIDATION_ERROR")
    assert answer.bad_fields == {"body": "invalid_base64"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_content_type_is_refused(refused: Refusals, content_type: str) -> None:
    answer = refused.post("/v1/customers", '{"name": "A"}', headers={"content-type": content_type})
    assert answer.bad_fields == {"Content-Type": "must_be_application_json"}


# Idempotency-Key


@pytest.mark.parametrize("key", [None, "", "a b", "ä", "x" * 256, "tab\t"])
def test_every_write_needs_a_key_of_visible_ascii(refused: Refusals, shop: Tenant, key: str | None) -> None:
    made = http_event("POST", "/v1/customers", key=shop.key, idempotency_key=key, body='{"name": "A"}')
    refused.send(lambda: request(made), 400, "idempotency.key_required")


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/v1/customers/cus_0"), ("DELETE", "/v1/test-clocks/clk_0")])
def test_patch_and_delete_are_writes(refused: Refusals, shop: Tenant, method: str, path: str) -> None:
    made = http_event(method, path, key=shop.key, body="{}")
    refused.send(lambda: request(made), 400, "idempotency.key_required")


# Versions


@pytest.mark.parametrize("version", ["2.0", "1", "1.1", "latest"])
def test_an_unknown_api_version_is_refused(refused: Refusals, shop: Tenant, version: str) -> None:
    refused.send(lambda: shop.get("/v1/customers", headers={"x-api-version": version}), 400, "api.version_unsupported")


# Times


@pytest.mark.parametrize(
    "time", ["2027-01-01", "2027-01-01T00:00:00", "tomorrow", 1795298400, None, "2027-02-30T00:00:00Z"]
)
def test_a_time_is_rfc_3339_with_an_offset(refused: Refusals, time: Any) -> None:
    assert refused.post("/v1/test-clocks", {"frozenTime": time}).bad_fields == {"frozenTime": "must_be_a_time"}


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2500-01-01T00:00:00Z", "9998-12-31T00:00:00Z",
     "9999-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01"],
)  # fmt: skip
def test_a_time_is_within_the_years_that_can_be_reckoned_with(refused: Refusals, time: str) -> None:
    period = [{"description": "Work", "amount": 1000, "period": {"start": time, "end": time}}]
    lines = {f"lines.0.period.{end}": "out_of_range" for end in ("start", "end")}
    coupon = {"code": "LATE", "percentOff": 5, "duration": "once", "expiresAt": time}
    for path, body, fields in [
        ("/v1/test-clocks", {"frozenTime": time}, {"frozenTime": "out_of_range"}),
        ("/v1/subscriptions", subscription(startDate=time), {"startDate": "out_of_range"}),
        ("/v1/invoices", {"lines": period}, lines),
        ("/v1/invoices/preview", {"lines": period}, lines),
        ("/v1/coupons", coupon, {"expiresAt": "out_of_range"}),
    ]:
        assert refused.post(path, body).bad_fields == fields


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_no_time(refused: Refusals, time: str) -> None:
    answer = refused.post("/v1/subscriptions", subscription(startDate=time))
    assert answer.bad_fields == {"startDate": "must_be_a_time"}


def test_a_start_long_ago_is_too_far_back(refused: Refusals) -> None:
    answer = refused.post("/v1/subscriptions", subscription(startDate="1970-01-01T00:00:00Z", trialDays=0))
    assert answer.bad_fields == {"startDate": "too_far_back"}


def test_a_test_clock_does_not_go_back(refused: Refusals, shop: Tenant) -> None:
    answer = refused.post(f"/v1/test-clocks/{shop.data['clock']}/advance", {"frozenTime": "2026-12-31T00:00:00Z"})
    assert answer.bad_fields == {"frozenTime": "not_after_frozen_time"}
