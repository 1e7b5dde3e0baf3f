"""Issue 14: the worked examples of statements and balances, through the API, the workers and the sandbox.

E21, E22 and E23, as in the research; the complaints of other systems' users are in ``test_14_04_complaints``.
"""

from typing import Any

import pytest

from billing.bootstrap import connect, storage
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.provider import AccountOwner, PayoutSchedule, ProviderAccount
from billing.services.marketplace.payout_processor import NewAccount
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, cents, item
from tests.integration.marketplace.paying import AVAILABLE, Payday, reasons
from tests.integration.marketplace.test_14_01_disputes import closed, disputed
from tests.integration.world import Json, Tenant, World

ROWS = list[tuple[str, int, int]]


@pytest.fixture
def payday(world: World) -> Payday:
    """Earnings are released after a day, and refunded within a month: so a refund can come after a payout."""
    market = made(world, {"releaseAfterDays": 1, "refundWindowDays": 90})
    found = Payday(market)
    found.onboard(market.x)
    assert market.pay(market.order(item(100_000)), AVAILABLE).status == 200
    return found


def statement(payday: Payday, payout: Json) -> Json:
    return dict(payday.market.shop.get(f"/v1/commerce/payouts/{payout['id']}/statement").data)


def rows(one: Json) -> ROWS:
    return [(each["type"], each["amount"] // 1000, each["balanceAfter"] // 1000) for each in one["lines"]]


def sent(payday: Payday) -> tuple[Json, Payout]:
    payout = payday.paid_out(payday.market.x)
    return payout, payday.work(payday.market.x, payout, 2)


def arrived(payday: Payday) -> tuple[Json, Payout]:
    payout, found = sent(payday)
    payday.bank(found, "paid")
    return payout, payday.look(payday.market.x, payout)


def adds_up(one: Json) -> None:
    assert one["openingBalance"] + sum(each["amount"] for each in one["lines"]) == one["closingBalance"]
    assert sum(each["amount"] for each in one["totals"]) == one["closingBalance"] - one["openingBalance"]


def test_14_e21_two_statements_add_up_across_a_payout_that_came_back(payday: Payday) -> None:
    """73.18, a refund of 30.00, 4.51: 52.49 paid out; the bank returns it; 45.00 more: 97.49. Both chain."""
    market, x = payday.market, payday.market.x
    order = payday.earn(x, 8712, 1600)
    assert market.refund(order, amount=3_000_000).status == 201
    payday.earn(x, 645, 3000)
    first, found = sent(payday)
    payday.bank(found, "failed")
    payday.look(x, first)
    payday.work(x, first)
    payday.earn(x, 5000, 1000)
    second, _ = sent(payday)
    one, two = statement(payday, first), statement(payday, second)
    assert rows(one) == [
        ("release", 7318, 7318), ("refund", -2520, 4798), ("release", 451, 5249), ("payout", -5249, 0),
    ]  # fmt: skip
    assert rows(two) == [("payout_returned", 5249, 5249), ("release", 4500, 9749), ("payout", -9749, 0)]
    assert (one["openingBalance"], one["closingBalance"], two["openingBalance"]) == (0, 0, 0)
    for each in (one, two):
        adds_up(each)


def test_14_e22_what_is_owed_blocks_what_is_little_is_carried_and_what_is_won_is_paid(payday: Payday) -> None:
    """90.00 are paid out, 100.00 disputed: -90.00, then -45.00 blocked, then 9.00 below the minimum; won: 99.00."""
    market, x = payday.market, payday.market.x
    payday.schedule(x, PayoutSchedule(), minimums={"USD": 1_000_000})
    order = payday.earn(x, 10_000, 1000)
    assert cents(arrived(payday)[1].amount) == 9000
    dispute = disputed(market, market.now(order))
    assert cents(payday.head(x).balance) == -9000
    payday.earn(x, 5000, 1000)
    assert cents(payday.head(x).balance) == -4500
    assert reasons(payday.trigger(providerTenantId=x.id)) == ["negative_balance"]
    payday.earn(x, 6000, 1000)
    assert cents(payday.head(x).balance) == 900
    assert reasons(payday.trigger(providerTenantId=x.id)) == ["below_minimum"]
    closed(market, dispute, "won")
    payout, found = arrived(payday)
    assert (cents(found.amount), found.status) == (9900, "paid")
    one = statement(payday, payout)
    adds_up(one)
    assert rows(one) == [
        ("dispute_hold", -9000, -9000), ("release", 4500, -4500), ("release", 5400, 900),
        ("dispute_released", 9000, 9900), ("payout", -9900, 0),
    ]  # fmt: skip


def onboard_in(payday: Payday, provider: Tenant, country: str) -> None:
    """An account at Stripe in another country, whose bank takes that one's currency."""
    gateway = connect.connect_gateway()
    account = gateway.create_account(NewAccount(provider.id, country, "y@example.com", f"{provider.id}:account"))
    payday.world.sandbox.post(f"accounts/{account.id}/onboard")
    ready = gateway.account(account.id)
    assert ready is not None
    unit = storage.units().begin(provider.id)
    unit.save(ProviderAccount(provider.id, country, unit.now, account=ready))
    unit.save(AccountOwner(account.id, provider.id, unit.now))
    unit.commit()


def sold_in(market: Market, currency: str, amount: int, provider: Tenant) -> Json:
    """A sale of so many hundredths; the platform has as much again of its own."""
    own = market.order(item(amount), currency=currency)
    assert market.pay(own, AVAILABLE).status == 200
    order = market.order(item(amount, 0, provider), currency=currency)
    assert market.pay(order, AVAILABLE).status == 200
    return order


def test_14_e23_forints_are_paid_out_whole_and_the_rest_stays(payday: Payday) -> None:
    """HUF 12,345.67: 12,345.00 are paid, 0.67 stay, and the next statement begins with them."""
    market, y = payday.market, payday.market.y
    onboard_in(payday, y, "HU")
    payday.release(sold_in(market, "HUF", 1_234_567, y), y)
    payout = payday.paid_out(y)
    assert (payout["amount"], payout["currency"]) == (1_234_500_000, "HUF")
    found = payday.work(y, payout, 2)
    payday.bank(found, "paid")
    assert payday.look(y, payout).status == "paid"
    standing: Any = y.get("/v1/provider/earnings", {"currency": "HUF"}).data[0]
    assert standing["available"] == 67_000
    assert reasons(payday.trigger(providerTenantId=y.id)) == ["nothing_available"]
    payday.release(sold_in(market, "HUF", 100_033, y), y)
    second = payday.paid_out(y)
    assert second["amount"] == 100_100_000
    assert statement(payday, payout)["closingBalance"] == statement(payday, second)["openingBalance"] == 67_000
