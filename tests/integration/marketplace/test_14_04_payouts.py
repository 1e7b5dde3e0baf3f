"""Issue 14, 3 and 4: earnings go to accounts, accounts are paid out, and what a bank sends back is on them again."""

import pytest

from tests.integration.marketplace.market import cents
from tests.integration.marketplace.paying import Payday, reasons
from tests.integration.world import Json


def lines(payday: Payday) -> list[tuple[str, int, int]]:
    return [
        (str(each.type), cents(each.amount), cents(each.balance_after)) for each in payday.market.lines(payday.market.x)
    ]


def paid(payday: Payday) -> Json:
    """A payout of 85.00 that has arrived."""
    x = payday.market.x
    payday.earn(x, 10000, 1500)
    payout = payday.paid_out(x)
    made = payday.work(x, payout, 2)
    payday.bank(made, "paid")
    payday.look(x, payout)
    return payout


def test_an_earning_is_released_when_its_window_has_passed_and_not_before(payday: Payday) -> None:
    """100.00 at 15 %: 85.00 pending until then; afterwards they are on the account, and the line adds up."""
    market = payday.market
    order = market.order(_item(payday))
    market.pay(order, "pm_card_bypassPending")
    earning = market.earning(order, market.x)
    assert earning.due is not None
    assert payday.world.work(earning.due.shard) == {"batchItemFailures": []}
    assert market.lines(market.x) == []
    assert payday.earnings(market.x)["pending"] == 85_00_000
    payday.release(order, market.x)
    (line,) = market.lines(market.x)
    shown = line.figures
    assert shown is not None
    assert (cents(line.amount), cents(shown.gross), cents(shown.commission)) == (8500, 10000, 1500)
    assert shown.gross - shown.discount - shown.commission - shown.commission_tax - shown.fee == line.amount
    standing = payday.earnings(market.x)
    assert (standing["pending"], standing["available"]) == (0, 85_00_000)
    books = market.books()
    assert (books.get("provider_pending:x", 0), books["provider_payable:x"]) == (0, -8500)


def _item(payday: Payday) -> Json:
    from tests.integration.marketplace.market import item

    return item(10000, 1500, payday.market.x)


def test_a_payout_goes_from_the_account_to_the_bank(payday: Payday) -> None:
    """Claimed, transferred, on its way, paid: after each step the books' cash is Stripe's, and the head adds up."""
    market, x = payday.market, payday.market.x
    payday.earn(x, 10000, 1500)
    cash = market.books()["cash"]
    payout = payday.paid_out(x)
    assert (payout["status"], payout["amount"], payout["number"]) == ("pending", 85_00_000, "ACME-USD-000001")
    assert market.books()["payouts_in_transit:x"] == -8500
    made = payday.work(x, payout, 2)
    assert made.status == "in_transit"
    assert (market.books()["cash"], market.books().get("payouts_in_transit", 0)) == (cash - 8500, 0)
    assert payday.earnings(x)["inTransit"] == 85_00_000
    payday.bank(made, "paid")
    assert payday.look(x, payout).status == "paid"
    standing = payday.earnings(x)
    assert [standing[key] for key in ("available", "inTransit", "paid")] == [0, 0, 85_00_000]
    assert len(payday.transfers(payout)) == 1
    assert lines(payday) == [("release", 8500, 8500), ("payout", -8500, 0)]


@pytest.mark.parametrize("late", [False, True])
def test_what_a_bank_sends_back_is_on_the_account_once_the_transfer_is_reversed(payday: Payday, late: bool) -> None:
    """C3, C19: also after it was paid; a failure wins, and the next payout pays it again, once."""
    market, x = payday.market, payday.market.x
    if late:
        payout = paid(payday)
        made = payday.stored(x, payout)
    else:
        payday.earn(x, 10000, 1500)
        payout = payday.paid_out(x)
        made = payday.work(x, payout, 2)
    payday.bank(made, "failed")
    assert payday.look(x, payout).status == "failed"
    after = payday.work(x, payout)
    assert (after.status, after.returned_seq) == ("failed", 3)
    assert lines(payday)[2] == ("payout_returned", 8500, 8500)
    head = payday.head(x)
    assert [cents(each) for each in (head.balance, head.in_transit, head.paid)] == [8500, 0, 0]
    assert head.open_payout_id is None
    (transfer,) = payday.transfers(payout)
    assert transfer["amount_reversed"] == 8500
    assert "payouts_in_transit" not in market.books()


def test_a_marketplace_learns_why_nobody_is_paid(payday: Payday) -> None:
    """C31: below the minimum, nothing there, not onboarded, one under way; the provider reads the last reason, too."""
    market, x, y = payday.market, payday.market.x, payday.market.y
    payday.earn(x, 500)
    payday.earn(y, 500)
    payday.schedule(x, _weekly(), minimums={"USD": 10_00_000})
    answer = payday.trigger()
    assert sorted(reasons(answer)) == ["account_not_ready", "below_minimum"]
    assert payday.earnings(x)["lastSkip"]["reason"] == "below_minimum"
    payday.earn(x, 500)
    payout = payday.paid_out(x)
    assert payout["amount"] == 10_00_000
    assert reasons(payday.trigger(providerTenantId=x.id)) == ["payout_open"]
    payday.work(x, payout, 2)
    assert market.shop.post("/v1/payouts/trigger", {"providerTenantId": "nobody"}).error["code"] == "payout.refused"


def _weekly() -> object:
    from billing.domain.marketplace.provider import PayoutSchedule

    return PayoutSchedule()


def test_a_payout_is_canceled_before_it_is_sent_and_never_after(payday: Payday) -> None:
    """C4: cancel, and pay again: the money is counted once."""
    market, x = payday.market, payday.market.x
    payday.earn(x, 10000)
    payout = payday.paid_out(x)
    answer = market.shop.post(f"/v1/payouts/{payout['id']}/cancel", {})
    assert (answer.status, answer.data["status"], answer.data["returned"]) == (200, "canceled", True)
    again = payday.paid_out(x)
    assert (again["amount"], again["number"]) == (100_00_000, "ACME-USD-000002")
    assert payday.work(x, again, 2).status == "in_transit"
    refused = x.post(f"/v1/payouts/{again['id']}/cancel", {})
    assert (refused.status, refused.error["code"]) == (409, "payout.invalid_state")
    assert payday.transfers(payout) == []
    assert [each[1] for each in lines(payday)] == [10000, -10000, 10000, -10000]


def test_both_tenants_see_a_payout_and_a_third_does_not(payday: Payday) -> None:
    """A provider lists what it gets, a marketplace what it pays; to anybody else there is none."""
    market, x, y = payday.market, payday.market.x, payday.market.y
    payday.earn(x, 10000)
    payout = payday.paid_out(x)
    for caller, path in ((x, "payouts"), (market.shop, "commerce/payouts"), (x, "commerce/payouts")):
        assert caller.get(f"/v1/{path}/{payout['id']}").data["id"] == payout["id"]
    assert [each["id"] for each in market.shop.get("/v1/commerce/payouts").data] == [payout["id"]]
    assert [each["id"] for each in x.get("/v1/payouts").data] == [payout["id"]]
    for caller, path in ((y, "payouts"), (y, "commerce/payouts"), (market.shop, "payouts")):
        assert caller.get(f"/v1/{path}/{payout['id']}").status == 404
    ledger = x.get("/v1/provider/ledger", {"marketplace": market.shop.id, "currency": "USD"}).data
    assert [each["type"] for each in ledger] == ["payout", "release"]


def test_a_negative_balance_is_given_up_by_an_adjustment_and_no_more_than_is_owed(payday: Payday) -> None:
    """C7: what a refund after the release takes is owed, pays no one out, and later earnings or a line end it."""
    market, x = payday.market, payday.market.x
    path = f"/v1/commerce/providers/{x.id}/adjustments"
    made = market.shop.post(path, {"amount": -30_00_000, "currency": "USD", "reason": "goods were broken"})
    assert (made.status, made.data["balanceAfter"]) == (201, -30_00_000)
    assert reasons(payday.trigger(providerTenantId=x.id)) == ["negative_balance"]
    assert payday.earnings(x)["negative"] == 30_00_000
    body = {"amount": 31_00_000, "currency": "USD", "reason": "bankrupt", "giveUp": True}
    assert market.shop.post(path, body).status == 400
    assert market.shop.post(path, body | {"amount": 30_00_000}).status == 201
    assert market.books()["bad_debt"] == 3000
    assert payday.head(x).balance.is_zero
