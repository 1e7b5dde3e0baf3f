"""Issue 16: many retries that are due in one minute, as the benchmark has them, at a twenty-fifth of its size."""

from random import Random

from benchmarks.webhooks.retries import Backlog, table, worked_off
from billing.domain.webhooks.delivery import DeliveryState

DUE = 2_000


def test_scenario_39_an_endpoint_that_is_back_is_not_flooded_and_gets_all_of_it() -> None:
    """It failed until now: at most 3 of each shard go in the first minute, then 50; each is put off about once."""
    backlog = Backlog.of(DUE)
    outcome = worked_off(backlog, Random(16))
    assert outcome.handed_over[0] == 48
    assert max(outcome.handed_over) <= 800
    assert sum(outcome.handed_over) == DUE
    assert {each.state for each in backlog.deliveries.values()} == {DeliveryState.SUCCEEDED}
    assert outcome.mean_writes <= 3
    assert outcome.first["write"] == DUE
    assert table(outcome).over() == []
