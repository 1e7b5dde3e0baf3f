"""Issue 17, number 7: two imports of the same at the same moment."""

import pytest

from billing.domain.reports.run import report_shard
from billing.services.imports.importing import _Import
from tests.integration.imports.test_17_stripe import dry, one
from tests.integration.reports.runs import work
from tests.integration.world import Tenant, World


@pytest.mark.parametrize("n", range(3))
def test_17_of_two_imports_at_the_same_moment_one_makes_it(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """The second one takes all over between the decision of the first about its n-th record and that one's commit."""
    run = dry(world, tenant, one(world))
    body = {"dryRun": False, "dryRunId": run["id"]}
    asked = [tenant.post("/v1/imports", body).data["id"] for _ in range(2)]
    while report_shard(asked[-1]) == report_shard(asked[0]):  # a turn is for all of a shard, one after the other
        asked.append(tenant.post("/v1/imports", body).data["id"])
    first, second = asked[0], asked[-1]
    world.clock.advance(seconds=1)
    plain, seen = _Import._outcome, []

    def late(self: _Import, unit: object, record: object) -> object:
        found = plain(self, unit, record)  # type: ignore[arg-type]
        seen.append(self.run.id)
        if self.run.id == first and seen.count(first) == n + 1 and second not in seen:
            work(world, second)
        return found

    monkeypatch.setattr(_Import, "_outcome", late)
    work(world, first)
    work(world, second)
    runs = [tenant.get(f"/v1/imports/{each}").data for each in (first, second)]
    assert [each["state"] for each in runs] == ["done", "done"]
    assert [each["verdicts"]["created"] for each in runs] == [n, 3 - n]
    assert [each["verdicts"]["exists"] for each in runs] == [3 - n, n]
    assert seen.count(first) == 4  # one of the three was decided twice
    assert len(world.rows_of("subscriptions", tenant.id)) == 1
    assert len(world.rows_of("customers", tenant.id)) == 1 + 1
