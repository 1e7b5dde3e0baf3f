"""Every invoice to the cent: a random walk, each step of it in the product and in an independent model."""

import pytest

from tests.integration.walk import billing
from tests.integration.walk.stand import SEEDS, STEPS
from tests.integration.world import World


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invoice_is_the_models_to_the_cent(world: World, seed: int) -> None:
    """Seats, plans, coupons, pauses, usage, tax, credit notes, refunds and voids in any order; also the previews."""
    walk = billing.begin(world, seed)
    for _ in range(STEPS):
        walk.step()
    walk.on.deliver()
    walk.on.laws()
