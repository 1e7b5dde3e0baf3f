"""Issue 16: the feed is read from any time that the calendar has."""

import pytest

from tests.integration.webhooks import feeding
from tests.integration.world import World


@pytest.mark.parametrize(("year", "count"), [(1, 1), (9999, 0)])
def test_16_the_feed_begins_at_any_time_of_the_calendar(world: World, year: int, count: int) -> None:
    """A clock's allowance before the first minute of the calendar is no time, and was a 500."""
    acme = world.tenant()
    acme.customer()
    feeding.feed(world, acme)
    answer = acme.get("/v1/events", **{"from": f"{year:04d}-01-01T00:00:00Z"})
    assert (answer.status, len(answer.data)) == (200, count)
