"""What an operator's tools read across tenants and no function does: a scan is theirs alone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from billing.domain.kernel.ids import fresh
from billing.domain.tenant import SETTINGS_ID
from billing.domain.webhooks.event import EventHead
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import EventItem, TenantItem
from billing.storage.webhooks.events import head_of

_HEAD = ("tenant_id", "id", "type", "object_id", "created_at", "expires_at")
_LOWEST = bytes(10)
Item = dict[str, Any]


def tenant_ids(database: Database) -> Iterator[str]:
    """Every tenant's id, and the platform's; those also that are not in the platform's list yet."""
    request = {
        "TableName": table_name(TenantItem),
        "FilterExpression": "#item = :settings",
        "ProjectionExpression": "tenant_id",
        "ExpressionAttributeNames": {"#item": "item"},
        "ExpressionAttributeValues": {":settings": raw(SETTINGS_ID)},
    }
    return (item["tenant_id"]["S"] for item in database.scan_all(request))


def event_heads(database: Database, tenant_id: str, since: datetime) -> Iterator[Item]:
    """A tenant's events (DynamoDB JSON) whose ids are from ``since`` on, in their order, without their bodies."""
    request = {
        "TableName": table_name(EventItem),
        "KeyConditionExpression": "tenant_id = :tenant AND id >= :first",
        "ProjectionExpression": ", ".join(f"#{name}" for name in _HEAD),
        "ExpressionAttributeNames": {f"#{name}": name for name in _HEAD},
        "ExpressionAttributeValues": {":tenant": raw(tenant_id), ":first": raw(fresh("evt", since, _LOWEST))},
        "ConsistentRead": True,
    }
    return database.query_all(request)


class DynamoParkedEvents:
    """``services.sweep.parked.ParkedEvents``: a tenant's whole log is read for them, which has no index by type."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant_id: str, types: frozenset[str], since: datetime) -> Iterator[EventHead]:
        heads = map(head_of, event_heads(self._database, tenant_id, since))
        return (head for head in heads if head.type in types)
