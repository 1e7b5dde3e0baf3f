"""What never began: a subscription whose first invoice nobody paid ends, and its invoice is void."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.domain.kernel.due import wall_clock_shard
from billing.domain.kernel.times import parse_time
from tests.integration.steps import (
    START,
    THREE_DS,
    advance,
    authenticate,
    books,
    event_types,
    invoices_of,
    pay,
    subscription_of,
)
from tests.integration.world import Json, Tenant, World

DECLINED = "pm_card_chargeCustomerFail"


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


def test_it_says_until_when_it_waits(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(DECLINED)
    assert parse_time(made["incompleteUntil"]) - parse_time(made["createdAt"]) == timedelta(hours=23)
    (listed,) = tenant.get("/v1/subscriptions").data
    assert listed["incompleteUntil"] == made["incompleteUntil"]
    expire(world, made)
    assert subscription_of(tenant, made)["incompleteUntil"] is None


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
