"""Texts that tell of a customer beside the customer's own items: events, and the responses kept for a repeat.

Each is noted with the customer whom it may tell of, so that an erasure finds it: an event by an attribute (a tenant's
events of 30 days are read through), a response by a sparse index, because responses of all tenants lie in one table.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pynamodb.models import Model

from billing.domain.customers.customer import Customer
from billing.domain.kernel.entity import Entity
from billing.domain.kernel.event_types import EventType
from billing.services.kernel.work import Ref
from billing.storage.codec import Sealer
from billing.storage.database import Database, raw, table_name
from billing.storage.registry import join
from billing.storage.tables import EventItem, IdempotencyItem
from billing.storage.webhooks.events import said_in, sealed

_EVENTS_A_TURN = 1_000
_RESPONSES_A_TURN = 25
Redacted = Callable[[Any], Any]


def customer_of(entity: Entity) -> str | None:
    """The id of the customer whom an entity is, or is about."""
    if isinstance(entity, Customer):
        return entity.id
    found: str | None = getattr(entity, "customer_id", None)
    return found


def subject(staged: dict[tuple[type, str, str], Any], loaded: dict[Ref[Any], Any]) -> str | None:
    """The customer whom the response of a unit of work may tell of: of what it wrote, else of what it read.

    Args:
        staged: the entities that it writes, by their places.
        loaded: what it read; None where there was nothing.
    """
    for (_, tenant_id, _), entity in staged.items():
        customer_id = customer_of(entity)
        if customer_id is not None:
            return join(tenant_id, customer_id)
    for ref, entity in loaded.items():
        if ref.kind is Customer and entity is not None:
            return join(ref.tenant_id, ref.id)
    return None


class _SealedCopies:
    """What is the same of all texts that are sealed in one attribute, their body."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def wait(self, tenant_id: str) -> timedelta:
        """Nothing is made of any copy that was redacted."""
        return timedelta()

    def _replace(self, model: type[Model], key: dict[str, Any], before: str, after: str) -> None:
        """Put another sealed text in a body's place, if it is still the one that was read; else somebody was faster."""
        values = {":before": raw(before), ":after": raw(after)}
        self._database.held(
            lambda: self._database.client.update_item(
                TableName=table_name(model),
                Key=key,
                UpdateExpression="SET body = :after",
                ConditionExpression="body = :before",
                ExpressionAttributeValues=values,
            )
        )


class EventCopies(_SealedCopies):
    """A ``services.erasure.steps.Copies`` of events."""

    def redact(self, tenant_id: str, customer_id: str, cursor: str | None, redacted: Redacted) -> str | None:
        """A page of a tenant's events, oldest first.

        Those from before customers were noted are looked into, and those about usage that was not counted.
        """
        condition = "tenant_id = :tenant" + (" AND id > :after" if cursor else "")
        values = {":tenant": raw(tenant_id), ":customer": raw(customer_id)}
        if cursor:
            values[":after"] = raw(cursor)
        answer: dict[str, Any] = self._database.call(
            lambda: self._database.client.query(
                TableName=table_name(EventItem),
                KeyConditionExpression=condition,
                FilterExpression="customer_id = :customer OR attribute_not_exists(customer_id)",
                ExpressionAttributeValues=values,
                Limit=_EVENTS_A_TURN,
                ConsistentRead=True,
            )
        )
        for item in answer["Items"]:
            self._one(tenant_id, customer_id, item, redacted)
        last = answer.get("LastEvaluatedKey")
        return None if last is None else str(last["id"]["S"])

    def _one(self, tenant_id: str, customer_id: str, item: dict[str, Any], redacted: Redacted) -> None:
        said = said_in(item, self._sealer)
        if "customer_id" not in item and item["type"]["S"] != EventType.USAGE_EVENTS_REJECTED.value:
            about = said["object"]
            if customer_id not in (about.get("id"), about.get("customerId")):
                return
        after = redacted(said)
        if after != said:
            key = {"tenant_id": item["tenant_id"], "id": item["id"]}
            self._replace(EventItem, key, item["body"]["S"], sealed(tenant_id, item["id"]["S"], after, self._sealer))


class ResponseCopies(_SealedCopies):
    """A ``services.erasure.steps.Copies`` of the responses that are kept for a repeat."""

    def redact(self, tenant_id: str, customer_id: str, cursor: str | None, redacted: Redacted) -> str | None:
        """A page of those that tell of the customer. The index has no order, so the cursor is DynamoDB's own."""
        request: dict[str, Any] = {
            "TableName": table_name(IdempotencyItem),
            "IndexName": "by_subject",
            "KeyConditionExpression": "subject = :subject",
            "ExpressionAttributeValues": {":subject": raw(join(tenant_id, customer_id))},
            "Limit": _RESPONSES_A_TURN,
        }
        if cursor is not None:
            request["ExclusiveStartKey"] = json.loads(cursor)
        answer: dict[str, Any] = self._database.call(lambda: self._database.client.query(**request))
        keys = {(item["record_id"]["S"], "") for item in answer["Items"]}
        found = self._database.batch_get({IdempotencyItem: set(keys)})[IdempotencyItem] if keys else {}
        for (record_id, _), item in found.items():
            self._one(tenant_id, record_id, item, redacted)
        last = answer.get("LastEvaluatedKey")
        return None if last is None else json.dumps(last)

    def _one(self, tenant_id: str, record_id: str, item: dict[str, Any], redacted: Redacted) -> None:
        before = item.get("body", {}).get("S")
        if before is None:
            return  # it is in progress, and says ids
        place = f"idempotency/{record_id}"
        text = self._sealer.open(tenant_id, place, before)
        if not text.startswith("{"):
            return  # of a webhook, whose record has a word alone
        said = json.loads(text)
        after = redacted(said)
        if after != said:
            text = json.dumps(after, separators=(",", ":"), ensure_ascii=False)
            key = {"record_id": raw(record_id)}
            self._replace(IdempotencyItem, key, before, self._sealer.seal(tenant_id, place, text))
