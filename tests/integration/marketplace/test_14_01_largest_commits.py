"""Issue 14, 1: of an order of twenty providers and a hundred items, each commit fits into a transaction.

Each provider's share is on its account, where whatever is taken of it is a line and the account's head.
"""

import pytest

from billing.storage.refusals import MOST_ITEMS
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, cents, item
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.world import Json, Tenant, World

PROVIDERS, EACH = 20, 5


@pytest.fixture
def sold(world: World) -> tuple[Market, list[Tenant], Json]:
    """An order of $100.00 of which all is released, 5.00 less 10 % to each; refundable for two weeks still."""
    market = made(world, {"releaseAfterDays": 0})
    sellers = [market.x, market.y, *(world.tenant(name=f"P{n}") for n in range(PROVIDERS - 2))]
    order = market.order(*(item(100, 1000, each) for each in sellers for _ in range(EACH)))
    assert market.pay(order, AVAILABLE).status == 200
    for each in sellers:
        market.release(order, each)
    world.writes.clear()
    return market, sellers, order


def balances(market: Market, sellers: list[Tenant]) -> set[int]:
    return {cents(head.balance) for each in sellers if (head := market.head(each)) is not None}


def largest(world: World) -> int:
    """Of the commits since the order was released; each is at the most what a transaction takes."""
    found = max(len(tables) for name, tables in world.writes if name == "TransactWriteItems")
    assert found <= MOST_ITEMS
    return found


def intent_of(market: Market, order: Json) -> str:
    payment = market.shop.get(f"/v1/payments/{market.now(order)['paymentId']}").data
    return str(payment["paymentIntentId"])


def test_all_of_it_is_refunded(world: World, sold: tuple[Market, list[Tenant], Json]) -> None:
    """Twenty lines and heads."""
    market, sellers, order = sold
    assert market.refund(order).status == 201
    assert balances(market, sellers) == {0}
    assert largest(world) > 40


@pytest.mark.parametrize("told", ["one-after-the-other", "lost-at-once"])
def test_a_dispute_of_all_of_it_is_lost(world: World, sold: tuple[Market, list[Tenant], Json], told: str) -> None:
    """Twenty earnings know of it, twenty lines hold their shares, and twenty heads let them go."""
    market, sellers, order = sold
    dispute = world.sandbox.post(f"charges/{intent_of(market, order)}/dispute")
    if told == "one-after-the-other":
        world.deliver_all(market.shop)
    world.sandbox.post(f"disputes/{dispute['id']}/close", status="lost")
    world.deliver_all(market.shop)
    assert balances(market, sellers) == {0}
    assert market.now(order)["amountLost"] == 100_00_000
    assert largest(world) > 40


@pytest.mark.parametrize("shorts", [1, 3, 6])
def test_a_refund_fails_beside_which_others_went_short(
    world: World, sold: tuple[Market, list[Tenant], Json], shorts: int
) -> None:
    """All of it is under way here while a colleague refunds it in Stripe's dashboard, in parts: each takes its own."""
    market, sellers, order = sold
    world.stripe_fails("drop_before", "^/v1/refunds$", method="POST")
    assert market.refund(order).status == 201
    world.stripe_works()
    intent = intent_of(market, order)
    for n in range(shorts):
        amount = 10_000 // shorts if n else 10_000 - (shorts - 1) * (10_000 // shorts)
        world.sandbox.post(f"payment_intents/{intent}/refund", amount=amount)
    world.deliver_all(market.shop)
    world.clock.advance(minutes=5)
    settle(world, market)
    largest(world)
    now = market.now(order)
    assert (now["status"], now["amountRefunded"]) == ("refunded", 100_00_000)
    assert balances(market, sellers) == {0}
    assert market.stored(order).short == ()


def settle(world: World, market: Market) -> None:
    """The workers come round until nothing is due."""
    for _ in range(4):
        due = (row for table in ("refunds", "orders") for row in world.rows_of(table, market.shop.id))
        for shard in {row["due_shard"]["S"] for row in due if "due_shard" in row}:
            assert world.work(shard) == {"batchItemFailures": []}
        world.clock.advance(minutes=5)
