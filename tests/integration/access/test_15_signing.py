"""Issue 15, item 7: a key that signs its requests; each signature is accepted once, whatever comes with it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from billing.edge.http.signatures import Signed, sign
from tests.integration.world import Answer, Json, Tenant, World, http_event, request


class Signer:
    """A caller whose key signs."""

    def __init__(self, tenant: Tenant, scope: str = "admin") -> None:
        made = tenant.post("/v1/api-keys", {"name": "signs", "scope": scope, "requireSignature": True}).data
        self.key, self.secret, self.id = made["key"], made["signingSecret"], made["id"]
        self.clock = tenant.world.clock
        assert made["requireSignature"] is True

    def event(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Json:
        """A request with its signature."""
        text = "" if body is None else json.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        t = str(int(self.clock().timestamp()))
        scheme = given.pop("scheme", "v1")
        signed = Signed(method, path, query, text.encode(), given)
        given["x-signature"] = f"t={t},{scheme}={sign(self.secret, getattr(signed, scheme)(t))}"
        return http_event(method, path, key=self.key, body=text or None, query=query, headers=given)


def refused(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (401, "auth.unauthenticated")


@pytest.fixture
def signer(tenant: Tenant) -> Signer:
    return Signer(tenant)


def test_a_signed_read_and_a_signed_write_are_let_in(world: World, tenant: Tenant, signer: Signer) -> None:
    assert request(signer.event("GET", "/v1/customers", query="limit=3")).status == 200
    made = request(signer.event("POST", "/v1/customers", {"name": "Zoë"}, idempotency_key="a"))
    assert made.status == 201
    assert signer.secret not in world.everything_of(tenant.id) + json.dumps(world.rows("callers"))
    assert signer.secret not in world.logs.text


def test_without_a_signature_such_a_key_is_nobodys(world: World, tenant: Tenant, signer: Signer) -> None:
    caller = replace(tenant, key=signer.key)
    refused(caller.get("/v1/customers"))
    refused(caller.post("/v1/customers", {"name": "A"}))
    row = world.rows_of("audit", tenant.id)[-1]
    assert (row["principal"]["S"], row["status"]["N"]) == (signer.id, "401")


def test_what_was_changed_on_the_way_is_refused(tenant: Tenant, signer: Signer) -> None:
    event = signer.event("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="a")
    event["body"] = event["body"].replace("Ada", "Eve")
    refused(request(event))
    assert tenant.get("/v1/customers").data[0]["name"] != "Eve"


def test_a_captured_read_is_refused(world: World, tenant: Tenant, signer: Signer) -> None:
    event = signer.event("GET", "/v1/customers")
    assert request(event).status == 200
    refused(request(event))
    statuses = [row["status"]["N"] for row in world.rows_of("audit", tenant.id)[-2:]]
    assert statuses == ["200", "401"]


def test_a_captured_write_is_refused_under_its_own_key_and_under_another(tenant: Tenant, signer: Signer) -> None:
    """v1 covers no header: another Idempotency-Key would make the payment a second time."""
    event = signer.event("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="a")
    assert request(event).status == 201
    again = request(event)
    refused(again)
    assert "Idempotent-Replayed" not in again.headers
    event["headers"]["idempotency-key"] = "b"
    refused(request(event))
    assert [c["name"] for c in tenant.get("/v1/customers").data].count("Ada") == 1


def test_a_captured_charge_charges_nobody(world: World, tenant: Tenant, signer: Signer) -> None:
    """The signature is remembered by the first of the two commits, before Stripe is asked."""
    customer = tenant.customer()
    tenant.subscribe(customerId=customer)
    body = {"customerId": customer, "amount": 5_000_000, "currency": "USD"}
    event = signer.event("POST", "/v1/payments", body, idempotency_key="pay-1")
    before = len(world.charges(tenant))
    assert request(event).status == 201
    event["headers"]["idempotency-key"] = "pay-2"
    refused(request(event))
    assert len(world.charges(tenant)) == before + 1


def test_a_retry_is_signed_anew_and_gets_the_first_answer(world: World, signer: Signer) -> None:
    first = request(signer.event("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="a"))
    world.clock.advance(seconds=1)
    again = request(signer.event("POST", "/v1/customers", {"name": "Ada"}, idempotency_key="a"))
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")


def test_v2_lets_nobody_change_the_users_name(signer: Signer) -> None:
    headers = {"idempotency_key": "a", "x_user_id": "ann", "x_api_version": "1.0", "scheme": "v2"}
    event = signer.event("POST", "/v1/customers", {"name": "Ada"}, **headers)
    event["headers"]["x-user-id"] = "eve"
    refused(request(event))
    assert request(signer.event("POST", "/v1/customers", {"name": "Ada"}, **headers)).status == 201


def test_a_refused_request_has_used_its_signature_too(tenant: Tenant) -> None:
    reader = Signer(tenant, scope="read")
    event = reader.event("GET", "/v1/customers/cus_none")
    assert request(event).status == 404
    refused(request(event))


def test_the_successor_of_a_key_that_signs_signs_under_its_own_secret(tenant: Tenant, signer: Signer) -> None:
    made = tenant.post(f"/v1/api-keys/{signer.id}/rotate").data
    assert made["requireSignature"] is True
    assert made["signingSecret"] != signer.secret
    assert request(signer.event("GET", "/v1/customers")).status == 200
    signer.key, signer.secret = made["key"], made["signingSecret"]
    assert request(signer.event("GET", "/v1/customers", query="limit=1")).status == 200
