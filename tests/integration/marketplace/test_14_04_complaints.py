"""Issue 14: what users of other marketplaces complain of, each as a test: C10, C12, C14 to C17, C27 to C29.

The others are named where their subject is tested: ``grep -rniE "\\bc[0-9]+" tests``.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from billing.bootstrap import connect
from billing.domain.kernel.money import Money
from billing.services.marketplace.payout_processor import Transfer
from billing.storage.packing import unpack
from tests.integration.marketplace.connect import PATH, deliver, events
from tests.integration.marketplace.market import cents
from tests.integration.marketplace.paying import Payday, reasons
from tests.integration.marketplace.test_14_01_disputes import closed, disputed
from tests.integration.marketplace.test_14_04_examples import (
    adds_up,
    arrived,
    onboard_in,
    payday,
    rows,
    sent,
    sold_in,
    statement,
)

__all__ = ["payday"]  # the fixture


def replace_account(payday: Payday) -> str:
    """The first provider's account at Stripe is another one from now on; its id."""
    x = payday.market.x
    answer = x.patch(PATH, {"replacement": {"country": "US"}})
    assert answer.status == 200, answer.json
    made = str(answer.data["account"]["id"])
    payday.world.sandbox.post(f"accounts/{made}/onboard")
    for each in events(payday.world, made):
        assert deliver(payday.world, each)[0] == 200
    assert x.get(PATH).data["ready"]
    return made


def test_14_c10_a_dispute_won_after_the_account_was_replaced_is_paid_to_the_present_one(payday: Payday) -> None:
    """What comes back is the provider's, not an old account's at Stripe: its next payout goes where it is now."""
    market, x = payday.market, payday.market.x
    order = payday.earn(x, 10_000, 1000)
    _, first = arrived(payday)
    dispute = disputed(market, market.now(order))
    present = replace_account(payday)
    closed(market, dispute, "won")
    assert cents(payday.head(x).balance) == 0
    payday.earn(x, 2_000)
    _, second = arrived(payday)
    assert (second.status, cents(second.amount)) == ("paid", 2000)
    assert second.stripe_account_id == present != first.stripe_account_id


def test_14_c12_what_arrived_in_another_currency_is_not_paid_on(
    payday: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank of its currency went away, and Stripe converted: all of the transfer comes back, and no rate is lost."""
    x = payday.market.x
    payday.earn(x, 10_000)
    payout = payday.paid_out(x)
    gateway = connect.connect_gateway()
    real = gateway.transfer_state

    def converted(*about: str) -> Transfer:
        return replace(real(*about), arrived=Money(9_000_000, "EUR"))

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "transfer_state", converted)
        made = payday.work(x, payout, 2)
    assert (made.status, made.failure_code, made.bank.submitted_at) == ("failed", "currency_converted", None)
    assert payday.work(x, payout).returned_seq is not None
    (transfer,) = payday.transfers(payout)
    assert (transfer["amount_reversed"], cents(payday.head(x).balance)) == (10_000, 10_000)


@pytest.mark.parametrize("changed", [+100_000, -100_000])
def test_14_c14_an_account_that_disagrees_with_its_lines_is_paid_to_nobody(payday: Payday, changed: int) -> None:
    """A hidden residue of a dollar, more or less: refused on disagreement, not on sign, and somebody is told."""
    x = payday.market.x
    payday.earn(x, 10_000)
    key = {"tenant_id": {"S": x.id}, "id": {"S": payday.head(x).id}}
    table = {"TableName": payday.world.tables["provider_balances"], "Key": key}
    dynamodb = payday.world.aws("dynamodb")
    body = json.loads(unpack(dynamodb.get_item(**table)["Item"]["body"]["S"]))
    body["balance"]["micros"] += changed
    dynamodb.update_item(
        **table,
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": json.dumps(body)}},
    )
    answer = payday.trigger(providerTenantId=x.id)
    assert (answer["payouts"], reasons(answer)) == ([], ["lines_disagree"])
    (alarm,) = [each for each in payday.world.logs.lines if each["level"] == "CRITICAL"]
    assert alarm["message"] == "an account disagrees with its lines"
    assert x.get("/v1/payouts").data == []


def test_14_c15_a_payout_to_the_bank_waits_for_its_transfer_to_settle(payday: Payday) -> None:
    """In Australia a transfer settles a day later: until then nothing is sent to the bank, and nothing is refused."""
    market, y = payday.market, payday.market.y
    onboard_in(payday, y, "AU")
    payday.release(sold_in(market, "AUD", 10_000, y), y)
    payday.world.clock.freeze(datetime.now(UTC))  # as it is at Stripe, whose time does not move
    payout = payday.paid_out(y)
    waiting = payday.work(y, payout, 3)
    assert (waiting.status, waiting.bank.submitted_at, waiting.bank.attempt) == ("transferring", None, 1)
    assert waiting.due is not None
    assert waiting.due.at == waiting.not_before
    payday.world.sandbox.post("balance/settle", account=waiting.stripe_account_id)
    found = payday.look(y, payout)
    assert (found.status, found.bank.attempt, len(payday.transfers(payout))) == ("in_transit", 1, 1)


def test_14_c16_an_account_is_not_replaced_while_a_payout_is_out_and_a_late_return_alarms(payday: Payday) -> None:
    """Under way: 409. Once it has arrived: replaced; and when the bank sends it back all the same, an alarm says so."""
    x = payday.market.x
    payday.earn(x, 10_000)
    payout, found = sent(payday)
    refused = x.patch(PATH, {"replacement": {"country": "US"}})
    assert (refused.status, refused.error["code"]) == (409, "provider_account.invalid_state")
    payday.bank(found, "paid")
    payday.look(x, payout)
    replace_account(payday)
    payday.bank(found, "failed")
    assert payday.look(x, payout).status == "failed"
    alarms = [each["message"] for each in payday.world.logs.lines if each["level"] == "CRITICAL"]
    assert "a payout to a retired account failed" in alarms
    after = payday.work(x, payout)  # the old account still has it: Stripe takes the transfer back
    assert after.returned_seq is not None
    assert cents(payday.head(x).balance) == 10_000
    again = payday.paid_out(x)
    assert again["amount"] == 100_00_000
    assert payday.work(x, again, 2).stripe_account_id != found.stripe_account_id


def test_14_c17_a_refused_transfer_that_was_given_back_is_never_sent_again(payday: Payday) -> None:
    """Debit, refused for good, compensated: its key sends nothing more; the next payout has a debit of its own."""
    market, x = payday.market, payday.market.x
    payday.earn(x, 10_000)
    payout = payday.paid_out(x)
    account = payday.stored(x, payout).stripe_account_id
    payday.world.sandbox.post(f"accounts/{account}/disable", reason="under_review")
    made = payday.work(x, payout)
    assert (made.status, made.due, made.transfer.attempt) == ("failed", None, 1)
    assert cents(payday.head(x).balance) == 10_000
    payday.world.sandbox.post(f"accounts/{account}/onboard")
    for turn in range(3):
        payday.turn(f"p{turn:02d}")
    assert payday.work(x, payout).status == "failed"
    assert payday.transfers(payout) == []
    again = payday.paid_out(x)
    assert again["id"] != payout["id"]
    payday.work(x, again, 2)
    assert [each["amount"] for each in payday.transfers(again)] == [10_000]
    types = [(str(each.type), cents(each.amount)) for each in market.lines(x)]
    assert types == [("release", 10_000), ("payout", -10_000), ("payout_returned", 10_000), ("payout", -10_000)]


def test_14_c27_what_a_payout_is_short_of_its_sales_has_a_row(payday: Payday) -> None:
    """Sales of 77.55 and a payout of 60.28: the 17.27 between them are a row of the statement, with its reason."""
    market, x = payday.market, payday.market.x
    payday.earn(x, 7_755)
    body = {"amount": -1_727_000, "currency": "USD", "reason": "packing material"}
    assert market.shop.post(f"/v1/commerce/providers/{x.id}/adjustments", body).status == 201
    payout, _ = arrived(payday)
    assert payout["amount"] == 6_028_000
    one = statement(payday, payout)
    adds_up(one)
    assert rows(one) == [("release", 7755, 7755), ("adjustment", -1727, 6028), ("payout", -6028, 0)]
    assert one["lines"][1]["note"] == "packing material"


def test_14_c28_a_refund_after_the_period_is_a_negative_row_of_the_next_statement(payday: Payday) -> None:
    """The first statement is closed, and stays as it is; what goes back of it is below zero in the second."""
    market, x = payday.market, payday.market.x
    order = payday.earn(x, 10_000, 1000)
    first, _ = arrived(payday)
    before = statement(payday, first)
    assert market.refund(order, amount=5_000_000).status == 201
    payday.earn(x, 8_000)
    second, _ = arrived(payday)
    assert statement(payday, first) | {"madeAt": ""} == before | {"madeAt": ""}
    two = statement(payday, second)
    assert rows(two) == [("refund", -4500, -4500), ("release", 8000, 3500), ("payout", -3500, 0)]
    adds_up(two)


def test_14_c29_a_refund_is_below_zero_in_every_form_and_in_the_net(payday: Payday) -> None:
    """JSON, CSV, totals: gross, commission and amount of a refund are negative, and all lines come to what is paid."""
    market, x = payday.market, payday.market.x
    order = payday.earn(x, 10_000, 1000)
    assert market.refund(order, amount=2_000_000).status == 201
    payout, _ = arrived(payday)
    one = statement(payday, payout)
    (refund,) = [each for each in one["lines"] if each["type"] == "refund"]
    shown = {name: refund["figures"][name] for name in ("gross", "commission")}
    assert (refund["amount"], shown) == (-1_800_000, {"gross": -2_000_000, "commission": -200_000})
    (total,) = [each for each in one["totals"] if each["type"] == "refund"]
    assert total["amount"] == -1_800_000
    text = x.get(f"/v1/commerce/payouts/{payout['id']}/statement.csv").content.decode()
    assert ",-1800000," in text
    net = sum(each["amount"] for each in one["lines"] if each["type"] != "payout")
    assert net == payout["amount"] == 7_200_000
