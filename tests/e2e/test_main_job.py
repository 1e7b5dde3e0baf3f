"""The main job on the deployed stack: real HTTP, real signatures, the template's own Lambdas, tables and queues."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import pytest
import requests
import stripe
from pypdf import PdfReader

from local.client import Client
from local.demo.__main__ import Month
from tests.e2e.conftest import Stack, charges, subscribe


@pytest.fixture(scope="session")
def cut_off(client: Client, plan: str) -> Any:
    """A subscription whose charge never reached Stripe: the connection broke each time. Made before the other tests."""
    customer = client.post("/v1/customers", {"name": "Cut Off"})
    fault = {"kind": "drop_before", "method": "POST", "path": "^/v1/payment_intents$", "times": 3}
    client.sandbox("POST", "/_sandbox/faults", fault)
    try:
        return subscribe(client, customer["id"], plan)
    finally:
        client.sandbox("DELETE", "/_sandbox/faults")


def test_a_connection_that_breaks_leaves_the_payment_pending(client: Client, cut_off: Any) -> None:
    assert cut_off["state"] == "incomplete"
    invoice = client.get(f"/v1/invoices/{cut_off['latestInvoiceId']}")
    assert invoice["status"] == "open"
    assert client.get(f"/v1/payments/{invoice['latestPaymentId']}")["status"] == "pending"


def test_the_demo_holds_at_every_step(client: Client, cut_off: Any, tmp_path: Any) -> None:
    pdf = Month(client, tmp_path).play()
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.read_bytes())).pages)
    assert "$549.99" in text
    assert "Łukasiewicz" in text


@pytest.mark.parametrize("base", ["/v1", "/api/v1"])
def test_both_base_paths_are_the_same_routes(client: Client, base: str) -> None:
    made = client.call("POST", f"{base}/customers", {"name": "Same Route"}, key=f"same-{time.time_ns()}")
    assert made.status == 201
    for path in ("/v1", "/api/v1"):
        assert client.get(f"{path}/customers/{made.data['id']}") == made.data


def test_eight_clients_with_one_key_make_one_subscription_and_one_charge(client: Client, plan: str) -> None:
    customer = client.post("/v1/customers", {"name": "Eight Racers"})
    body = {
        "customerId": customer["id"],
        "planId": plan,
        "quantities": {"seats": 3},
        "paymentMethodId": "pm_card_visa",
    }
    key = f"race-{time.time_ns()}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.call("POST", "/v1/subscriptions", body, key=key), range(8)))
    assert [answer.status for answer in answers] == [201] * 8, [answer.body for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 7
    assert len(client.get(f"/v1/subscriptions?customer={customer['id']}")) == 1
    invoices = client.get(f"/v1/invoices?customer={customer['id']}")
    assert len(invoices) == 1
    payments = client.get(f"/v1/payments?customer={customer['id']}")
    assert len(payments) == 1
    assert [charge["amount"] for charge in charges(client, payments[0])] == [invoices[0]["total"] // 1000]


def test_a_declined_first_charge_leaves_an_open_invoice_that_another_card_pays(client: Client, plan: str) -> None:
    customer = client.post("/v1/customers", {"name": "Second Card"})
    subscription = subscribe(client, customer["id"], plan, "pm_card_chargeCustomerFail")
    assert subscription["state"] == "incomplete"
    invoice = client.get(f"/v1/invoices/{subscription['latestInvoiceId']}")
    assert (invoice["status"], invoice["paymentError"]["code"]) == ("open", "payment.declined")
    method = client.get(f"/v1/payment-methods?customer={customer['id']}")[0]
    client.sandbox("POST", f"/_sandbox/payment_methods/{method['id']}/behaviour", {"decline": None})
    paid = client.post(f"/v1/invoices/{invoice['id']}/pay")
    assert (paid["status"], paid["amountDue"], paid["attemptCount"]) == ("paid", 0, 2)
    assert client.get(f"/v1/subscriptions/{subscription['id']}")["state"] == "active"


def test_a_year_on_a_test_clock_bills_each_month_once_and_in_order(client: Client, plan: str) -> None:
    clock = client.post("/v1/test-clocks", {"frozenTime": "2027-01-31T10:00:00Z"})
    customer = client.post("/v1/customers", {"name": "A Year", "testClockId": clock["id"]})
    subscription = subscribe(client, customer["id"], plan)
    client.advance(clock["id"], "2028-01-31T11:00:00Z")
    invoices = client.get(f"/v1/invoices?subscription={subscription['id']}&limit=100")[::-1]
    starts = [invoice["period"]["start"][:10] for invoice in invoices]
    assert starts[:5] == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert len(starts) == len(set(starts)) == 13
    assert {invoice["status"] for invoice in invoices} == {"paid"}
    numbers = [int(invoice["number"].rsplit("-", 1)[1]) for invoice in invoices]
    assert numbers == list(range(numbers[0], numbers[0] + 13))


def test_a_trial_is_charged_when_it_ends(client: Client, plan: str) -> None:
    clock = client.post("/v1/test-clocks", {"frozenTime": "2027-03-01T00:00:00Z"})
    customer = client.post("/v1/customers", {"name": "A Trial", "testClockId": clock["id"]})
    trial = subscribe(client, customer["id"], plan, trialDays=14)
    assert (trial["state"], trial["trialEnd"]) == ("trialing", "2027-03-15T00:00:00Z")
    assert client.get(f"/v1/invoices?subscription={trial['id']}") == []
    client.advance(clock["id"], "2027-03-16T00:00:00Z")
    assert client.get(f"/v1/subscriptions/{trial['id']}")["state"] == "active"
    assert [invoice["status"] for invoice in client.get(f"/v1/invoices?subscription={trial['id']}")] == ["paid"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"nam": "x"}, {"name": "missing_required_field", "nam": "unknown_field"}),
        (
            {"name": "x", "email": 7, "currency": "usd"},
            {"email": "must_be_a_string", "currency": "unknown_currency"},
        ),
    ],
)
def test_bad_input_is_named_field_by_field(client: Client, body: Any, fields: dict[str, str]) -> None:
    answer = client.call("POST", "/v1/customers", body)
    assert answer.status == 400
    error = answer.body["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert {detail["field"]: detail["reason"] for detail in error["details"]} == fields


def test_a_body_over_one_mebibyte_is_refused(client: Client) -> None:
    answer = client.call("POST", "/v1/customers", {"name": "x", "metadata": {"a": "b" * 1024 * 1024}})
    assert (answer.status, answer.body["error"]["code"]) == (413, "request.too_large")


def test_another_tenants_id_is_not_found(client: Client, stack: Stack) -> None:
    platform = Client(asdict(stack), key=stack.platform_api_key)
    other = platform.post("/v1/tenants", {"name": "Other", "mode": "test", "currency": "USD"})
    stranger = Client(asdict(stack), key=other["apiKey"])
    customer = client.post("/v1/customers", {"name": "Mine"})
    assert stranger.call("GET", f"/v1/customers/{customer['id']}").status == 404
    foreign = stranger.call("GET", f"/v1/tenants/{stack.tenant_id}/invoices")
    assert (foreign.status, foreign.body["error"]["code"]) == (403, "auth.tenant_mismatch")


def test_an_unknown_path_and_an_unknown_key_get_the_contracts_error(client: Client, stack: Stack) -> None:
    assert client.call("GET", "/v1/nothing").body["error"]["code"] == "route.not_found"
    anonymous = requests.get(stack.api_url + "/v1/customers", headers={"X-API-Key": "llk_unknown"}, timeout=60)
    assert (anonymous.status_code, anonymous.json()["error"]["code"]) == (401, "auth.unauthenticated")


def test_every_response_says_where_the_caller_stands(client: Client) -> None:
    headers = client.call("GET", "/v1/customers").headers
    assert int(headers["X-RateLimit-Remaining"]) < int(headers["X-RateLimit-Limit"]) == 1000
    assert int(headers["X-RateLimit-Reset"]) > time.time()
    assert headers["X-API-Version"] == "1.0"


@pytest.mark.parametrize("age_s", [-600, 600])
def test_a_webhook_outside_the_window_is_refused(stack: Stack, age_s: int) -> None:
    secret = json.loads(stack.aws("secretsmanager").get_secret_value(SecretId=stack.stripe_secret_id)["SecretString"])[
        "webhook_secrets"
    ][0]
    body = json.dumps({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}})
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=int(time.time()) - age_s)
    answer = requests.post(stack.stripe_webhook_url, data=body, headers={"Stripe-Signature": header}, timeout=60)
    assert answer.status_code == 400


def test_a_forged_webhook_is_refused(stack: Stack) -> None:
    body = json.dumps({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}})
    header = stripe.WebhookSignature.generate_signature_header(body, "whsec_somebody_elses")
    answer = requests.post(stack.stripe_webhook_url, data=body, headers={"Stripe-Signature": header}, timeout=60)
    assert answer.status_code == 400


def test_the_schedule_finishes_what_was_cut_off_with_one_charge(client: Client, cut_off: Any) -> None:
    """EventBridge's minute, the sweep, the queue and the worker: nobody calls them here.

    The sweep sends the attempt again under its own key; its answer or Stripe's webhook settles it.
    """
    deadline = time.monotonic() + 200
    invoice = client.get(f"/v1/invoices/{cut_off['latestInvoiceId']}")
    while invoice["status"] != "paid" and time.monotonic() < deadline:
        time.sleep(2)
        invoice = client.get(f"/v1/invoices/{cut_off['latestInvoiceId']}")
    payment = client.get(f"/v1/payments/{invoice['latestPaymentId']}")
    assert (invoice["status"], payment["settledBy"] in ("sweep", "webhook")) == ("paid", True)
    assert len(charges(client, payment)) == 1
    assert client.get(f"/v1/subscriptions/{cut_off['id']}")["state"] == "active"


def test_nothing_ends_in_the_dead_letter_queue(stack: Stack) -> None:
    attributes = stack.aws("sqs").get_queue_attributes(
        QueueUrl=stack.billing_dead_letter_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_health_and_the_api_description_are_open_to_everybody(stack: Stack) -> None:
    assert requests.get(stack.api_url + "/health", timeout=60).json()["data"]["status"] == "ok"
    document = requests.get(stack.api_url + "/openapi.json", timeout=60).json()
    assert "/v1/subscriptions" in document["paths"]
