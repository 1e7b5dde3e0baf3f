"""Issue 14, 1: payers, refunds, disputes and the end of an order's day at once, on DynamoDB's own semantics."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.crashes import order_of
from tests.faults.order_flows import CARD, Market, made, sold
from tests.faults.payment_flows import done
from tests.faults.processes import Answer, Json
from tests.faults.world import AT, World, at_once, step

EIGHT = range(8)
DAY = timedelta(hours=24, minutes=1)
TURN = step("turn", shard="00")


def _last(answers: list[Answer]) -> list[Json]:
    return [answer.last() for answer in answers]


def _at_rest(world: World, shop: Market, after: timedelta = timedelta(minutes=5)) -> tuple[str, int, int, int]:
    """The order once Stripe has told everything and the sweep came round; every law of the books holds."""
    world.run(AT + after, shop.deliver(), step("sweep"), step("drain"), step("later", seconds=150), TURN).all()
    world.run(AT + after + timedelta(minutes=5), shop.deliver(), TURN).all()
    (order,) = shop.check(AT + after + timedelta(hours=1), methods=True).bodies("orders")
    return order_of(order)


def test_of_four_who_pay_at_once_one_is_charged(own_world: World) -> None:
    """The attempt is claimed on the order: one pays, the others are told that it is paid, or being paid."""
    shop, order_id = made(own_world, AT, percent_off=10)
    answers = _last(at_once(own_world, AT, [[shop.pay(order_id, f"key-{n}")] for n in range(4)]))
    assert sorted(answer["status"] for answer in answers) == [200, 409, 409, 409], answers
    assert len(shop.charges()) == 1
    assert _at_rest(own_world, shop) == ("paid", 1, 0, 0)


def test_a_card_beside_a_form_that_its_payer_completes(own_world: World) -> None:
    """The form is paid while a card is charged: whoever is first has paid the order, and nobody pays it twice."""
    shop, order_id = made(own_world, AT)
    intent = done(own_world, AT, shop.pay(order_id, "form", None))["payment"]["paymentIntentId"]
    pays = step("bank", path=f"payment_intents/{intent}/pay", body={"payment_method": CARD})
    at_once(own_world, AT, [[shop.pay(order_id)], [pays]])
    assert _at_rest(own_world, shop)[0] == "paid"
    assert sum(each["amount"] for each in shop.charges()) == 10_000


def test_of_eight_refunds_of_thirty_percent_three_succeed(own_world: World) -> None:
    """No more goes back than was paid, of nobody more than it had; the other five are told that nothing is left."""
    shop, order = sold(own_world, AT)
    jobs = [[shop.refund(order["id"], f"key-{n}", amount=3_000_000)] for n in EIGHT]
    answers = _last(at_once(own_world, AT, jobs))
    assert sorted(answer["status"] for answer in answers) == [201] * 3 + [422] * 5, answers
    assert sum(each["amount"] for each in shop.at_stripe().refunds) == 9000
    assert _at_rest(own_world, shop) == ("partially_refunded", 1, 9000, 0)


def test_of_eight_who_refund_the_same_item_one_does(own_world: World) -> None:
    """One piece of an item comes back once, though the order has money left for more."""
    shop, order = sold(own_world, AT)
    items = [{"itemId": "item_2", "quantity": 1}]
    answers = _last(at_once(own_world, AT, [[shop.refund(order["id"], f"key-{n}", items=items)] for n in EIGHT]))
    assert sorted(answer["status"] for answer in answers) == [201] + [422] * 7, answers
    assert _at_rest(own_world, shop) == ("partially_refunded", 1, 4000, 0)


def test_a_refund_here_beside_one_in_the_dashboard(own_world: World) -> None:
    """Three of 30.00 here, 60.00 at Stripe: what Stripe refuses is the sellers' again, and what it did is taken."""
    shop, order = sold(own_world, AT)
    path = f"payment_intents/{order['payment']['paymentIntentId']}/refund"
    jobs = [[shop.refund(order["id"], f"key-{n}", amount=3_000_000)] for n in range(3)]
    at_once(own_world, AT, [*jobs, [step("bank", path=path, body={"amount": 6000}), shop.deliver()]])
    _, _, back, _ = _at_rest(own_world, shop)
    assert back == sum(each["amount"] for each in shop.at_stripe().refunds if each["status"] == "succeeded") <= 10_000


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_refund_beside_a_dispute(own_world: World, outcome: str) -> None:
    """The bank takes all of it while 50.00 are refunded here: together never more than was paid, whoever is first."""
    shop, order = sold(own_world, AT)
    intent = order["payment"]["paymentIntentId"]
    opens = step("bank", path=f"charges/{intent}/dispute", body={"reason": "fraudulent"})
    at_once(own_world, AT, [[shop.refund(order["id"], amount=5_000_000)], [opens, shop.deliver()]])
    _at_rest(own_world, shop)
    (dispute,) = shop.at_stripe().disputes
    own_world.control(f"disputes/{dispute['id']}/close", status=outcome)
    _, _, back, disputes = _at_rest(own_world, shop, timedelta(minutes=30))
    refunded = sum(each["amount"] for each in shop.at_stripe().refunds if each["status"] == "succeeded")
    assert (back, disputes) == (refunded + (dispute["amount"] if outcome == "lost" else 0), 0)
    assert back <= 10_000


def test_a_dispute_that_is_told_while_a_refund_is_about_to_be_written(own_world: World, tmp_path: Path) -> None:
    """The refund had looked before the bank took the money: it looks again, and is refused."""
    shop, order = sold(own_world, AT)
    path = tmp_path / "refund"
    held = step("fault", mode="hold", call=1, operations=["TransactWriteItems"], path=str(path))
    opens = step("bank", path=f"charges/{order['payment']['paymentIntentId']}/dispute", body={"reason": "fraudulent"})
    meanwhile = [step("wait_for", path=f"{path}.held"), opens, shop.deliver(), step("touch", path=str(path))]
    answers = at_once(own_world, AT, [[held, shop.refund(order["id"], amount=5_000_000)], meanwhile])
    assert answers[0].last()["body"]["error"]["code"] == "billing.refund.exceeds_available"
    assert shop.at_stripe().refunds == []
    assert _at_rest(own_world, shop) == ("paid", 1, 10_000, 1)


@pytest.mark.parametrize("told", [True, False], ids=["told-at-once", "told-later"])
def test_the_end_of_the_day_beside_a_payer(own_world: World, told: bool) -> None:
    """The form is paid while it is taken back: the order is paid, or expired and nobody can pay it; never both."""
    shop, order_id = made(own_world, AT, percent_off=10)
    intent = done(own_world, AT, shop.pay(order_id, method=None))["payment"]["paymentIntentId"]
    pays = step("bank", path=f"payment_intents/{intent}/pay", body={"payment_method": CARD})
    at_once(own_world, AT + DAY, [[TURN], [pays, *([shop.deliver()] if told else [])], [TURN]])
    status, _, _, _ = _at_rest(own_world, shop, DAY + timedelta(minutes=5))
    assert (status, [each["amount"] for each in shop.charges()]) in [("paid", [9000]), ("expired", [])]


def test_two_orders_want_the_last_redemption(own_world: World) -> None:
    """One has it; the other is refused, and no order of its is there."""
    shop, order_id = made(own_world, AT, percent_off=10)
    own_world.run(AT + DAY, step("sweep"), step("drain")).all()
    at = AT + DAY
    jobs = [[shop.order(f"key-{n}", couponCode="SAVE")] for n in range(4)]
    answers = _last(at_once(own_world, at, jobs))
    assert sorted(answer["status"] for answer in answers) == [201, 422, 422, 422], answers
    orders = shop.check(at + timedelta(hours=1)).bodies("orders")
    assert sorted(each["status"] for each in orders) == ["expired", "pending"]
    assert order_id in {each["id"] for each in orders if each["status"] == "expired"}
