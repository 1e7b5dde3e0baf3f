"""Issue 14: Stripe's fee of a dispute is the marketplace's, whoever bears those of charges; decision 0035 says why."""

from collections import Counter

import pytest

from tests.integration.cash import entries
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, cents, item
from tests.integration.marketplace.test_14_01_disputes import closed, disputed
from tests.integration.world import World

CHARGE, DISPUTE = 320, 1500
"""Cents: 2.9 % and 0.30 of 100.00; and what the sandbox takes for a dispute, lost or won."""


def fees(market: Market) -> int:
    """The marketplace's expense, in cents."""
    sums: Counter[str] = Counter()
    for posting in (posting for entry in entries(market.world, market.shop) for posting in entry["postings"]):
        sums[posting["account"]] += posting["amount"]["micros"]
    assert sum(sums.values()) == 0
    return sums["processing_fees"] // 1000


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("outcome", ["lost", "won"])
@pytest.mark.parametrize("bearer", ["marketplace", "provider"])
def test_14_a_dispute_costs_the_marketplace_its_fee_and_the_providers_their_shares(
    world: World, bearer: str, outcome: str, released: bool
) -> None:
    """60.00 and 40.00, disputed: lost takes both shares and no more; Stripe's 15.00 are on neither's account."""
    market = made(world, {"feesBorneBy": bearer})
    order = market.sold(item(6000, 0, market.x), item(4000, 0, market.y))
    borne = {market.x.id: 192, market.y.id: 128} if bearer == "provider" else {}
    if released:
        for each in (market.x, market.y):
            market.release(order, each)
    before = fees(market)
    assert before == (0 if borne else CHARGE)
    closed(market, disputed(market, order), outcome)
    assert fees(market) == before + DISPUTE
    for provider, share in ((market.x, 6000), (market.y, 4000)):
        earned = share - borne.get(provider.id, 0)
        left = earned if outcome == "won" else earned - share
        if released:
            head = market.head(provider)
            assert head is not None
            assert (cents(head.balance), cents(head.held)) == (left, 0)
        else:
            assert cents(market.earning(order, provider).amount) == left
        assert "fee" not in [str(each.type) for each in market.lines(provider)]


def test_14_a_dispute_fee_is_passed_on_by_an_adjustment(market: Market) -> None:
    """A marketplace that wants its seller to pay for it says so by hand: a line of its own, with the reason."""
    order = market.sold(item(10_000, 0, market.x))
    market.release(order, market.x)
    closed(market, disputed(market, order), "lost")
    body = {"amount": -DISPUTE * 1000, "currency": "USD", "reason": "The dispute of your sale cost 15.00"}
    path = f"/v1/commerce/providers/{market.x.id}/adjustments"
    assert market.shop.post(path, body).status == 201
    assert [(str(each.type), cents(each.amount)) for each in market.lines(market.x)] == [
        ("release", 10_000), ("dispute_hold", -10_000), ("adjustment", -1500),
    ]  # fmt: skip
