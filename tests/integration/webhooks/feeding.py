"""The events' stream in the hands of a test: commits' events, handed to a consumer as oddly as AWS may."""

import copy
from collections.abc import Iterable

from tests.integration import lambdas
from tests.integration.lambdas import Json, event
from tests.integration.world import Tenant, World


def records(rows: Iterable[Json]) -> list[Json]:
    """The stream's records of events' items (DynamoDB JSON), from the sample."""
    (sample,) = event("stream_events_table")["Records"]
    made = []
    for n, row in enumerate(rows):
        record = copy.deepcopy(sample)
        record["eventID"] = f"{n:032x}"
        keys = {name: row[name] for name in ("tenant_id", "id")}
        record["dynamodb"] |= {"Keys": keys, "NewImage": row, "SequenceNumber": f"{n + 1:021d}"}
        made.append(record)
    return made


def consume(made: list[Json], consumer: str = "event_feed") -> list[str]:
    """Hand records to a consumer of the stream; the sequence numbers of those that failed."""
    answer = lambdas.invoke(consumer, {"Records": made})
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def feed(world: World, tenant: Tenant) -> None:
    """Give all of a tenant's events to the feed, in the order of their ids, as if none had been there before."""
    assert consume(records(world.rows_of("events", tenant.id))) == []


def followed(tenant: Tenant, cursor: str | None = None, **query: object) -> tuple[list[Json], str]:
    """What a poller gets that goes on until there is no more, and its cursor."""
    found: list[Json] = []
    for _ in range(200):
        asked = query | ({"cursor": cursor} if cursor else {})
        answer = tenant.get("/v1/events", **asked)
        found += answer.data
        pagination = answer.json["meta"]["pagination"]
        cursor = str(pagination["next_cursor"])
        if not pagination["has_more"]:
            return found, cursor
    raise AssertionError("it never ends")
