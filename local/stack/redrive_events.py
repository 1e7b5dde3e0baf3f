"""Hands committed events to a consumer of their stream again: `python -m local.stack.redrive_events --since TIME`.

For what a consumer gave up (the queue `StreamFailures` says when), and for events that are older than the stream. They
are read from the table, for the stream forgets after a day; without their bodies, for a consumer needs none. Every
consumer is safe twice: an event that has its place in the feed keeps it.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import boto3

from billing.domain.kernel.ids import fresh
from local.stack.outputs import outputs_of, parser_of

ALIAS = "live"
RECORDS_AT_ONCE = 100
_HEAD = ("tenant_id", "id", "type", "object_id", "created_at", "expires_at")
Json = dict[str, Any]


def tenants(dynamodb: Any, table: str) -> Iterator[str]:
    """Every tenant's id, and the platform's."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="#item = :settings",
        ProjectionExpression="tenant_id",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={":settings": {"S": "settings"}},
    )
    return (item["tenant_id"]["S"] for page in pages for item in page["Items"])


def heads(dynamodb: Any, table: str, tenant_id: str, since: datetime) -> Iterator[Json]:
    """A tenant's events from a time on, in the order of their ids, without their bodies."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="tenant_id = :tenant AND id >= :first",
        ProjectionExpression=", ".join(f"#{name}" for name in _HEAD),
        ExpressionAttributeNames={f"#{name}": name for name in _HEAD},
        ExpressionAttributeValues={":tenant": {"S": tenant_id}, ":first": {"S": fresh("evt", since, bytes(10))}},
        ConsistentRead=True,
    )
    return (item for page in pages for item in page["Items"])


def records(items: tuple[Json, ...]) -> list[Json]:
    """What the stream would say of them."""
    return [
        {
            "eventID": f"redrive-{n}",
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "dynamodb": {"NewImage": item, "SequenceNumber": str(n)},
        }
        for n, item in enumerate(items)
    ]


def hand_over(functions: Any, name: str, items: tuple[Json, ...]) -> list[str]:
    """Call a consumer with some events; the ids of those that failed."""
    payload = json.dumps({"Records": records(items)})
    answer = functions.invoke(FunctionName=name, Qualifier=ALIAS, Payload=payload)
    if "FunctionError" in answer:
        return [item["id"]["S"] for item in items]
    failed = json.loads(answer["Payload"].read())["batchItemFailures"]
    return [items[int(each["itemIdentifier"])]["id"]["S"] for each in failed]


def redrive(
    aws: Any, outputs: dict[str, str], name: str, since: datetime, tenant_id: str | None = None
) -> tuple[int, list[str]]:
    """Hand the events of all tenants, or of one, to a consumer; how many there were, and the ids of those that failed.

    Args:
        aws: gives a boto3 client by a service's name.
        outputs: the stack's.
        name: the function's.
    """
    dynamodb, functions = aws("dynamodb"), aws("lambda")
    count, failed = 0, []
    for each in [tenant_id] if tenant_id else tenants(dynamodb, outputs["TableTenants"]):
        found = heads(dynamodb, outputs["TableEvents"], each, since)
        while some := tuple(islice(found, RECORDS_AT_ONCE)):
            count += len(some)
            failed += hand_over(functions, name, some)
    return count, failed


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def main() -> int:
    """Redrive, and say what came of it."""
    parser = parser_of("Hands committed events to a consumer of their stream again.")
    parser.add_argument("--since", type=_time, required=True, help="events from this time on: 2026-11-30T12:00")
    parser.add_argument("--tenant", help="the events of this one alone")
    parser.add_argument("--consumer", default="event-feed", help="the function, without the stack's name")
    options = parser.parse_args()
    outputs = outputs_of(options.stack)
    name = f"{options.stack}-{options.consumer}"
    count, failed = redrive(boto3.client, outputs, name, options.since, options.tenant)
    print(f"{count} events, of which {len(failed)} failed{': ' if failed else ''}{', '.join(failed[:20])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
