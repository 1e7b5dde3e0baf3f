"""Issue 17: whatever happens, taxes are reported as they are in the books, each day, and it is known whose they are."""

import pytest

from tests.integration.reports.taxes import disagreements, posted
from tests.integration.walk import billing
from tests.integration.walk.stand import SEEDS, STEPS
from tests.integration.world import World


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_steps_the_report_is_the_ledgers_day_by_day(world: World, seed: int) -> None:
    """Seats, plans, coupons, pauses, usage, credit notes, refunds, voids; tax by the line or by the document."""
    taxed = 3 * seed + 1 + seed % 2  # of the walks, one of those with tax
    walk = billing.begin(world, taxed, "taxes")
    for _ in range(STEPS):
        walk.step()
    walk.on.deliver()
    assert disagreements(world, walk.on.tenant) == [], walk.on.told
    assert any(each.document is not None for each in posted(world, walk.on.tenant))
