"""Issue 14, 4: after a payout has failed, its money is on the account once, whoever took its transfer back."""

import json
from typing import Any

import pytest

from billing.domain.marketplace.payout import Payout
from tests.integration.cash import cash_lines
from tests.integration.marketplace.market import cents
from tests.integration.marketplace.paying import Payday
from tests.integration.world import Json


def failed(payday: Payday) -> tuple[Json, Payout]:
    """A payout of 100.00 that the bank sent back; nobody has taken its transfer back yet."""
    x = payday.market.x
    payday.earn(x, 10000)
    payout = payday.paid_out(x)
    made = payday.work(x, payout, 2)
    payday.bank(made, "failed")
    payday.look(x, payout)
    return payout, payday.stored(x, payout)


def taken_back_in_the_dashboard(payday: Payday, payout: Payout, amount: int) -> None:
    params: Any = {"amount": amount}
    payday.world.stripe.v1.transfers.reversals.create(str(payout.transfer.stripe_id), params)


def came_back(payday: Payday) -> list[int]:
    return [cents(each.amount) for each in payday.market.lines(payday.market.x) if each.type == "payout_returned"]


def entered(payday: Payday, payout: Json) -> None:
    """Each reversal at Stripe is entered to the cent, under its own line."""
    (transfer,) = payday.transfers(payout)
    lines = {(each["balance_transaction"], "USD"): each["amount"] * 1000 for each in transfer["reversals"]["data"]}
    cash = cash_lines(payday.world, payday.market.shop)
    assert {each: cash.get(each) for each in lines} == lines


@pytest.mark.parametrize("parts", [[10000], [3000], [3000, 2500], [3000, 7000]])
def test_what_a_colleague_took_back_is_not_taken_back_again(payday: Payday, parts: list[int]) -> None:
    """Stripe would refuse the whole of it: the rest alone is reversed, and each part is on the account once."""
    payout, made = failed(payday)
    for part in parts:
        taken_back_in_the_dashboard(payday, made, part)
    x = payday.market.x
    made = payday.work(x, payout, 2)
    rest = 10000 - sum(parts)
    assert came_back(payday) == [*parts, *([rest] if rest else [])]
    assert (made.status, made.stranded, made.due) == ("failed", None, None)
    head = payday.head(x)
    assert (cents(head.balance), cents(head.in_transit), head.open_payout_id) == (10000, 0, None)
    entered(payday, payout)


def test_an_answer_that_was_lost_and_a_colleague_in_a_hurry(payday: Payday) -> None:
    """Ours was never made, 30.00 were taken back meanwhile: the rest has a key of its own, as it has an amount."""
    payout, made = failed(payday)
    x = payday.market.x
    payday.world.stripe_fails("drop_before", "/reversals$", method="POST")
    payday.work(x, payout)
    payday.world.stripe_works()
    taken_back_in_the_dashboard(payday, made, 3000)
    payday.look(x, payout)
    assert came_back(payday) == [3000, 7000]
    assert payday.stored(x, payout).due is None
    entered(payday, payout)


def test_what_was_stranded_and_given_up_comes_back_when_a_colleague_takes_it_back(payday: Payday) -> None:
    """After five days nobody tries any more: Stripe tells, and it is looked at once more."""
    payout, made = failed(payday)
    x = payday.market.x
    payday.world.sandbox.post(f"accounts/{made.stripe_account_id}/debit", amount=10000, currency="usd")
    for _ in range(12):
        made = payday.look(x, payout) if payday.stored(x, payout).due is not None else made
    assert (made.due, made.stranded) == (None, made.amount)
    platform: Any = {"amount": 10000, "currency": "usd", "destination": made.stripe_account_id}
    payday.world.stripe.v1.transfers.create(platform)  # the provider paid its debt, so to say
    taken_back_in_the_dashboard(payday, made, 4000)
    payday.world.deliver(events_of(payday, "transfer.reversed")[0])
    made = payday.work(x, payout)
    assert (came_back(payday), made.stranded, payday.head(x).stranded) == ([4000, 6000], None, None)
    assert cents(payday.head(x).balance) == 10000
    entered(payday, payout)


def events_of(payday: Payday, kind: str) -> list[Json]:
    page: Any = {"type": kind, "limit": 10}
    return [json.loads(str(each)) for each in payday.world.stripe.v1.events.list(page).data]


def test_a_part_that_is_stranded_is_the_part_that_did_not_come_back(payday: Payday) -> None:
    """30.00 are back and can be paid again; 70.00 Stripe does not give back."""
    payout, made = failed(payday)
    x = payday.market.x
    taken_back_in_the_dashboard(payday, made, 3000)
    payday.world.sandbox.post(f"accounts/{made.stripe_account_id}/debit", amount=7000, currency="usd")
    made = payday.work(x, payout)
    head = payday.head(x)
    assert made.stranded is not None
    assert (came_back(payday), cents(made.stranded)) == ([3000], 7000)
    assert (cents(head.balance), cents(head.in_transit), head.stranded) == (3000, 7000, made.stranded)
    entered(payday, payout)
