"""Issue 11, number 13: what Stripe refused without doing it is not pending, and a parked payment locks nothing."""

from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.due import Due, wall_clock_shard
from billing.domain.payments.payment import Payment
from billing.services.kernel.work import Ref
from tests.integration.payer import ask_sale, open_invoice, saved_method
from tests.integration.payments.credentials import NO_KEY, alarms, key
from tests.integration.steps import event_types
from tests.integration.world import Answer, Json, Tenant, World

SUBSCRIPTION: Json = {"planId": "business-monthly", "quantities": {"seats": 1}}


def statuses(tenant: Tenant, **query: Any) -> list[str]:
    return sorted(each["status"] for each in tenant.get("/v1/payments", **query).data)


def unsent(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable"), answer.json
    assert int(answer.headers["Retry-After"]) == 10


@pytest.fixture
def method(tenant: Tenant) -> str:
    return saved_method(tenant)


@pytest.mark.parametrize("way", ["401", "429"])
def test_a_client_that_tries_again_under_new_keys_is_charged_once(
    world: World, tenant: Tenant, method: str, way: str
) -> None:
    """Three tries while Stripe takes no request, one after: one charge, and none of the three comes later."""
    if way == "429":
        world.stripe_fails("status", "/v1/payment_intents$", method="POST", status=429)
        for _ in range(3):
            unsent(ask_sale(tenant, None))
        world.stripe_works()
    else:
        with key(world, NO_KEY):
            for _ in range(3):
                unsent(ask_sale(tenant, None))
            assert "stripe refuses our key" in alarms(world)
    assert statuses(tenant) == ["canceled", "canceled", "canceled", "succeeded"]
    assert ask_sale(tenant, None).status == 201
    world.clock.advance(hours=2)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    world.deliver_all(tenant)
    assert len(world.charges(tenant)) == 2  # the one that saved the method, and this
    assert event_types(world, tenant).count("payment.failed") == 0


def test_the_same_key_tried_again_charges_once(world: World, tenant: Tenant, method: str) -> None:
    with key(world, NO_KEY):
        unsent(ask_sale(tenant, None, idempotency_key="k"))
        world.clock.advance(seconds=11)
        unsent(ask_sale(tenant, None, idempotency_key="k"))
    world.clock.advance(seconds=11)
    first = ask_sale(tenant, None, idempotency_key="k")
    assert (first.status, first.data["status"], first.data["error"]) == (201, "succeeded", None)
    again = ask_sale(tenant, None, idempotency_key="k")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert statuses(tenant) == ["succeeded", "succeeded"]
    assert len(world.charges(tenant)) == 2


def test_a_retry_whose_charge_got_lost_is_asked_about_and_not_made_twice(
    world: World, tenant: Tenant, method: str
) -> None:
    with key(world, NO_KEY):
        unsent(ask_sale(tenant, None, idempotency_key="k"))
    world.clock.advance(seconds=11)
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    lost = ask_sale(tenant, None, idempotency_key="k")
    assert (lost.status, lost.headers["Retry-After"]) == (503, "30")
    assert statuses(tenant) == ["pending", "succeeded"]
    world.stripe_works()
    world.clock.advance(seconds=61)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert statuses(tenant) == ["succeeded", "succeeded"]
    assert ask_sale(tenant, None, idempotency_key="k").data["status"] == "succeeded"
    assert len(world.charges(tenant)) == 2


def test_a_try_that_may_have_been_heard_stays_unknown(world: World, tenant: Tenant, method: str) -> None:
    """The first try was cut off after Stripe had charged; that the second is turned away says nothing of the first."""
    world.sandbox.post("faults", kind="drop_after", path="/v1/payment_intents$", method="POST", times=1)
    world.sandbox.post("faults", kind="status", status=429, path="/v1/payment_intents$", method="POST", times=1)
    assert ask_sale(tenant, None).headers["Retry-After"] == "30"
    assert statuses(tenant) == ["pending", "succeeded"]
    world.stripe_works()
    world.clock.advance(seconds=61)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert statuses(tenant) == ["succeeded", "succeeded"]
    assert len(world.charges(tenant)) == 2


# Invoices


def test_an_invoice_is_not_locked_by_a_charge_that_was_never_sent(world: World, tenant: Tenant, method: str) -> None:
    invoice = open_invoice(tenant)["id"]
    with key(world, NO_KEY):
        unsent(tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="old"))
        unsent(tenant.post(f"/v1/invoices/{invoice}/pay"))
    assert tenant.get(f"/v1/invoices/{invoice}").data["status"] == "open"
    assert tenant.post(f"/v1/invoices/{invoice}/pay").data["status"] == "paid"
    world.clock.advance(seconds=11)
    old = tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="old")
    assert (old.status, old.error["code"]) == (409, "invoice.invalid_state")
    assert statuses(tenant, invoice=invoice) == ["canceled", "canceled", "succeeded"]
    assert "invoice.payment_failed" not in event_types(world, tenant)


def test_the_same_key_pays_the_invoice_once(world: World, tenant: Tenant, method: str) -> None:
    invoice = open_invoice(tenant)["id"]
    with key(world, NO_KEY):
        unsent(tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k"))
    world.clock.advance(seconds=11)
    assert tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k").data["status"] == "paid"
    assert tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k").data["status"] == "paid"
    assert statuses(tenant, invoice=invoice) == ["succeeded"]
    assert len(world.charges(tenant)) == 2


def test_what_is_credited_meanwhile_is_not_charged_by_an_old_key(world: World, tenant: Tenant, method: str) -> None:
    invoice = open_invoice(tenant)["id"]
    with key(world, NO_KEY):
        unsent(tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k"))
    note = tenant.post(f"/v1/invoices/{invoice}/credit-notes", {"amount": 1_000_000})
    assert note.status == 201
    world.clock.advance(seconds=11)
    answer = tenant.post(f"/v1/invoices/{invoice}/pay", idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")
    paid = tenant.post(f"/v1/invoices/{invoice}/pay").data
    assert (paid["status"], paid["amountPaid"]) == ("paid", 3_999_000)


def test_dunning_goes_on_as_if_nothing_had_been_tried(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe()
    (card,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline="generic_decline")
    world.clock.advance(days=31, hours=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    (renewal,) = tenant.get("/v1/invoices", status="open").data
    before = world.rows_of("invoices", tenant.id)
    with key(world, NO_KEY):
        unsent(tenant.post(f"/v1/invoices/{renewal['id']}/pay"))
    dues = [[row.get("due_at") for row in rows] for rows in (before, world.rows_of("invoices", tenant.id))]
    assert dues[0] == dues[1] != []
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "past_due"


# Subscriptions


def test_a_subscription_whose_first_charge_was_never_sent_begins_with_the_same_key(
    world: World, tenant: Tenant, method: str
) -> None:
    tenant.plan()
    with key(world, NO_KEY):
        for idempotency_key in ("k", "other"):
            unsent(tenant.post("/v1/subscriptions", SUBSCRIPTION, idempotency_key=idempotency_key))
    world.clock.advance(seconds=11)
    made = tenant.post("/v1/subscriptions", SUBSCRIPTION, idempotency_key="k")
    assert (made.status, made.data["state"]) == (201, "active")
    assert tenant.post("/v1/subscriptions", SUBSCRIPTION, idempotency_key="k").data["id"] == made.data["id"]
    world.clock.advance(hours=24)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert sorted(each["state"] for each in tenant.get("/v1/subscriptions").data) == ["active", "canceled"]
    assert len(world.charges(tenant)) == 2


# Parked


@pytest.fixture
def parked(world: World, tenant: Tenant, request: pytest.FixtureRequest) -> str:
    """The invoice of a payment without an outcome that nobody asks about any more."""
    tenant.subscribe("pm_card_visa", trialDays=3)
    world.stripe_fails(request.param, "/v1/payment_intents$", method="POST")
    answer = tenant.post(
        "/v1/invoices", {"lines": [{"description": "Work", "amount": 5_000_000}], "autoFinalize": True}
    )
    invoice = str(answer.data["id"])
    assert tenant.post(f"/v1/invoices/{invoice}/pay").status == 503
    world.stripe_works()
    world.clock.advance(hours=30)
    _park(tenant)
    return invoice


def _park(tenant: Tenant) -> None:
    """What the worker does with a payment that it has asked about for a day."""
    unit = storage.units().begin(tenant.id)
    (row,) = [each for each in tenant.get("/v1/payments").data if each["status"] == "pending"]
    ref = Ref(Payment, tenant.id, row["id"])
    unit.save(replace(unit.load(ref).require(ref), due=None))
    unit.commit()


@pytest.mark.parametrize("parked", ["drop_before"], indirect=True)
def test_a_parked_payment_that_was_never_made_lets_its_invoice_be_paid(
    world: World, tenant: Tenant, parked: str
) -> None:
    paid = tenant.post(f"/v1/invoices/{parked}/pay")
    assert (paid.status, paid.data["status"]) == (200, "paid"), paid.json
    assert statuses(tenant, invoice=parked) == ["failed", "succeeded"]
    assert len(world.charges(tenant)) == 1


@pytest.mark.parametrize("parked", ["drop_after"], indirect=True)
def test_a_parked_payment_that_was_made_pays_its_invoice(world: World, tenant: Tenant, parked: str) -> None:
    paid = tenant.post(f"/v1/invoices/{parked}/pay")
    assert (paid.status, paid.data["status"]) == (200, "paid"), paid.json
    assert statuses(tenant, invoice=parked) == ["succeeded"]
    assert len(world.charges(tenant)) == 1


@pytest.mark.parametrize("parked", ["drop_before"], indirect=True)
@pytest.mark.parametrize("what", ["void", "credit"])
def test_a_parked_payment_keeps_nobody_from_taking_its_invoice_back(
    world: World, tenant: Tenant, parked: str, what: str
) -> None:
    if what == "void":
        assert tenant.post(f"/v1/invoices/{parked}/void").data["status"] == "void"
    else:
        answer = tenant.post(f"/v1/invoices/{parked}/credit-notes", {"amount": 5_000_000})
        assert answer.status == 201, answer.json
    assert statuses(tenant, invoice=parked) == ["failed"]


def test_a_parked_first_payment_does_not_keep_a_subscription_incomplete_for_ever(world: World, tenant: Tenant) -> None:
    world.stripe_fails("drop_before", "/v1/payment_intents$", method="POST")
    made = tenant.subscribe()
    assert (made["state"], statuses(tenant)) == ("incomplete", ["pending"])
    world.stripe_works()
    _park(tenant)
    world.clock.advance(hours=24)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "canceled"
    assert (statuses(tenant), tenant.only_invoice()["status"]) == (["failed"], "void")


def test_dunning_does_not_wait_for_a_parked_payment_for_ever(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe()
    (card,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline="generic_decline")
    world.clock.advance(days=31, hours=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline=None)
    world.stripe_fails("drop_before", "/v1/payment_intents$", method="POST")
    (renewal,) = tenant.get("/v1/invoices", status="open").data
    assert tenant.post(f"/v1/invoices/{renewal['id']}/pay").status == 503
    _park(tenant)
    unit = storage.units().begin(tenant.id)
    ref = Ref(Invoice, tenant.id, renewal["id"])
    invoice = unit.load(ref).require(ref)
    unit.save(replace(invoice, due=Due(wall_clock_shard(invoice.id, 16), unit.now)))
    unit.commit()
    world.work(*(f"{shard:02d}" for shard in range(16)))  # Stripe is still silent: an hour later
    assert statuses(tenant, invoice=renewal["id"]) == ["failed", "pending"]
    world.stripe_works()
    world.clock.advance(days=2)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    world.clock.advance(days=2)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert statuses(tenant, invoice=renewal["id"]) == ["failed", "failed", "succeeded"]
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"
