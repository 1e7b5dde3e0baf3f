"""A marketplace for each test."""

from typing import Any

import pytest

from tests.integration.marketplace.market import Market, item
from tests.integration.marketplace.paying import AVAILABLE, Payday
from tests.integration.world import World


@pytest.fixture
def market(world: World) -> Market:
    """A marketplace with two providers."""
    return made(world)


def made(world: World, settings: dict[str, Any] | None = None, **shop: Any) -> Market:
    """A marketplace with two providers, and its settings."""
    tenant = world.tenant(name="Market", **shop)
    if settings:
        answer = tenant.patch(f"/v1/tenants/{tenant.id}", {"marketplace": settings})
        assert answer.status == 200, answer.json
        from billing.bootstrap import storage

        storage.tenants()._cached.clear()
    return Market(world, tenant, world.tenant(name="X"), world.tenant(name="Y"))


@pytest.fixture
def payday(market: Market) -> Payday:
    """The same, whose first provider can be paid out."""
    made = Payday(market)
    made.onboard(market.x)
    # Stripe keeps its fees of what is sold, so that the platform has to have something of its own.
    own = market.order(item(100_000))
    assert market.pay(own, AVAILABLE).status == 200
    return made
