"""Issue 16: what a queue lost without a word is found by a look at its endpoint's deliveries."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.webhooks.delivery import Delivery, webhook_shard
from billing.domain.webhooks.watch import Watch
from billing.services.webhooks import watching
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def made(world: World, tenant: Tenant) -> Iterator[str]:
    """An endpoint, made a second ago."""
    world.clock.freeze(NOW)
    flow.clear(world)
    with names_known():
        yield endpoint(tenant)["id"]


def _published(world: World, tenant: Tenant, made: str, count: int = 1) -> list[Delivery]:
    world.clock.advance(seconds=1)
    for _ in range(count):
        tenant.customer()
    flow.publish(world, tenant, world.rows_of("events", tenant.id)[-count:])
    return flow.deliveries(tenant, made)[:count]


def _lost(world: World, tenant: Tenant, made: str) -> Delivery:
    """One that was published an hour ago, and whose notice is gone."""
    (lost,) = _published(world, tenant, made)
    flow.clear(world)
    world.clock.advance(minutes=61)
    return lost


def _turns(world: World, tenant: Tenant, made: str, minutes: int) -> list[tuple[str, int]]:
    """The worker's turns of so many minutes, and what it handed over."""
    found: list[tuple[str, int]] = []
    for _ in range(minutes):
        world.clock.advance(minutes=1)
        shards = {webhook_shard(made), *(webhook_shard(each.id) for each in flow.deliveries(tenant, made))}
        flow.work(world, *sorted(shards))
        found += flow.notices(world, of=tenant)
    return found


def test_a_message_that_was_lost_is_found_within_the_hour_and_once(world: World, tenant: Tenant, made: str) -> None:
    lost, arrived = _published(world, tenant, made, 2)
    assert len(flow.notices(world, of=tenant)) == 2  # and nobody ever has that of the one
    flow.attempted(world, tenant.id, arrived.id, status=200)
    assert _turns(world, tenant, made, 59) == []
    assert _turns(world, tenant, made, 3) == [(lost.id, 1)]
    flow.attempted(world, tenant.id, lost.id, status=200)
    assert _turns(world, tenant, made, 60) == []
    assert flow.store().watches(tenant.id, [made]) == {}  # nothing came, so nobody looks any more


def test_a_busy_endpoint_is_watched_on_and_what_is_fresh_is_left_alone(world: World, tenant: Tenant, made: str) -> None:
    _published(world, tenant, made)
    flow.clear(world)
    assert _turns(world, tenant, made, 57) == []
    (fresh,) = _published(world, tenant, made)  # 57 minutes after the first one: the watch covers it
    assert fresh.due_at is None
    assert len(flow.notices(world, of=tenant)) == 1
    world.clock.advance(seconds=90)
    (late,) = _published(world, tenant, made)
    assert late.due_at == world.clock() + timedelta(seconds=60)  # a look is near, on which nobody relies
    flow.attempted(world, tenant.id, late.id, status=200)
    flow.clear(world)
    found = _turns(world, tenant, made, 4)
    assert (fresh.id, 1) not in found
    assert len(found) == 1
    watch = flow.store().watches(tenant.id, [made])[made]
    assert watch.due_at - world.clock() > timedelta(minutes=55)
    assert (fresh.id, 1) in _turns(world, tenant, made, 62)


def test_an_old_event_has_an_alarm_of_its_own(world: World, tenant: Tenant, made: str) -> None:
    """The stream was late, or an operator has it published again: no look goes back that far."""
    world.clock.advance(seconds=1)
    tenant.customer()
    world.clock.advance(minutes=11)
    flow.publish(world, tenant)
    (delivery,) = flow.deliveries(tenant, made)
    assert delivery.due_at == world.clock() + timedelta(seconds=60)


def test_a_look_that_finds_too_much_goes_on_in_a_minute(
    world: World, tenant: Tenant, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_PAGE", 2)
    monkeypatch.setattr(watching, "_ALARMS_A_LOOK", 2)
    world.clock.advance(seconds=1)
    for _ in range(5):
        world.clock.advance(seconds=1)
        tenant.customer()
    flow.publish(world, tenant)
    lost = {each.id for each in flow.deliveries(tenant, made)}
    flow.clear(world)
    world.clock.advance(minutes=60)
    flow.work(world, webhook_shard(made))
    found = flow.notices(world, of=tenant)
    assert 0 < sum(each.due_at is not None for each in flow.deliveries(tenant, made)) < 5
    assert {each for each, _ in found + _turns(world, tenant, made, 5)} == lost


def test_whoever_looks_and_dies_before_the_watch_moves_on_has_it_looked_at_again(
    world: World, tenant: Tenant, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = _lost(world, tenant, made)
    goes_on = flow.store().watch_on

    def dies(watch: Watch, after: Watch | None) -> bool:
        assert watch.endpoint_id != made, "the process is gone"
        return goes_on(watch, after)  # another test's, in the same shard by chance

    with monkeypatch.context() as patch:
        patch.setattr(flow.store(), "watch_on", dies)
        assert flow.work(world, webhook_shard(made))["batchItemFailures"]
    assert flow.store().get(tenant.id, lost.id).due_at is not None
    watch = flow.store().watches(tenant.id, [made])[made]
    assert not flow.store().watch_on(replace(watch, due_at=NOW), None)  # somebody who looked at another one
    assert _turns(world, tenant, made, 2) == [(lost.id, 1)]


def test_a_look_that_fails_holds_up_nobody_elses_deliveries_and_is_told(
    world: World, tenant: Tenant, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each minute it met the same row of the one endpoint, and the shard's others had no turn."""
    shard = webhook_shard(made)
    others = flow.due_in(shard, _lost(world, tenant, made), 2)
    flow.store().add(others)
    goes_on = flow.store().watches

    def unreadable(tenant_id: str, endpoint_ids: Sequence[str]) -> dict[str, Watch]:
        assert made not in endpoint_ids, "a row that nobody can read"
        found: dict[str, Watch] = goes_on(tenant_id, endpoint_ids)
        return found

    monkeypatch.setattr(flow.store(), "watches", unreadable)
    assert flow.work(world, shard)["batchItemFailures"]
    assert flow.notices(world, of=tenant) == sorted((each.id, 1) for each in others)


def test_a_watch_is_begun_by_one(tenant: Tenant, made: str) -> None:
    from billing.domain.webhooks.watch import watch_from

    watch = watch_from(tenant.id, made, NOW)
    assert flow.store().watch(watch)
    assert not flow.store().watch(watch)
    assert flow.store().watches(tenant.id, [made, "we_other"]) == {made: watch}
