"""Issue 16: what became of a delivery is visible, and it can be had again: one, or all since a time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.webhooks.delivery import DeliveryState, delivery_id, webhook_shard
from tests.integration.webhooks import flow
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Json, Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def acme(world: World) -> Iterator[Tenant]:
    """A tenant of its own for each test: the tests' events are all of one morning."""
    world.clock.freeze(NOW)
    flow.clear(world)
    with names_known():
        yield world.tenant()


def _sent(world: World, acme: Tenant, endpoint_id: str, count: int = 1) -> list[str]:
    """So many deliveries to an endpoint, a minute apart, the oldest first."""
    found: list[str] = []
    for _ in range(count):
        world.clock.advance(minutes=1)
        acme.customer()
        row = world.rows_of("events", acme.id)[-1]
        flow.publish(world, acme, [row])
        found.append(delivery_id(endpoint_id, row["id"]["S"]))
    flow.clear(world)
    return found


def _shown(acme: Tenant, an_id: str) -> Json:
    found: Json = acme.get(f"/v1/webhook-deliveries/{an_id}").data
    return found


def _settle_down(world: World, acme: Tenant, an_id: str) -> None:
    """Every attempt of the schedule fails."""
    while flow.attempted(world, acme.id, an_id).state is DeliveryState.PENDING:
        pass


def test_a_delivery_shows_its_attempts(world: World, acme: Tenant) -> None:
    made = endpoint(acme)["id"]
    (an_id,) = _sent(world, acme, made)
    at = world.clock()
    flow.attempted(world, acme.id, an_id, status=503, excerpt='<script>alert("&")</script>', retry_after_s=90)
    flow.attempted(world, acme.id, an_id, status=200, excerpt="ok")
    shown = _shown(acme, an_id)
    assert shown["log"] == [
        {"number": 2, "at": shown["log"][1]["at"], "durationMs": 10, "succeeded": True, "status": 200, "reason": None,
         "response": "ok"},
        {"number": 1, "at": f"{at:%Y-%m-%dT%H:%M:%S}Z", "durationMs": 10, "succeeded": False, "status": 503,
         "reason": "status", "response": '<script>alert("&")</script>'},
    ]  # fmt: skip
    assert (shown["state"], shown["attempts"], shown["nextAttemptAt"]) == ("succeeded", 2, None)
    assert (shown["endpointId"], shown["eventType"]) == (made, "customer.created")


def test_scenario_27_what_a_receiver_says_is_no_html_and_of_a_blocked_address_nothing_is_shown(
    world: World, acme: Tenant
) -> None:
    (an_id,) = _sent(world, acme, endpoint(acme)["id"])
    flow.attempted(world, acme.id, an_id, excerpt="<b>&amp;</b>")
    flow.attempted(world, acme.id, an_id, reason="blocked_address", excerpt="of a metadata service")
    answer = acme.get(f"/v1/webhook-deliveries/{an_id}")
    assert answer.content.count(b"\\u003cb\\u003e\\u0026amp;\\u003c/b\\u003e") == 1
    assert not any(each in answer.content for each in (b"<", b">", b"&"))
    assert [each["response"] for each in answer.data["log"]] == ["", "<b>&amp;</b>"]


def test_an_endpoint_lists_its_deliveries(world: World, acme: Tenant) -> None:
    made = endpoint(acme)["id"]
    ids = _sent(world, acme, made, 4)
    flow.attempted(world, acme.id, ids[1], status=204)
    path = f"/v1/webhook-endpoints/{made}/deliveries"
    first = acme.get(path, limit=3)
    rest = acme.get(path, limit=3, cursor=first.json["meta"]["pagination"]["next_cursor"])
    assert [each["id"] for each in (*first.data, *rest.data)] == ids[::-1]
    assert [each["id"] for each in acme.get(path, state="succeeded").data] == [ids[1]]
    since = (NOW + timedelta(minutes=3)).isoformat()
    assert [each["id"] for each in acme.get(path, since=since).data] == [ids[3], ids[2]]
    assert acme.get(path, state="lost").status == 400
    assert acme.get(path, cursor="v1.nonsense").status == 400
    assert acme.get("/v1/webhook-endpoints/we_01/deliveries").status == 404


def test_another_tenants_delivery_is_none(world: World, acme: Tenant) -> None:
    (an_id,) = _sent(world, acme, endpoint(acme)["id"])
    other = world.tenant()
    assert other.get(f"/v1/webhook-deliveries/{an_id}").status == 404
    assert other.post(f"/v1/webhook-deliveries/{an_id}/redeliver").status == 404
    for bad in ("dlv_1", "evt_1_2", "dlv_1_2_3"):
        assert acme.get(f"/v1/webhook-deliveries/{bad}").status == 404


def test_one_delivery_is_sent_again_with_another_number_and_the_schedule_goes_on(world: World, acme: Tenant) -> None:
    """Asked for twice before it was begun, it is one attempt; under one Idempotency-Key, too."""
    made = endpoint(acme)["id"]
    (an_id,) = _sent(world, acme, made)
    before = flow.attempted(world, acme.id, an_id)
    for key in ("again", "again", "and-again"):
        answer = acme.post(f"/v1/webhook-deliveries/{an_id}/redeliver", idempotency_key=key)
        assert (answer.status, answer.data["id"], answer.data["state"]) == (202, an_id, "pending")
    assert set(flow.notices(world, of=acme)) == {(an_id, 2)}
    after = flow.attempted(world, acme.id, an_id)
    assert (after.attempt, after.step, after.due_at, after.state) == (2, 1, before.due_at, DeliveryState.PENDING)


def test_what_has_failed_for_good_is_sent_again_once(world: World, acme: Tenant) -> None:
    (an_id,) = _sent(world, acme, endpoint(acme)["id"])
    _settle_down(world, acme, an_id)
    assert _shown(acme, an_id)["state"] == "failed"
    assert acme.post(f"/v1/webhook-deliveries/{an_id}/redeliver").status == 202
    after = flow.attempted(world, acme.id, an_id)
    assert (after.attempt, after.state, after.due_at) == (11, DeliveryState.FAILED, None)
    acme.post(f"/v1/webhook-deliveries/{an_id}/redeliver")
    assert flow.attempted(world, acme.id, an_id, status=200).state is DeliveryState.SUCCEEDED


def test_what_is_asked_for_is_owed_though_its_notice_is_lost(world: World, acme: Tenant) -> None:
    (an_id,) = _sent(world, acme, endpoint(acme)["id"])
    flow.attempted(world, acme.id, an_id, status=200)
    acme.post(f"/v1/webhook-deliveries/{an_id}/redeliver")
    flow.clear(world)
    world.clock.advance(seconds=60)
    flow.work(world, webhook_shard(an_id))
    assert (an_id, 2) in flow.notices(world, of=acme)


@pytest.mark.parametrize("path", ["/v1/webhook-deliveries/{delivery}", "/v1/webhook-endpoints/{endpoint}"])
def test_nothing_is_sent_again_to_an_endpoint_that_is_disabled_or_gone(world: World, acme: Tenant, path: str) -> None:
    made = endpoint(acme)["id"]
    (an_id,) = _sent(world, acme, made)
    path = path.format(delivery=an_id, endpoint=made) + "/redeliver"
    body = {"since": NOW.isoformat()} if "endpoints" in path else None
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "disabled"})
    refused = acme.post(path, body)
    assert (refused.status, refused.error["code"]) == (409, "webhook_endpoint.invalid_state")
    acme.delete(f"/v1/webhook-endpoints/{made}")
    assert acme.post(path, body).status == 404
    assert _shown(acme, an_id)["state"] == "pending"


def test_an_event_that_is_forgotten_is_not_sent_again(world: World, acme: Tenant) -> None:
    (an_id,) = _sent(world, acme, endpoint(acme)["id"])
    world.clock.advance(days=30)
    refused = acme.post(f"/v1/webhook-deliveries/{an_id}/redeliver")
    assert (refused.status, refused.error["code"]) == (409, "webhook_delivery.invalid_state")


def _worked_off(world: World, acme: Tenant, job: Json, minutes: int = 3) -> Json:
    for _ in range(minutes):
        flow.work(world, webhook_shard(job["id"]))
        world.clock.advance(minutes=1)
    found: Json = acme.get(f"/v1/webhook-redeliveries/{job['id']}").data
    return found


def test_scenario_35_what_was_skipped_while_an_endpoint_was_disabled_is_sent_since_a_time(
    world: World, acme: Tenant
) -> None:
    """Nothing was dropped: it is listed, and a job has it sent, at the pace of whatever else is due."""
    made = endpoint(acme)["id"]
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "disabled"})
    before, *skipped = _sent(world, acme, made, 4)
    assert {_shown(acme, each)["state"] for each in (before, *skipped)} == {"skipped"}
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "enabled"})
    _sent(world, acme, made)  # on its way, by a message of its own
    since = (NOW + timedelta(minutes=2)).isoformat()
    answer = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": since, "status": "skipped"})
    assert (answer.status, answer.data["status"], answer.data["redelivered"]) == (202, "running", 0)
    done = _worked_off(world, acme, answer.data)
    assert (done["status"], done["redelivered"], done["selection"]) == ("completed", 3, "skipped")
    flow.work(world, *flow.all_shards())
    assert set(flow.notices(world, of=acme)) == {(each, 1) for each in skipped}
    assert _shown(acme, before)["state"] == "skipped"
    assert flow.attempted(world, acme.id, skipped[0]).step == 1


def test_a_job_takes_what_was_not_delivered_unless_all_is_asked_for(world: World, acme: Tenant) -> None:
    made = endpoint(acme)["id"]
    failed, succeeded, pending = _sent(world, acme, made, 3)
    _settle_down(world, acme, failed)
    flow.attempted(world, acme.id, succeeded, status=200)
    path = f"/v1/webhook-endpoints/{made}/redeliver"
    since = {"since": NOW.isoformat()}
    usual, everything = acme.post(path, since).data, acme.post(path, {**since, "status": "all"}).data
    assert _worked_off(world, acme, usual, 1)["redelivered"] == 1
    assert _worked_off(world, acme, everything, 1)["redelivered"] == 2
    asked = {each: flow.store().get(acme.id, each).asked for each in (failed, succeeded, pending)}
    assert asked == {failed: 11, succeeded: 2, pending: None}
    assert acme.post(path, {"since": "yesterday"}).status == 400
    assert acme.post(path, {**since, "status": "pending"}).status == 400


def test_a_job_ends_with_its_endpoint(world: World, acme: Tenant) -> None:
    made = endpoint(acme)["id"]
    (an_id,) = _sent(world, acme, made)
    _settle_down(world, acme, an_id)
    job = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": NOW.isoformat()}).data
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "disabled"})
    done = _worked_off(world, acme, job, 1)
    assert (done["status"], done["redelivered"], done["endedAt"] is None) == ("canceled", 0, False)
    assert flow.store().get(acme.id, an_id).asked is None


def test_a_long_job_goes_on_where_it_was(world: World, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is a few pages; the next one is due a minute later, and each delivery is asked for once."""
    from billing.services.webhooks import redelivery

    monkeypatch.setattr(redelivery, "_PAGE", 2)
    monkeypatch.setattr(redelivery, "_PAGES_A_STEP", 1)
    made = endpoint(acme)["id"]
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "disabled"})
    ids = _sent(world, acme, made, 5)
    acme.patch(f"/v1/webhook-endpoints/{made}", {"status": "enabled"})
    job = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": NOW.isoformat()}).data
    steps = [_worked_off(world, acme, job, 1)["redelivered"] for _ in range(4)]
    assert steps == sorted(steps)
    assert steps[0] < 5 == steps[-1]
    assert {flow.store().get(acme.id, each).state for each in ids} == {DeliveryState.PENDING}


def test_which_events_did_not_reach_an_endpoint(world: World, acme: Tenant) -> None:
    """Over all endpoints, each event once, the oldest first; what is still to be tried for the first time is none."""
    from billing.bootstrap.deliveries import failed_deliveries

    one, two = endpoint(acme)["id"], endpoint(acme)["id"]
    ids = _sent(world, acme, one, 5)
    events = [f"evt_{each.rpartition('_')[2]}" for each in ids]
    _settle_down(world, acme, ids[0])
    _settle_down(world, acme, delivery_id(two, events[0]))
    flow.attempted(world, acme.id, delivery_id(two, events[2]))
    flow.attempted(world, acme.id, ids[3], status=200)
    flow.attempted(world, acme.id, ids[4])
    reader = failed_deliveries()
    assert reader.page(acme.id, 10, None) == ([events[0], events[2], events[4]], None)
    found, start = [], None
    for _ in range(4):
        page, start = reader.page(acme.id, 1, start)
        found += page
        if start is None:
            break
    assert found == [events[0], events[2], events[4]]
    shown = acme.get("/v1/events", deliverySuccess="false")
    assert [each["id"] for each in shown.data] == [events[0], events[2], events[4]]
    acme.delete(f"/v1/webhook-endpoints/{one}")
    assert [each["id"] for each in acme.get("/v1/events", deliverySuccess="false").data] == [events[0], events[2]]


def test_a_job_that_is_parked_says_so(world: World, acme: Tenant) -> None:
    """It failed for a day: nobody goes on with it, and its tenant is not left to wait."""
    from billing.bootstrap import storage
    from billing.domain.webhooks.redelivery import Redelivery
    from billing.services.kernel.work import Ref

    made = endpoint(acme)["id"]
    job = acme.post(f"/v1/webhook-endpoints/{made}/redeliver", {"since": NOW.isoformat()}).data
    unit = storage.units().begin(acme.id)
    ref = Ref(Redelivery, acme.id, job["id"])
    unit.save(replace(unit.load(ref).require(ref), due=None))  # what the worker does at the 32nd failure
    unit.commit()
    shown = acme.get(f"/v1/webhook-redeliveries/{job['id']}").data
    assert (shown["status"], shown["endedAt"]) == ("parked", None)
