"""Money that does not simply arrive: declines, 3-D Secure, and outcomes that nobody heard of."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.domain.kernel.due import wall_clock_shard
from billing.domain.kernel.times import sort_key
from tests.integration.world import Json, Tenant, World


def subscription_of(tenant: Tenant) -> Json:
    (found,) = tenant.get("/v1/subscriptions").data
    return dict(found)


def due_at(world: World, tenant: Tenant, table: str) -> list[str | None]:
    return [row.get("due_at", {}).get("S") for row in world.rows_of(table, tenant.id)]


# Declines


def test_a_declined_first_charge_leaves_an_incomplete_subscription_and_an_open_invoice(
    world: World, tenant: Tenant
) -> None:
    tenant.plan()
    body = {
        "planId": "business-monthly",
        "quantities": {"seats": 1},
        "paymentMethodId": "pm_card_chargeCustomerFail",
    }
    answer = tenant.post("/v1/subscriptions", body)
    assert (answer.status, answer.data["state"]) == (201, "incomplete")
    invoice = tenant.only_invoice()
    assert (invoice["status"], invoice["number"], invoice["attemptCount"]) == ("open", "ACME-000001", 1)
    assert invoice["paymentError"]["code"] == "payment.declined"
    assert invoice["paymentError"]["declineCode"] == "generic_decline"
    assert tenant.only_payment()["status"] == "failed"
    assert world.charges(tenant) == []
    types = {row["type"]["S"] for row in world.rows_of("events", tenant.id)}
    assert {"payment.failed", "invoice.payment_failed"} <= types
    assert "payment.succeeded" not in types


def test_an_incomplete_subscription_waits_23_hours_for_its_money(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe("pm_card_chargeCustomerFail")
    end = datetime.fromisoformat(made["createdAt"]) + timedelta(hours=23)
    assert due_at(world, tenant, "subscriptions") == [sort_key(end)]


def test_an_incomplete_subscription_that_nobody_pays_ends_and_its_invoice_is_void(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe("pm_card_chargeCustomerFail")
    world.clock.advance(hours=23, seconds=1)
    assert world.work(wall_clock_shard(made["id"], 16)) == {"batchItemFailures": []}
    assert subscription_of(tenant)["state"] == "canceled"
    assert tenant.only_invoice()["status"] == "void"
    postings = [p for row in world.rows_of("ledger", tenant.id) for p in json.loads(row["body"]["S"])["postings"]]
    assert len(postings) == 4
    for account in ("receivable", "revenue"):
        assert sum(p["amount"]["micros"] for p in postings if p["account"] == account) == 0


def test_paying_the_open_invoice_by_another_method_activates(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    first = tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
    tenant.subscribe("pm_card_visa", customerId=customer, trialDays=5)
    invoice = tenant.only_invoice()
    paid = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"}).data
    assert (paid["status"], paid["attemptCount"], paid["paymentError"]) == ("paid", 2, None)
    assert tenant.get(f"/v1/subscriptions/{first['id']}").data["state"] == "active"
    assert {p["attempt"]: p["status"] for p in tenant.get("/v1/payments").data} == {1: "failed", 2: "succeeded"}


@pytest.fixture
def owing(world: World, tenant: Tenant) -> tuple[str, str]:
    """An open invoice, and the payment method that its customer has."""
    tenant.subscribe("pm_card_chargeCustomerFail")
    (method,) = tenant.get("/v1/payment-methods").data
    return tenant.only_invoice()["id"], method["id"]


@pytest.mark.parametrize(
    ("behaviour", "status", "code", "decline_code"),
    [
        ({"decline": "generic_decline"}, 502, "payment.declined", "generic_decline"),
        ({"decline": "insufficient_funds"}, 402, "payment.insufficient_funds", "insufficient_funds"),
        ({"decline": "expired_card"}, 502, "payment.declined", "expired_card"),
        ({"decline": "stolen_card"}, 502, "payment.declined", "generic_decline"),
        ({"decline": "fraudulent"}, 502, "payment.declined", "generic_decline"),
        ({"decline": None, "auth": "always"}, 402, "payment.authentication_required", "authentication_required"),
    ],
)
def test_a_decline_says_what_the_payer_may_know(
    world: World,
    tenant: Tenant,
    owing: tuple[str, str],
    behaviour: dict[str, Any],
    status: int,
    code: str,
    decline_code: str,
) -> None:
    """Each decline has the code of the billing-service contract; a stolen card reads as a generic decline."""
    invoice, method = owing
    world.sandbox.post(f"payment_methods/{method}/behaviour", **behaviour)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice})
    assert (answer.status, answer.error["code"]) == (status, code)
    (payment,) = [each for each in tenant.get("/v1/payments").data if each["attempt"] == 2]
    assert payment["status"] == "failed"
    told = dict(answer.bad_fields)
    if code == "payment.authentication_required":
        intent = payment["paymentIntentId"]
        assert (told.pop("paymentIntentId"), told.pop("clientSecret").partition("_secret_")[0]) == (intent, intent)
    assert told == {"declineCode": decline_code, "paymentId": payment["id"]}
    assert tenant.only_invoice()["paymentError"]["declineCode"] == decline_code


def test_a_decline_is_the_answer_to_its_key_for_good(world: World, tenant: Tenant, owing: tuple[str, str]) -> None:
    invoice, method = owing
    first = tenant.post("/v1/payments", {"invoiceId": invoice}, idempotency_key="k")
    world.sandbox.post(f"payment_methods/{method}/behaviour", decline=None)
    again = tenant.post("/v1/payments", {"invoiceId": invoice}, idempotency_key="k")
    assert (again.status, again.content) == (502, first.content)
    assert world.charges(tenant) == []
    assert tenant.post("/v1/payments", {"invoiceId": invoice}).data["status"] == "succeeded"


def test_a_payment_method_of_another_customer_is_refused(tenant: Tenant, owing: tuple[str, str]) -> None:
    tenant.subscribe(customerId=(other := tenant.customer()), trialDays=1)
    (method,) = tenant.get("/v1/payment-methods", customer=other).data
    body = {"invoiceId": owing[0], "paymentMethodId": method["id"]}
    answer = tenant.post("/v1/payments", body)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    subscription = {"planId": "business-monthly", "quantities": {"seats": 1}, "paymentMethodId": method["id"]}
    answer = tenant.post("/v1/subscriptions", subscription)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")


def test_a_customer_without_a_method_cannot_pay(tenant: Tenant) -> None:
    tenant.subscribe(None)
    answer = tenant.post(f"/v1/invoices/{tenant.only_invoice()['id']}/pay")
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")


# 3-D Secure


def test_a_payer_who_must_authenticate_gets_a_client_secret_and_then_the_webhook_activates(
    world: World, tenant: Tenant
) -> None:
    made = tenant.subscribe("pm_card_authenticationRequired")
    payment = tenant.only_payment()
    assert (made["state"], payment["status"]) == ("incomplete", "requires_action")
    assert made["clientSecret"].startswith(payment["paymentIntentId"] + "_secret_")
    world.deliver_all(tenant)
    assert subscription_of(tenant)["state"] == "incomplete"
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/authenticate")
    (answer,) = [a for a in world.deliver_all(tenant) if json.loads(a["body"])["outcome"] == "applied"]
    assert answer["statusCode"] == 200
    assert subscription_of(tenant)["state"] == "active"
    invoice, payment = tenant.only_invoice(), tenant.only_payment()
    assert (invoice["status"], payment["status"], payment["settledBy"]) == ("paid", "succeeded", "webhook")
    assert payment["settledEventId"].startswith("evt_")
    assert due_at(world, tenant, "subscriptions") != [None]


def test_the_client_secret_is_in_the_answer_alone(world: World, tenant: Tenant) -> None:
    secret = tenant.subscribe("pm_card_authenticationRequired")["clientSecret"]
    assert subscription_of(tenant)["clientSecret"] is None
    assert secret not in world.everything_of(tenant.id)


def test_a_payer_who_fails_to_authenticate_leaves_the_subscription_incomplete(world: World, tenant: Tenant) -> None:
    tenant.subscribe("pm_card_authenticationRequired")
    intent = tenant.only_payment()["paymentIntentId"]
    world.sandbox.post(f"payment_intents/{intent}/authenticate", succeed=False)
    assert {answer["statusCode"] for answer in world.deliver_all(tenant)} == {200}
    assert tenant.only_payment()["status"] == "failed"
    assert subscription_of(tenant)["state"] == "incomplete"
    assert tenant.only_invoice()["status"] == "open"


# Unknown outcomes


def charges_sent(world: World, tenant: Tenant) -> int:
    """How often Stripe was asked for the tenant's money."""
    calls = world.sandbox.calls("POST", "/v1/payment_intents")
    return len([call for call in calls if tenant.id in call["idempotency_key"]])


def sweep(world: World, tenant: Tenant) -> None:
    """A minute later the payment's shard is worked."""
    world.stripe_works()
    world.clock.advance(seconds=61)
    payment = tenant.only_payment()["id"]
    assert world.work(wall_clock_shard(payment, 16)) == {"batchItemFailures": []}


@pytest.fixture(params=["drop_after", "drop_before"])
def silent(request: pytest.FixtureRequest, world: World) -> str:
    """Stripe gives no answer to a charge: every try is cut off, after or before it was made."""
    kind: str = request.param
    world.stripe_fails(kind, "/v1/payment_intents$", method="POST")
    return kind


def test_an_unknown_outcome_is_pending_until_the_sweep_settles_it_with_one_charge(
    world: World, tenant: Tenant, silent: str
) -> None:
    made = tenant.subscribe()
    assert (made["state"], tenant.only_payment()["status"]) == ("incomplete", "pending")
    assert tenant.only_invoice()["status"] == "open"
    assert len(world.charges(tenant)) == (1 if silent == "drop_after" else 0)
    sweep(world, tenant)
    payment = tenant.only_payment()
    assert (payment["status"], payment["settledBy"]) == ("succeeded", "sweep")
    assert tenant.only_invoice()["status"] == "paid"
    assert subscription_of(tenant)["state"] == "active"
    assert len(world.charges(tenant)) == len(world.intents(tenant)) == 1


def test_a_webhook_that_comes_before_the_sweep_settles_it_as_well(world: World, tenant: Tenant) -> None:
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.subscribe()
    world.stripe_works()
    world.deliver_all(tenant)
    assert tenant.only_payment()["settledBy"] == "webhook"
    books = world.rows_of("payments", tenant.id), world.rows_of("ledger", tenant.id)
    sweep(world, tenant)
    assert (world.rows_of("payments", tenant.id), world.rows_of("ledger", tenant.id)) == books


def test_after_a_day_an_unknown_charge_is_looked_up_and_not_sent_again(
    world: World, tenant: Tenant, silent: str
) -> None:
    """Stripe forgets a key after 24 hours: the same request would charge again."""
    tenant.subscribe()
    world.stripe_works()
    world.clock.advance(hours=24)
    sent = charges_sent(world, tenant)
    sweep(world, tenant)
    assert charges_sent(world, tenant) == sent
    made = silent == "drop_after"
    assert tenant.only_payment()["status"] == ("succeeded" if made else "failed")
    assert len(world.charges(tenant)) == (1 if made else 0)


def test_paying_an_invoice_whose_charge_is_undecided_is_refused(world: World, tenant: Tenant, silent: str) -> None:
    tenant.subscribe()
    answer = tenant.post(f"/v1/invoices/{tenant.only_invoice()['id']}/pay")
    assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")
    sweep(world, tenant)
    assert len(world.charges(tenant)) == 1


def test_a_pay_request_without_an_outcome_is_503_and_its_retry_finds_out(
    world: World, tenant: Tenant, owing: tuple[str, str]
) -> None:
    invoice, method = owing
    world.sandbox.post(f"payment_methods/{method}/behaviour", decline=None)
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    first = tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k")
    assert (first.status, first.error["code"], first.headers["Retry-After"]) == (503, "service.unavailable", "30")
    world.stripe_works()
    world.clock.advance(seconds=30)
    again = tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k")
    assert (again.status, again.data["status"]) == (200, "paid")
    assert len(world.charges(tenant)) == 1


def test_a_busy_stripe_is_asked_again_under_the_same_key(world: World, tenant: Tenant) -> None:
    world.sandbox.post("faults", kind="status", status=500, method="POST", path="/v1/payment_intents$", times=1)
    assert tenant.subscribe()["state"] == "active"
    assert len(world.charges(tenant)) == 1


def test_while_stripe_is_down_nothing_is_begun(world: World, tenant: Tenant) -> None:
    tenant.plan()
    world.stripe_fails("status", "/v1/customers$", status=503)
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "paymentMethodId": "pm_card_visa"}
    answer = tenant.post("/v1/subscriptions", body, idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert tenant.get("/v1/subscriptions").data == tenant.get("/v1/invoices").data == []
    world.stripe_works()
    assert tenant.post("/v1/subscriptions", body, idempotency_key="k").data["state"] == "active"
    assert len(world.charges(tenant)) == 1
