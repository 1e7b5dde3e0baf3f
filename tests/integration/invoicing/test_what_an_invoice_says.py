"""Issue 11, number 23: a preview says what the invoice will say, and an open invoice says why nobody was charged."""

import pytest

from tests.integration.invoices import balance_of, clocked, line, make, read
from tests.integration.steps import advance, flat
from tests.integration.subscriptions.test_changes import newest, patch, seats
from tests.integration.world import Json, Tenant, World

NEXT = "2027-02-01T00:00:00Z"
NO_METHOD = {"code": "validation.payment_method.invalid", "declineCode": None,
             "message": "The customer has no payment method"}  # fmt: skip
FIGURES = ("currency", "subtotal", "discount", "tax", "taxIncluded", "total", "balanceApplied", "amountCredited",
           "amountDue", "notes")  # fmt: skip


def figures(invoice: Json) -> Json:
    return {name: invoice[name] for name in FIGURES}


@pytest.mark.parametrize("back", [10, 5, 14])
def test_a_preview_says_what_is_credited_off_an_unpaid_invoice(world: World, tenant: Tenant, back: int) -> None:
    """20 seats in place of 10 are declined; of what fewer seats then give back, the open invoice takes its part first,
    and only the rest goes to the balance."""
    _, subscription = seats(world, tenant)
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    patch(tenant, subscription, quantities={"seats": 20}, prorationBehavior="invoice_now")
    unpaid = newest(tenant, subscription)
    wanted = {"quantities": {"seats": back}, "prorationBehavior": "invoice_now"}
    preview = tenant.post(f"/v1/subscriptions/{subscription}/preview", wanted).data
    assert read(tenant, unpaid) == unpaid
    patch(tenant, subscription, **wanted)
    made = newest(tenant, subscription)
    assert made["id"] != unpaid["id"]
    assert figures(preview) == figures(made)
    assert preview["amountCredited"] == max(-unpaid["amountDue"], preview["total"]) < 0
    assert balance_of(tenant, customer) == -preview["balanceApplied"]


def test_a_one_off_invoice_of_a_customer_without_a_card_says_why(world: World, tenant: Tenant) -> None:
    made = make(tenant, line(10_000), customerId=tenant.customer(), autoFinalize=True, autoCharge=True)
    assert (made["status"], made["paymentError"]) == ("open", NO_METHOD)
    answer = tenant.post(f"/v1/invoices/{made['id']}/pay")
    assert (answer.error["code"], answer.error["message"]) == (NO_METHOD["code"], NO_METHOD["message"])
    paid = tenant.post(f"/v1/invoices/{made['id']}/pay", {"paymentMethodId": "pm_card_visa"}).data
    assert (paid["status"], paid["paymentError"]) == ("paid", None)


def test_one_that_is_not_to_be_charged_lacks_nothing(tenant: Tenant) -> None:
    made = make(tenant, line(10_000), customerId=tenant.customer(), autoFinalize=True)
    assert (made["status"], made["paymentError"]) == ("open", None)


def test_a_renewal_without_a_card_says_why_and_so_does_each_dunning_step(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    plan = flat(tenant, "monthly", 3100)
    made = tenant.subscribe(None, planId=plan, quantities={}, customerId=customer, trialDays=31)
    advance(world, tenant, clock, NEXT)
    renewal = tenant.get("/v1/invoices", subscription=made["id"]).data[0]
    assert (renewal["status"], renewal["paymentError"]) == ("open", NO_METHOD)
    advance(world, tenant, clock, "2027-02-02T00:00:00Z")
    assert read(tenant, renewal)["paymentError"] == NO_METHOD


def test_a_card_that_goes_away_in_dunning_is_no_decline_any_more(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    plan = flat(tenant, "monthly", 3100)
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, NEXT)
    renewal = tenant.get("/v1/invoices", subscription=made["id"]).data[0]
    assert renewal["paymentError"]["code"] == "payment.insufficient_funds"
    assert tenant.delete(f"/v1/payment-methods/{method['id']}").status == 200
    advance(world, tenant, clock, "2027-02-02T00:00:00Z")
    assert read(tenant, renewal)["paymentError"] == NO_METHOD
