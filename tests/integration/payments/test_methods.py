"""Saved payment methods: they come by a form or with a charge, one of them is the default, and they go for good."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import operating, storage
from billing.domain.customers.customer import PaymentMethod
from billing.domain.kernel.due import MAX_ATTEMPTS
from billing.domain.kernel.errors import InvalidState
from billing.services.kernel.work import Ref
from tests.integration.payer import PRICE, ask_intent, ask_sale, open_invoice, outcomes, sale, saved_method
from tests.integration.payments.credentials import OTHER_ACCOUNT, key
from tests.integration.steps import emitted, event_types
from tests.integration.world import Answer, Json, Tenant, World

PATH = "/v1/payment-methods"


def methods(tenant: Tenant, customer: str) -> list[Json]:
    return list(tenant.get(PATH, customer=customer).data)


def default_of(tenant: Tenant, customer: str) -> str | None:
    found: str | None = tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"]
    return found


def set_up(world: World, tenant: Tenant, customer: str, card: str = "pm_card_visa") -> str:
    """The payer completes the form; the method's id. Nobody here has heard of it yet."""
    made = tenant.post(f"{PATH}/setup", {"customerId": customer}).data
    done = world.sandbox.post(f"setup_intents/{made['setupIntentId']}/complete", payment_method=card)
    return str(done["payment_method"])


def at_stripe(world: World, method: str) -> Any:
    return world.stripe.v1.payment_methods.retrieve(method)


# By a form


def test_a_form_saves_a_method_and_the_webhook_brings_it(world: World, tenant: Tenant) -> None:
    """The routes of the billing-service contract (docs/contract-coverage.md, "B", 3.4)."""
    customer = tenant.customer()
    answer = tenant.post(f"{PATH}/setup", {"customerId": customer})
    made = answer.data
    assert (answer.status, set(made)) == (201, {"setupIntentId", "clientSecret"})
    assert made["clientSecret"].startswith(made["setupIntentId"] + "_secret_")
    assert methods(tenant, customer) == []
    world.sandbox.post(f"setup_intents/{made['setupIntentId']}/complete", payment_method="pm_card_mastercard")
    world.deliver_all(tenant)
    (method,) = methods(tenant, customer)
    assert (method["customerId"], method["type"], method["card"]["brand"], method["card"]["last4"]) == (
        customer, "card", "mastercard", "4444",
    )  # fmt: skip
    assert default_of(tenant, customer) == method["id"]
    assert sale(tenant, None, customerId=customer)["paymentMethodId"] == method["id"]
    assert made["clientSecret"] not in world.everything_of(tenant.id) + world.logs.text


def test_without_a_customer_it_is_saved_for_the_tenants_own(world: World, tenant: Tenant) -> None:
    made = tenant.post(f"{PATH}/setup").data
    world.sandbox.post(f"setup_intents/{made['setupIntentId']}/complete", payment_method="pm_card_visa")
    world.deliver_all(tenant)
    (method,) = tenant.get(PATH).data
    assert method["customerId"] == tenant.data["defaultCustomerId"]


def test_a_form_whose_payer_has_to_authenticate_saves_the_method_after_that(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    made = tenant.post(f"{PATH}/setup", {"customerId": customer}).data
    path = f"setup_intents/{made['setupIntentId']}"
    assert world.sandbox.post(f"{path}/complete", payment_method="pm_card_authenticationRequiredOnSetup")["next_action"]
    world.deliver_all(tenant)
    assert methods(tenant, customer) == []
    world.sandbox.post(f"{path}/authenticate")
    world.deliver_all(tenant)
    (method,) = methods(tenant, customer)
    assert sale(tenant, None, customerId=customer)["paymentMethodId"] == method["id"]


@pytest.mark.parametrize("first", ["setup_intent.succeeded", "payment_method.attached"])
def test_whichever_event_comes_first_the_method_is_one(world: World, tenant: Tenant, first: str) -> None:
    customer = tenant.customer()
    set_up(world, tenant, customer)
    events = [
        event
        for event in world.stripe_events(tenant)
        if event["type"] in ("setup_intent.succeeded", "payment_method.attached")
    ]
    events.sort(key=lambda event: event["type"] != first)
    assert outcomes([world.deliver(event) for event in events]) == [(200, "applied"), (200, "unchanged")]
    assert outcomes([world.deliver(event) for event in events]) == [(200, "duplicate")] * 2
    assert len(methods(tenant, customer)) == 1
    assert event_types(world, tenant).count("customer.updated") == 1


def test_the_same_key_gives_the_same_form_and_every_form_is_of_one_stripe_customer(
    world: World, tenant: Tenant
) -> None:
    customer = tenant.customer()
    first, again, other = (
        tenant.post(f"{PATH}/setup", {"customerId": customer}, idempotency_key=key) for key in ("a", "a", "b")
    )
    assert again.content == first.content
    assert other.data["setupIntentId"] != first.data["setupIntentId"]
    assert len(world.stripe_customers(tenant)) == 1


def test_a_form_for_nobody_and_while_stripe_is_down(world: World, tenant: Tenant) -> None:
    answer = tenant.post(f"{PATH}/setup", {"customerId": "cus_0"})
    assert (answer.status, answer.error["code"]) == (404, "resource.not_found")
    world.stripe_fails("status", "/v1/customers$", status=503)
    answer = tenant.post(f"{PATH}/setup", idempotency_key="k")
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    world.stripe_works()
    assert tenant.post(f"{PATH}/setup", idempotency_key="k").status == 201


# The default


@pytest.fixture
def two(world: World, tenant: Tenant) -> tuple[str, str, str]:
    """A customer with two methods, the older one its default."""
    customer = tenant.customer()
    old, new = (saved_method(tenant, card, customerId=customer) for card in ("pm_card_visa", "pm_card_mastercard"))
    assert default_of(tenant, customer) == old
    return customer, old, new


def test_a_second_method_is_the_default_when_somebody_says_so(
    world: World, tenant: Tenant, two: tuple[str, str, str]
) -> None:
    customer, _, new = two
    before = event_types(world, tenant).count("customer.updated")
    for _ in range(2):
        answer = tenant.post(f"{PATH}/{new}/set-default")
        assert (answer.status, answer.data["id"]) == (200, new)
    assert default_of(tenant, customer) == new
    assert event_types(world, tenant).count("customer.updated") == before + 1
    assert sale(tenant, None, customerId=customer)["paymentMethodId"] == new


def test_when_the_default_goes_the_newest_other_takes_its_place_and_then_there_is_none(
    world: World, tenant: Tenant, two: tuple[str, str, str]
) -> None:
    customer, old, new = two
    newest = saved_method(tenant, "pm_card_amex", customerId=customer)
    for gone, default in ((old, newest), (new, newest), (newest, None)):
        answer = tenant.delete(f"{PATH}/{gone}")
        assert (answer.status, answer.data["id"], answer.data["card"]) == (200, gone, None)
        assert answer.data["detachedAt"] is not None
        assert default_of(tenant, customer) == default
        assert at_stripe(world, gone).customer is None
    assert methods(tenant, customer) == []
    changes = [shown["defaultPaymentMethodId"] for name, shown in emitted(world, tenant) if name == "customer.updated"]
    assert changes == [old, newest, None]
    answer = ask_sale(tenant, None, customerId=customer)
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    world.deliver_all(tenant)
    assert (methods(tenant, customer), default_of(tenant, customer)) == ([], None)


def test_a_subscription_of_a_method_that_goes_is_paid_by_the_default(
    world: World, tenant: Tenant, two: tuple[str, str, str]
) -> None:
    customer, old, new = two
    made = tenant.subscribe(new, customerId=customer, trialDays=1)
    tenant.delete(f"{PATH}/{new}")
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["paymentMethodId"] is None
    assert event_types(world, tenant).count("subscription.updated") == 1
    world.clock.advance(hours=25)
    (row,) = world.rows_of("subscriptions", tenant.id)
    world.work(row["due_shard"]["S"])
    (payment,) = tenant.get("/v1/payments", invoice=tenant.only_invoice(customer=customer)["id"]).data
    assert (payment["paymentMethodId"], payment["status"]) == (old, "succeeded")


# Gone for good


def test_what_was_shown_of_a_card_is_sealed_and_then_erased(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)

    def stored() -> Json:
        (row,) = world.rows_of("payment_methods", tenant.id)
        return dict(json.loads(row["body"]["S"]))

    sealed = stored()["card"]
    assert isinstance(sealed, str)
    assert '"4242"' not in json.dumps(stored())
    assert tenant.get(PATH).data[0]["card"]["last4"] == "4242"
    tenant.delete(f"{PATH}/{method}")
    assert stored().get("card") is None
    assert sealed not in world.everything_of(tenant.id)


def test_a_method_that_is_gone_stays_so_whatever_comes_late(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    tenant.delete(f"{PATH}/{method}")
    (attached,) = world.stripe_events(tenant, "payment_method.attached")
    world.deliver_all(tenant)
    assert outcomes([world.deliver(attached | {"id": "evt_late"})])[0][0] == 200
    assert tenant.get(PATH).data == []
    again = tenant.delete(f"{PATH}/{method}")
    assert (again.status, again.data["detachedAt"] is None) == (200, False)
    answer = tenant.post(f"{PATH}/{method}/set-default")
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")


@pytest.fixture
def removed_while_stripe_is_down(world: World, tenant: Tenant) -> str:
    """A method that is gone here, and still attached there."""
    world.clock.reset()
    method = saved_method(tenant)
    world.stripe_fails("status", "/detach$", status=503)
    answer = tenant.delete(f"{PATH}/{method}")
    assert (answer.status, answer.data["detachedAt"] is None) == (200, False)
    assert tenant.get(PATH).data == []
    assert at_stripe(world, method).customer is not None
    return method


def due(world: World, tenant: Tenant) -> str | None:
    """The shard in which the only method is due, where it is."""
    (row,) = world.rows_of("payment_methods", tenant.id)
    return row["due_shard"]["S"] if "due_shard" in row else None


def test_a_method_is_detached_when_stripe_is_well_again(
    world: World, tenant: Tenant, removed_while_stripe_is_down: str
) -> None:
    shard = due(world, tenant) or ""
    world.clock.advance(seconds=61)
    world.work(shard)
    assert at_stripe(world, removed_while_stripe_is_down).customer is not None
    world.stripe_works()
    world.work(shard)  # not before its time
    assert at_stripe(world, removed_while_stripe_is_down).customer is not None
    world.clock.advance(seconds=31)
    world.work(shard)
    assert at_stripe(world, removed_while_stripe_is_down).customer is None
    assert due(world, tenant) is None
    assert event_types(world, tenant).count("customer.updated") == 2  # as if Stripe had answered at once


def test_a_repeat_detaches_a_method_too(world: World, tenant: Tenant, removed_while_stripe_is_down: str) -> None:
    world.stripe_works()
    assert tenant.delete(f"{PATH}/{removed_while_stripe_is_down}").status == 200
    assert at_stripe(world, removed_while_stripe_is_down).customer is None
    world.deliver_all(tenant)
    assert due(world, tenant) is None


def test_when_stripe_says_that_a_method_is_detached_nobody_asks_it_again(world: World, tenant: Tenant) -> None:
    method = saved_method(tenant)
    assert tenant.delete(f"{PATH}/{method}").status == 200
    assert due(world, tenant) is not None
    world.deliver_all(tenant)
    assert due(world, tenant) is None
    (detached,) = world.stripe_events(tenant, "payment_method.detached")
    assert outcomes([world.deliver(detached | {"id": "evt_twice"})]) == [(200, "unchanged")]


def test_a_method_whose_webhook_was_lost_is_found_detached(world: World, tenant: Tenant) -> None:
    world.clock.reset()
    tenant.delete(f"{PATH}/{saved_method(tenant)}")
    world.clock.advance(seconds=61)
    world.work(due(world, tenant) or "")
    assert due(world, tenant) is None
    assert len(world.stripe_events(tenant, "payment_method.detached")) == 1


def test_a_method_that_a_wrong_key_does_not_know_is_due_until_the_key_is_mended(world: World, tenant: Tenant) -> None:
    world.clock.reset()
    method = saved_method(tenant)
    with key(world, OTHER_ACCOUNT):
        assert tenant.delete(f"{PATH}/{method}").status == 200
    assert due(world, tenant) is not None
    world.clock.advance(seconds=61)
    world.work(due(world, tenant) or "")
    assert (at_stripe(world, method).customer, due(world, tenant)) == (None, None)


def test_a_method_that_could_not_be_detached_for_a_day_is_set_going_again(
    world: World, tenant: Tenant, removed_while_stripe_is_down: str
) -> None:
    unit = storage.units().begin(tenant.id)
    ref = Ref(PaymentMethod, tenant.id, removed_while_stripe_is_down)
    method = unit.load(ref).require(ref)
    assert method.due is not None
    unit.save(replace(method, due=replace(method.due, attempts=MAX_ATTEMPTS - 1)))
    unit.commit()
    shard = due(world, tenant) or ""
    world.clock.advance(seconds=61)
    world.work(shard)
    assert due(world, tenant) is None
    ((_, parked),) = [each for each in emitted(world, tenant) if each[0] == "payment_method.parked"]
    assert (parked["id"], parked["card"]) == (removed_while_stripe_is_down, None)
    world.stripe_works()
    unit = storage.units().begin(tenant.id)
    operating.parked().unpark(unit, "payment_method", removed_while_stripe_is_down)
    unit.commit()
    world.work(shard)
    assert (at_stripe(world, removed_while_stripe_is_down).customer, due(world, tenant)) == (None, None)
    with pytest.raises(InvalidState):
        operating.parked().unpark(storage.units().begin(tenant.id), "payment_method", removed_while_stripe_is_down)


def test_a_method_that_is_not_there_is_not_found(world: World, tenant: Tenant) -> None:
    theirs = saved_method(world.tenant())
    for method in ("pm_0", theirs):
        for answer in (tenant.delete(f"{PATH}/{method}"), tenant.post(f"{PATH}/{method}/set-default")):
            assert (answer.status, answer.error["code"]) == (404, "resource.not_found")
    assert at_stripe(world, theirs).customer is not None


# Whose it is

PLACES: dict[str, Callable[[Tenant, Json, str], Answer]] = {
    "a subscription": lambda tenant, at, method: tenant.post(
        "/v1/subscriptions", {"planId": "business-monthly", "quantities": {"seats": 1}, "paymentMethodId": method}
    ),
    "a change of one": lambda tenant, at, method: tenant.patch(
        f"/v1/subscriptions/{at['subscription']}", {"paymentMethodId": method}
    ),
    "an invoice": lambda tenant, at, method: tenant.post(
        f"/v1/invoices/{at['invoice']}/pay", {"paymentMethodId": method}
    ),
    "a payment of one": lambda tenant, at, method: tenant.post(
        "/v1/payments", {"invoiceId": at["invoice"], "paymentMethodId": method}
    ),
    "an amount": lambda tenant, at, method: tenant.post("/v1/payments", {**PRICE, "paymentMethodId": method}),
    "an intent": lambda tenant, at, method: ask_intent(tenant, paymentMethodId=method),
    "an invoice's intent": lambda tenant, at, method: ask_intent(
        tenant, invoiceId=at["invoice"], paymentMethodId=method
    ),
}


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A tenant that could pay in every place, with methods that it must not pay by."""
    made = world.tenant()
    made.data |= {"subscription": made.subscribe(None, trialDays=5)["id"], "invoice": open_invoice(made)["id"]}
    made.data["another customer's"] = saved_method(made, customerId=made.customer())
    made.data["another tenant's"] = saved_method(world.tenant())
    made.data["detached"] = saved_method(made)
    made.delete(f"{PATH}/{made.data['detached']}")
    made.data["nobody's"] = "pm_1NoSuchMethod"
    return made


@pytest.mark.parametrize("place", PLACES)
def test_a_method_that_is_foreign_or_detached_is_refused_wherever_one_is_named(
    world: World, shop: Tenant, place: str
) -> None:
    charged = len(world.charges(shop))
    for whose in ("another customer's", "another tenant's", "detached", "nobody's"):
        answer = PLACES[place](shop, shop.data, shop.data[whose])
        assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid"), whose
    assert len(world.charges(shop)) == charged
    assert shop.get(PATH).data == []


def test_methods_are_listed_by_customer_and_in_pages(tenant: Tenant, two: tuple[str, str, str]) -> None:
    customer, *both = two
    first = tenant.get(PATH, customer=customer, limit=1)
    cursor = first.json["meta"]["pagination"]["next_cursor"]
    second = tenant.get(PATH, customer=customer, limit=1, cursor=cursor)
    assert sorted(each["id"] for each in (*first.data, *second.data)) == sorted(both)
    assert tenant.get(PATH).data == []
