"""The story's events: what became of everything that was told, read as a subscriber's poller reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.live import Live

_AT_ONCE = 100


def tell_events(call: Live, dynamodb: Any, table: str, tenant_id: str) -> None:
    """The stream's consumer gets all events of a tenant, and they are listed, page by page."""
    from functions.event_feed import handler

    rows = dynamodb.query(
        TableName=table,
        KeyConditionExpression="tenant_id = :t",
        ExpressionAttributeValues={":t": {"S": tenant_id}},
    )["Items"]
    records = [
        {"eventName": "INSERT", "dynamodb": {"NewImage": row, "SequenceNumber": str(n)}} for n, row in enumerate(rows)
    ]
    for start in range(0, len(records), _AT_ONCE):
        assert handler.lambda_handler({"Records": records[start : start + _AT_ONCE]}, None) == {"batchItemFailures": []}
    for kind in sorted({row["type"]["S"].partition(".")[0] for row in rows}):
        call("events", "GET", "/v1/events", 200, query={"type": f"{kind}.*", "limit": "100"})
    call("events", "GET", "/v1/events", 200, query={"order": "newest", "limit": "100"})
    (customer_id,) = {row["customer_id"]["S"] for row in rows if row["type"]["S"] == "invoice.voided"}
    call("events", "GET", "/v1/events", 200, query={"customer": customer_id, "order": "newest"})
    for clock_id in sorted({row["test_clock_id"]["S"] for row in rows if "test_clock_id" in row}):
        call("events", "GET", "/v1/events", 200, query={"testClock": clock_id, "limit": "100"})
    call("events", "GET", "/v1/events", 400, query={"order": "newest", "deliverySuccess": "false"})
    call("events", "GET", "/v1/events/{event_id}", 200, event_id=rows[0]["id"]["S"])
    call("events", "GET", "/v1/events/{event_id}", 404, event_id="evt_nobody")
    call("events", "GET", "/v1/events", 400, query={"type": "invoice.payed"})
