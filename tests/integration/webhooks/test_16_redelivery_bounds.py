"""Issue 16: a redelivery ends, whatever it is asked for, and looks quickly past what it has not to send again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.delivery import DeliveryState, delivery_id, webhook_shard
from billing.domain.webhooks.schedule import given_up
from billing.services.webhooks import redelivery
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Json, Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def acme(world: World) -> Iterator[Tenant]:
    """A tenant of which nothing is due any more after the test: other tests work the same shards."""
    world.clock.freeze(NOW)
    flow.clear(world)
    with names_known():
        made = world.tenant()
        yield made
        for each in made.get("/v1/webhook-endpoints").data:
            for delivery in flow.deliveries(made, each["id"]):
                flow.store().change(delivery, given_up(delivery))


def _kept(world: World, acme: Tenant, endpoint_id: str, states: list[DeliveryState]) -> list[str]:
    """Deliveries of events of this second, in these states."""
    acme.customer()
    flow.publish(world, acme, [world.rows_of("events", acme.id)[-1]])
    (sample,) = flow.deliveries(acme, endpoint_id)
    made: list[Any] = []
    for n, state in enumerate(states):
        event_id = fresh("evt", NOW, n.to_bytes(10))
        an_id = delivery_id(endpoint_id, event_id)
        made.append(replace(sample, id=an_id, event_id=event_id, state=state, due_at=None, attempt=1, version=0))
    assert len(flow.store().add(made).new) == len(states)
    return [each.id for each in made]


def _step(world: World, acme: Tenant, job: Json) -> Json:
    flow.work(world, webhook_shard(job["id"]))
    world.clock.advance(minutes=1)
    found: Json = acme.get(f"/v1/webhook-redeliveries/{job['id']}").data
    return found


def test_16_a_redelivery_since_a_time_that_is_not_yet_is_refused(world: World, acme: Tenant) -> None:
    """It would be a range that begins behind its end, which the table refuses at each step, until the job is parked."""
    path = f"/v1/webhook-endpoints/{endpoint(acme)['id']}/redeliver"
    refused = acme.post(path, {"since": (NOW + timedelta(minutes=1)).isoformat()})
    assert (refused.status, refused.bad_fields) == (400, {"since": "must_not_be_in_the_future"})
    job = acme.post(path, {"since": NOW.isoformat()}).data
    assert _step(world, acme, job)["status"] == "completed"


def test_16_what_has_arrived_does_not_keep_what_has_not_waiting(
    world: World, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step asks for so many, however many it looks at: of 250,000 of a week, the three that were skipped are soon."""
    monkeypatch.setattr(redelivery, "_PAGE", 3)
    monkeypatch.setattr(redelivery, "_ASKED_A_STEP", 2)
    made = endpoint(acme)["id"]
    well, skipped = DeliveryState.SUCCEEDED, DeliveryState.SKIPPED
    ids = _kept(world, acme, made, [well] * 7 + [skipped, skipped, well, skipped, well])
    job = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": NOW.isoformat()}).data
    assert _step(world, acme, job)["redelivered"] == 2
    done = _step(world, acme, job)
    assert (done["redelivered"], done["status"]) == (3, "completed")
    states = [flow.store().get(acme.id, each).state for each in ids]
    assert skipped not in states


def test_16_a_step_looks_at_so_many_and_no_more(world: World, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redelivery, "_PAGE", 2)
    monkeypatch.setattr(redelivery, "_PAGES_A_STEP", 2)
    made = endpoint(acme)["id"]
    _kept(world, acme, made, [DeliveryState.SUCCEEDED] * 5 + [DeliveryState.FAILED])
    job = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": NOW.isoformat()}).data
    assert [_step(world, acme, job)["redelivered"] for _ in range(2)] == [0, 1]
