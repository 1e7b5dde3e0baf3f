"""Issue 14: a payout is the provider's and its marketplace's to read, and nobody else's."""

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.errors import NotFound
from billing.domain.marketplace.account import LineType
from billing.services.marketplace.payout_access import payout_of
from tests.integration.marketplace.market import Market
from tests.integration.marketplace.provider_accounts import add_lines, pay_out


def test_14_both_sides_of_a_payout_read_it_and_a_third_tenant_does_not(market: Market) -> None:
    """The provider by its own id, the marketplace by what it pays; for anybody else there is none."""
    for provider in (market.x, market.y):
        add_lines(provider, market.shop, [(LineType.RELEASE, "73.18", "earn_1", None)])
    paid = [pay_out(provider, market.shop, "73.18") for provider in (market.x, market.y)]
    for payout in paid:
        for tenant_id in (payout.tenant_id, market.shop.id):
            assert payout_of(storage.units().begin(tenant_id), payout.id) == payout
    for tenant_id, payout_id in (
        (market.y.id, paid[0].id),
        (market.x.id, paid[1].id),
        (market.world.tenant(name="Stranger").id, paid[0].id),
        (market.shop.id, "po_none"),
        (market.shop.id, "p" * 300),
    ):
        with pytest.raises(NotFound):
            payout_of(storage.units().begin(tenant_id), payout_id)
