"""POST /webhooks/tax-provider: signatures, the window, rotation, duplicates, bad rates, and what they change."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.bootstrap import process, storage, tax
from local.stripe_sandbox.webhooks import signature
from tests.integration.world import TAX_WEBHOOK_SECRET, Json, Tenant, World, event, invoke

ESTONIA = {"country": "EE", "category": "standard", "name": "VAT", "percent": "26", "validFrom": "2027-07-01"}


def updated(*rates: Any, id: str = "evt_1", type: str = "tax_rates.updated") -> Json:
    return {"id": id, "type": type, "data": {"rates": list(rates)}}


def outcome(answer: Json) -> tuple[int, str]:
    return answer["statusCode"], json.loads(answer["body"])["outcome"]


def bad_fields(answer: Json) -> dict[str, str]:
    assert answer["statusCode"] == 400, answer
    return {each["field"]: each["reason"] for each in json.loads(answer["body"])["details"]}


@pytest.fixture(autouse=True)
def _no_rates(world: World) -> Iterator[None]:
    """Rates are the platform's: the next test begins without them."""
    yield
    key = {"tenant_id": {"S": "platform"}, "id": {"S": "rates"}}
    world.aws("dynamodb").delete_item(TableName=world.tables["tax_rate_updates"], Key=key)


@pytest.fixture
def seller(world: World) -> Tenant:
    return world.tenant(address={"country": "DE"}, taxProvider="builtin", currency="EUR")


def percent(tenant: Tenant, country: str = "EE", **query: str) -> list[str]:
    shown = tenant.get("/v1/tax/calculate", currency="EUR", country=country, amount=100_000, **query).data
    return [each["ratePercent"] for each in shown["taxes"]]


def stored(world: World) -> list[Json]:
    rows = world.rows_of("tax_rate_updates", "platform")
    return [rate for row in rows for rate in json.loads(row["body"]["S"])["rates"]]


# What it does


def test_a_new_rate_counts_from_its_first_day(world: World, seller: Tenant) -> None:
    assert outcome(world.deliver_tax(updated(ESTONIA))) == (200, "applied")
    world.clock.freeze(datetime(2027, 6, 30, 12, tzinfo=UTC))
    assert percent(seller) == ["24"]
    world.clock.freeze(datetime(2027, 7, 1, tzinfo=UTC))
    assert percent(seller) == ["26"]


def test_it_shows_in_the_jurisdictions(world: World, seller: Tenant) -> None:
    world.deliver_tax(updated(ESTONIA))
    (shown,) = seller.get("/v1/tax/jurisdictions", country="EE").data
    assert [each["percent"] for each in shown["rates"] if each["category"] == "standard"] == ["20", "22", "24", "26"]


def test_a_place_that_the_table_lacks(world: World, seller: Tenant) -> None:
    iceland = {**ESTONIA, "country": "IS", "name": "VSK", "percent": 24, "validFrom": "2015-01-01"}
    world.deliver_tax(updated(iceland))
    assert percent(seller, "IS") == ["24"]


def test_one_of_two_taxes_of_a_province(world: World, seller: Tenant) -> None:
    pst = {"country": "CA", "state": "BC", "category": "standard", "name": "PST", "percent": 7.5}
    world.deliver_tax(updated({**pst, "validFrom": "2026-01-01"}))
    assert percent(seller, "CA", state="BC") == ["5", "7.5"]


def test_later_events_add_to_earlier_ones_and_correct_them(world: World) -> None:
    world.deliver_tax(updated(ESTONIA))
    world.deliver_tax(updated({**ESTONIA, "country": "FI"}, {**ESTONIA, "percent": "25"}, id="evt_2"))
    assert [(each["country"], each["percent"]) for each in stored(world)] == [("EE", "25"), ("FI", "26")]


def test_an_event_is_applied_once(world: World) -> None:
    assert outcome(world.deliver_tax(updated(ESTONIA))) == (200, "applied")
    assert outcome(world.deliver_tax(updated({**ESTONIA, "percent": "99"}))) == (200, "duplicate")
    assert [each["percent"] for each in stored(world)] == ["26"]


def test_what_is_known_already_changes_nothing(world: World) -> None:
    world.deliver_tax(updated(ESTONIA))
    assert outcome(world.deliver_tax(updated(ESTONIA, id="evt_2"))) == (200, "unchanged")


def test_another_type_of_event_is_200_and_counted(world: World) -> None:
    answer = world.deliver_tax(updated(ESTONIA, type="nexus.updated"))
    assert outcome(answer) == (200, "not handled")
    assert stored(world) == []
    assert [line["outcome"] for line in world.logs.lines] == ["not handled"]


def test_the_audit_names_the_sender(world: World) -> None:
    world.deliver_tax(updated(ESTONIA))
    rows = [row for row in world.rows_of("audit", "platform") if row["principal"]["S"] == "tax-provider"]
    assert rows[-1]["route"]["S"] == "POST /webhooks/tax-provider"


def test_while_the_table_is_down_the_sender_is_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no table")

    with monkeypatch.context() as patch:
        patch.setattr(storage.database(), "batch_get", broken)
        assert outcome(world.deliver_tax(updated(ESTONIA))) == (500, "RuntimeError")
    assert outcome(world.deliver_tax(updated(ESTONIA))) == (200, "applied")


# What it refuses


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"country": "Estonia"}, "country"),
        ({"country": 5}, "country"),
        ({"country": "EL"}, "country"),
        ({"validFrom": "20270701"}, "validFrom"),
        ({"validFrom": "2027-W26-4"}, "validFrom"),
        ({"state": "XX"}, "state"),
        ({"country": "US"}, "state"),
        ({"country": "US", "state": "California", "name": "Sales tax"}, "state"),
        ({"category": "zero"}, "category"),
        ({"category": ["standard"]}, "category"),
        ({"name": ""}, "name"),
        ({"name": "VAT\n"}, "name"),
        ({"name": "Käibemaks"}, "name"),
        ({"percent": "-1"}, "percent"),
        ({"percent": "100.1"}, "percent"),
        ({"percent": "NaN"}, "percent"),
        ({"percent": "1.00001"}, "percent"),
        ({"percent": "1e9999999"}, "percent"),
        ({"percent": True}, "percent"),
        ({"percent": None}, "percent"),
        ({"validFrom": "2027-02-30"}, "validFrom"),
        ({"validFrom": "0001-01-01"}, "validFrom"),
        ({"validFrom": 20270701}, "validFrom"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_rate_is_named_and_nothing_is_written(world: World, change: Json, field: str) -> None:
    answer = world.deliver_tax(updated({**ESTONIA, "country": "FI"}, ESTONIA | change))
    assert bad_fields(answer).keys() == {f"data.rates.1.{field}"}
    assert stored(world) == []


def test_every_bad_field_is_named(world: World) -> None:
    assert bad_fields(world.deliver_tax(updated({}, "rate"))) == {
        **{
            f"data.rates.0.{name}": "missing_required_field"
            for name in ("country", "category", "name", "percent", "validFrom")
        },
        "data.rates.1": "must_be_an_object",
    }


@pytest.mark.parametrize("data", [{}, {"rates": []}, {"rates": {}}, {"rates": [ESTONIA] * 501}])
def test_rates_are_a_list_of_at_most_500(world: World, data: Json) -> None:
    answer = world.deliver_tax({"id": "evt_1", "type": "tax_rates.updated", "data": data})
    assert bad_fields(answer) == {"data.rates": "must_be_a_list_of_rates"}


BAD_HEADERS = {
    "none": lambda good: "",
    "no scheme": lambda good: "nonsense",
    "no time": lambda good: good.partition(",")[2],
    "two times": lambda good: "t=1," + good,
    "no signature": lambda good: good.partition(",")[0],
    "time is no number": lambda good: "t=now," + good.partition(",")[2],
    "time of a megabyte": lambda good: "t=" + "9" * 1_000_000 + "," + good.partition(",")[2],
    "one digit off": lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"),
    "scheme v0": lambda good: good.replace("v1=", "v0="),
    "not ASCII": lambda good: good[:-1] + "é",
}


@pytest.mark.parametrize("spoil", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_bad_signature_is_400_and_one_log_line(world: World, spoil: Any) -> None:
    payload = json.dumps(updated(ESTONIA))
    header = spoil(signature(TAX_WEBHOOK_SECRET, payload, int(world.clock().timestamp())))
    world.logs.clear()
    answer = invoke("tax_webhook", world.tax_webhook_event(payload, header))
    assert answer["statusCode"] == 400
    assert [(line["message"], line["status"]) for line in world.logs.lines] == [("tax-provider webhook", 400)]
    assert stored(world) == []


@pytest.mark.parametrize(("age", "good"), [(0, True), (299, True), (301, False), (-299, True), (-301, False)])
def test_a_timestamp_is_good_for_five_minutes_either_way(world: World, age: int, good: bool) -> None:
    world.clock.freeze(datetime(2026, 11, 22, tzinfo=UTC))
    answer = world.deliver_tax(updated(ESTONIA), at=world.clock().timestamp() - age)
    assert answer["statusCode"] == (200 if good else 400)


def test_a_signature_is_of_the_body_as_it_came(world: World) -> None:
    payload = json.dumps(updated(ESTONIA))
    header = signature(TAX_WEBHOOK_SECRET, payload, int(world.clock().timestamp()))
    assert invoke("tax_webhook", world.tax_webhook_event(payload + " ", header))["statusCode"] == 400


@pytest.mark.parametrize("payload", ["", "{", "[]", "5", "null", '{"id": 5}', '{"id": "evt_1"}', "[" * 100_000])
def test_a_signed_body_that_is_no_event_is_400(world: World, payload: str) -> None:
    assert world.deliver_tax(payload)["statusCode"] == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/webhooks/tax-provider"), ("POST", "/webhooks/stripe")])
def test_there_is_one_route(method: str, path: str) -> None:
    made = event("function_url_tax_webhook")
    made["requestContext"]["http"]["method"] = method
    made["rawPath"] = path
    assert invoke("tax_webhook", made)["statusCode"] == 404


def test_the_sample_event_itself_has_no_valid_signature() -> None:
    assert invoke("tax_webhook", event("function_url_tax_webhook"))["statusCode"] == 400


# Rotation


@pytest.fixture
def secrets(world: World) -> Iterator[Any]:
    """Puts other webhook secrets in, as a rotation does."""
    manager, name = world.aws("secretsmanager"), process.settings().tax_secret_id
    before = manager.get_secret_value(SecretId=name)["SecretString"]

    def put(*values: str) -> None:
        text = json.dumps(json.loads(before) | {"webhook_secrets": list(values)})
        manager.put_secret_value(SecretId=name, SecretString=text)
        tax.tax_secrets()._cached = None

    yield put
    manager.put_secret_value(SecretId=name, SecretString=before)
    tax.tax_secrets()._cached = None


def test_during_a_rotation_both_secrets_are_good(world: World, secrets: Any) -> None:
    secrets(TAX_WEBHOOK_SECRET, "taxsec_fresh")
    assert outcome(world.deliver_tax(updated(ESTONIA), secret="taxsec_fresh")) == (200, "applied")
    assert outcome(world.deliver_tax(updated(ESTONIA))) == (200, "duplicate")
    assert world.deliver_tax(updated(ESTONIA), secret="taxsec_neither")["statusCode"] == 400


def test_a_header_may_carry_the_signatures_of_both_secrets(world: World) -> None:
    payload, now = json.dumps(updated(ESTONIA)), int(world.clock().timestamp())
    header = signature("taxsec_other", payload, now) + "," + signature(TAX_WEBHOOK_SECRET, payload, now).split(",")[1]
    assert outcome(invoke("tax_webhook", world.tax_webhook_event(payload, header))) == (200, "applied")


@pytest.mark.parametrize("values", [(), ("",)])
def test_a_secret_that_was_never_filled_in_signs_nothing(world: World, secrets: Any, values: tuple[str, ...]) -> None:
    secrets(*values)
    assert world.deliver_tax(updated(ESTONIA), secret="")["statusCode"] == 400


def test_a_secret_that_cannot_be_read_is_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: Any, **__: Any) -> Any:
        raise ValueError("no secret")

    tax.tax_secrets()._cached = None
    with monkeypatch.context() as patch:
        patch.setattr(tax.tax_secrets(), "_parse", unreadable)
        assert world.deliver_tax(updated(ESTONIA))["statusCode"] == 500
    assert outcome(world.deliver_tax(updated(ESTONIA))) == (200, "applied")
