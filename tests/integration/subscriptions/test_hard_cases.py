"""Where two things happen to one sum of money, or time and numbers run to their ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from billing.domain.kernel.due import wall_clock_shard
from tests.integration.access.test_privacy import readable
from tests.integration.world import Answer, Json, Tenant, World

START = "2027-01-31T09:00:00Z"
THREE_DS = "pm_card_authenticationRequired"
DECLINED = "pm_card_chargeCustomerFail"
LONG = "x" * 3000


def subscription_of(tenant: Tenant, made: Json) -> Json:
    found: Json = tenant.get(f"/v1/subscriptions/{made['id']}").data
    return found


def invoices_of(tenant: Tenant, made: Json) -> list[Json]:
    """A subscription's invoices, oldest first."""
    found: list[Json] = tenant.get("/v1/invoices", subscription=made["id"]).data
    return found[::-1]


def listed(tenant: Tenant, path: str, query: Json) -> Answer:
    return tenant.get(path, **query)


def payments_by_attempt(tenant: Tenant) -> dict[int, Json]:
    return {payment["attempt"]: payment for payment in tenant.get("/v1/payments").data}


def pay(tenant: Tenant, invoice: Json, method: str | None = None) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": method} if method else None)


def at_stripe(world: World, intent_id: str) -> str:
    """A PaymentIntent's status."""
    return world.stripe.v1.payment_intents.retrieve(intent_id).status


def authenticate(world: World, intent_id: str, succeed: bool) -> None:
    """The payer's answer to the form."""
    world.sandbox.post(f"payment_intents/{intent_id}/authenticate", succeed=succeed)


def behave(world: World, method_id: str, decline: str | None) -> None:
    """What a card does from now on."""
    world.sandbox.post(f"payment_methods/{method_id}/behaviour", decline=decline)


def books(world: World, tenant: Tenant) -> dict[str, int]:
    """The balance of every account, in micro-units. Each entry has to balance."""
    sums: dict[str, int] = {}
    for row in world.rows_of("ledger", tenant.id):
        postings = json.loads(row["body"]["S"])["postings"]
        assert sum(posting["amount"]["micros"] for posting in postings) == 0
        for posting in postings:
            sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]["micros"]
    return sums


def emitted(world: World, tenant: Tenant) -> list[tuple[str, Json]]:
    """The type and the object of each of a tenant's events, in order of their ids."""
    from billing.bootstrap import storage

    rows = sorted(world.rows_of("events", tenant.id), key=lambda row: row["id"]["S"])
    opened = storage.vault().open
    return [
        (row["type"]["S"], json.loads(opened(tenant.id, f"event/{row['id']['S']}", row["body"]["S"]))["object"])
        for row in rows
    ]


def event_types(world: World, tenant: Tenant) -> list[str]:
    return [name for name, _ in emitted(world, tenant)]


def advance(world: World, tenant: Tenant, clock: str, to: str) -> None:
    answer = tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    assert answer.status == 202, answer.json
    world.drain()
    now = tenant.get(f"/v1/test-clocks/{clock}").data
    assert (now["status"], now["frozenTime"]) == ("ready", to)


@pytest.fixture
def clock(tenant: Tenant) -> str:
    made: str = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    return made


@pytest.fixture
def customer(tenant: Tenant, clock: str) -> str:
    """A customer on the clock."""
    return tenant.customer(testClockId=clock)


# An old form and a new card


def form_is_open(world: World, tenant: Tenant, intent: str) -> None:
    """The payer looks at the form and does nothing."""


def form_was_failed(world: World, tenant: Tenant, intent: str) -> None:
    """The payer failed to authenticate, and Stripe said so."""
    authenticate(world, intent, succeed=False)
    world.deliver_all(tenant)
    assert tenant.only_payment()["status"] == "failed"


def form_was_failed_unheard(world: World, tenant: Tenant, intent: str) -> None:
    """The payer failed to authenticate, and nobody told."""
    authenticate(world, intent, succeed=False)
    assert tenant.only_payment()["status"] == "requires_action"


@pytest.mark.parametrize("before", [form_is_open, form_was_failed, form_was_failed_unheard])
def test_an_old_form_and_a_new_card_cannot_both_pay(
    world: World, tenant: Tenant, before: Callable[[World, Tenant, str], None]
) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    assert made["clientSecret"].startswith(old)
    before(world, tenant, old)
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["amountPaid"]) == ("paid", 0, invoice["total"])
    assert at_stripe(world, old) == "canceled"
    # The form is of no use any more.
    with pytest.raises(Exception, match="canceled"):
        world.stripe.v1.payment_intents.confirm(old, {"payment_method": "pm_card_visa"})
    world.deliver_all(tenant)
    (charge,) = world.charges(tenant)
    attempts = payments_by_attempt(tenant)
    assert attempts[1]["status"] in ("failed", "canceled")
    assert (attempts[2]["status"], attempts[2]["paymentIntentId"]) == ("succeeded", charge["id"])
    assert subscription_of(tenant, made)["state"] == "active"
    assert tenant.only_invoice()["amountDue"] == 0
    assert books(world, tenant)["receivable"] == 0


def test_a_payer_who_was_faster_has_paid_and_the_new_card_is_not_charged(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    authenticate(world, old, succeed=True)
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["attemptCount"]) == ("paid", 0, 1)
    payment = tenant.only_payment()
    assert (payment["status"], payment["paymentIntentId"], payment["settledBy"]) == ("succeeded", old, "request")
    assert [charge["id"] for charge in world.charges(tenant)] == [old]
    assert subscription_of(tenant, made)["state"] == "active"
    before = books(world, tenant)
    world.deliver_all(tenant)  # the news, late
    assert books(world, tenant) == before
    assert before["receivable"] == 0
    assert event_types(world, tenant).count("invoice.paid") == 1


def test_a_payer_who_used_the_failed_form_again_was_faster_as_well(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    form_was_failed(world, tenant, old)
    (method,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", auth=None)
    world.stripe.v1.payment_intents.confirm(old, {"payment_method": method["id"]})
    assert (at_stripe(world, old), tenant.only_payment()["status"]) == ("succeeded", "failed")
    paid = pay(tenant, invoice, "pm_card_visa").data
    assert (paid["status"], paid["amountDue"], paid["attemptCount"]) == ("paid", 0, 1)
    assert (tenant.only_payment()["status"], tenant.only_payment()["error"]) == ("succeeded", None)
    assert [charge["id"] for charge in world.charges(tenant)] == [old]
    assert subscription_of(tenant, made)["state"] == "active"


def test_paying_by_a_payment_that_was_faster_answers_with_that_payment(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment(), tenant.only_invoice()
    authenticate(world, old["paymentIntentId"], succeed=True)
    answer = tenant.post("/v1/payments", {"invoiceId": invoice["id"], "paymentMethodId": "pm_card_visa"})
    assert (answer.data["id"], answer.data["status"]) == (old["id"], "succeeded")
    assert len(world.charges(tenant)) == 1


def test_a_retry_of_a_payment_that_took_back_another_charges_once(world: World, tenant: Tenant) -> None:
    """Stripe is silent after the old payment was taken back: the retry goes on from the attempt."""
    tenant.subscribe(THREE_DS)
    old, invoice = tenant.only_payment()["paymentIntentId"], tenant.only_invoice()
    path, body = f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"}
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    assert tenant.post(path, body, idempotency_key="k").status == 503
    world.stripe_works()
    world.clock.advance(seconds=30)
    assert tenant.post(path, body, idempotency_key="k").data["status"] == "paid"
    assert (len(world.charges(tenant)), at_stripe(world, old)) == (1, "canceled")


def test_while_the_old_payment_cannot_be_taken_back_nothing_is_charged(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    world.stripe_fails("status", "/cancel$", status=503)
    answer = pay(tenant, invoice, "pm_card_visa")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert len(world.intents(tenant)) == 1
    assert tenant.only_invoice() == invoice
    world.stripe_works()
    assert pay(tenant, invoice, "pm_card_visa").data["status"] == "paid"
    assert len(world.charges(tenant)) == 1


def test_a_new_card_that_cannot_be_attached_leaves_the_invoice_payable(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    assert pay(tenant, invoice, "pm_card_chargeDeclined").error["code"] == "validation.payment_method.invalid"
    assert pay(tenant, invoice, "pm_card_visa").data["status"] == "paid"
    world.deliver_all(tenant)
    assert (len(world.charges(tenant)), tenant.only_invoice()["amountDue"]) == (1, 0)


# What never began


def expire(world: World, made: Json, hours: float = 23) -> None:
    """Let time pass, and the subscription's shard be worked."""
    world.clock.advance(hours=hours, seconds=1)
    assert world.work(wall_clock_shard(made["id"], 16)) == {"batchItemFailures": []}


def assert_given_up(world: World, tenant: Tenant, made: Json) -> None:
    after, invoice = subscription_of(tenant, made), tenant.only_invoice()
    assert (after["state"], invoice["status"]) == ("canceled", "void")
    assert after["canceledAt"] is not None
    assert books(world, tenant) == {"receivable": 0, "revenue": 0}
    assert world.charges(tenant) == []
    events = event_types(world, tenant)
    assert (events.count("invoice.voided"), events.count("subscription.canceled")) == (1, 1)
    assert events.index("invoice.voided") < events.index("subscription.canceled")
    answer = pay(tenant, invoice, "pm_card_visa")
    assert (answer.status, answer.error["code"]) == (409, "invoice.invalid_state")
    assert world.charges(tenant) == []


def end_by_time(world: World, tenant: Tenant, made: Json) -> None:
    expire(world, made)


def end_by_request(world: World, tenant: Tenant, made: Json) -> None:
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel").status == 200


def end_by_request_at_period_end(world: World, tenant: Tenant, made: Json) -> None:
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel", {"atPeriodEnd": True}).status == 200


ENDS = [end_by_time, end_by_request, end_by_request_at_period_end]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", [DECLINED, THREE_DS, None])
def test_an_incomplete_subscription_ends_and_its_invoice_is_void(
    world: World, tenant: Tenant, method: str | None, end: Callable[[World, Tenant, Json], None]
) -> None:
    made = tenant.subscribe(method)
    assert made["state"] == "incomplete"
    end(world, tenant, made)
    assert_given_up(world, tenant, made)
    assert {intent["status"] for intent in world.intents(tenant)} <= {"canceled"}


def test_until_then_it_is_left_alone(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(DECLINED)
    expire(world, made, hours=22.9)
    assert (subscription_of(tenant, made)["state"], tenant.only_invoice()["status"]) == ("incomplete", "open")


def test_it_ends_once_however_often_its_shard_is_worked(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(DECLINED)
    for _ in range(3):
        expire(world, made)
    assert_given_up(world, tenant, made)


def test_what_is_ended_cannot_be_canceled_again(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(DECLINED)
    expire(world, made)
    answer = tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    assert (answer.status, answer.error["code"]) == (409, "subscription.invalid_state")


@pytest.mark.parametrize("method", [DECLINED, THREE_DS])
def test_on_a_test_clock_it_ends_at_the_clocks_time(
    world: World, tenant: Tenant, clock: str, customer: str, method: str
) -> None:
    made = tenant.subscribe(method, customerId=customer)
    advance(world, tenant, clock, "2027-02-01T07:59:59Z")
    assert subscription_of(tenant, made)["state"] == "incomplete"
    advance(world, tenant, clock, "2027-06-01T00:00:00Z")
    assert subscription_of(tenant, made)["canceledAt"] == "2027-02-01T08:00:00Z"
    assert_given_up(world, tenant, made)


def test_on_a_test_clock_it_is_canceled_at_the_clocks_time(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(DECLINED, customerId=customer)
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel").data["canceledAt"] == START
    advance(world, tenant, clock, "2027-06-01T00:00:00Z")
    assert_given_up(world, tenant, made)


@pytest.mark.parametrize("end", ENDS)
def test_where_its_payer_paid_meanwhile_it_is_active_instead(
    world: World, tenant: Tenant, end: Callable[[World, Tenant, Json], None]
) -> None:
    made = tenant.subscribe(THREE_DS)
    authenticate(world, tenant.only_payment()["paymentIntentId"], succeed=True)
    end(world, tenant, made)
    assert (subscription_of(tenant, made)["state"], tenant.only_invoice()["status"]) == ("active", "paid")
    assert (len(world.charges(tenant)), books(world, tenant)["receivable"]) == (1, 0)
    (row,) = world.rows_of("subscriptions", tenant.id)
    assert row["due_at"]["S"][:19] == made["currentPeriod"]["end"][:19]


def test_on_a_test_clock_it_is_active_where_its_payer_paid_meanwhile(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(THREE_DS, customerId=customer)
    authenticate(world, tenant.only_payment()["paymentIntentId"], succeed=True)
    advance(world, tenant, clock, "2027-02-02T00:00:00Z")
    assert (subscription_of(tenant, made)["state"], tenant.only_invoice()["status"]) == ("active", "paid")
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", auth=None)
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, made)] == ["paid", "paid"]


def test_a_subscription_whose_payment_has_no_outcome_is_not_ended(world: World, tenant: Tenant) -> None:
    """It may still succeed: nothing is void before Stripe has said so."""
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    made = tenant.subscribe()
    world.stripe_works()
    answer = tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")
    payment_shard = wall_clock_shard(tenant.only_payment()["id"], 16)
    expire(world, made)
    if payment_shard != wall_clock_shard(made["id"], 16):  # else the payment came first, in the same turn
        assert (subscription_of(tenant, made)["state"], tenant.only_invoice()["status"]) == ("incomplete", "open")
    assert world.work(payment_shard) == {"batchItemFailures": []}
    assert (subscription_of(tenant, made)["state"], tenant.only_invoice()["status"]) == ("active", "paid")
    assert len(world.charges(tenant)) == 1


# Whose card


def test_each_subscription_is_charged_by_its_own_card(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    a = tenant.subscribe("pm_card_visa", customerId=customer)
    b = tenant.subscribe("pm_card_mastercard", customerId=customer)
    card_1, card_2 = a["paymentMethodId"], b["paymentMethodId"]
    assert card_1 != card_2
    behave(world, card_2, "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    renewal_a, renewal_b = invoices_of(tenant, a)[-1], invoices_of(tenant, b)[-1]
    by_invoice = {payment["invoiceId"]: payment for payment in tenant.get("/v1/payments").data}
    charged_a, charged_b = by_invoice[renewal_a["id"]], by_invoice[renewal_b["id"]]
    assert (charged_a["paymentMethodId"], charged_a["status"]) == (card_1, "succeeded")
    assert (charged_b["paymentMethodId"], charged_b["status"]) == (card_2, "failed")
    assert [subscription_of(tenant, made)["state"] for made in (a, b)] == ["active", "past_due"]
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == card_1
    sent = [intent for intent in world.intents(tenant) if intent["status"] == "succeeded"]
    assert sorted(intent["payment_method"] for intent in sent) == sorted([card_1, card_1, card_2])


def test_the_card_that_paid_an_invoice_is_its_subscriptions_from_then_on(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    a = tenant.subscribe("pm_card_visa", customerId=customer)
    b = tenant.subscribe("pm_card_mastercard", customerId=customer)
    behave(world, b["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert pay(tenant, invoices_of(tenant, b)[-1], "pm_card_amex").data["status"] == "paid"
    after = subscription_of(tenant, b)
    assert after["paymentMethodId"] not in (a["paymentMethodId"], b["paymentMethodId"])
    assert after["state"] == "active"
    assert subscription_of(tenant, a)["paymentMethodId"] == a["paymentMethodId"]
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == a["paymentMethodId"]
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    renewal = invoices_of(tenant, b)[-1]
    (charged,) = [p for p in tenant.get("/v1/payments").data if p["invoiceId"] == renewal["id"]]
    assert (charged["paymentMethodId"], charged["status"]) == (after["paymentMethodId"], "succeeded")


# Past due


def without_dunning(world: World, tenant: Tenant) -> None:
    """Nothing is tried again, and what is unpaid stays so."""
    settings = {"dunning": {"scheduleDays": [], "action": "left"}}
    assert tenant.patch(f"/v1/tenants/{tenant.id}", settings).status == 200
    world.clock.advance(seconds=61)  # settings are cached for a minute


def test_past_due_lasts_until_the_last_unpaid_invoice_is_paid(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    without_dunning(world, tenant)
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert subscription_of(tenant, made)["state"] == "past_due"
    behave(world, made["paymentMethodId"], None)
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    _, unpaid, latest = invoices_of(tenant, made)
    assert (unpaid["status"], latest["status"]) == ("open", "paid")
    assert subscription_of(tenant, made)["state"] == "past_due"
    assert pay(tenant, unpaid).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "active"
    assert books(world, tenant)["receivable"] == 0
    types = event_types(world, tenant)
    assert types.count("subscription.past_due") == 1


def test_of_two_unpaid_invoices_either_may_be_paid_first(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    without_dunning(world, tenant)
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    behave(world, made["paymentMethodId"], None)
    _, first, second = invoices_of(tenant, made)
    assert pay(tenant, second).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "past_due"
    assert pay(tenant, first).data["status"] == "paid"
    assert subscription_of(tenant, made)["state"] == "active"


# Events


def test_the_events_of_a_unit_sort_as_they_were_emitted_each_with_its_own_version(world: World, tenant: Tenant) -> None:
    tenant.subscribe()
    story = [(name, thing["version"]) for name, thing in emitted(world, tenant) if name.startswith("invoice.")]
    assert [name for name, _ in story] == ["invoice.created", "invoice.finalized", "invoice.paid"]
    versions = [version for _, version in story]
    assert versions == sorted(set(versions))
    assert [thing["status"] for name, thing in emitted(world, tenant) if name.startswith("invoice.")] == [
        "draft",
        "open",
        "paid",
    ]
    assert versions[-1] == tenant.only_invoice()["version"]


def test_a_thing_never_has_one_version_with_two_contents(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """Over a renewal, a decline, a new card and a cancellation: who reads by version never reads backwards."""
    made = tenant.subscribe(customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    pay(tenant, invoices_of(tenant, made)[-1], "pm_card_mastercard")
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel")
    seen: dict[str, list[Json]] = {}
    for _, thing in emitted(world, tenant):
        seen.setdefault(thing["id"], []).append(thing)
    assert len(seen) >= 6
    for states in seen.values():
        versions = [state["version"] for state in states]
        assert versions == sorted(versions), versions
        by_version: dict[int, Json] = {}
        for state in states:
            assert by_version.setdefault(state["version"], state) == state
    final = subscription_of(tenant, made)
    assert seen[made["id"]][-1]["version"] == final["version"]


# For nothing


FREE: list[Json] = [{"key": "base", "type": "flat", "unitAmount": 0}]


@pytest.mark.parametrize("method", ["pm_card_visa", None])
def test_a_free_plan_is_paid_at_once_and_nothing_is_charged(world: World, tenant: Tenant, method: str | None) -> None:
    tenant.plan(id="free", components=FREE)
    made = tenant.subscribe(method, planId="free", quantities={})
    assert made["state"] == "active"
    invoice = tenant.only_invoice()
    assert (invoice["status"], invoice["total"], invoice["amountDue"]) == ("paid", 0, 0)
    assert (invoice["number"], invoice["attemptCount"]) == ("ACME-000001", 0)
    assert invoice["paidAt"] == invoice["finalizedAt"]
    assert event_types(world, tenant).count("invoice.paid") == 1
    assert tenant.get("/v1/payments").data == world.intents(tenant) == world.rows_of("ledger", tenant.id) == []
    assert pay(tenant, invoice, "pm_card_visa").status == 409
    (row,) = world.rows_of("subscriptions", tenant.id)
    assert row["due_at"]["S"][:19] == made["currentPeriod"]["end"][:19]


def test_a_free_plan_renews_for_nothing(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    tenant.plan(id="free", components=FREE)
    made = tenant.subscribe(None, planId="free", quantities={}, customerId=customer)
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, made)] == ["paid", "paid"]
    assert subscription_of(tenant, made)["state"] == "active"
    assert event_types(world, tenant).count("invoice.paid") == 2
    assert world.intents(tenant) == []


# The tenant's own data


SELLER: Json = {
    "legalName": "Kranichfeder Handelsgesellschaft",
    "address": {"line1": "Amselweg 99", "city": "Unterlaufingen", "postalCode": "94229", "country": "AT"},
    "taxId": "ATU12345678",
    "email": "rechnungen@kranichfeder.example",
}


def test_the_tenants_own_personal_data_is_in_no_table_in_clear(world: World) -> None:
    tenant = world.tenant(**SELLER)
    shown = tenant.get(f"/v1/tenants/{tenant.id}").data
    tenant.subscribe()
    stored = json.dumps({table: world.rows(table) for table in world.tables}, ensure_ascii=False)
    assert tenant.id in stored
    for secret in ("Kranichfeder", "Amselweg", "Unterlaufingen", "ATU12345678", "rechnungen@", "kranichfeder.example"):
        assert not readable(stored, secret), secret
    assert {name: shown[name] for name in ("legalName", "taxId", "email")} == {
        name: SELLER[name] for name in ("legalName", "taxId", "email")
    }
    assert shown["address"] == {"line2": None, "state": None, **SELLER["address"]}
    assert tenant.only_invoice()["seller"]["name"] == SELLER["legalName"]


# Times at their ends


@pytest.mark.parametrize("to", ["2029-02-03T09:00:01Z", "2127-01-01T00:00:00Z"])
def test_a_test_clock_advances_two_years_at_most(tenant: Tenant, clock: str, to: str) -> None:
    answer = tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    assert (answer.status, answer.bad_fields) == (400, {"frozenTime": "too_far_ahead"})
    assert tenant.get(f"/v1/test-clocks/{clock}").data["status"] == "ready"


def test_two_years_are_not_too_far(world: World, tenant: Tenant, clock: str) -> None:
    advance(world, tenant, clock, "2029-02-01T09:00:00Z")


OUT_OF_RANGE = [
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
]


@pytest.mark.parametrize("time", OUT_OF_RANGE)
def test_a_time_out_of_range_is_refused(tenant: Tenant, clock: str, time: str) -> None:
    for path in ("/v1/test-clocks", f"/v1/test-clocks/{clock}/advance"):
        answer = tenant.post(path, {"frozenTime": time})
        assert (answer.status, answer.bad_fields) == (400, {"frozenTime": "must_be_a_time"})
    for bound in ("from", "to"):
        answer = listed(tenant, "/v1/invoices", {bound: time})
        assert (answer.status, answer.bad_fields) == (400, {bound: "must_be_a_time"})


@pytest.mark.parametrize("bound", ["from", "to"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0300-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_instant_are_bounds_as_any_other(tenant: Tenant, bound: str, time: str) -> None:
    tenant.subscribe()
    found = listed(tenant, "/v1/invoices", {bound: time}).data
    assert len(found) == ((bound == "from") == (time[0] == "0"))


@pytest.mark.parametrize("more", [{}, {"trialDays": 730}], ids=["paid", "trial"])
@pytest.mark.parametrize("start", ["1970-01-01T00:00:00Z", "2499-12-31T23:59:59Z"])
def test_a_clock_may_stand_at_either_end_of_time(tenant: Tenant, start: str, more: Json) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": start}).data
    customer = tenant.customer(testClockId=clock["id"])
    tenant.plan(intervalCount=366, interval="year")
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, "customerId": customer, **more}
    assert tenant.post("/v1/subscriptions", body).status == 201


@pytest.mark.parametrize("start", ["1969-12-31T23:59:59Z", "2500-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_beyond_the_ends_of_time_no_clock_is_made(tenant: Tenant, start: str) -> None:
    refused = tenant.post("/v1/test-clocks", {"frozenTime": start})
    assert (refused.status, refused.bad_fields) == (400, {"frozenTime": "out_of_range"})


# Ids that are too long


@pytest.mark.parametrize("kind", ["customers", "subscriptions", "invoices", "payments", "test-clocks", "plans"])
def test_a_very_long_id_is_not_found(tenant: Tenant, kind: str) -> None:
    assert tenant.get(f"/v1/{kind}/{LONG}").status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/invoices/@/pay", None),
        ("/v1/subscriptions/@/cancel", None),
        ("/v1/test-clocks/@/advance", {"frozenTime": START}),
    ],
)
def test_a_very_long_id_is_not_found_to_write_to_either(tenant: Tenant, path: str, body: Any) -> None:
    assert tenant.post(path.replace("@", LONG), body).status == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/invoices", "customer"),
        ("/v1/invoices", "subscription"),
        ("/v1/subscriptions", "customer"),
        ("/v1/payments", "customer"),
        ("/v1/payment-methods", "customer"),
        ("/v1/customers", "email"),
        ("/v1/invoices", "status"),
    ],
)
def test_a_very_long_filter_finds_nothing(tenant: Tenant, path: str, name: str) -> None:
    tenant.subscribe(trialDays=1)
    answer = listed(tenant, path, {name: LONG})
    assert (answer.status, answer.data) == (200, [])


# Currencies


@pytest.fixture
def kuwaiti(world: World) -> Tenant:
    return world.tenant(currency="KWD")


def test_a_flat_amount_that_no_card_can_pay_is_refused(kuwaiti: Tenant) -> None:
    body = {
        "id": "p", "name": "P", "currency": "KWD", "interval": "month",
        "components": [
            {"key": "base", "type": "flat", "unitAmount": 5_125_000},
            {"key": "min", "type": "licensed", "unitAmount": 1, "minimum": 1000},
            {"key": "tiers", "type": "licensed", "model": "volume",
             "tiers": [{"upTo": None, "unitAmount": 1, "flatAmount": 15_000}]},
        ],
    }  # fmt: skip
    answer = kuwaiti.post("/v1/plans", body)
    assert (answer.status, answer.bad_fields) == (
        400,
        dict.fromkeys(
            ["components.0.unitAmount", "components.1.minimum", "components.2.tiers.0.flatAmount"],
            "not_chargeable_in_currency",
        ),
    )
    body["components"] = [{"key": "base", "type": "flat", "unitAmount": 5_120_000}]
    assert kuwaiti.post("/v1/plans", body).status == 201


@pytest.mark.parametrize(("seats", "fils"), [(1, 1230), (2, 2470), (3, 3700), (1000, 1_234_000)])
def test_per_unit_prices_in_dinars_are_rounded_to_ten_fils(
    world: World, kuwaiti: Tenant, seats: int, fils: int
) -> None:
    """1.234 a seat: 1.234 -> 1.230, 2.468 -> 2.470, 3.702 -> 3.700; 1000 seats are exact."""
    kuwaiti.plan(currency="KWD", components=[{"key": "seats", "type": "licensed", "unitAmount": 1_234_000}])
    kuwaiti.subscribe(quantities={"seats": seats})
    invoice = kuwaiti.only_invoice()
    assert (invoice["status"], invoice["total"]) == ("paid", fils * 1000)
    (charge,) = world.charges(kuwaiti)
    assert (charge["amount_received"], charge["currency"]) == (fils, "kwd")
    assert invoice["amountPaid"] == charge["amount_received"] * 1000


@pytest.mark.parametrize(
    ("currency", "unit_amount", "at_stripes"),
    [("MGA", 10_000_000, 100), ("ISK", 500_000, 50_000), ("UGX", 5_000_000, 500_000), ("JPY", 500_000, 500)],
)
def test_stripe_is_asked_in_its_own_units(world: World, currency: str, unit_amount: int, at_stripes: int) -> None:
    tenant = world.tenant(currency=currency)
    tenant.plan(currency=currency, components=[{"key": "base", "type": "flat", "unitAmount": unit_amount}])
    assert tenant.subscribe(quantities={})["state"] == "active"
    (charge,) = world.charges(tenant)
    assert (charge["amount_received"], charge["currency"]) == (at_stripes, currency.lower())
    assert (tenant.only_invoice()["total"], tenant.only_payment()["amount"]) == (unit_amount, unit_amount)


def test_part_of_an_ariary_is_refused(world: World) -> None:
    tenant = world.tenant(currency="MGA")
    component = {"key": "base", "type": "flat", "unitAmount": 10_001_000}
    body = {"id": "p", "name": "P", "currency": "MGA", "interval": "month", "components": [component]}
    assert tenant.post("/v1/plans", body).bad_fields == {"components.0.unitAmount": "not_chargeable_in_currency"}


# What cannot even be put off


def test_an_item_that_cannot_even_be_put_off_does_not_stop_the_others(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """Its row cannot be read, so it can neither be worked nor postponed: it stays due, and time goes on."""
    bad = tenant.subscribe(customerId=customer)
    advance(world, tenant, clock, "2027-01-31T10:00:00Z")
    good = tenant.subscribe(customerId=customer)
    (row,) = [row for row in world.rows_of("subscriptions", tenant.id) if row["id"]["S"] == bad["id"]]
    broken = row | {"body": {"S": "{"}}
    world.aws("dynamodb").put_item(TableName=world.tables["subscriptions"], Item=broken)
    world.logs.clear()
    advance(world, tenant, clock, "2027-02-28T10:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, good)] == ["paid", "paid"]
    assert len(invoices_of(tenant, bad)) == 1
    critical = [line for line in world.logs.lines if line["level"] == "CRITICAL"]
    assert [(line["message"], line["item_id"]) for line in critical] == [("due item cannot be put off", bad["id"])]
    # Mended, it is billed late, for the period that it is about.
    world.aws("dynamodb").put_item(TableName=world.tables["subscriptions"], Item=row)
    advance(world, tenant, clock, "2027-02-28T11:00:00Z")
    assert [invoice["status"] for invoice in invoices_of(tenant, bad)] == ["paid", "paid"]
