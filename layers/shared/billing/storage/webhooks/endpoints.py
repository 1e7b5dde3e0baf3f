"""All endpoints of a tenant, without their secrets."""

import json
from typing import Any

from billing.domain.kernel.times import parse_time
from billing.domain.webhooks.endpoint import ROSTER_ID, EndpointStatus, Subscriber
from billing.storage.database import Database
from billing.storage.packing import unpack
from billing.storage.tables import WebhookEndpointItem


class DynamoEndpoints:
    """``services.webhooks.endpoint_ports.Endpoints`` over DynamoDB.

    By the roster, and not by a Query: of what was made and deleted a thousand times today something is left until
    tomorrow, and a Query would read it for every event. What is sealed stays sealed: whoever addresses events needs no
    right to open anything.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_tenant(self, tenant_id: str) -> list[Subscriber]:
        roster = self._database.batch_get({WebhookEndpointItem: {(tenant_id, ROSTER_ID)}})[WebhookEndpointItem]
        ids = [each for item in roster.values() for each in _body(item)["endpoint_ids"]]
        keys = {(tenant_id, each) for each in ids}
        items = self._database.batch_get({WebhookEndpointItem: keys})[WebhookEndpointItem] if keys else {}
        found = (_body(items[key]) | {"id": key[1]} for key in sorted(keys) if key in items)
        return [_subscriber(tenant_id, body) for body in found if body.get("deleted_at") is None]


def _body(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unpack(item["body"]["S"]))
    return found


def _subscriber(tenant_id: str, body: dict[str, Any]) -> Subscriber:
    return Subscriber(
        id=body["id"],
        tenant_id=tenant_id,
        event_types=tuple(body["event_types"]),
        created_at=parse_time(body["created_at"]),
        status=EndpointStatus(body["status"]),
    )
