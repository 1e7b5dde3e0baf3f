"""What receivers of webhooks said of events about a customer: the last copies that an erasure finds.

A delivery notes the customer of its event. The endpoints are taken from how they fare (``webhook_health``), which each
attempt writes before it is sent and which outlives the log of attempts by two months: that of a deleted endpoint, too.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from billing.domain.webhooks.endpoint import ROSTER_ID
from billing.storage.copies import Redacted
from billing.storage.database import Database, raw, table_name
from billing.storage.registry import join
from billing.storage.tables import WebhookDeliveryItem, WebhookEndpointItem, WebhookHealthItem

_UNDER_WAY = timedelta(minutes=2)
"""A sender that read an event before it was redacted has ended by then: its function ends after one minute."""
_READ_A_TURN = 1_000
_REDACTED_A_TURN = 100
_NOTHING = timedelta()


class ExcerptCopies:
    """A ``services.erasure.steps.Copies`` of what receivers said; it stands after the events.

    An excerpt is any text, cut off after a KiB, so it goes as a whole. Time, status and reason stay.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def wait(self, tenant_id: str) -> timedelta:
        """Two minutes, for a tenant that ever had an endpoint."""
        key = {(tenant_id, ROSTER_ID)}
        return _UNDER_WAY if self._database.batch_get({WebhookEndpointItem: key})[WebhookEndpointItem] else _NOTHING

    def redact(self, tenant_id: str, customer_id: str, cursor: str | None, redacted: Redacted) -> str | None:
        """A page of the deliveries of one endpoint; the cursor is that endpoint, and the last delivery."""
        endpoint_id, after = json.loads(cursor) if cursor else (self._endpoint_after(tenant_id, None), None)
        if endpoint_id is None:
            return None
        found, after = self._deliveries(tenant_id, endpoint_id, customer_id, after)
        for delivery_id, is_logged in found:
            if is_logged:  # a first attempt that succeeded
                self._remove({"owner_key": raw(join(tenant_id, endpoint_id)), "id": raw(delivery_id)})
            for key in self._excerpts(tenant_id, delivery_id):
                self._remove(key)
        if after is None:
            endpoint_id = self._endpoint_after(tenant_id, endpoint_id)
        return None if endpoint_id is None else json.dumps([endpoint_id, after])

    def _endpoint_after(self, tenant_id: str, endpoint_id: str | None) -> str | None:
        request = _of("tenant_id", tenant_id, endpoint_id) | {"TableName": table_name(WebhookHealthItem), "Limit": 1}
        return next((str(item["id"]["S"]) for item in self._query(request)["Items"]), None)

    def _deliveries(
        self, tenant_id: str, endpoint_id: str, customer_id: str, after: str | None
    ) -> tuple[list[tuple[str, bool]], str | None]:
        """Those that were attempted, and whether an excerpt is in them; and after which one the next page begins."""
        request = _of("owner_key", join(tenant_id, endpoint_id), after)
        request["ExpressionAttributeValues"] |= {":customer": raw(customer_id), ":none": {"N": "0"}}
        answer = self._query(
            request
            | {
                "TableName": table_name(WebhookDeliveryItem),
                "FilterExpression": "customer_id = :customer AND attempt > :none",
                "Limit": _READ_A_TURN,
            }
        )
        found = [(str(item["id"]["S"]), "excerpt" in item) for item in answer["Items"]]
        if len(found) > _REDACTED_A_TURN:
            return found[:_REDACTED_A_TURN], found[_REDACTED_A_TURN - 1][0]
        last = answer.get("LastEvaluatedKey")
        return found, None if last is None else str(last["id"]["S"])

    def _excerpts(self, tenant_id: str, delivery_id: str) -> Iterator[dict[str, Any]]:
        """The keys of a delivery's attempts whose receiver said something."""
        request = _of("owner_key", join(tenant_id, delivery_id), None)
        request |= {"TableName": table_name(WebhookDeliveryItem), "FilterExpression": "attribute_exists(excerpt)"}
        for item in self._database.query_all(request):
            yield {name: item[name] for name in ("owner_key", "id")}

    def _remove(self, key: dict[str, Any]) -> None:
        update = partial(
            self._database.client.update_item,
            TableName=table_name(WebhookDeliveryItem),
            Key=key,
            UpdateExpression="REMOVE excerpt",
            ConditionExpression="attribute_exists(excerpt)",  # an attempt that expired meanwhile does not come back
        )
        self._database.held(update)

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._database.call(lambda: self._database.client.query(**request))
        return answer


def _of(name: str, value: str, after: str | None) -> dict[str, Any]:
    """A Query of a partition, from after an id on."""
    condition, values = f"{name} = :of", {":of": raw(value)}
    if after is not None:
        condition, values = f"{condition} AND id > :after", {**values, ":after": raw(after)}
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "ConsistentRead": True}
