"""All endpoints of a tenant, without their secrets."""

import json
from functools import partial
from typing import Any

from billing.domain.kernel.times import parse_time
from billing.domain.webhooks.endpoint import ENDPOINT_PREFIX, EndpointStatus, Subscriber
from billing.storage.codec import unpack
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import WebhookEndpointItem


class DynamoEndpoints:
    """``services.webhooks.endpoint_ports.Endpoints`` over DynamoDB.

    What is sealed stays sealed: whoever addresses events needs no right to open anything.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_tenant(self, tenant_id: str) -> list[Subscriber]:
        request: dict[str, Any] = {
            "TableName": table_name(WebhookEndpointItem),
            "ConsistentRead": True,
            "KeyConditionExpression": "tenant_id = :tenant AND begins_with(id, :kind)",
            "ExpressionAttributeValues": {":tenant": raw(tenant_id), ":kind": raw(ENDPOINT_PREFIX)},
        }
        found: list[Subscriber] = []
        while True:  # once, but for 50 endpoints with more than a megabyte of metadata
            answer = self._database.call(partial(self._database.client.query, **request))
            found += [_subscriber(tenant_id, item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _subscriber(tenant_id: str, item: dict[str, Any]) -> Subscriber:
    body = json.loads(unpack(item["body"]["S"]))
    return Subscriber(
        id=item["id"]["S"],
        tenant_id=tenant_id,
        event_types=tuple(body["event_types"]),
        created_at=parse_time(body["created_at"]),
        status=EndpointStatus(body["status"]),
    )
