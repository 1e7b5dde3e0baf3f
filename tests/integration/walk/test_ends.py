"""What was told to end on a day, whatever is changed until then: random walks through the API (issue 11, 26)."""

from datetime import datetime, timedelta

import pytest

from tests.integration.walk import steps
from tests.integration.walk.stand import SEEDS, STEPS
from tests.integration.walk.steps import Walk
from tests.integration.world import Json, World

ACTS = 6


def told_to_end(walk: Walk) -> datetime:
    """It is to end with its period; when that is."""
    kept = current(walk)
    answer = walk.ask("cancel at period end", walk.on.tenant.post(f"{walk.path}/cancel", {"atPeriodEnd": True}))
    assert answer.status == 200, walk.on.told
    assert answer.data["currentPeriod"]["end"] == kept["current_period"]["end"]
    return datetime.fromisoformat(kept["current_period"]["end"])


def current(walk: Walk) -> Json:
    return next(each for each in walk.on.kept("subscriptions") if each["id"] == walk.subscription)


def charged_beyond(walk: Walk, end: datetime, before: set[str]) -> list[Json]:
    """Lines of its invoices made since, and of what waits for one, that bill time after its end."""
    invoices = [each for each in walk.on.kept("invoices") if each["subscription_id"] == walk.subscription]
    lines = [line for invoice in invoices if invoice["id"] not in before for line in invoice["lines"]]
    charged = [line for line in (*current(walk)["pending"], *lines) if line["amount"]["micros"] > 0]
    ends = [(datetime.fromisoformat(line["period"]["end"]), line) for line in charged if line["component"] != "calls"]
    return [line for at, line in ends if at > end]


def changes(walk: Walk, end: datetime) -> None:
    """Something happens to it; it ends on its day all the same."""
    acts = [
        walk.seats_change,
        walk.plan_changes,
        walk.plan_changes,
        walk.coupon,
        walk.pauses,
        walk.usage,
        walk.zone_is_corrected,
        walk.pays,
        walk.credit_note,
        walk.bank_disputes,
        walk.bank_decides,
    ]
    walk.on.random.choice(acts)()
    walk.on.deliver()
    kept = current(walk)
    assert (kept["cancel_at_period_end"], kept["current_period"]["end"]) == (True, f"{end:%Y-%m-%dT%H:%M:%SZ}")
    if walk.on.random.random() < 0.5 and walk.on.now + timedelta(days=3) < end:
        walk.on.let_time_pass(timedelta(days=3))


@pytest.mark.parametrize("seed", SEEDS)
def test_11_26_what_was_told_to_end_ends_on_the_day_and_costs_no_time_after_it(world: World, seed: int) -> None:
    """In a zone that is corrected now and then, with plans of two intervals; and every law of money holds."""
    walk = steps.begin(world, seed, "ends")
    for _ in range(max(STEPS // 10, 1)):
        for _ in range(walk.on.random.randrange(3)):  # so that it ends in a later period, too
            walk.zone_is_corrected()
            walk.plan_changes()
            walk.time_passes()
        end, before = told_to_end(walk), {each["id"] for each in walk.on.kept("invoices")}
        for _ in range(ACTS):
            changes(walk, end)
        walk.on.until(end + timedelta(days=walk.on.random.randrange(1, 20)))
        walk.on.deliver()
        kept = current(walk)
        assert (kept["state"], datetime.fromisoformat(kept["canceled_at"])) == ("canceled", end), walk.on.told
        assert charged_beyond(walk, end, before) == [], walk.on.told
        walk.subscribes()
        walk.on.deliver()
        assert current(walk)["state"] == "active", walk.on.told
    walk.on.laws()
