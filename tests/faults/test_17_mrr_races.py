"""Issue 17: changes that meet are a movement each, and those sum to what there is."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.books import Json, micros
from tests.faults.world import AT, World, at_once, step


def test_changes_of_one_subscription_at_once_are_a_movement_each_and_sum(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, 1, plans=("thirty",))
    made = own_world.run(AT, tenant.subscribe("sub", planId="thirty")).last()["body"]["data"]
    at = AT + timedelta(days=10)
    jobs = [[tenant.change(made["id"], f"key-{n}", quantities={"seats": 10 + n})] for n in range(2)]
    answers = [each.last() for each in at_once(own_world, at, jobs)]
    assert {answer["status"] for answer in answers} <= {200, 409}, answers
    worked = [answer for answer in answers if answer["status"] == 200]
    books = tenant.check(at)  # with the laws: each movement begins where the one before it ended
    moves = sorted(books.bodies("mrr_movements"), key=lambda each: int(each["subscription_version"]))
    assert len(moves) == 1 + len(worked)
    (subscription,) = books.bodies("subscriptions")
    assert _mrr(moves[-1]["after"]) == _mrr(subscription["mrr"])
    assert sum(_mrr(each["after"]) - _mrr(each["before"]) for each in moves) == _mrr(subscription["mrr"])


def test_subscriptions_of_one_customer_at_once_contend_for_nothing(own_world: World) -> None:
    """Which of two is new and which expansion, reports find out: no item of the customer's is written for it."""
    tenant = own_world.new_tenant(AT, 1, plans=("thirty",))
    own_world.run(AT, tenant.subscribe("first", planId="thirty")).all()
    jobs = [[tenant.subscribe(f"sub-{n}", planId="thirty")] for n in range(3)]
    answers = [each.last() for each in at_once(own_world, AT + timedelta(minutes=1), jobs)]
    assert {answer["status"] for answer in answers} <= {201, 409}, answers
    books = tenant.check(AT + timedelta(minutes=1))
    counting = [each for each in books.bodies("subscriptions") if each["mrr"]["standing"] == "counted"]
    assert len(books.bodies("mrr_movements")) == len(counting)


def test_a_renewal_of_many_writes_no_movement(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, 3, plans=("thirty",))
    for n in range(3):
        own_world.run(AT, tenant.subscribe(f"sub-{n}", n, planId="thirty")).all()
    later = AT + timedelta(days=31)
    own_world.run(later, step("turn", shard="00")).all()
    books = tenant.check(later)
    assert (len(books.bodies("invoices")), len(books.bodies("mrr_movements"))) == (6, 3)


def _mrr(mrr: Json | None) -> int:
    return micros(mrr["amount"]) if mrr is not None and mrr["standing"] == "counted" else 0
