"""The Stripe sandbox's edge: keys, bad requests, lists, expansion, accounts, restarts, the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.registry import HANDLERS
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import CheckingClient, Control, client, merged

KEY = {"Authorization": "Bearer sk_test_sandbox01"}
ROOT = Path(__file__).resolve().parents[2]


def test_every_operation_of_the_cut_is_served(server: SandboxServer) -> None:
    assert server.sandbox is not None
    assert {operation.name for operation in server.sandbox.spec.operations} == HANDLERS.keys()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer sk_live_12345678"},
        {"Authorization": "Bearer sk_test_short"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Digest x"},
    ],
)
def test_no_valid_key_is_a_401(server: SandboxServer, headers: dict[str, str]) -> None:
    answer = requests.get(f"{server.url}/v1/customers", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_basic_authentication_works_and_headers_come_back(server: SandboxServer) -> None:
    answer = requests.get(
        f"{server.url}/v1/balance",
        auth=("sk_test_sandbox01", ""),
        headers={"Stripe-Version": "2026-10-28.endive"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert answer.headers["Stripe-Version"] == "2026-10-28.endive"
    assert answer.headers["Request-Id"].startswith("req_")


BAD = [
    ("payment_intents", "amount=100", "parameter_missing", "currency"),
    ("payment_intents", "amount=ten&currency=usd", "parameter_invalid_integer", "amount"),
    ("payment_intents", "amount=0&currency=usd", "parameter_invalid_integer", "amount"),
    ("payment_intents", "amount=49&currency=usd", "amount_too_small", "amount"),
    ("payment_intents", "amount=100000000&currency=usd", "amount_too_large", "amount"),
    ("payment_intents", "amount=100&currency=xxx", None, "currency"),
    ("payment_intents", "amount=100&currency=usd&colour=red", "parameter_unknown", "colour"),
    (
        "payment_intents",
        "amount=100&currency=usd&automatic_payment_methods[colour]=red",
        "parameter_unknown",
        "automatic_payment_methods[colour]",
    ),
    ("payment_intents", "amount=100&currency=usd&confirm=maybe", None, "confirm"),
    ("payment_intents", "amount=100&currency=usd&off_session=true", None, "off_session"),
    ("payment_intents", "amount=100&currency=usd&capture_method=later", None, "capture_method"),
    ("payment_intents", "amount=100&currency=usd&description=", "parameter_invalid_empty", "description"),
    ("payment_intents", "amount=100&currency=usd&customer=cus_none", "resource_missing", "customer"),
    (
        "payment_intents",
        "amount=100&currency=usd&payment_method=pm_none",
        "resource_missing",
        "payment_method",
    ),
    (
        "payment_intents",
        "amount=100&currency=usd&payment_method_types[]=card",
        "payment_method_types_no_longer_supported",
        "payment_method_types",
    ),
    (
        "payment_intents",
        "amount=100&currency=usd&allowed_payment_method_types[]=card&automatic_payment_methods[enabled]=true",
        "parameters_exclusive",
        "allowed_payment_method_types",
    ),
    ("payment_intents", "amount=100&currency=usd&on_behalf_of=acct_1", None, "on_behalf_of"),
    (
        "setup_intents",
        "payment_method_types[]=card",
        "payment_method_types_no_longer_supported",
        "payment_method_types",
    ),
    ("customers", "email=nobody", "email_invalid", "email"),
    ("customers", "metadata[a][b]=c", None, "metadata[a]"),
    ("customers", "expand[]=colour", None, "expand"),
    ("refunds", "amount=1", None, None),
    ("webhook_endpoints", "url=ftp://x&enabled_events[]=*", "url_invalid", "url"),
    ("webhook_endpoints", "url=http://x/&enabled_events[]=no.such.event", None, "enabled_events[0]"),
    ("payment_methods", "type=card", "parameter_missing", "card[token]"),
    ("payment_methods", "type=boleto", None, "type"),
    ("payment_methods", "type=card&card[token]=tok_none", "resource_missing", "card[token]"),
    ("payment_methods/pm_card_visa/attach", "", "parameter_missing", "customer"),
]


@pytest.mark.parametrize(("path", "body", "code", "param"), BAD)
def test_a_bad_request_names_its_parameter(
    server: SandboxServer, path: str, body: str, code: str | None, param: str | None
) -> None:
    headers = KEY | {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{server.url}/v1/{path}", data=body, headers=headers, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error.get("param")) == (code, param)


def test_a_json_body_and_an_unknown_url_are_refused(server: SandboxServer) -> None:
    wrong_type = requests.post(f"{server.url}/v1/customers", json={"name": "x"}, headers=KEY, timeout=60)
    nowhere = requests.post(f"{server.url}/v1/nowhere", headers=KEY, timeout=60)
    assert wrong_type.status_code == 400
    assert nowhere.status_code == 404
    assert "Unrecognized request URL (POST: /v1/nowhere)" in nowhere.json()["error"]["message"]


@pytest.mark.parametrize("path", ["customers/cus_x", "payment_intents/pi_x", "charges/ch_x", "events/evt_x"])
def test_an_unknown_id_is_a_404_resource_missing(server: SandboxServer, path: str) -> None:
    answer = requests.get(f"{server.url}/v1/{path}", headers=KEY, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "resource_missing")
    assert error["param"]


def test_each_key_is_an_account_of_its_own(server: SandboxServer, api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    other = client(server, "sk_test_other_account")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        other.v1.customers.retrieve(customer.id)
    assert caught.value.http_status == 404


def test_lists_page_in_both_directions(server: SandboxServer) -> None:
    api = client(server, "sk_test_paging_account")
    ids = [api.v1.customers.create({"email": f"{i % 2}@example.com"}).id for i in range(7)][::-1]
    first = api.v1.customers.list({"limit": 3})
    second = api.v1.customers.list({"limit": 3, "starting_after": first.data[-1].id})
    back = api.v1.customers.list({"limit": 2, "ending_before": second.data[0].id})
    assert ([c.id for c in first], first.has_more) == (ids[:3], True)
    assert [c.id for c in second] == ids[3:6]
    assert ([c.id for c in back], back.has_more) == (ids[1:3], True)
    assert [c.id for c in api.v1.customers.list({"limit": 2}).auto_paging_iter()] == ids
    assert len(api.v1.customers.list({"email": "1@example.com"}).data) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "starting_after=cus_x", "colour=red"])
def test_a_bad_page_is_a_400(server: SandboxServer, query: str) -> None:
    answer = requests.get(f"{server.url}/v1/customers?{query}", headers=KEY, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.split("=", maxsplit=1)[0]


def test_customers_change_field_by_field(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({"name": "A", "metadata": {"a": "1", "b": "2"}, "address": {"country": "DE"}})
    changed = api.v1.customers.update(customer.id, {"name": "", "metadata": {"a": "", "c": "3"}})
    assert changed.name is None
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert changed.address is not None
    assert changed.address.country == "DE"


def test_a_deleted_customer_is_a_stub_in_no_list(server: SandboxServer) -> None:
    api = client(server, "sk_test_deleting_account")
    customer = api.v1.customers.create({"payment_method": "pm_card_visa"})
    assert api.v1.customers.delete(customer.id).deleted
    assert api.v1.customers.retrieve(customer.id).deleted
    assert api.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.update(customer.id, {"name": "x"})
    assert caught.value.http_status == 404


def test_expansion_goes_through_lists_and_nested_objects(server: SandboxServer) -> None:
    api = client(server, "sk_test_expanding_account")
    customer = api.v1.customers.create({"payment_method": "pm_card_visa"})
    method = api.v1.customers.payment_methods.list(customer.id).data[0]
    body: Any = {"invoice_settings": {"default_payment_method": method.id}}
    expanded = api.v1.customers.update(customer.id, merged(body, expand=["invoice_settings.default_payment_method"]))
    default: Any = expanded.invoice_settings.default_payment_method  # type: ignore[union-attr]
    api.v1.payment_intents.create({"amount": 100, "currency": "usd", "customer": customer.id})
    listed = api.v1.payment_intents.list({"expand": ["data.customer"]}).data[0].customer
    assert default.card.last4 == "4242"
    assert isinstance(listed, stripe.Customer)


def test_updates_answer_with_the_changed_thing(server: SandboxServer) -> None:
    api = client(server, "sk_test_updating_account")
    customer = api.v1.customers.create({"payment_method": "pm_card_visa", "shipping": _shipping("Ada")})
    method = api.v1.payment_methods.list({"customer": customer.id}).data[0].id
    sent: Any = {"amount": 100, "currency": "jpy", "customer": customer.id, "payment_method": method}
    intent = api.v1.payment_intents.create(merged(sent, allowed_payment_method_types=["card"]))
    intent = api.v1.payment_intents.update(intent.id, {"amount": 250, "shipping": _shipping("Bob")})
    intent = api.v1.payment_intents.confirm(intent.id)
    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 50})
    body: Any = {"metadata": {"a": "b"}}
    charge = api.v1.charges.update(str(intent.latest_charge), merged(body, description="seats"))
    card = api.v1.payment_methods.update(method, merged(body, billing_details={"name": "Ada", "address": {}}))
    setup = api.v1.setup_intents.create({"customer": customer.id, "payment_method": method})
    assert (intent.amount_received, charge.description) == (250, "seats")
    assert card.billing_details.name == "Ada"
    assert api.v1.refunds.update(refund.id, body).metadata == charge.metadata
    assert api.v1.setup_intents.update(setup.id, {"description": "later"}).description == "later"
    assert [s.id for s in api.v1.setup_intents.list({"payment_method": method})] == [setup.id]
    assert api.v1.customers.payment_methods.retrieve(customer.id, method).id == method
    kinds = [line.type for line in api.v1.balance_transactions.list()]
    assert kinds == ["refund", "charge"]
    assert api.v1.balance_transactions.retrieve(str(refund.balance_transaction)).net == -50


def _shipping(name: str) -> Any:
    return {"name": name, "address": {"line1": "1 Main St", "country": "DE"}}


def test_a_restart_keeps_the_state(tmp_path: Path) -> None:
    db = str(tmp_path / "stripe.db")
    with SandboxServer(db=db) as server:
        customer = client(server).v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"})
    with SandboxServer(db=db) as server:
        api = client(server)
        assert api.v1.customers.retrieve(customer.id).name == "Ada"
        assert api.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"}).id == customer.id


def test_a_departing_answer_is_caught(server: SandboxServer) -> None:
    assert server.sandbox is not None
    operation, _ = server.sandbox.spec.find("GET", "/v1/customers/cus_x")
    body = {"id": "cus_x", "object": "customer", "created": 1, "livemode": False}
    assert operation.response_problems(200, body) == []
    assert operation.response_problems(200, body | {"colour": "red"})
    assert operation.response_problems(200, body | {"created": "today"})
    assert operation.response_problems(402, {"error": {"message": "no type"}})


def _command(port: int, db: Path) -> subprocess.Popen[str]:
    args = [sys.executable, "-m", "local.stripe_sandbox", "--port", str(port), "--db", str(db)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(args, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_says_where_it_listens_and_stops_on_sigterm(tmp_path: Path) -> None:
    process = _command(0, tmp_path / "stripe.db")
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    try:
        url = line.split()[-1]
        assert Control(url).get("health")["status"] == "ok"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert line.startswith("Stripe sandbox listens on http://127.0.0.1:")
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _command(port, tmp_path / "stripe.db")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == f"Stripe sandbox: cannot listen on 127.0.0.1:{port}: the port is taken\n"


def test_the_checking_client_is_the_one_in_use(api: stripe.StripeClient) -> None:
    assert isinstance(api._requestor._get_http_client(), CheckingClient)
