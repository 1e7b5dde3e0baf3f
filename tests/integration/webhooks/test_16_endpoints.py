"""Issue 16: webhook endpoints: made, seen, changed, tested, given another secret, deleted."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.steps import emitted
from tests.integration.webhooks.receivers import URL, Names, endpoint, names_known
from tests.integration.world import Tenant, World


@pytest.fixture(scope="module")
def names(world: World) -> Iterator[Names]:
    with names_known() as names:
        yield names


@pytest.fixture(scope="module")
def acme(world: World, names: Names) -> Tenant:
    world.clock.reset()
    return world.tenant()


def stored(tenant: Tenant, endpoint_id: str) -> Any:
    """The endpoint as the sender finds it."""
    from billing.bootstrap import storage
    from billing.domain.webhooks.endpoint import WebhookEndpoint
    from billing.services.kernel.work import Ref

    ref = Ref(WebhookEndpoint, tenant.id, endpoint_id)
    return storage.units().begin(tenant.id).load(ref).get(ref)


def test_16_a_secret_is_shown_once_and_is_one_of_standard_webhooks(world: World, acme: Tenant) -> None:
    body = {
        "url": URL + "/T0KEN",
        "eventTypes": ["invoice.*", "invoice.*"],
        "description": "Books",
        "metadata": {"a": "1"},
    }
    made = acme.post("/v1/webhook-endpoints", body, idempotency_key="once")
    assert made.status == 201
    secret = made.data.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    shown = acme.get(f"/v1/webhook-endpoints/{made.data['id']}").data
    assert shown.pop("secret") is None
    assert shown == {k: v for k, v in made.data.items() if k != "secret"}
    assert (shown["eventTypes"], shown["payload"], shown["apiVersion"]) == (["invoice.*"], "snapshot", "1.0")
    assert (shown["status"], shown["disabledReason"], shown["version"]) == ("enabled", None, 1)
    assert shown["health"] == {
        "failingSince": None, "lastSuccessAt": None, "lastFailureAt": None, "lastFailureReason": None,
        "successRate": None, "lane": "slow",
    }  # fmt: skip
    rows = json.dumps(world.rows_of("webhook_endpoints", acme.id))
    assert secret.removeprefix("whsec_") not in rows
    assert "T0KEN" not in rows
    assert secret.removeprefix("whsec_") not in world.logs.text
    assert "T0KEN" not in world.logs.text
    again = acme.post("/v1/webhook-endpoints", body, idempotency_key="once")
    assert again.data["secret"] == secret
    acme.post(f"/v1/webhook-endpoints/{made.data['id']}/rotate-secret")
    assert acme.post("/v1/webhook-endpoints", body, idempotency_key="once").data["secret"] is None


def test_16_what_is_no_endpoint_is_refused_with_a_reason(acme: Tenant, names: Names) -> None:
    names.known |= {"inside.example.com": ("10.0.0.1",), "both.example.com": ("8.8.8.8", "169.254.169.254")}
    names.known["none.example.com"] = ()
    for fields, bad in (
        ({"url": "http://example.com"}, {"url": "must_be_https"}),
        ({"url": "https://0x7f000001/"}, {"url": "invalid_host"}),
        ({"url": "https://127.0.0.1/"}, {"url": "address_not_public"}),
        ({"url": "https://inside.example.com/"}, {"url": "address_not_public"}),
        ({"url": "https://both.example.com/"}, {"url": "address_not_public"}),
        ({"url": "https://none.example.com/"}, {"url": "unknown_host"}),
        ({"url": "http://127.0.0.1:9000/"}, {"url": "must_be_https"}),
        ({"eventTypes": ["invoice.*", "invoice.payed"]}, {"eventTypes.1": "unknown_event_type"}),
        ({"eventTypes": ["invoice_x.*"]}, {"eventTypes.0": "unknown_event_type"}),
        ({"url": "http://example.com", "eventTypes": ["invoice.payed"], "payload": "fat"},
         {"url": "must_be_https", "eventTypes.0": "unknown_event_type", "payload": "not_one_of_the_allowed_values"}),
        ({"payload": "fat"}, {"payload": "not_one_of_the_allowed_values"}),
        ({"url": None}, {"url": "must_not_be_null"}),
        ({"apiVersion": "1.0"}, {"apiVersion": "unknown_field"}),
        ({"eventBusArn": "arn:aws:events:us-east-1:111122223333:event-bus/x"},
         dict.fromkeys(("url", "eventBusArn"), "exactly_one_of_url_and_event_bus_arn")),
    ):  # fmt: skip
        answer = acme.post("/v1/webhook-endpoints", {"url": URL, "eventTypes": ["*"], **fields})
        assert (answer.status, answer.bad_fields) == (400, bad)
    assert acme.post("/v1/webhook-endpoints", {"eventTypes": ["*"]}).status == 400


def test_16_nothing_is_resolved_for_a_url_that_names_its_address(acme: Tenant, names: Names) -> None:
    names.asked.clear()
    endpoint(acme, url="https://8.8.8.8/in")
    assert names.asked == []


def test_16_an_endpoint_is_changed_and_looked_at_like_a_new_one(acme: Tenant, names: Names) -> None:
    made = endpoint(acme)
    path = f"/v1/webhook-endpoints/{made['id']}"
    changes = {
        "url": "https://other.example.com/",
        "eventTypes": ["payment.failed"],
        "payload": "thin",
        "description": None,
    }
    changed = acme.patch(path, changes).data
    assert {name: changed[name] for name in changes} == changes
    assert changed["version"] == 2
    assert acme.patch(path, changes).data["version"] == 2
    names.known["moved.example.com"] = ("192.168.0.1",)
    assert acme.patch(path, {"url": "https://moved.example.com/"}).bad_fields == {"url": "address_not_public"}
    assert acme.patch(path, {"apiVersion": "1.1"}).bad_fields == {"apiVersion": "immutable"}
    bus = {"eventBusArn": "arn:aws:events:us-east-1:111122223333:event-bus/x"}
    assert acme.patch(path, bus).bad_fields == {"eventBusArn": "other_kind"}
    assert acme.post(path + "/rotate-secret", headers={"if-match": '"1"'}).status == 412
    assert acme.patch("/v1/webhook-endpoints/we_none", {"payload": "thin"}).status == 404


def test_16_an_endpoint_is_disabled_and_enabled_by_its_tenant(world: World, acme: Tenant) -> None:
    made = endpoint(acme)
    path = f"/v1/webhook-endpoints/{made['id']}"
    disabled = acme.patch(path, {"status": "disabled", "description": "on leave"}).data
    assert (disabled["status"], disabled["disabledReason"], disabled["description"]) == (
        "disabled",
        "request",
        "on leave",
    )
    assert acme.patch(path, {"status": "disabled"}).data["version"] == disabled["version"]
    told = [about for name, about in emitted(world, acme) if name == "webhook_endpoint.disabled"]
    assert [(each["id"], each["disabledReason"], each["version"]) for each in told] == [(made["id"], "request", 2)]
    assert "secret" not in told[0]
    assert acme.post(path + "/test").error["code"] == "webhook_endpoint.invalid_state"
    enabled = acme.patch(path, {"status": "enabled"}).data
    assert (enabled["status"], enabled["disabledReason"], enabled["disabledAt"]) == ("enabled", None, None)
    assert stored(acme, made["id"]).enabled_at is not None


def test_16_a_test_goes_to_its_endpoint_alone(world: World, acme: Tenant) -> None:
    from billing.bootstrap.webhook_endpoints import endpoints
    from billing.domain.webhooks.patterns import wants

    made, other = endpoint(acme, eventTypes=["invoice.paid"]), endpoint(acme)
    answer = acme.post(f"/v1/webhook-endpoints/{made['id']}/test")
    assert answer.status == 202
    assert answer.data["deliveryId"] == "_".join(("dlv", made["id"][3:], answer.data["eventId"][4:]))
    row = next(row for row in world.rows_of("events", acme.id) if row["id"]["S"] == answer.data["eventId"])
    assert (row["type"]["S"], row["object_id"]["S"]) == ("webhook_endpoint.test", made["id"])
    found = endpoints().of_tenant(acme.id)
    told = [each.id for each in found if wants(each, row["type"]["S"], row["object_id"]["S"], each.created_at)]
    assert told == [made["id"]]
    assert other["id"] in [each.id for each in found]


def test_16_scenario_31_two_secrets_sign_for_a_day_and_then_one(world: World, acme: Tenant) -> None:
    made = endpoint(acme)
    path = f"/v1/webhook-endpoints/{made['id']}"
    second = acme.post(path + "/rotate-secret", idempotency_key="r1").data
    assert acme.post(path + "/rotate-secret", idempotency_key="r1").data["secret"] == second["secret"]
    now = world.clock()
    found = stored(acme, made["id"])
    assert found.secrets(now) == (second["secret"], made["secret"])
    assert found.secrets(now + timedelta(seconds=86_400)) == (second["secret"],)
    third = acme.post(path + "/rotate-secret", {"overlapSeconds": 60}).data
    found = stored(acme, made["id"])
    assert found.secrets(now) == (third["secret"], second["secret"])
    leaked = acme.post(path + "/rotate-secret", {"overlapSeconds": 0}).data
    assert stored(acme, made["id"]).secrets(now) == (leaked["secret"],)
    assert leaked["previousSecretUntil"] is None
    assert acme.post(path + "/rotate-secret", {"overlapSeconds": 604_801}).status == 400


def test_16_a_deleted_endpoint_is_gone(world: World, acme: Tenant) -> None:
    from billing.bootstrap.webhook_endpoints import endpoints

    made = endpoint(acme, description="a", metadata={"b": "c"})
    path = f"/v1/webhook-endpoints/{made['id']}"
    gone = acme.delete(path)
    assert (gone.status, gone.data["id"]) == (200, made["id"])
    assert [acme.get(path).status, acme.delete(path).status, acme.post(path + "/test").status] == [404, 404, 404]
    assert made["id"] not in [each.id for each in endpoints().of_tenant(acme.id)]
    assert made["id"] not in [each["id"] for each in acme.get("/v1/webhook-endpoints").data]
    left = stored(acme, made["id"])
    assert (left.url, left.secret, left.description, left.metadata, left.is_enabled) == (None, "", None, {}, False)
    row = next(row for row in world.rows_of("webhook_endpoints", acme.id) if row["id"]["S"] == made["id"])
    assert int(row["expires_at"]["N"]) <= world.clock().timestamp() + 86_400


def test_16_endpoints_are_listed_newest_first_and_page_by_page(acme: Tenant) -> None:
    first, second = endpoint(acme), endpoint(acme)
    page = acme.get("/v1/webhook-endpoints", limit=1)
    assert [each["id"] for each in page.data] == [second["id"]]
    rest = acme.get("/v1/webhook-endpoints", limit=1, cursor=page.json["meta"]["pagination"]["next_cursor"])
    assert [each["id"] for each in rest.data] == [first["id"]]
    assert all(each["secret"] is None for each in acme.get("/v1/webhook-endpoints").data)


def test_16_who_may_write_may_not_redirect_events(world: World, acme: Tenant) -> None:
    """An endpoint gets everything that happens: to make one is an admin's."""
    made = endpoint(acme)
    key = acme.post("/v1/api-keys", {"name": "w", "scope": "write"}).data["key"]
    writer = Tenant(world, acme.id, key, {})
    path = f"/v1/webhook-endpoints/{made['id']}"
    assert writer.get(path).status == 200
    refused = [
        writer.post("/v1/webhook-endpoints", {"url": URL, "eventTypes": ["*"]}),
        writer.patch(path, {"payload": "thin"}), writer.delete(path),
        writer.post(path + "/test"), writer.post(path + "/rotate-secret"),
    ]  # fmt: skip
    assert [each.status for each in refused] == [403] * 5
    assert world.tenant().get(path).status == 404
