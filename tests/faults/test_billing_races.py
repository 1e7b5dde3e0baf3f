"""Changes, payers, sweeps and workers at the same thing at once: each counts once, and nobody gets a 5xx for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.faults.books import Books, cents
from tests.faults.processes import Answer, Json
from tests.faults.world import AT, Tenant, World, at_once, iso, post, step

PERIOD = timedelta(days=30)
HOUR = timedelta(hours=1)


def _turn() -> Json:
    """One message of the queue, for the worlds' only shard."""
    return step("turn", shard="00")


def _tenant(world: World, customers: int = 1, **settings: Any) -> Tenant:
    return world.new_tenant(AT, customers, plans=("thirty",), **settings)


def _subscribed(world: World, tenant: Tenant, at: datetime = AT, customer: int = 0, **more: Any) -> Json:
    answer = world.run(at, tenant.subscribe(f"sub-{customer}", customer, planId="thirty", **more)).last()
    assert answer["body"]["data"]["state"] == "active", answer
    found: Json = answer["body"]["data"]
    return found


def _last(answers: list[Answer]) -> list[Json]:
    return [answer.last() for answer in answers]


def _decline(world: World, made: Json, how: str | None) -> None:
    world.control(f"payment_methods/{made['paymentMethodId']}/behaviour", decline=how)


def _statuses(books: Books) -> list[str]:
    return [invoice["status"] for invoice in books.bodies("invoices")]


def test_eight_changes_of_one_subscription_at_once_net_to_the_last_of_them(own_world: World) -> None:
    tenant = _tenant(own_world)
    made = _subscribed(own_world, tenant)
    at = AT + timedelta(days=10)
    wanted = [6 + 3 * n for n in range(8)]
    jobs = [[tenant.change(made["id"], f"key-{seats}", quantities={"seats": seats})] for seats in wanted]
    answers = _last(at_once(own_world, at, jobs))
    assert {answer["status"] for answer in answers} <= {200, 409}, answers
    applied = {answer["body"]["data"]["itemQuantities"]["seats"] for answer in answers if answer["status"] == 200}
    (subscription,) = tenant.check(at).bodies("subscriptions")
    last = subscription["quantities"]["seats"]
    assert last in applied
    # A seat for 20 of the 30 days is 3.33: three of them are 10.00, whatever was billed and given back in between.
    assert sum(cents(line["amount"]) for line in subscription["pending"]) == (last - 3) // 3 * 1000
    assert len(subscription["pending"]) == 2 * len(applied)
    assert tenant.books(at).event_types()["subscription.updated"] - 1 == len(applied)  # and the one that was paid
    own_world.run(AT + PERIOD + HOUR, _turn()).all()
    books = tenant.check(AT + PERIOD + HOUR)
    assert books.bodies("subscriptions")[0]["pending"] == []
    assert sum(cents(i["amount_paid"]) for i in books.bodies("invoices")) == (
        6499 + 4999 + 500 * last + (last - 3) // 3 * 1000
    )


def test_eight_changes_at_once_that_are_charged_now_are_charged_once_each(own_world: World) -> None:
    tenant = _tenant(own_world)
    made = _subscribed(own_world, tenant)
    at = AT + timedelta(days=10)
    jobs = [
        [tenant.change(made["id"], f"key-{n}", quantities={"seats": 6 + 3 * n}, prorationBehavior="invoice_now")]
        for n in range(8)
    ]
    answers = _last(at_once(own_world, at, jobs))
    assert {answer["status"] for answer in answers} <= {200, 409}, answers
    end = at + timedelta(minutes=5)
    own_world.run(end, _turn()).all()
    books = tenant.check(end)
    (subscription,) = books.bodies("subscriptions")
    last = subscription["quantities"]["seats"]
    paid = sum(cents(i["amount_paid"]) for i in books.bodies("invoices"))
    (credit,) = [cents(balance["amount"]) for balance in books.bodies("balances")] or [0]
    assert paid - credit == 6499 + (last - 3) // 3 * 1000
    assert set(_statuses(books)) == {"paid"}


def test_changes_race_the_renewal_and_each_period_is_billed_once(own_world: World) -> None:
    tenant = _tenant(own_world)
    made = _subscribed(own_world, tenant)
    begins = datetime.fromisoformat(made["currentPeriod"]["end"])
    just_before = begins - timedelta(milliseconds=300)
    jobs = [
        [
            step("later", seconds=0.12 * n),
            tenant.change(made["id"], f"key-{n}", quantities={"seats": 6 + 3 * n}),
        ]
        for n in range(6)
    ]
    turns = [[step("later", seconds=0.31), _turn()] for _ in range(3)]
    answers = _last(at_once(own_world, just_before, [*jobs, *turns]))
    assert {answer["status"] for answer in answers[:6]} <= {200, 409}, answers
    assert [answer["batchItemFailures"] for answer in answers[6:]] == [[]] * 3
    after, a_period_later = begins + timedelta(minutes=10), begins + PERIOD + timedelta(minutes=10)
    own_world.run(after, _turn()).all()
    tenant.check(after)
    own_world.run(a_period_later, _turn()).all()
    books = tenant.check(a_period_later)
    periods = [(invoice["reason"], invoice["period"]["start"]) for invoice in books.bodies("invoices")]
    assert [reason for reason, _ in sorted(periods, key=lambda each: each[1])] == [
        "subscription_create",
        "subscription_cycle",
        "subscription_cycle",
    ]
    assert set(_statuses(books)) == {"paid"}
    assert books.bodies("subscriptions")[0]["pending"] == []


@pytest.mark.parametrize("decline", [None, "insufficient_funds"])
def test_payers_race_the_dunning_step(own_world: World, decline: str | None) -> None:
    tenant = _tenant(own_world)
    made = _subscribed(own_world, tenant)
    _decline(own_world, made, "insufficient_funds")
    own_world.run(AT + PERIOD + HOUR, _turn()).all()
    _decline(own_world, made, decline)
    (unpaid,) = [invoice for invoice in tenant.check(AT + PERIOD).bodies("invoices") if invoice["status"] == "open"]
    at = AT + PERIOD + timedelta(days=1) + 2 * HOUR
    path = f"/v1/invoices/{unpaid['id']}/pay"
    payers = [[post("invoices", path, tenant.key, f"pay-{n}", {})] for n in range(4)]
    answers = _last(at_once(own_world, at, [*payers, [_turn()], [_turn()]]))
    statuses = {answer["status"] for answer in answers[:4]}
    assert statuses <= ({402, 409} if decline else {200, 409}), answers
    end = at + timedelta(minutes=10)
    own_world.run(end, _turn()).all()
    books = tenant.check(end)
    state = books.bodies("subscriptions")[0]["state"]
    assert (state, _statuses(books)) == (("past_due", ["paid", "open"]) if decline else ("active", ["paid", "paid"]))
    tried = [charge for charge in own_world.charges() if charge["status"] != "succeeded"]
    assert len(tenant.charges()) == (1 if decline else 2)
    # One of Stripe's charges for each attempt that is written down.
    assert len(tried) == len([p for p in books.bodies("payments") if p["status"] == "failed"])


def test_four_workers_at_a_draft_a_dunning_step_and_a_resume_do_each_once(own_world: World) -> None:
    """A message that comes again while it is worked breaks the queue's promise of one worker a shard."""
    tenant = _tenant(own_world, customers=3, gracePeriodSeconds=3600)
    failing = _subscribed(own_world, tenant)
    paused = _subscribed(own_world, tenant, customer=1)
    day = AT + timedelta(days=31)
    pause = tenant.change(paused["id"], "pause", paused=True, resumesAt=iso(day + HOUR))
    assert own_world.run(AT + timedelta(days=10), pause).last()["status"] == 200
    _subscribed(own_world, tenant, AT + timedelta(days=1), customer=2)
    _decline(own_world, failing, "insufficient_funds")
    for at in (AT + PERIOD + timedelta(minutes=1), AT + PERIOD + 2 * HOUR, day + timedelta(minutes=1)):
        own_world.run(at, _turn()).all()
    _decline(own_world, failing, None)
    waiting = tenant.check(day)
    assert sorted(_statuses(waiting)) == ["draft", "open", "paid", "paid", "paid"]
    assert len(own_world.charges()) == 4
    for answer in at_once(own_world, day + 3 * HOUR, [[_turn()] for _ in range(4)]):
        assert answer.last()["batchItemFailures"] == []
    end = day + 4 * HOUR
    own_world.run(end, _turn()).all()
    books = tenant.check(end)
    assert _statuses(books) == ["paid"] * 6
    assert [subscription["state"] for subscription in books.bodies("subscriptions")] == ["active"] * 3
    assert len(own_world.charges()) == 7


def test_a_balance_is_not_spent_by_two_invoices_at_once(own_world: World) -> None:
    tenant = _tenant(own_world)
    made = _subscribed(own_world, tenant, quantities={"seats": 9})
    at = AT + timedelta(days=10)
    fewer = tenant.change(made["id"], quantities={"seats": 3}, prorationBehavior="invoice_now")
    assert own_world.run(at, fewer).last()["status"] == 200
    goods = {
        "customerId": tenant.customer_ids[0],
        "lines": [{"description": "Setup", "unitAmount": 1500000}],
        "autoFinalize": True,
        "autoCharge": True,
    }
    jobs = [[post("invoices", "/v1/invoices", tenant.key, f"key-{n}", goods)] for n in range(4)]
    answers = _last(at_once(own_world, at, jobs))
    assert [answer["status"] for answer in answers] == [201] * 4, answers
    books = tenant.check(at)
    # 20.00 of credit: 15.00 of them for one invoice, 5.00 for another one.
    applied = sorted(answer["body"]["data"]["balanceApplied"] for answer in answers)
    assert applied == [0, 0, 500_000, 1_500_000]
    assert [cents(balance["amount"]) for balance in books.bodies("balances")] == [0]
    assert sum(charge["amount"] for charge in tenant.charges()) == 4999 + 4500 + 4 * 1500 - 2000
