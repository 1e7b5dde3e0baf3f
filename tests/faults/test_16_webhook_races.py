"""Issue 16, items 2 and 3: publishers and senders at once; the stream and the queue may give anything twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.messages import sqs_record, stream_record
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, at_once, post, step
from tests.support.receiver import LocalReceiver, receiving

EVENTS = 3


@pytest.fixture
def receiver() -> Iterator[LocalReceiver]:
    with receiving() as made:
        yield made


def _endpoint(tenant: Tenant, idem: str, url: str) -> Json:
    body = {"url": url, "eventTypes": ["customer.created"]}
    return post("webhooks", "/v1/webhook-endpoints", tenant.key, idem, body)


def _published(tenant: Tenant, at: datetime) -> Json:
    """The publisher gets all of the tenant's events, as a step."""
    rows = tenant.books(at).rows["events"]
    assert len([row for row in rows if row["type"] == "customer.created"]) == EVENTS
    event = {"Records": [stream_record(row, n) for n, row in enumerate(rows)]}
    return step("invoke", group="webhook_publisher", event=event)


def _wait_for(path: Path) -> Json:
    return step("wait_for", path=str(path))


def _first_is_overtaken(path: Path, then: Json, others: int, operation: str) -> list[list[Json]]:
    """Jobs that do the same: the first is about to write when the others begin, and goes on when one of them is done.

    The others meet each other as it happens.
    """
    held = step("fault", mode="hold", call=1, operations=[operation], path=str(path))
    late = [_wait_for(path.with_name(path.name + ".held")), then]
    return [[held, then], [*late, step("touch", path=str(path))], *([late] * (others - 1))]


def test_16_publishers_and_senders_at_once_have_each_event_arrive_once(
    own_world: World, receiver: LocalReceiver, tmp_path: Path
) -> None:
    """Four publishers get one batch: a delivery for each event and endpoint, and one notice for each of these. Four
    senders get one batch of those notices, which somebody had before, and all have read the deliveries: each event is
    sent once. (Whoever gets a message first has it for itself: SQS hides it, and the sender claims nothing.)"""
    at = datetime.now(UTC)  # the receiver's library goes by the real time
    tenant = own_world.new_tenant(at, customers=0)
    made = own_world.run(at, _endpoint(tenant, "endpoint", receiver.url)).last()
    assert made["status"] == 201, made
    receiver.secret = made["body"]["data"]["secret"]
    at += timedelta(seconds=30)  # each job's clock begins anew, and what is older than the endpoint is not for it
    person = {"name": "Ada", "email": "ada@example.com"}
    own_world.run(at, *(post("customers", "/v1/customers", tenant.key, f"c{n}", person) for n in range(EVENTS))).all()

    publish = _published(tenant, at)
    for answer in at_once(own_world, at, _first_is_overtaken(tmp_path / "published", publish, 3, "PutItem")):
        assert {"batchItemFailures": []} in answer.all()
    wanted = sorted(row["id"] for row in tenant.books(at).rows["events"] if row["type"] == "customer.created")
    found = _deliveries(tenant, at)
    assert sorted(row["id"].rpartition("_")[2] for row in found) == [each.removeprefix("evt_") for each in wanted]
    notices = own_world.run(at, step("take_usage", queue="webhook_queue_url")).last()
    assert len(notices) == len(set(notices)) == EVENTS

    event = {"Records": [sqs_record(body, str(n), 2) for n, body in enumerate(notices)]}
    send = step("invoke", group="webhook_sender", event=event)
    for answer in at_once(own_world, at, _first_is_overtaken(tmp_path / "sent", send, 3, "UpdateItem")):
        assert {"batchItemFailures": []} in answer.all()
    assert sorted(each["id"] for each in receiver.events) == wanted
    assert receiver.forged == 0
    found = _deliveries(tenant, at)
    assert [(row["state"], row["attempt"]) for row in found] == [("succeeded", "1")] * EVENTS


def _deliveries(tenant: Tenant, at: datetime) -> list[Json]:
    """Without the log of their attempts, and the endpoint's watch."""
    return [row for row in tenant.books(at).rows["webhook_deliveries"] if "state" in row]


def test_16_the_fiftieth_place_is_taken_once(own_world: World) -> None:
    """Three endpoints at once for the last place: one is made, and the others are told that there is none."""
    at = datetime.now(UTC)
    tenant = own_world.new_tenant(at, customers=0, plans=(), tier="enterprise")
    url = "https://8.8.8.8/in"
    made = own_world.run(at, *(_endpoint(tenant, f"e{n}", url) for n in range(49))).all()
    assert {each["status"] for each in made} == {201}
    answers = at_once(own_world, at, [[_endpoint(tenant, f"last{n}", url)] for n in range(3)])
    assert sorted(each.last()["status"] for each in answers) == [201, 422, 422]
    after = own_world.run(at, _endpoint(tenant, "one-more", url)).last()
    assert after["body"]["error"]["code"] == "webhook_endpoint.limit_reached"
