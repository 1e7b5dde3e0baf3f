"""The laws of money, whatever happens: a random walk through the real handlers, looked at now and then."""

import pytest

from tests.integration.walk import steps
from tests.integration.walk.stand import LOOK_EVERY, SEEDS, STEPS
from tests.integration.world import World


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_books_agree_with_stripe_and_nothing_comes_back_twice(world: World, seed: int) -> None:
    """Every law of ``tests/faults/laws.py`` holds after any steps, and what is billed is what its preview said."""
    walk = steps.begin(world, seed)
    for n in range(STEPS):
        walk.step()
        walk.on.counts()
        if n % LOOK_EVERY == LOOK_EVERY - 1 or n == STEPS - 1:
            walk.on.laws()
    walk.on.reported()
    for invoice in walk.on.kept("invoices"):
        back, paid = (invoice[name]["micros"] for name in ("amount_refunded", "amount_paid"))
        assert back <= paid, (invoice["id"], walk.on.told)
    assert walk.worked > STEPS / 4, ("the walk stands still", walk.on.told)
