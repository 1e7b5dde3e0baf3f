"""What the tables hold, read past botocore: thousands of pages, and most of the time of each is the SDK's."""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]

_BY_PREFIX = {
    "idempotency": "record_id",
    "usage_events": "event_key",
    "usage_totals": "subscription_key",
    "webhook_deliveries": "owner_key",
    "mrr_movements": "moved_key",
    "search": "term_key",
}
"""Tables whose keys begin with the tenant, and have more behind it."""
_ONLY_WITH = {
    "usage_events": "meters",
    "usage_totals": "meters",
    "usage_periods": "meters",
    "redemptions": "coupons",
    "order_returns": "orders",
    "account_lines": "provider_balances",
    "webhook_deliveries": "webhook_endpoints",
    "mrr_movements": "subscriptions",
}
"""Tables in which nothing can be where another one is empty: what is counted has a meter, a redemption its coupon."""
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    # The emulator reads account and region out of it, and checks nothing.
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, Signature=0",
}


class Rows:
    """Reads a world's tables; a job has its own, for no connection outlives a fork.

    Args:
        prefix: of the world's tables.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._connection = HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc, timeout=30)

    def dump(self, plain_names: list[str], tenant_id: str) -> dict[str, list[Json]]:
        """What these tables hold of a tenant, as it is stored."""
        found: dict[str, list[Json]] = {}
        for plain in sorted(plain_names, key=lambda plain: plain in _ONLY_WITH):
            parent = _ONLY_WITH.get(plain)
            found[plain] = self.of(plain, tenant_id) if parent is None or found[parent] else []
        return found

    def of(self, plain: str, tenant_id: str) -> list[Json]:
        """What one table holds of a tenant."""
        request: Json = {"TableName": self._prefix + plain, "ConsistentRead": True}
        if plain in _BY_PREFIX:
            request["FilterExpression"] = f"begins_with({_BY_PREFIX[plain]}, :p)"
            request["ExpressionAttributeValues"] = {":p": {"S": tenant_id + "#"}}
            answer = self._ask("Scan", request)
        else:
            request["KeyConditionExpression"] = "tenant_id = :t"
            request["ExpressionAttributeValues"] = {":t": {"S": tenant_id}}
            answer = self._ask("Query", request)
        assert "LastEvaluatedKey" not in answer, "more than one page"
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in answer["Items"]]

    def _ask(self, operation: str, request: Json) -> Json:
        headers = _HEADERS | {"X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        self._connection.request("POST", "/", json.dumps(request), headers)
        answer = self._connection.getresponse()
        body: Json = json.loads(answer.read())
        assert answer.status == 200, body
        return body
