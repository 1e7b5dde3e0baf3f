"""Issue 11, number 3: a wrong key of Stripe's for a minute is an outage. It loses no customer, method or dispute."""

import json
from datetime import timedelta

import pytest

from tests.integration.payer import ask_intent, outcomes, sale, saved_method
from tests.integration.payments.credentials import OTHER_ACCOUNT, alarms, key
from tests.integration.world import Json, Tenant, World

UNKNOWN = "stripe does not know what is ours; a wrong key?"


def work_all(world: World) -> None:
    world.work(*(f"{shard:02d}" for shard in range(16)))


def month_later(world: World, made: Json) -> None:
    world.clock.advance(days=31, hours=1)
    work_all(world)
    world.drain()


def test_a_renewal_under_a_wrong_key_is_pending_and_charged_when_the_key_is_mended(
    world: World, tenant: Tenant
) -> None:
    """Not a dead card: the method stays, and the same attempt is sent again."""
    made = tenant.subscribe()
    with key(world, OTHER_ACCOUNT):
        month_later(world, made)
        (renewal,) = [each for each in tenant.get("/v1/payments").data if each["status"] != "succeeded"]
        assert (renewal["status"], renewal["error"]) == ("pending", None)
        assert UNKNOWN in alarms(world)
    method = tenant.get("/v1/payment-methods").data[0]["id"]
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["paymentMethodId"] == method
    world.clock.advance(minutes=5)
    work_all(world)
    assert {each["status"] for each in tenant.get("/v1/payments").data} == {"succeeded"}
    assert {each["status"] for each in tenant.get("/v1/invoices").data} == {"paid"}
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"
    assert len(world.charges(tenant)) == 2


def test_no_customer_is_forgotten_because_a_wrong_key_does_not_know_it(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    with key(world, OTHER_ACCOUNT):
        for answer in (
            ask_intent(tenant),
            tenant.post("/v1/payment-methods/setup", {}),
            tenant.post("/v1/payments", {"amount": 1_000_000, "currency": "USD", "paymentMethodId": "pm_card_visa"}),
        ):
            assert (answer.status, answer.error["code"]) == (503, "service.unavailable"), answer.json
        assert UNKNOWN in alarms(world)
    assert [each["id"] for each in tenant.get("/v1/payment-methods").data] == [method]
    assert sale(tenant, None)["status"] == "succeeded"
    assert len(world.stripe_customers(tenant)) == 1


def test_the_card_of_a_customer_who_was_deleted_at_stripe_is_dead(world: World, tenant: Tenant) -> None:
    """Stripe still answers for it: by that it is told from one of another account."""
    saved_method(tenant)
    (stripe_id,) = world.stripe_customers(tenant)
    world.stripe.v1.customers.delete(stripe_id)
    answer = tenant.post("/v1/payments", {"amount": 1_000_000, "currency": "USD"})
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    assert alarms(world) == []


@pytest.fixture
def disputed(world: World, tenant: Tenant) -> Json:
    payment = sale(tenant)
    world.deliver_all(tenant)
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", reason="fraudulent")
    return payment


def test_news_of_what_stripe_does_not_know_come_again(world: World, tenant: Tenant, disputed: Json) -> None:
    """A signed event names its object, so it is there: 500 and an alarm, and Stripe sends it again."""
    world.sandbox.post(f"payment_intents/{sale(tenant)['paymentIntentId']}/refund")
    waiting = world.stripe_events(tenant)
    with key(world, OTHER_ACCOUNT):
        for event in waiting:
            handled = event["type"].startswith(("charge.dispute", "refund.", "payment_intent.succeeded"))
            if handled:
                assert outcomes([world.deliver(event)])[0][0] == 500, event["type"]
        assert UNKNOWN in alarms(world)
        assert tenant.get("/v1/disputes").data == []
    for event in waiting:
        assert outcomes([world.deliver(event)])[0][0] == 200, event["type"]
    (dispute,) = tenant.get("/v1/disputes").data
    assert dispute["paymentId"] == disputed["id"]
    assert "refunded" not in {each["status"] for each in tenant.get("/v1/payments").data}


def test_a_card_that_was_saved_under_a_wrong_key_comes_again(world: World, tenant: Tenant) -> None:
    saved_method(tenant)
    (attached,) = world.stripe_events(tenant, "payment_method.attached")
    with key(world, OTHER_ACCOUNT):
        assert outcomes([world.deliver(attached)])[0][0] == 500
    assert outcomes([world.deliver(attached)])[0][0] == 200


def test_what_others_make_on_the_same_account_is_not_ours(world: World, tenant: Tenant) -> None:
    """It is found, and nobody here gave it ids: 200, for every type that is handled. So is a connected account's."""
    api = world.stripe.v1
    customer = api.customers.create().id
    params = {"amount": 500, "currency": "usd", "customer": customer, "confirm": True, "payment_method": "pm_card_visa"}
    made = api.payment_intents.create({**params, "allowed_payment_method_types": ["card"]})  # type: ignore[typeddict-item]
    api.payment_methods.attach("pm_card_mastercard", {"customer": customer})
    world.sandbox.post(f"charges/{made.id}/dispute", reason="fraudulent", amount=200)
    other = api.payment_intents.create({**params, "allowed_payment_method_types": ["card"]})  # type: ignore[typeddict-item]
    world.sandbox.post(f"payment_intents/{other.id}/refund", amount=100)
    found = [json.loads(str(each)) for each in api.events.list({"limit": 30}).data]
    theirs = [each for each in found if customer in json.dumps(each) or made.id in json.dumps(each)]
    seen = {each["type"] for each in theirs}
    assert {"payment_intent.succeeded", "charge.dispute.created", "payment_method.attached"} <= seen
    for each in theirs:
        assert outcomes([world.deliver(each)])[0] in ((200, "not ours"), (200, "not handled")), each["type"]
    assert alarms(world) == []
    connected = theirs[0] | {"account": "acct_1connected", "type": "payment_intent.succeeded"}
    connected["data"] = {"object": {"id": "pi_of_another_account", "object": "payment_intent"}}
    assert outcomes([world.deliver(connected)]) == [(200, "not ours")]
    assert alarms(world) == []


def test_a_refund_under_a_wrong_key_is_pending_and_not_given_up(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    with key(world, OTHER_ACCOUNT):
        refund = tenant.post(f"/v1/payments/{payment['id']}/refund", {})
        assert (refund.status, refund.data["status"]) == (201, "pending")
    world.clock.advance(seconds=61)
    work_all(world)
    (after,) = tenant.get(f"/v1/payments/{payment['id']}/refunds").data
    assert after["status"] == "succeeded"


def test_what_was_charged_is_not_given_up_because_another_account_does_not_know_it(
    world: World, tenant: Tenant
) -> None:
    """After 23 hours an attempt is looked for. That the wrong account has none is no proof that there is none."""
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.subscribe()
    world.stripe_works()
    with key(world, OTHER_ACCOUNT):
        world.clock.advance(seconds=timedelta(hours=24).total_seconds())
        work_all(world)
        assert tenant.only_payment()["status"] == "pending"
    world.clock.advance(hours=2)
    work_all(world)
    assert tenant.only_payment()["status"] == "succeeded"
