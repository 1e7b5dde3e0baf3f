"""Issue 14, 4: payouts, their webhooks, refunds and disputes at once, on DynamoDB's own semantics."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.books import Books, micros
from tests.faults.crashes import account_of
from tests.faults.order_flows import sold
from tests.faults.payout_flows import LATER, SETTLED, Payees, founded, payee, payees, released, sent, turn
from tests.faults.processes import Json
from tests.faults.world import World, at_once, step

WINDOW = timedelta(days=14)
THREE = range(3)


def _at_rest(world: World, shop: Payees) -> Books:
    """Every law holds, and the ledger's cash is the balance at Stripe, less what the platform had of its own."""
    books = shop.check(LATER + timedelta(days=15))
    balance = world.stripe("balance")
    has = sum(each["amount"] for side in ("available", "pending") for each in balance[side])
    own = sum(line["net"] for line in world.listed("balance_transactions") if line["amount"] == 100_000)
    cash = sum(
        micros(posting["amount"])
        for entry in books.bodies("ledger")
        for posting in entry["postings"]
        if posting["account"] == "cash"
    )
    assert cash == (has - own) * 1000
    return books


def _accounts(books: Books) -> list[tuple[int, int, int, int]]:
    return sorted(account_of(each) for own in books.providers.values() for each in own.bodies("provider_balances"))


def _payouts(books: Books) -> list[Json]:
    return [each for own in books.providers.values() for each in own.bodies("payouts")]


@pytest.mark.parametrize("held", ["refund", "release", None])
def test_a_refund_and_the_release_at_the_deadline(own_world: World, tmp_path: Path, held: str | None) -> None:
    """Half of it is refunded in the last moment, while it is released: of both providers half is left, either way.

    One of both has looked, and writes only when the other one is done; or whoever is faster.
    """
    founded(own_world)
    shop, order = sold(own_world, LATER, SETTLED)
    shop = payees(own_world, LATER, shop)
    deadline, path = LATER + WINDOW, str(tmp_path / "held")
    refund, release = shop.refund(order["id"], amount=5_000_000), step("turn", shard="00")
    waits = step("fault", mode="hold", call=1, operations=["TransactWriteItems"], path=path)
    meanwhile, go_on = step("wait_for", path=f"{path}.held"), step("touch", path=path)
    refunds = {"refund": [waits, refund], "release": [meanwhile, refund, go_on]}.get(str(held), [refund])
    releases = {"release": [waits, release], "refund": [meanwhile, release, go_on]}.get(str(held), [release])
    jobs = [
        own_world.job(deadline - timedelta(seconds=20), *refunds),  # it was paid a moment after the day began
        own_world.job(deadline + timedelta(seconds=20), *releases),
    ]
    answer = next(each for each in own_world.lane.driver.run(jobs)[0].all() if each)
    assert answer["status"] == 201
    books = _at_rest(own_world, shop)
    assert [balance for balance, *_ in _accounts(books)] == [1700, 2700]


def test_of_three_triggers_one_pays_and_of_three_workers_one_sends(own_world: World) -> None:
    """One payout, one transfer, one payout to the bank; the others are told that one is under way."""
    shop = payee(own_world, LATER)
    answers = [each.last() for each in at_once(own_world, LATER, [[shop.trigger(f"key-{n}")] for n in THREE])]
    assert [answer["status"] for answer in answers] == [200] * 3
    data = [answer["body"]["data"] for answer in answers]
    assert sorted(len(each["payouts"]) for each in data) == [0, 0, 1]
    assert [skip["reason"] for each in data for skip in each["skipped"]] == ["payout_open"] * 2
    (payout_id,) = (made["id"] for each in data for made in each["payouts"])
    at_once(own_world, LATER + timedelta(seconds=1), [[turn(payout_id)] for _ in THREE])
    own_world.run(LATER + timedelta(minutes=2), turn(payout_id)).all()
    books = _at_rest(own_world, shop)
    assert [each["status"] for each in _payouts(books)] == ["in_transit"]
    assert _accounts(books) == [(0, 0, 8800, 0)]


def test_a_payout_that_had_looked_before_a_dispute_was_told(own_world: World, tmp_path: Path) -> None:
    """It looks again, and finds nothing that could be paid: the dispute holds it."""
    shop, order = released(own_world, LATER)
    at, path = LATER + WINDOW + timedelta(minutes=5), str(tmp_path / "held")
    opens = step("bank", path=f"charges/{order['payment']['paymentIntentId']}/dispute", body={"reason": "fraudulent"})
    waits = step("fault", mode="hold", call=1, operations=["TransactWriteItems"], path=path)
    meanwhile = [step("wait_for", path=f"{path}.held"), opens, shop.deliver(), step("touch", path=path)]
    trigger, _ = at_once(own_world, at, [[waits, shop.trigger()], meanwhile])
    data = trigger.last()["body"]["data"]
    assert [each["reason"] for each in data["skipped"]] == ["nothing_available"] * 2
    assert _accounts(_at_rest(own_world, shop)) == [(0, 3400, 0, 0), (0, 5400, 0, 0)]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_and_a_payout_that_begin_at_once(own_world: World, outcome: str) -> None:
    """Whoever comes first, what the providers were paid and what they owe is what they have earned."""
    shop, order = released(own_world, LATER)
    intent, at = order["payment"]["paymentIntentId"], LATER + WINDOW + timedelta(minutes=5)
    opens = step("bank", path=f"charges/{intent}/dispute", body={"reason": "fraudulent"})
    at_once(own_world, at, [[shop.trigger(), step("payout_drain")], [opens, shop.deliver()]])
    own_world.run(at + timedelta(minutes=2), shop.deliver(), step("payout_drain")).all()
    for balance, held, in_transit, _ in _accounts(_at_rest(own_world, shop)):
        assert (held, balance + held + in_transit) in [(3400, 3400), (5400, 5400)]
    (dispute,) = shop.at_stripe().disputes
    own_world.control(f"disputes/{dispute['id']}/close", status=outcome)
    own_world.run(at + timedelta(minutes=5), shop.deliver()).all()
    left = sorted(b + held + way for b, held, way, _ in _accounts(_at_rest(own_world, shop)))
    assert left == ([3400, 5400] if outcome == "won" else [0, 0])


@pytest.mark.parametrize("at_the_same_time", [True, False])
def test_a_payout_that_failed_after_it_was_paid_told_in_any_order(own_world: World, at_the_same_time: bool) -> None:
    """The failure wins; the money is on the account once, when Stripe has it back."""
    shop, payout_id = sent(own_world, LATER)
    own_world.run(LATER, shop.bank("paid"), shop.bank("failed")).all()
    if at_the_same_time:
        types = ("payout.created", "payout.paid", "payout.failed")
        jobs = [[shop.heard(each)] for each in types]
        at_once(own_world, LATER + timedelta(hours=7), [*jobs, [turn(payout_id)]])
    else:
        own_world.run(LATER, shop.heard("payout.failed"), shop.heard("payout.paid"), shop.heard(shuffle=7)).all()
    again = [turn(payout_id), turn(payout_id)]
    at_once(own_world, LATER + timedelta(hours=8), [again for _ in THREE])
    own_world.run(LATER + timedelta(hours=9), shop.heard(), turn(payout_id)).all()
    books = _at_rest(own_world, shop)
    assert [each["status"] for each in _payouts(books)] == ["failed"]
    assert _accounts(books) == [(8800, 0, 0, 0)]


def test_a_trigger_beside_the_money_that_comes_back(own_world: World) -> None:
    """A payout failed and its transfer is being taken back: the next one pays what is there, and nothing twice."""
    shop, payout_id = sent(own_world, LATER)
    own_world.run(LATER, shop.bank("failed"), shop.heard("payout.failed")).all()
    at = LATER + timedelta(minutes=5)
    own_world.run(at, step("payout_drain"), shop.given(shop.sellers[0].id, 1200, "more")).all()
    jobs = [[turn(payout_id)], [shop.trigger("next"), step("payout_drain")], [turn(payout_id)]]
    at_once(own_world, at, jobs)
    own_world.run(at + timedelta(minutes=5), turn(payout_id)).all()
    ((balance, _, in_transit, _),) = _accounts(_at_rest(own_world, shop))
    assert balance + in_transit == 10_000
