"""`replay-events`: committed events go to the consumers of their stream again.

For what a consumer gave up (the queue `StreamFailures` says when), and for events that are older than the stream. They
are read from the table, for the stream forgets after a day; without their bodies, for a consumer needs none. Every
consumer is safe twice: an event that has its place in the feed keeps it, and a delivery is made once.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

CONSUMERS = ("event-feed", "webhook-publisher")
"""The feed first: a receiver that is told of an event finds its place there."""
ALIAS = "live"
RECORDS_AT_ONCE = 100
Json = dict[str, Any]


def records(items: tuple[Json, ...]) -> list[Json]:
    """What the stream would say of events."""
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


def replay(
    functions: Any, name: str, since: datetime, tenant_ids: Iterable[str], dry_run: bool = False
) -> tuple[int, list[str]]:
    """Hand tenants' events to a consumer; how many there were, and the ids of those that failed.

    Args:
        functions: boto3's client of Lambda.
        name: the function's.
        dry_run: whether they are counted only.
    """
    from billing.bootstrap import operating

    count, failed = 0, []
    for tenant_id in tenant_ids:
        found = operating.event_heads(tenant_id, since)
        while some := tuple(islice(found, RECORDS_AT_ONCE)):
            count += len(some)
            failed += [] if dry_run else hand_over(functions, name, some)
    return count, failed
