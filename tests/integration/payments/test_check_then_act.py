"""Issue 11, number 10: a request that is refused has changed nothing outside. What may be refused comes first."""

from typing import Any

import pytest

from tests.integration.payer import ask_intent, intent, open_invoice, pay, saved_method
from tests.integration.world import Answer, Json, Tenant, World


@pytest.fixture
def form(tenant: Tenant) -> Json:
    """The form that a payer has open for an invoice."""
    invoice = open_invoice(tenant)["id"]
    return intent(tenant, invoiceId=invoice) | {"invoiceId": invoice}


def _payment(tenant: Tenant, invoice: str, method: str) -> Answer:
    return tenant.post("/v1/payments", {"invoiceId": invoice, "paymentMethodId": method})


def _intent(tenant: Tenant, invoice: str, method: str) -> Answer:
    return ask_intent(tenant, invoiceId=invoice, paymentMethodId=method)


def _pay(tenant: Tenant, invoice: str, method: str) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice}/pay", {"paymentMethodId": method})


def still_open(world: World, tenant: Tenant, form: Json) -> None:
    """Whether the payer can go on with the form, and does."""
    assert world.stripe.v1.payment_intents.retrieve(form["paymentIntentId"]).status == "requires_payment_method"
    assert pay(world, form) == 200
    world.deliver_all(tenant)
    assert tenant.get(f"/v1/invoices/{form['invoiceId']}").data["status"] == "paid"


@pytest.mark.parametrize("ask", [_payment, _intent, _pay])
@pytest.mark.parametrize("method", ["pm_1doesnotexist", "another customer's", "detached", "none"])
def test_a_method_that_is_refused_leaves_the_form_alone(
    world: World, tenant: Tenant, form: Json, ask: Any, method: str
) -> None:
    if method == "another customer's":
        method = saved_method(tenant, customerId=tenant.customer())
    elif method == "detached":
        method = saved_method(tenant)
        tenant.delete(f"/v1/payment-methods/{method}")
    if method == "none":  # nothing is named, and nothing is saved
        if ask is _intent:
            return
        body = {"invoiceId": form["invoiceId"]}
        path = "/v1/payments" if ask is _payment else f"/v1/invoices/{form['invoiceId']}/pay"
        answer = tenant.post(path, body if ask is _payment else {})
    else:
        answer = ask(tenant, form["invoiceId"], method)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    still_open(world, tenant, form)


def test_an_intent_that_names_another_amount_leaves_the_form_alone(world: World, tenant: Tenant, form: Json) -> None:
    answer = ask_intent(tenant, invoiceId=form["invoiceId"], amount=1_000_000, currency="USD")
    assert answer.status == 400
    still_open(world, tenant, form)


def test_while_stripe_opens_no_form_the_old_one_stays(world: World, tenant: Tenant, form: Json) -> None:
    world.stripe_fails("status", "/v1/payment_intents$", method="POST", status=429)
    assert ask_intent(tenant, invoiceId=form["invoiceId"]).status == 503
    world.stripe_works()
    still_open(world, tenant, form)


def test_a_new_form_takes_the_old_one_back(world: World, tenant: Tenant, form: Json) -> None:
    new = intent(tenant, invoiceId=form["invoiceId"])
    assert pay(world, form) != 200
    assert pay(world, new) == 200
    world.deliver_all(tenant)
    assert len(world.charges(tenant)) == 1


def test_who_pays_the_old_form_in_that_moment_has_paid(world: World, tenant: Tenant, form: Json) -> None:
    """The new form was opened first. Nobody ever gets its secret, and nobody can pay it."""
    assert pay(world, form) == 200  # its webhook is on its way
    answer = ask_intent(tenant, invoiceId=form["invoiceId"])
    assert (answer.status, answer.data["status"], answer.data["clientSecret"]) == (201, "succeeded", None)
    world.deliver_all(tenant)
    assert tenant.get(f"/v1/invoices/{form['invoiceId']}").data["status"] == "paid"
    assert [each["status"] for each in tenant.get("/v1/payments", invoice=form["invoiceId"]).data] == ["succeeded"]


@pytest.mark.parametrize("amount", [0, 10_000_000])
def test_a_credit_note_that_is_refused_leaves_the_form_alone(
    world: World, tenant: Tenant, form: Json, amount: int
) -> None:
    answer = tenant.post(f"/v1/invoices/{form['invoiceId']}/credit-notes", {"amount": amount})
    assert answer.status in (400, 422)
    still_open(world, tenant, form)


def test_a_dunning_day_that_charges_nothing_leaves_the_form_alone(world: World, tenant: Tenant) -> None:
    """The card was stolen, so no dunning day charges it; the payer has a form open meanwhile."""
    tenant.subscribe()
    (card,) = tenant.get("/v1/payment-methods").data
    world.sandbox.post(f"payment_methods/{card['id']}/behaviour", decline="stolen_card")
    world.clock.advance(days=31, hours=1)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    (renewal,) = tenant.get("/v1/invoices", status="open").data
    world.clock.advance(hours=12)
    form = intent(tenant, invoiceId=renewal["id"]) | {"invoiceId": renewal["id"]}
    dues = world.rows_of("invoices", tenant.id)
    world.clock.advance(hours=13)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert world.rows_of("invoices", tenant.id) != dues  # the day has come
    still_open(world, tenant, form)


def test_a_change_whose_method_is_refused_closes_no_usage(world: World, tenant: Tenant) -> None:
    tenant.meter()
    metered = {"key": "calls", "type": "metered", "meter": "api_calls", "unitAmount": 1_000}
    tenant.plan(components=[{"key": "base", "type": "flat", "unitAmount": 4_999_000}, metered])
    tenant.plan(id="large", components=[{"key": "base", "type": "flat", "unitAmount": 9_999_000}, metered])
    made = tenant.post("/v1/subscriptions", {"planId": "business-monthly", "paymentMethodId": "pm_card_visa"}).data
    before = world.rows("usage_totals")
    change = {"planId": "large", "paymentMethodId": "pm_1doesnotexist"}
    assert tenant.patch(f"/v1/subscriptions/{made['id']}", change).status == 400
    assert world.rows("usage_totals") == before
