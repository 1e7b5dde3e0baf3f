"""Issue 14, 3: what is pending is a sum of everything, however much that is, and nothing of what was paid is read."""

import json
from dataclasses import replace

import pytest

from billing.bootstrap import storage
from billing.services.kernel.work import Query
from billing.services.marketplace import waiting
from tests.integration.marketplace.conftest import made
from tests.integration.marketplace.market import Market, item
from tests.integration.world import Json, World


def earnings(market: Market) -> dict[str, tuple[int, int]]:
    """Pending and held, in cents, by marketplace and currency."""
    found = market.x.get("/v1/provider/earnings").data
    names = {f"{each['marketplaceTenantId']}:{each['currency']}": each for each in found}
    return {name: (each["pending"] // 1000, each["held"] // 1000) for name, each in names.items()}


def test_every_pending_earning_is_in_the_sum(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read to its end, however many pages it has; each page once."""
    monkeypatch.setattr(waiting, "_PAGE", 2)
    for _ in range(5):
        market.sold(item(1000, 1000, market.x))
    assert earnings(market) == {f"{market.shop.id}:USD": (4500, 0)}


def test_each_marketplace_and_currency_has_its_own_sum(market: Market, world: World) -> None:
    """What is held stands apart, and a statement counts only what is of its account."""
    market.sold(item(1000, 1000, market.x))
    market.sold(item(2000, 0, market.x), currency="EUR")
    other = replace(made(world), x=market.x)
    order = other.sold(item(3000, 0, market.x))
    payment = other.shop.get(f"/v1/payments/{other.now(order)['paymentId']}").data
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute")
    world.deliver_all(other.shop)
    assert earnings(market) == {
        f"{market.shop.id}:USD": (900, 0),
        f"{market.shop.id}:EUR": (2000, 0),
        f"{other.shop.id}:USD": (0, 3000),
    }


def test_what_is_on_the_account_is_not_read(market: Market) -> None:
    """One list, of what is pending alone: of a provider's old sales nothing is in it."""
    released = market.sold(item(1000, 1000, market.x))
    market.release(released, market.x)
    pending = market.sold(item(500, 0, market.x))
    work = storage.units().begin(market.x.id)
    asked: list[Query[object]] = []
    real = work.query

    def query(wanted: Query[object]) -> object:
        asked.append(wanted)
        return real(wanted)

    work.query = query  # type: ignore[method-assign, assignment]
    found = list(waiting.pending_earnings(work, market.x.id))
    assert [each.order_id for each in found] == [pending["id"]]
    assert len(asked) == 1
    rows: list[Json] = market.world.rows_of("earnings", market.x.id)
    listed = [json.loads(row["body"]["S"])["order_id"] for row in rows if "pending_key" in row]
    assert listed == [pending["id"]]
