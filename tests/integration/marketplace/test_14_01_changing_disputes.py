"""Issue 14, 1: disputes that change: an inquiry that becomes one, another amount, won and then lost, and the other way.

Whatever Stripe says last is what the sellers, the accounts and the books show, as if it had been said at first.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from billing.bootstrap import payments, process, storage
from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import Dispute, DisputeSnapshot, DisputeStatus, dispute_id
from billing.domain.payments.payment import Payment
from billing.services.kernel.work import Ref
from billing.services.payments import disputes
from billing.services.payments.disputes import Disputed
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Json, Market, cents, item
from tests.integration.marketplace.test_14_01_disputes import closed, disputed, sold, statuses
from tests.integration.marketplace.test_14_01_refunds import by_dashboard
from tests.integration.world import World

ALL = Money.from_minor(20000, "USD")
MADE = datetime(2026, 6, 1, tzinfo=UTC)
OPEN = DisputeSnapshot("dp_1", DisputeStatus.NEEDS_RESPONSE, ALL, "fraudulent", True, MADE)
WON = replace(OPEN, status=DisputeStatus.WON, withdrawn=False)
LOST = replace(OPEN, status=DisputeStatus.LOST)


def of(snapshot: DisputeSnapshot, amount: int) -> DisputeSnapshot:
    return replace(snapshot, amount=Money.from_minor(amount, "USD"))


def hear(market: Market, order: Json, *words: DisputeSnapshot) -> None:
    """Stripe's words on a dispute, each in a commit of its own."""
    for snapshot in words:
        unit = storage.units().begin(market.shop.id)
        payment = Ref(Payment, market.shop.id, order["paymentId"])
        known = Ref(Dispute, market.shop.id, dispute_id(snapshot))
        found = unit.load(payment, known)
        about = Disputed(found.require(payment), None, found.get(known))
        disputes.apply(unit, about, snapshot, unit.now, process.due_shards(), payments.marketplace_books())
        unit.commit()


def standing(market: Market, order: Json) -> Json:
    """All that a dispute may move."""
    heads = [market.head(each) for each in (market.x, market.y)]
    shown = market.now(order)
    return {
        "accounts": [None if head is None else (cents(head.balance), cents(head.held)) for head in heads],
        "earnings": [cents(market.earning(order, each).amount) for each in (market.x, market.y)],
        "statuses": statuses(market, order),
        "books": market.books(),
        "order": {name: shown[name] for name in ("status", "disputed", "amountRefunded", "amountLost")},
        "short": market.stored(order).short,
    }


RELEASED = [(), ("x",), ("x", "y")]


@pytest.mark.parametrize("released", RELEASED)
@pytest.mark.parametrize(
    ("words", "same_as"),
    [
        ([OPEN, WON, LOST], [LOST]),
        ([OPEN, LOST, WON], []),
        ([LOST, WON, LOST], [OPEN, LOST]),
        ([of(OPEN, 12000), of(OPEN, 6000)], [of(OPEN, 6000)]),
        ([of(OPEN, 6000), of(LOST, 12000)], [of(LOST, 12000)]),
        ([of(LOST, 12000), of(LOST, 6000)], [of(LOST, 6000)]),
        ([of(LOST, 6000), of(WON, 6000)], []),
    ],
)
def test_the_last_word_is_what_counts(
    world: World, released: tuple[str, ...], words: list[DisputeSnapshot], same_as: list[DisputeSnapshot]
) -> None:
    """However it went to and fro: each seller, each account and the books are as if the last word were the only one."""
    market, quiet = made(world), made(world)
    order, twin = sold(market, *released), sold(quiet, *released)
    hear(market, order, *words)
    hear(quiet, twin, *(replace(each, stripe_dispute_id="dp_2") for each in same_as))
    assert standing(market, order) == standing(quiet, twin)


def test_an_inquiry_that_becomes_a_dispute_takes_the_money(market: Market) -> None:
    """Nothing was withdrawn for the inquiry; then all of it is held; then it is lost, and plain to see on the order."""
    order = sold(market, "x")
    inquiry = disputed(market, order, inquiry=True)
    assert standing(market, order)["accounts"] == [(9000, 0), None]
    market.world.sandbox.post(f"disputes/{inquiry}/escalate")
    market.world.deliver_all(market.shop)
    assert standing(market, order)["accounts"] == [(0, 9000), None]
    assert market.now(order)["amountLost"] == 0
    closed(market, inquiry, "lost")
    now = standing(market, order)
    assert (now["accounts"], now["earnings"][1]) == ([(0, 0), None], 0)
    assert now["order"] == {"status": "paid", "disputed": False, "amountRefunded": 20_000_000, "amountLost": 20_000_000}


def test_room_that_a_dispute_makes_is_taken_by_what_was_short(market: Market) -> None:
    """150.00 of 200.00 are disputed, 100.00 are refunded at Stripe: 50.00 have no room among the items. The dispute is
    won, and the sellers give back the 50.00, too; nothing is left as the marketplace's expense."""
    order = sold(market)
    hear(market, order, of(OPEN, 15000))
    by_dashboard(market, order, 10000)
    assert market.books()["refunds"] == 5000
    hear(market, order, of(WON, 15000))
    now = standing(market, order)
    assert (now["order"]["amountRefunded"], now["short"]) == (10_000_000, ())
    assert "refunds" not in now["books"]
    assert (now["books"]["provider_pending"], now["books"]["commission_revenue"]) == (-9000, -1000)


def test_a_dispute_is_never_in_the_status(market: Market) -> None:
    """60.00 are lost, 140.00 refunded: partially refunded, and nothing is left to refund; won after all, so it stays,
    and the 60.00 can be refunded. Of a refund that failed nothing is left in the status, whatever is disputed."""
    order = sold(market)
    hear(market, order, of(LOST, 6000))
    assert market.now(order)["status"] == "paid"
    by_dashboard(market, order, 14000)
    assert market.now(order)["status"] == "partially_refunded"
    assert market.refund(order, amount=1000).error["code"] == "billing.refund.exceeds_available"
    hear(market, order, of(WON, 6000))
    assert market.now(order)["status"] == "partially_refunded"
    assert market.refund(order).data["orderStatus"] == "refunded"
    assert market.books() == {}


def test_a_refund_that_fails_for_a_dispute_leaves_no_trace_in_the_status(market: Market) -> None:
    """50.00 are on their way when the payer disputes all of it: Stripe fails them, and the order reads paid."""
    order = market.order(item(20000, 1000, market.x))
    order = market.pay(order, "pm_card_pendingRefund").data
    assert market.refund(order, amount=5_000_000).data["orderStatus"] == "partially_refunded"
    disputed(market, order, amount=20000)
    now = market.now(order)
    assert (now["status"], now["disputed"], now["amountRefunded"]) == ("paid", True, 20_000_000)
    assert market.stored(order).short == ()
