"""Which events there are, without what they say."""

from datetime import datetime
from typing import Any

from billing.domain.kernel.ids import fresh
from billing.services.webhooks.publisher import HeadPage
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import EventItem
from billing.storage.webhooks.events import head_of


class DynamoEventHeads:
    """``services.webhooks.publisher.EventHeads`` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, tenant_id: str, since: datetime, after: str | None, limit: int) -> HeadPage:
        request: dict[str, Any] = {
            "TableName": table_name(EventItem),
            "KeyConditionExpression": "tenant_id = :tenant AND id >= :from",
            "ExpressionAttributeValues": {
                ":tenant": raw(tenant_id),
                ":from": raw(fresh("evt", since, bytes(10))),
            },
            "ProjectionExpression": "tenant_id, id, #type, object_id, created_at, expires_at",
            "ExpressionAttributeNames": {"#type": "type"},
            "ConsistentRead": True,
            "Limit": limit,
        }
        if after is not None:
            request["ExclusiveStartKey"] = {"tenant_id": raw(tenant_id), "id": raw(after)}
        answer = self._database.call(lambda: self._database.client.query(**request))
        last = answer.get("LastEvaluatedKey")
        return HeadPage([head_of(item) for item in answer["Items"]], last["id"]["S"] if last else None)
