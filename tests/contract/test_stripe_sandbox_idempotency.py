"""Idempotent replay and injected faults: one effect a key, whatever the network did."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client, wait_for

KEY = {"Authorization": "Bearer sk_test_sandbox01"}
PAYMENT: Any = {
    "amount": 4999,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "allowed_payment_method_types": ["card"],
}


def post(server: SandboxServer, path: str, body: str, key: str) -> requests.Response:
    headers = KEY | {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": key}
    return requests.post(f"{server.url}/v1/{path}", data=body, headers=headers, timeout=60)


def test_the_same_request_is_replayed_not_repeated(server: SandboxServer, api: stripe.StripeClient) -> None:
    first = post(server, "customers", "name=Ada&email=ada@example.com", "k")
    again = post(server, "customers", "email=ada@example.com&name=Ada", "k")
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.headers
    assert len(api.v1.customers.list().data) == 1
    assert len(api.v1.events.list({"type": "customer.created"}).data) == 1


def test_a_decline_is_replayed_too(server: SandboxServer, api: stripe.StripeClient) -> None:
    card = "payment_method=pm_card_chargeDeclined&allowed_payment_method_types[]=card"
    body = f"amount=100&currency=usd&confirm=true&{card}"
    first, again = post(server, "payment_intents", body, "k"), post(server, "payment_intents", body, "k")
    assert (first.status_code, again.status_code) == (402, 402)
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    assert len(api.v1.charges.list().data) == 1


def test_a_refused_request_leaves_its_key_free(server: SandboxServer) -> None:
    assert post(server, "customers", "colour=red", "k").status_code == 400
    assert post(server, "payment_intents", "amount=1&currency=usd", "k").status_code == 400
    corrected = post(server, "customers", "name=Ada", "k")
    assert corrected.status_code == 200
    assert "Idempotent-Replayed" not in corrected.headers


@pytest.mark.parametrize(("path", "body"), [("customers", "name=Bob"), ("setup_intents", "")])
def test_another_request_with_the_key_is_an_error(server: SandboxServer, path: str, body: str) -> None:
    post(server, "customers", "name=Ada", "k")
    answer = post(server, path, body, "k")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


def test_the_sdk_raises_its_idempotency_error(api: stripe.StripeClient) -> None:
    api.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        api.v1.customers.create({"name": "Bob"}, {"idempotency_key": "k"})


def test_keys_belong_to_their_account(server: SandboxServer, api: stripe.StripeClient) -> None:
    other = client(server, "sk_test_other_account")
    ids = {c.v1.customers.create({}, {"idempotency_key": "k"}).id for c in (api, other)}
    assert len(ids) == 2


def test_a_key_is_at_most_255_characters(server: SandboxServer) -> None:
    assert post(server, "customers", "", "k" * 255).status_code == 200
    assert post(server, "customers", "", "k" * 256).status_code == 400


def test_a_key_is_new_again_after_a_day(server: SandboxServer) -> None:
    first = post(server, "customers", "name=Ada", "k").json()
    assert server.sandbox is not None
    server.sandbox.store.db.execute("UPDATE replays SET created = created - 86401")
    assert post(server, "customers", "name=Bob", "k").json()["id"] != first["id"]


def test_a_concurrent_twin_is_a_409(server: SandboxServer, api: stripe.StripeClient, control: Control) -> None:
    control.post("faults", kind="slow", ms=400, method="POST", path="^/v1/customers$")
    with ThreadPoolExecutor(1) as pool:
        winner = pool.submit(post, server, "customers", "name=Ada", "k")
        wait_for(lambda: control.calls("POST", "/v1/customers"))
        twin = post(server, "customers", "name=Ada", "k")
        assert (twin.status_code, twin.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        assert winner.result().status_code == 200
    assert post(server, "customers", "name=Ada", "k").headers["Idempotent-Replayed"] == "true"
    assert len(api.v1.customers.list().data) == 1


def test_eight_clients_with_one_key_make_one_charge(server: SandboxServer, api: stripe.StripeClient) -> None:
    def pay(_: int) -> str:
        return client(server, retries=8).v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"}).id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(pay, range(8)))
    assert len(ids) == 1
    assert len(api.v1.charges.list().data) == 1


def test_processed_but_dropped_then_retried_makes_one_charge(api: stripe.StripeClient, control: Control) -> None:
    control.post("faults", kind="drop_after", method="POST", path="payment_intents$")
    with pytest.raises(stripe.APIConnectionError):
        api.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert len(api.v1.charges.list().data) == 1
    intent = api.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert intent.status == "succeeded"
    assert [c.id for c in api.v1.charges.list()] == [intent.latest_charge]
    assert [call["replayed"] for call in control.calls("POST", "/v1/payment_intents")] == [False, True]


def test_the_sdk_itself_survives_a_dropped_connection(server: SandboxServer, control: Control) -> None:
    control.post("faults", kind="drop_after", method="POST", path="payment_intents$")
    api = client(server, retries=1)
    assert api.v1.payment_intents.create(PAYMENT).status == "succeeded"
    assert len(api.v1.charges.list().data) == 1


def test_dropped_before_processing_has_no_effect(api: stripe.StripeClient, control: Control) -> None:
    control.post("faults", kind="drop_before", path="customers")
    with pytest.raises(stripe.APIConnectionError):
        api.v1.customers.create({})
    assert api.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("status", "error"), [(500, stripe.APIError), (503, stripe.APIError), (429, stripe.RateLimitError)]
)
def test_an_injected_status_processes_nothing(
    api: stripe.StripeClient, control: Control, status: int, error: type[Exception]
) -> None:
    control.post("faults", kind="status", status=status, path="customers", times=2)
    for _ in range(2):
        with pytest.raises(error):
            api.v1.customers.create({}, {"idempotency_key": "k"})
    assert control.get("faults")["data"] == []
    assert api.v1.customers.create({}, {"idempotency_key": "k"}).id
    assert len(api.v1.customers.list().data) == 1


def test_a_slow_answer_comes_late_and_whole(api: stripe.StripeClient, control: Control) -> None:
    control.post("faults", kind="slow", ms=150, method="POST", path="payment_intents$")
    start = time.monotonic()
    assert api.v1.payment_intents.create(PAYMENT).status == "succeeded"
    assert time.monotonic() - start >= 0.15


def test_a_caller_that_does_not_wait_is_charged_all_the_same(server: SandboxServer, control: Control) -> None:
    control.post("faults", kind="slow", ms=400, method="POST", path="payment_intents$")
    base = stripe.RequestsClient(timeout=0.1)
    hasty = stripe.StripeClient("sk_test_sandbox01", base_addresses={"api": server.url}, http_client=base)
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    charges = wait_for(lambda: client(server).v1.charges.list().data)
    assert [charge.paid for charge in charges] == [True]


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_may_come_after_the_effect(api: stripe.StripeClient, control: Control, status: int) -> None:
    control.post("faults", kind="status_after", status=status, method="POST", path="payment_intents$")
    with pytest.raises(stripe.APIError) as caught:
        api.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    assert caught.value.http_status == status
    assert len(api.v1.charges.list().data) == 1
    assert api.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"}).status == "succeeded"
    assert len(api.v1.charges.list().data) == 1
    assert [call["status"] for call in control.calls("POST", "/v1/payment_intents")] == [status, 200]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "flood"},
        {"kind": "slow", "path": "("},
        {"kind": "slow", "colour": 1},
        {"kind": "status", "status": 418},
        {"kind": "status_after", "status": 429},
    ],
)
def test_a_senseless_fault_is_refused(server: SandboxServer, fault: dict[str, Any]) -> None:
    answer = requests.post(f"{server.url}/_sandbox/faults", json=fault, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]
