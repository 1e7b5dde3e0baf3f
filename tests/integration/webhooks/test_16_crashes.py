"""Issue 16: publisher and worker die at each of their calls, or lose its answer: each event arrives, under one id."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from billing.domain.webhooks.delivery import DeliveryState, delivery_id, webhook_shard
from billing.domain.webhooks.schedule import is_wanted
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Json, Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAYS = count(1)


@pytest.fixture(scope="module")
def acme(world: World) -> Iterator[Tenant]:
    world.clock.freeze(NOW)
    with names_known():
        tenant = world.tenant()
        endpoint(tenant)
        yield tenant
    world.clock.reset()


@pytest.fixture(autouse=True)
def _at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.bootstrap import storage

    world.clock.freeze(NOW + timedelta(days=next(DAYS)))  # the tenant's events of an earlier test stay earlier
    flow.clear(world)
    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)


def _new_events(world: World, tenant: Tenant, number: int) -> list[Json]:
    """Events of this moment, which is none of an earlier cut's."""
    world.clock.advance(hours=1)
    for _ in range(number):
        tenant.customer()
    return world.rows_of("events", tenant.id)[-number:]


def _arrived(world: World, tenant: Tenant) -> list[tuple[str, int]]:
    """What a sender does with the notices that wait: it attempts what is still wanted, and all goes well."""
    found: list[tuple[str, int]] = []
    for lane in flow.LANES:
        for an_id, number in flow.notices(world, lane, of=tenant):
            if is_wanted(flow.store().get(tenant.id, an_id), number):
                flow.attempted(world, tenant.id, an_id, status=200)
                found.append((an_id, number))
    return found


def _rounds(world: World, tenant: Tenant, shards: set[str], *minutes: int) -> list[tuple[str, int]]:
    """What arrives while the alarm clock comes round, after so many minutes each time."""
    found = _arrived(world, tenant)
    for each in minutes:
        world.clock.advance(minutes=each)
        flow.work(world, *sorted(shards))
        found += _arrived(world, tenant)
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_publisher_that_is_cut_has_each_event_arrive_once(world: World, acme: Tenant, mode: str) -> None:
    """Lambda gives the batch again. The sender of this test never dies, so that once is exactly once."""

    def once(n: int) -> list[str]:
        rows = _new_events(world, acme, 2)
        with cut(mode, n) as calls:
            flow.publish(world, acme, rows)
        assert flow.publish(world, acme, rows) == {"batchItemFailures": []}
        expected = {delivery_id(each, row["id"]["S"]) for each in _ids(acme) for row in rows}
        arrived = [an_id for an_id, _ in _rounds(world, acme, set(map(webhook_shard, expected)), 2)]
        assert sorted(arrived) == sorted(expected)
        return calls

    assert every_cut(mode, once) >= 5  # endpoints, health, two deliveries, one batch of notices


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_that_is_cut_has_what_was_due_arrive(world: World, acme: Tenant, mode: str) -> None:
    """The queue gives the shard's message again, or the next minute's sweep wakes it."""

    def once(n: int) -> list[str]:
        rows = _new_events(world, acme, 2)
        flow.publish(world, acme, rows)
        flow.clear(world)  # no notice has come
        world.clock.advance(seconds=61)
        due = [each for one in _ids(acme) for each in flow.deliveries(acme, one)[:2]]
        shard = webhook_shard(due[0].id)
        with cut(mode, n) as calls:
            flow.work(world, shard)
        arrived = [an_id for an_id, _ in _rounds(world, acme, {webhook_shard(each.id) for each in due}, 1, 12)]
        assert sorted(arrived) == sorted(each.id for each in due)
        return calls

    assert every_cut(mode, once) >= 6  # what is due, deliveries, health, a put, notices, redeliveries


def _ids(tenant: Tenant) -> list[str]:
    return [each["id"] for each in tenant.get("/v1/webhook-endpoints").data]


@pytest.mark.parametrize("mode", MODES)
def test_a_redelivery_that_is_cut_goes_on(world: World, acme: Tenant, mode: str) -> None:
    """Whatever was asked for when it died is asked for once, or was attempted and is attempted once more."""
    one = _ids(acme)[0]

    def once(n: int) -> list[str]:
        rows = _new_events(world, acme, 2)
        flow.publish(world, acme, rows)
        _arrived(world, acme)
        wanted = {each.id for each in flow.deliveries(acme, one)[:2]}
        since = min(row["created_at"]["S"] for row in rows)
        job = acme.post(f"/v1/webhook-endpoints/{one}/redeliver", {"since": since, "status": "all"}).data
        with cut(mode, n) as calls:
            lambdas.invoke("webhook_worker", world.sqs_event(f'{{"shard": "{webhook_shard(job["id"])}"}}'))
        arrived = _rounds(world, acme, {webhook_shard(each) for each in (job["id"], *wanted)}, 1, 2, 12)
        assert {an_id for an_id, _ in arrived} == wanted
        assert all(number >= 2 for _, number in arrived)
        assert acme.get(f"/v1/webhook-redeliveries/{job['id']}").data["status"] == "completed"
        assert {flow.store().get(acme.id, each).state for each in wanted} == {DeliveryState.SUCCEEDED}
        return calls

    assert every_cut(mode, once) >= 6
