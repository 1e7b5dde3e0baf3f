"""The story of a webhook endpoint: made, changed, tested, and what was sent to it, sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.live import Live

URL = "https://hooks.example.com/in"
PATH = "/v1/webhook-endpoints/{endpoint_id}"


class _Names:
    """Every name is public."""

    def addresses(self, _host: str, _port: int) -> tuple[str, ...]:
        return ("8.8.8.8",)


def tell_webhooks(call: Live, dynamodb: Any, table: str, tenant_id: str) -> None:
    """Every route of endpoints, of deliveries and of redeliveries, and their refusals."""
    from functions.webhook_publisher import handler as publisher
    from functions.webhooks import handler

    handler.endpoints = replace(handler.endpoints, resolver=_Names())
    body = {"url": URL, "eventTypes": ["*"], "metadata": {"team": "billing"}}
    made = call("webhooks", "POST", "/v1/webhook-endpoints", 201, body)["id"]
    call("webhooks", "POST", "/v1/webhook-endpoints", 400, {**body, "eventTypes": ["invoic.*"]})
    call("webhooks", "GET", "/v1/webhook-endpoints", 200)
    call("webhooks", "GET", PATH, 200, endpoint_id=made)
    call("webhooks", "GET", PATH, 404, endpoint_id="we_nobody")
    call("webhooks", "PATCH", PATH, 200, {"description": "Ours"}, endpoint_id=made)
    call("webhooks", "POST", f"{PATH}/rotate-secret", 200, {"overlapSeconds": 60}, endpoint_id=made)
    event_id = call("webhooks", "POST", f"{PATH}/test", 202, endpoint_id=made)["eventId"]
    row = dynamodb.get_item(TableName=table, Key={"tenant_id": {"S": tenant_id}, "id": {"S": event_id}})["Item"]
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": row, "SequenceNumber": "1"}}
    assert publisher.lambda_handler({"Records": [record]}, None) == {"batchItemFailures": []}
    (sent,) = call("webhooks", "GET", f"{PATH}/deliveries", 200, endpoint_id=made)
    call("webhooks", "GET", f"{PATH}/deliveries", 400, query={"state": "lost"}, endpoint_id=made)
    call("webhooks", "GET", f"{PATH}/deliveries", 404, endpoint_id="we_nobody")
    one = "/v1/webhook-deliveries/{delivery_id}"
    call("webhooks", "GET", one, 200, delivery_id=sent["id"])
    call("webhooks", "GET", one, 404, delivery_id="dlv_nobody")
    call("webhooks", "POST", f"{one}/redeliver", 202, delivery_id=sent["id"])
    since = {"since": "2026-01-01T00:00:00Z"}
    job = call("webhooks", "POST", f"{PATH}/redeliver", 202, since, endpoint_id=made)
    call("webhooks", "POST", f"{PATH}/redeliver", 400, {"since": "yesterday"}, endpoint_id=made)
    call("webhooks", "GET", "/v1/webhook-redeliveries/{redelivery_id}", 200, redelivery_id=job["id"])
    call("webhooks", "GET", "/v1/webhook-redeliveries/{redelivery_id}", 404, redelivery_id="rdl_nobody")
    call("webhooks", "PATCH", PATH, 200, {"status": "disabled"}, endpoint_id=made)
    call("webhooks", "POST", f"{PATH}/redeliver", 409, since, endpoint_id=made)
    call("webhooks", "POST", f"{one}/redeliver", 409, delivery_id=sent["id"])
    call("webhooks", "DELETE", PATH, 200, endpoint_id=made)
