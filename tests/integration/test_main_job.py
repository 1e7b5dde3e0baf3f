"""A subscription, billed and paid: the whole path through the real handlers."""

import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from tests.integration.world import Tenant, World, event, request

FEE = 1_625_000
"""2.9 % of it and 0.30: Stripe's."""
PRICE = 4_999_000 + 100 * 500_000


def entries(world: World, tenant: Tenant) -> list[dict[str, Any]]:
    return [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]


def event_types(world: World, tenant: Tenant) -> list[str]:
    return [row["type"]["S"] for row in world.rows_of("events", tenant.id)]


def days_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(days=1)


def test_the_samples_request_of_the_contract_starts_a_trial(world: World, tenant: Tenant) -> None:
    """The example of the billing-service contract (docs/contract-coverage.md, "B"), without its coupon."""
    tenant.plan()
    sample = event("http_post")
    body = json.loads(sample["body"])
    assert body.pop("couponCode") == "LAUNCH2026"
    sample["body"] = json.dumps(body)
    sample["headers"]["x-api-key"] = tenant.key
    answer = request(sample)
    assert answer.status == 201
    made = answer.data
    assert made["id"].startswith("sub_")
    assert (made["state"], made["itemQuantities"]) == ("trialing", {"seats": 100})
    assert made["currentPeriod"]["end"] == made["trialEnd"]
    assert days_between(made["currentPeriod"]["start"], made["trialEnd"]) == 14
    assert made["customerId"] == tenant.data["defaultCustomerId"]
    assert tenant.get("/v1/invoices").data == []
    assert world.intents(tenant) == []


def test_a_trial_saves_the_payment_method_for_later(tenant: Tenant) -> None:
    customer = tenant.customer()
    tenant.subscribe(customerId=customer, trialDays=14)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    assert method["card"]["last4"] == "4242"
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == method["id"]


def test_without_a_trial_the_first_invoice_is_numbered_charged_and_paid(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    made = tenant.subscribe(customerId=customer)
    invoice = tenant.only_invoice(customer=customer)
    payment = tenant.only_payment()
    assert made["state"] == "active"
    assert (invoice["status"], invoice["number"], invoice["total"]) == ("paid", "ACME-000001", PRICE)
    assert (invoice["amountPaid"], invoice["amountDue"]) == (PRICE, 0)
    assert [line["amount"] for line in invoice["lines"]] == [4_999_000, 50_000_000]
    assert invoice["latestPaymentId"] == payment["id"]
    assert (payment["status"], payment["amount"], payment["settledBy"]) == ("succeeded", PRICE, "request")
    (charge,) = world.charges(tenant)
    assert (charge["amount"], charge["currency"], charge["id"]) == (54_999, "usd", payment["paymentIntentId"])


def test_the_plan_of_the_contract_costs_49_dollars_99(world: World, tenant: Tenant) -> None:
    """4999000 micro-units are $49.99, as in the example of the billing-service contract."""
    tenant.plan(components=[{"key": "base", "type": "flat", "unitAmount": 4_999_000}])
    tenant.subscribe(quantities={})
    (charge,) = world.charges(tenant)
    assert charge["amount"] == 4_999


def test_the_ledger_sums_to_zero_and_every_account_says_what_happened(world: World, tenant: Tenant) -> None:
    tenant.subscribe()
    balances: dict[str, int] = {}
    for entry in entries(world, tenant):
        assert sum(posting["amount"]["micros"] for posting in entry["postings"]) == 0
        for posting in entry["postings"]:
            balances[posting["account"]] = balances.get(posting["account"], 0) + posting["amount"]["micros"]
    assert balances == {"receivable": 0, "revenue": -PRICE, "cash": PRICE - FEE, "processing_fees": FEE}


def test_subscribers_will_see_each_step_once(world: World, tenant: Tenant) -> None:
    tenant.subscribe(customerId=tenant.customer())
    assert event_types(world, tenant) == [
        "customer.created",
        "customer.updated",  # its first card is its default
        "subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment.succeeded",
        "invoice.paid",
        "subscription.updated",
    ]


def test_nothing_is_told_twice(world: World, tenant: Tenant) -> None:
    tenant.subscribe(customerId=tenant.customer())
    world.deliver_all(tenant)
    assert sorted(event_types(world, tenant)) == [
        "customer.created",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "payment.succeeded",
        "subscription.created",
        "subscription.updated",
    ]


def test_every_call_leaves_one_audit_row(world: World, tenant: Tenant) -> None:
    answers = [
        tenant.post("/v1/customers", {"name": "A"}),
        tenant.get("/v1/customers"),
        tenant.post("/v1/customers", {}),
    ]
    rows = world.rows_of("audit", tenant.id)
    assert [row["request_id"]["S"] for row in rows] == [answer.headers["X-Request-Id"] for answer in answers]
    assert [(row["method"]["S"], row["route"]["S"], row["status"]["N"]) for row in rows] == [
        ("POST", "POST /v1/customers", "201"),
        ("GET", "GET /v1/customers", "200"),
        ("POST", "POST /v1/customers", "400"),
    ]
    assert {row["ip"]["S"] for row in rows} == {"203.0.113.7"}
    assert {row["principal"]["S"][:4] for row in rows} == {"key_"}
    assert all(int(row["duration_ms"]["N"]) >= 0 and row["at"]["S"].endswith("Z") for row in rows)


def test_the_webhook_of_a_charge_that_the_request_settled_changes_nothing(world: World, tenant: Tenant) -> None:
    tenant.subscribe()
    before = tenant.only_invoice()
    answers = world.deliver_all(tenant)
    assert answers != []
    assert {answer["statusCode"] for answer in answers} == {200}
    assert tenant.only_invoice() == before


def test_a_free_plan_is_invoiced_paid_and_never_charged(world: World, tenant: Tenant) -> None:
    tenant.plan(components=[{"key": "base", "type": "flat", "unitAmount": 0}])
    assert tenant.subscribe(quantities={})["state"] == "active"
    assert tenant.only_invoice()["status"] == "paid"
    assert world.intents(tenant) == []
    assert entries(world, tenant) == []


def test_without_a_payment_method_the_invoice_waits(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(None)
    assert made["state"] == "incomplete"
    assert tenant.only_invoice()["status"] == "open"
    assert world.intents(tenant) == []


def test_numbers_have_no_gaps(tenant: Tenant) -> None:
    for _ in range(3):
        tenant.subscribe(customerId=tenant.customer())
    numbers = {invoice["number"] for invoice in tenant.get("/v1/invoices").data}
    assert numbers == {f"ACME-{n:06d}" for n in (1, 2, 3)}


@pytest.mark.parametrize("base", ["/v1", "/api/v1"])
def test_both_base_paths_are_the_same_routes(tenant: Tenant, base: str) -> None:
    made = tenant.post(f"{base}/customers", {"name": "Ada"}).data
    for other in ("/v1", "/api/v1"):
        assert tenant.get(f"{other}/customers/{made['id']}").data == made


def test_a_repeat_on_the_other_base_path_is_the_same_request(tenant: Tenant) -> None:
    first = tenant.post("/v1/customers", {"name": "Ada"}, idempotency_key="k")
    again = tenant.post("/api/v1/customers", {"name": "Ada"}, idempotency_key="k")
    assert again.content == first.content


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Ada", "taxId": "DE1", "address": {"postalCode": "10115"}},
        {"name": "Ada", "tax_id": "DE1", "address": {"postal_code": "10115"}},
    ],
    ids=["camelCase", "snake_case"],
)
def test_requests_may_spell_fields_either_way_and_answers_are_camel(tenant: Tenant, body: dict[str, Any]) -> None:
    made = tenant.post("/v1/customers", body).data
    assert (made["taxId"], made["address"]["postalCode"]) == ("DE1", "10115")


def test_the_envelope_is_the_same_everywhere(tenant: Tenant) -> None:
    one, many = tenant.post("/v1/customers", {"name": "Ada"}), tenant.get("/v1/customers")
    assert set(one.json) == set(many.json) == {"data", "meta"}
    assert set(one.json["meta"]) == {"request_id", "timestamp"}
    assert set(many.json["meta"]) == {"request_id", "timestamp", "pagination"}
    assert one.json["meta"]["request_id"] == one.headers["X-Request-Id"]
    assert one.json["meta"]["timestamp"].endswith("Z")
    assert one.headers["Content-Type"] == "application/json"


def test_a_customer_can_be_read_and_changed(world: World, tenant: Tenant) -> None:
    customer = tenant.customer(taxId="DE123")
    changed = tenant.patch(f"/v1/customers/{customer}", {"name": "Zoë Ölmez-Kaya", "taxId": None}).data
    assert (changed["name"], changed["taxId"], changed["email"]) == ("Zoë Ölmez-Kaya", None, "zoe@example.com")
    assert tenant.get(f"/v1/customers/{customer}").data == changed
    assert event_types(world, tenant).count("customer.updated") == 1


def test_a_plan_of_the_platform_is_sold_by_every_tenant(world: World, tenant: Tenant) -> None:
    shared = "shared-" + tenant.id[-10:].lower()
    world.platform().plan(id=shared)
    assert tenant.get(f"/v1/plans/{shared}").data["catalog"] == "platform"
    assert (
        tenant.post("/v1/subscriptions", {"planId": shared, "quantities": {"seats": 1}, "trialDays": 1}).status == 201
    )
    assert shared not in [plan["id"] for plan in tenant.get("/v1/plans").data]


def test_the_pdf_shows_seller_buyer_number_lines_and_totals(tenant: Tenant) -> None:
    customer = tenant.customer(name="Łódź Ελλάδα GmbH", address={"line1": "Straße 5", "city": "Łódź", "country": "PL"})
    tenant.subscribe(customerId=customer)
    invoice = tenant.only_invoice(customer=customer)
    answer = tenant.get(f"/api/v1/invoices/{invoice['id']}/pdf")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    for expected in ("Acme", "Łódź Ελλάδα GmbH", "Straße 5", invoice["number"], "Business: seats", "$49.99", "$549.99"):
        assert expected in text


def test_an_invoice_can_be_paid_later_by_a_saved_method(world: World, tenant: Tenant) -> None:
    open_invoice = _open_invoice(tenant, tenant.customer())
    answer = tenant.post(f"/v1/invoices/{open_invoice['id']}/pay", {"paymentMethodId": open_invoice["card"]})
    assert (answer.status, answer.data["status"]) == (200, "paid")
    assert len(world.charges(tenant)) == 1
    again = tenant.post(f"/v1/invoices/{open_invoice['id']}/pay")
    assert (again.status, again.error["code"]) == (409, "invoice.invalid_state")
    assert len(world.charges(tenant)) == 1


def test_post_payments_charges_an_invoice_off_session(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    invoice = _open_invoice(tenant, customer)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice["id"], "paymentMethodId": "pm_card_visa"})
    assert (answer.status, answer.data["status"]) == (201, "succeeded")
    assert tenant.get(f"/v1/payments/{answer.data['id']}").data == answer.data
    assert tenant.get("/v1/payments", customer=customer, status="succeeded").data[0]["id"] == answer.data["id"]
    assert [p["attempt"] for p in tenant.get("/v1/payments", customer=customer).data] == [2, 1]


def _open_invoice(tenant: Tenant, customer: str) -> dict[str, Any]:
    """An open invoice whose card was declined, of a customer who has saved a good one since (``card``)."""
    tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
    tenant.subscribe("pm_card_visa", customerId=customer, trialDays=5)
    saved = tenant.get("/v1/payment-methods", customer=customer).data
    (card,) = [method["id"] for method in saved if method["card"]["last4"] == "4242"]
    return tenant.only_invoice(customer=customer, status="open") | {"card": card}


def test_cancel_at_once_ends_the_subscription(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe()
    canceled = tenant.post(f"/v1/subscriptions/{made['id']}/cancel").data
    assert canceled["state"] == "canceled"
    assert canceled["canceledAt"] is not None
    assert event_types(world, tenant).count("subscription.canceled") == 1
    again = tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    assert (again.status, again.error["code"]) == (409, "subscription.invalid_state")


def test_lists_filter_by_customer_subscription_status_and_time(tenant: Tenant) -> None:
    one, two = tenant.customer(), tenant.customer()
    first = tenant.subscribe(customerId=one)
    tenant.subscribe(None, customerId=two)
    paid = tenant.only_invoice(subscription=first["id"])
    assert tenant.only_invoice(customer=one) == paid == tenant.only_invoice(status="paid")
    assert tenant.only_invoice(subscription=first["id"], customer=one) == paid
    assert tenant.get("/v1/invoices", subscription=first["id"], customer=two).data == []
    assert tenant.get("/v1/invoices", to="2020-01-01T00:00:00Z").data == []
    assert len(tenant.get("/v1/invoices", from_="2020-01-01T00:00:00+01:00").data) == 2
    assert [s["id"] for s in tenant.get("/v1/subscriptions", customer=one, state="active").data] == [first["id"]]
    assert tenant.get("/v1/subscriptions", customer=one, state="canceled").data == []


@pytest.mark.parametrize("kind", ["subscriptions", "invoices"])
def test_a_tenants_list_is_the_list_of_its_path(tenant: Tenant, kind: str) -> None:
    tenant.subscribe()
    assert tenant.get(f"/v1/tenants/{tenant.id}/{kind}").data == tenant.get(f"/v1/{kind}").data != []


def test_a_known_api_version_is_echoed(tenant: Tenant) -> None:
    assert tenant.get("/v1/customers", headers={"X-API-Version": "1.0"}).headers["X-API-Version"] == "1.0"


def test_a_customer_is_found_by_email_in_any_case_and_only_in_its_tenant(world: World, tenant: Tenant) -> None:
    mine = tenant.customer(email="Zoe@Example.com")
    tenant.customer(email="other@example.com")
    world.tenant().customer(email="zoe@example.com")
    assert [found["id"] for found in tenant.get("/v1/customers", email="zoe@EXAMPLE.com").data] == [mine]
    tenant.patch(f"/v1/customers/{mine}", {"email": "new@example.com"})
    assert tenant.get("/v1/customers", email="zoe@example.com").data == []
    assert [found["id"] for found in tenant.get("/v1/customers", email="new@example.com").data] == [mine]
