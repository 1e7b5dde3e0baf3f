"""Disputes: what a payer's bank takes, holds back and gives back, as Stripe's webhooks tell of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.payer import intent, open_invoice, outcomes, pay, payment_of, sale
from tests.integration.steps import books, emitted
from tests.integration.world import Json, Tenant, World

TAKEN = 4_999_000
IN_THE_BOOKS = {"receivable": 0, "revenue": -TAKEN}


def billed(tenant: Tenant, card: str = "pm_card_visa") -> Json:
    """The payment of an invoice of $49.99."""
    answer = tenant.post("/v1/payments", {"invoiceId": open_invoice(tenant)["id"], "paymentMethodId": card})
    assert answer.status == 201, answer.json
    return dict(answer.data)


def dispute(world: World, payment: Json, **how: Any) -> str:
    """The bank disputes a payment; Stripe's id of it."""
    return str(world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", **how)["id"])


def close(world: World, dispute_id: str, status: str) -> None:
    world.sandbox.post(f"disputes/{dispute_id}/close", status=status)


def only(tenant: Tenant) -> Json:
    (found,) = tenant.get("/v1/disputes").data
    return dict(found)


def told(world: World, tenant: Tenant) -> list[tuple[str, str]]:
    """Our own events about disputes, and the status in each."""
    return [(name, shown["status"]) for name, shown in emitted(world, tenant) if name.startswith("dispute.")]


def flag(tenant: Tenant, payment: Json) -> tuple[bool, list[str]]:
    """Whether the payment's invoice is disputed, and all the disputes that it has had."""
    invoice = tenant.get(f"/v1/invoices/{payment['invoiceId']}").data
    return invoice["disputed"], invoice["disputeIds"]


# Its life


def test_an_opened_dispute_is_written_down_and_its_money_is_held(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    stripe_id = dispute(world, payment, reason="product_not_received")
    world.deliver_all(tenant)
    made = only(tenant)
    assert (made["status"], made["fundsWithdrawn"], made["reason"]) == ("needs_response", True, "product_not_received")
    assert (made["amount"], made["currency"], made["stripeDisputeId"]) == (TAKEN, "USD", stripe_id)
    assert (made["paymentId"], made["invoiceId"]) == (payment["id"], payment["invoiceId"])
    assert made["customerId"] == payment["customerId"]
    assert made["evidenceDueBy"] > made["createdAt"]
    assert made["closedAt"] is None
    assert tenant.get(f"/v1/disputes/{made['id']}").data == made
    assert payment_of(tenant, payment)["disputed"] is True
    assert flag(tenant, payment) == (True, [made["id"]])
    assert books(world, tenant) == {**IN_THE_BOOKS, "cash": 0, "disputes": TAKEN}
    assert [shown for name, shown in emitted(world, tenant) if name == "dispute.opened"] == [
        made | {"version": 1, "fundsWithdrawn": True}
    ]


def test_evidence_is_under_review(world: World, tenant: Tenant) -> None:
    stripe_id = dispute(world, sale(tenant))
    world.stripe.v1.disputes.update(stripe_id, {"evidence": {"uncategorized_text": "We delivered"}, "submit": True})
    world.deliver_all(tenant)
    assert only(tenant)["status"] == "under_review"
    assert [name for name, _ in told(world, tenant)] == ["dispute.opened"]


def test_a_dispute_that_is_won_gives_all_of_it_back(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    stripe_id = dispute(world, payment)
    world.deliver_all(tenant)
    close(world, stripe_id, "won")
    world.deliver_all(tenant)
    made = only(tenant)
    assert (made["status"], made["fundsWithdrawn"], made["closedAt"] is None) == ("won", False, False)
    assert books(world, tenant) == {**IN_THE_BOOKS, "cash": TAKEN, "disputes": 0}
    assert payment_of(tenant, payment)["disputed"] is False
    assert flag(tenant, payment) == (False, [made["id"]])
    assert told(world, tenant) == [("dispute.opened", "needs_response"), ("dispute.closed", "won")]


def test_what_is_lost_is_bad_debt_and_stays_taken(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    stripe_id = dispute(world, payment, amount=2000)
    world.deliver_all(tenant)
    close(world, stripe_id, "lost")
    world.deliver_all(tenant)
    assert (only(tenant)["status"], only(tenant)["amount"]) == ("lost", 2_000_000)
    assert books(world, tenant) == {
        **IN_THE_BOOKS, "cash": 2_999_000, "disputes": 0, "bad_debt": 2_000_000,
    }  # fmt: skip
    assert payment_of(tenant, payment)["disputed"] is True
    assert told(world, tenant)[-1] == ("dispute.closed", "lost")
    for path in (f"/v1/invoices/{payment['invoiceId']}/credit-notes", f"/v1/payments/{payment['id']}/refund"):
        answer = tenant.post(path, {"amount": 3_000_000})
        assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available")


def test_an_inquiry_moves_no_money(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    stripe_id = dispute(world, payment, inquiry=True)
    world.deliver_all(tenant)
    assert (only(tenant)["status"], only(tenant)["fundsWithdrawn"]) == ("warning_needs_response", False)
    assert payment_of(tenant, payment)["disputed"] is False
    close(world, stripe_id, "warning_closed")
    world.deliver_all(tenant)
    assert books(world, tenant) == {**IN_THE_BOOKS, "cash": TAKEN}
    assert told(world, tenant) == [("dispute.opened", "warning_needs_response"), ("dispute.closed", "warning_closed")]


def test_an_inquiry_that_becomes_a_dispute_takes_the_money(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    stripe_id = dispute(world, payment, inquiry=True)
    world.deliver_all(tenant)
    world.sandbox.post(f"disputes/{stripe_id}/escalate")
    world.deliver_all(tenant)
    assert (only(tenant)["status"], only(tenant)["fundsWithdrawn"]) == ("needs_response", True)
    assert books(world, tenant) == {**IN_THE_BOOKS, "cash": 0, "disputes": TAKEN}
    assert payment_of(tenant, payment)["disputed"] is True
    assert [name for name, _ in told(world, tenant)] == ["dispute.opened"]


def test_two_disputes_of_one_payment_add_up(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    first = dispute(world, payment, amount=1000)
    close(world, first, "won")
    dispute(world, payment, amount=3000)
    world.deliver_all(tenant)
    assert sorted(each["status"] for each in tenant.get("/v1/disputes").data) == ["needs_response", "won"]
    assert books(world, tenant)["disputes"] == 3_000_000
    disputed, ids = flag(tenant, payment)
    assert (disputed, set(ids)) == (True, {each["id"] for each in tenant.get("/v1/disputes").data})


# Events in any order, twice, too early


def backwards(events: list[Json]) -> list[Json]:
    return events[::-1]


def the_end_first_and_each_three_times(events: list[Json]) -> list[Json]:
    return [event for event in (events[-1], *events) for _ in range(3)]


@pytest.mark.parametrize(
    ("end", "order"), [("won", backwards), ("won", the_end_first_and_each_three_times), ("lost", backwards)]
)
def test_the_order_of_its_events_does_not_matter_nor_how_often_they_come(
    world: World, tenant: Tenant, end: str, order: Callable[[list[Json]], list[Json]]
) -> None:
    payment = sale(tenant)
    stripe_id = dispute(world, payment, inquiry=True)
    world.sandbox.post(f"disputes/{stripe_id}/escalate")
    half = world.stripe_events(tenant, "charge.dispute.updated")
    assert outcomes([world.deliver(event) for event in half]) == [(200, "applied")]
    close(world, stripe_id, end)
    events = [each for each in world.stripe_events(tenant) if each["type"].startswith("charge.dispute.")]
    assert len(events) == (5 if end == "won" else 4)
    assert {status for status, _ in outcomes([world.deliver(event) for event in order(events)])} == {200}
    assert (only(tenant)["status"], payment_of(tenant, payment)["disputed"]) == (end, end == "lost")
    gone = TAKEN if end == "lost" else 0
    expected = {**IN_THE_BOOKS, "cash": TAKEN - gone, "disputes": 0}
    assert books(world, tenant) == (expected | {"bad_debt": gone} if gone else expected)
    assert told(world, tenant) == [("dispute.opened", "needs_response"), ("dispute.closed", end)]


def test_a_dispute_that_comes_before_its_payment_is_sent_again(world: World, tenant: Tenant) -> None:
    """Stripe tells of the dispute before it tells that the payment succeeded."""
    made = intent(tenant)
    assert pay(world, made, "pm_card_createDispute") == 200
    events = {each["type"]: each for each in world.stripe_events(tenant)}
    opened, paid = events["charge.dispute.created"], events["payment_intent.succeeded"]
    assert outcomes([world.deliver(each) for each in (opened, paid, opened)]) == [
        (500, "not written yet"), (200, "applied"), (200, "applied"),
    ]  # fmt: skip
    assert books(world, tenant) == {**IN_THE_BOOKS, "cash": 0, "disputes": TAKEN}


def test_a_dispute_of_somebody_elses_payment_is_200_and_nothing(world: World) -> None:
    theirs = world.stripe.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_createDispute", "confirm": True,
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )  # fmt: skip
    (found,) = world.stripe.v1.disputes.list({"payment_intent": theirs.id}).data
    world.writes.clear()
    event = {"id": "evt_theirs", "type": "charge.dispute.created", "data": {"object": {"id": found.id}}}
    assert outcomes([world.deliver(event)]) == [(200, "not ours")]
    assert world.writes == []


def test_on_a_test_clock_it_is_closed_at_the_customers_time(world: World, tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    payment = sale(tenant, customerId=tenant.customer(testClockId=clock))
    close(world, dispute(world, payment), "lost")
    world.deliver_all(tenant)
    assert only(tenant)["closedAt"] == "2027-01-31T00:00:00Z"


# Lists


def test_disputes_are_listed_by_customer_payment_and_status_and_in_pages(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    payments = [sale(tenant, customerId=customer), sale(tenant), sale(tenant)]
    ids = [dispute(world, payment) for payment in payments]
    close(world, ids[1], "won")
    world.deliver_all(tenant)

    def listed(**query: Any) -> set[str]:
        return {each["stripeDisputeId"] for each in tenant.get("/v1/disputes", **query).data}

    assert listed() == set(ids)
    assert listed(customer=customer) == listed(payment=payments[0]["id"]) == {ids[0]}
    assert listed(status="won") == {ids[1]}
    assert listed(customer=customer, status="won") == set()
    first = tenant.get("/v1/disputes", limit=2)
    second = tenant.get("/v1/disputes", limit=2, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert {each["stripeDisputeId"] for each in (*first.data, *second.data)} == set(ids)
    assert (len(first.data), second.json["meta"]["pagination"]["has_more"]) == (2, False)
    other = world.tenant()
    answers = [other.get(f"/v1/disputes/{each}") for each in (first.data[0]["id"], "dp_0")]
    assert [(each.status, each.error["code"]) for each in answers] == [(404, "resource.not_found")] * 2
    assert other.get("/v1/disputes", payment=payments[0]["id"]).data == []
