"""What others do to methods and customers at Stripe, as its webhooks tell: the network, the dashboard, late events."""

import pytest

from tests.integration.payer import ask_sale, intent, outcomes, sale, saved_method
from tests.integration.steps import event_types
from tests.integration.world import Json, Tenant, World


def shown(tenant: Tenant) -> list[Json]:
    """The methods of the tenant's own customer."""
    return list(tenant.get("/v1/payment-methods").data)


def default_of(tenant: Tenant) -> str | None:
    customer = tenant.get(f"/v1/customers/{tenant.data['defaultCustomerId']}").data
    found: str | None = customer["defaultPaymentMethodId"]
    return found


def test_a_card_that_the_network_renews_is_shown_as_it_is_now(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    world.sandbox.post(f"payment_methods/{method}/renew", exp_month=1, exp_year=2039, last4="1881")
    world.deliver_all(tenant)
    (now,) = shown(tenant)
    assert now["card"] == {"brand": "visa", "last4": "1881", "expMonth": 1, "expYear": 2039}
    world.stripe.v1.payment_methods.update(method, {"card": {"exp_month": 2}})
    world.deliver_all(tenant)
    assert shown(tenant)[0]["card"]["expMonth"] == 2


def test_a_method_that_somebody_adds_in_the_dashboard_is_saved(world: World, tenant: Tenant) -> None:
    old = saved_method(tenant)
    (customer,) = world.stripe_customers(tenant)
    added = world.stripe.v1.payment_methods.attach("pm_card_amex", {"customer": customer}).id
    world.deliver_all(tenant)
    assert {each["id"]: each["card"]["brand"] for each in shown(tenant)} == {old: "visa", added: "amex"}
    assert default_of(tenant) == old


def test_a_method_that_somebody_removes_in_the_dashboard_is_gone(world: World, tenant: Tenant) -> None:
    method, other = saved_method(tenant), saved_method(tenant, "pm_card_amex")
    subscription = tenant.subscribe(method, trialDays=3)["id"]
    world.sandbox.post(f"payment_methods/{method}/detach")
    world.deliver_all(tenant)
    assert [each["id"] for each in shown(tenant)] == [other]
    assert default_of(tenant) == other
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["paymentMethodId"] is None
    answer = ask_sale(tenant, method)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")


def test_a_detached_event_that_comes_before_the_attached_one_leaves_nothing(world: World, tenant: Tenant) -> None:
    """A method that came and went while the webhooks were late."""
    sale(tenant)
    (customer,) = world.stripe_customers(tenant)
    method = world.stripe.v1.payment_methods.attach("pm_card_amex", {"customer": customer}).id
    world.sandbox.post(f"payment_methods/{method}/detach")
    events = [each for each in world.stripe_events(tenant) if each["data"]["object"]["id"] == method]
    for event in events[::-1] * 2:
        assert world.deliver(event)["statusCode"] == 200
    assert method not in {each["id"] for each in shown(tenant)}


def test_a_charge_by_a_method_of_which_we_do_not_know_yet_that_it_is_gone(world: World, tenant: Tenant) -> None:
    """Stripe refuses it, and that is final for the method, not for the customer."""
    method = saved_method(tenant)
    world.sandbox.post(f"payment_methods/{method}/detach")
    answer = ask_sale(tenant, None)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    assert tenant.get("/v1/payments", status="failed").data[0]["paymentMethodId"] == method


def test_a_customer_that_is_deleted_at_stripe_has_no_method_and_the_next_charge_makes_another(
    world: World, tenant: Tenant
) -> None:
    method, other = saved_method(tenant), saved_method(tenant, "pm_card_amex")
    subscription = tenant.subscribe(method, trialDays=3)["id"]
    (gone,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.delete(gone)
    world.deliver_all(tenant)
    assert (shown(tenant), default_of(tenant)) == ([], None)
    assert tenant.get(f"/v1/subscriptions/{subscription}").data["paymentMethodId"] is None
    for each in (method, other):
        assert ask_sale(tenant, each).error["code"] == "validation.payment_method.invalid"
    made = sale(tenant, "pm_card_mastercard")
    assert (made["status"], default_of(tenant)) == ("succeeded", made["paymentMethodId"])
    assert world.stripe_customers(tenant) - {gone}
    (event,) = world.stripe_events(tenant, "customer.deleted")
    assert outcomes([world.deliver(event | {"id": "evt_again"})]) == [(200, "unchanged")]
    assert default_of(tenant) == made["paymentMethodId"]


def test_a_customer_of_which_we_do_not_know_yet_that_it_is_gone_gets_its_form_all_the_same(
    world: World, tenant: Tenant
) -> None:
    saved_method(tenant)
    (gone,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.delete(gone)
    made = intent(tenant)
    assert (made["status"], shown(tenant), default_of(tenant)) == ("requires_payment_method", [], None)
    assert tenant.post("/v1/payment-methods/setup").status == 201
    before = event_types(world, tenant)
    world.deliver_all(tenant)
    assert event_types(world, tenant) == before


@pytest.mark.parametrize("metadata", [{}, {"tenant_id": "ten_nobody", "customer_id": "cus_1"}], ids=["none", "theirs"])
def test_a_method_of_somebody_elses_customer_is_200_and_nothing(world: World, metadata: dict[str, str]) -> None:
    customer = world.stripe.v1.customers.create({"metadata": metadata}).id
    method = world.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    world.sandbox.post(f"payment_methods/{method.id}/detach")
    world.stripe.v1.customers.delete(customer)
    events = [
        {"id": f"evt_{n}", "type": kind, "data": {"object": {"id": about, "metadata": metadata}} | previous}
        for n, (kind, about, previous) in enumerate(
            [
                ("payment_method.attached", method.id, {}),
                ("payment_method.detached", method.id, {"previous_attributes": {"customer": customer}}),
                ("customer.deleted", customer, {}),
            ]
        )
    ]
    world.writes.clear()
    assert outcomes([world.deliver(event) for event in events]) == [(200, "not ours")] * 3
    assert world.writes == []


def test_a_method_of_a_customer_that_is_not_written_yet_is_500_and_then_200(world: World, tenant: Tenant) -> None:
    """A crash before the commit, or a webhook that is faster than it."""
    made = tenant.post("/v1/payment-methods/setup", {"customerId": (customer := tenant.customer())}).data
    world.sandbox.post(f"setup_intents/{made['setupIntentId']}/complete", payment_method="pm_card_visa")
    (event,) = world.stripe_events(tenant, "setup_intent.succeeded")
    (row,) = [each for each in world.rows_of("customers", tenant.id) if each["id"]["S"] == customer]
    table, key = world.tables["customers"], {name: row[name] for name in ("tenant_id", "id")}
    world.aws("dynamodb").delete_item(TableName=table, Key=key)
    assert outcomes([world.deliver(event)]) == [(500, "not written yet")]
    world.aws("dynamodb").put_item(TableName=table, Item=row)
    assert outcomes([world.deliver(event)]) == [(200, "applied")]
    assert len(tenant.get("/v1/payment-methods", customer=customer).data) == 1
