"""Issue 16, item 1: who follows the feed sees every event once, whatever commits and whoever feeds meanwhile."""

from __future__ import annotations

from pathlib import Path

from tests.faults.processes import Json
from tests.faults.world import AT, Tenant, World, at_once, post, step

WRITERS, FEEDERS = 3, 2


def _write(tenant: Tenant, name: str, times: int = 3) -> list[Json]:
    person = {"name": "Ada", "email": "ada@example.com"}
    return [post("customers", "/v1/customers", tenant.key, f"{name}-{n}", person) for n in range(times)]


def _touch(path: Path) -> Json:
    return step("touch", path=str(path))


def _wait_for(path: Path) -> Json:
    return step("wait_for", path=str(path))


def test_16_a_poller_sees_every_event_once_while_others_write_feed_die_and_are_overtaken(
    own_world: World, tmp_path: Path
) -> None:
    """One writer's commit is held until the poller has been past where its event's id would be.

    By ids, as they were minted when its unit began, the poller would never be told of it. Meanwhile two workers feed
    the same records, each several times and in orders of their own; DynamoDB refuses some of their transactions, one
    loses an answer, and a third worker dies in the middle.
    """
    tenant = own_world.new_tenant(AT, customers=1)
    written, passed = tmp_path / "written", tmp_path / "passed"
    held = step("fault", mode="hold", call=1, operations=["TransactWriteItems"], path=str(passed))
    conflicts = step(
        "fault", mode="deny", call=1, operations=["TransactWriteItems"], error="TransactionConflictException", times=2
    )
    started = tmp_path / "passed.held"
    jobs: list[list[Json]] = [[held, *_write(tenant, "held", 1)]]
    jobs += [[_wait_for(started), *_write(tenant, "first"), step("feed", tenant_id=tenant.id), _touch(written)]]
    jobs += [[_wait_for(written), *_write(tenant, f"writer-{n}")] for n in range(WRITERS)]
    feed = [step("feed", tenant_id=tenant.id, copies=2, shuffle=n, batch=5) for n in range(4)]
    jobs += [[_wait_for(written), conflicts, *feed], [_wait_for(passed), *feed[::-1]]]
    jobs += [[_wait_for(passed), step("fault", mode="kill", call=2), *feed]]
    jobs += [[_wait_for(passed), step("fault", mode="lost", call=2), *feed]]
    poller = [_wait_for(written), step("follow", key=tenant.key), _touch(passed)]
    jobs += [[*poller, step("follow", key=tenant.key, rounds=20, pause_s=0.05)]]
    answers = at_once(own_world, AT, jobs)
    before, _, during = answers[-1].all()[-3:]
    assert answers[0].last()["status"] == 201
    after = own_world.run(
        AT,
        step("feed", tenant_id=tenant.id, copies=2, shuffle=9),
        step("follow", key=tenant.key, cursor=during["cursor"]),
    ).last()
    whole = own_world.run(AT, step("follow", key=tenant.key)).last()["seen"]
    rows = tenant.books(AT).rows["events"]
    assert sorted(event_id for _, event_id in whole) == sorted(row["id"] for row in rows)
    assert [place for place, _ in whole] == list(range(1, len(rows) + 1))
    assert [*during["seen"], *after["seen"]] == whole
    assert whole[: len(before["seen"])] == before["seen"]
    # Without the held one's lateness this would be a test of nothing: its id is below what was seen before it.
    late = answers[0].last()["body"]["data"]["id"]
    (event_id,) = (row["id"] for row in rows if row["object_id"] == late)
    assert event_id not in {each for _, each in before["seen"]}
    assert event_id < max(each for _, each in before["seen"])
