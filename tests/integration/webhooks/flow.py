"""Events on their way to endpoints: the stream, the queues and the worker, as AWS would move them."""

import copy
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.domain.webhooks.delivery import Attempt, Delivery, webhook_shard
from billing.domain.webhooks.schedule import after_attempt, claimed_until
from tests.integration import lambdas
from tests.integration.world import Json, Tenant, World, event

LANES = {"fast": "WEBHOOK_QUEUE_URL", "slow": "WEBHOOK_SLOW_QUEUE_URL"}


def store() -> Any:
    """Where deliveries are."""
    from billing.bootstrap.deliveries import delivery_store

    return delivery_store()


def records(rows: Sequence[Json]) -> Json:
    """A batch of the stream, with these items of the events' table as new."""
    made = event("stream_events_table")
    (sample,) = made["Records"]
    made["Records"] = []
    for n, row in enumerate(rows):
        record = copy.deepcopy(sample)
        record["eventID"] = f"record-{n}"
        record["dynamodb"] |= {"NewImage": row, "SequenceNumber": f"{1000 + n}"}
        record["dynamodb"]["Keys"] = {name: row[name] for name in ("tenant_id", "id") if name in row}
        made["Records"].append(record)
    return made


def publish(world: World, tenant: Tenant, rows: Sequence[Json] | None = None) -> Json:
    """Have the publisher get events (all of the tenant's, where none are given); its answer."""
    return lambdas.invoke("webhook_publisher", records(world.rows_of("events", tenant.id) if rows is None else rows))


def received(world: World, variable: str) -> list[Json]:
    """Take all that waits in a queue."""
    sqs, found = world.aws("sqs"), []
    while got := sqs.receive_message(
        QueueUrl=os.environ[variable],
        MaxNumberOfMessages=10,
        AttributeNames=["MessageGroupId"],
        MessageSystemAttributeNames=["MessageGroupId"],
    ).get("Messages"):
        for message in got:
            found.append(message)
            sqs.delete_message(QueueUrl=os.environ[variable], ReceiptHandle=message["ReceiptHandle"])
    return found


def waiting(world: World, lane: str | None) -> list[Json]:
    """Take the messages of a lane, or of both."""
    return [each for name, variable in LANES.items() if lane in (None, name) for each in received(world, variable)]


def notices(world: World, lane: str | None = None, *, of: Tenant) -> list[tuple[str, int]]:
    """Take the notices of a lane, or of both; those of a tenant: delivery and number of the attempt, in no order.

    A retry that another test left comes five seconds later, whatever is cleared.
    """
    found = [json.loads(message["Body"]) for message in waiting(world, lane)]
    return sorted((each["d"], each["n"]) for each in found if each["t"] == of.id)


def clear(world: World) -> None:
    """Nothing waits in any of the queues."""
    for variable in (*LANES.values(), "WEBHOOK_WORK_QUEUE_URL", "STREAM_FAILURES_URL"):
        received(world, variable)


def work(world: World, *shards: str) -> Json:
    """The webhook worker's turn at each shard."""
    return lambdas.invoke("webhook_worker", world.sqs_event(*(json.dumps({"shard": each}) for each in shards)))


def again(batch: Json) -> Json:
    """A batch whose messages somebody had before."""
    for record in batch["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = "2"
    return batch


def all_shards() -> list[str]:
    """The shards of the webhook worker."""
    return [f"w{n:02d}" for n in range(16)]


def deliveries(tenant: Tenant, endpoint_id: str) -> list[Delivery]:
    """An endpoint's deliveries, the latest event's first."""
    found: list[Delivery] = list(
        store().of_endpoint(tenant.id, endpoint_id, state=None, since=None, limit=100, cursor=None).items
    )
    return found


def attempted(world: World, tenant_id: str, delivery_id: str, *, status: int = 500, **more: Any) -> Delivery:
    """What the sender does at a notice, without sending: claims the next attempt and settles it."""
    loaded = store().get(tenant_id, delivery_id)
    now, number = world.clock(), loaded.attempt + 1
    assert store().claim(loaded, number, claimed_until(loaded, now, 0))
    reason = None if status < 300 else more.pop("reason", "status")
    attempt = Attempt(delivery_id, number, now, 10, status, reason, **more)
    store().settle(loaded, attempt, after_attempt(loaded, attempt, 0))
    found: Delivery = store().get(tenant_id, delivery_id)
    return found


def due_in(shard: str, sample: Delivery, count: int, **fields: Any) -> list[Delivery]:
    """So many deliveries like one, to its endpoint, in one shard, due one after the other."""
    from billing.domain.kernel.ids import fresh
    from billing.domain.webhooks.delivery import delivery_id

    made: list[Delivery] = []
    n = 0
    while len(made) < count:
        n += 1
        event_id = fresh("evt", sample.created_at, n.to_bytes(10))
        an_id = delivery_id(sample.endpoint_id, event_id)
        if webhook_shard(an_id) == shard:
            due_at = sample.created_at + timedelta(milliseconds=len(made))
            made.append(replace(sample, id=an_id, event_id=event_id, due_at=due_at, version=0, **fields))
    return made
