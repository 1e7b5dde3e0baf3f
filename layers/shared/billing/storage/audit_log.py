"""Reading the audit log: ``services.access.audit_log.AuditLog`` over its partitions.

A tenant has one; callers whom nobody knows have 33, the first of which is from before they were spread. Each is read
newest first, and what is found in all of them is merged. A partition that was not read to its end says how far: what is
older than that may have something newer beside it that nobody has seen yet, and waits for the next page.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from billing.domain.access.audit import AuditEntry, AuditFilter
from billing.domain.kernel.ids import fresh
from billing.domain.kernel.times import parse_time
from billing.domain.tenant import ANONYMOUS
from billing.services.kernel.work import Page
from billing.storage.audit_rows import strangers_partitions
from billing.storage.codec import Sealer
from billing.storage.cursors import SealedCursors
from billing.storage.database import Database, raw, table_name
from billing.storage.tables import AuditItem

_FILTERED_PAGE = 500
_QUERIES_AT_MOST = 20
_FIRST, _LAST = "aud_", "aud_~"


@dataclass(frozen=True, slots=True)
class _Part:
    """What was found in a partition, and down to which id all of it was seen; None for its end."""

    items: list[dict[str, Any]]
    seen_to: str | None


class DynamoAuditLog:
    """Pages of one tenant, or of strangers."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._cursors = SealedCursors(sealer)

    def page(self, tenant_id: str, of: str, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[AuditEntry]:
        scope = json.dumps(["AuditEntry", of, {k: str(v) for k, v in asdict(wanted).items()}])
        before = self._cursors.opened(tenant_id, scope, cursor) if cursor else _bound(wanted.until, _LAST)
        lowest = _bound(wanted.since, _FIRST)
        if lowest >= before:
            return Page([], None, limit)
        names = strangers_partitions() if of == ANONYMOUS else [of]
        # Of many, each has about its share of the page: what one has more of, the next page has.
        share = limit if len(names) == 1 else 2 * limit // len(names) + 10
        request = _request(wanted, lowest, share)
        queries = max(1, _QUERIES_AT_MOST // len(names))
        parts = [self._part(request, name, before, share, queries) for name in names]
        horizon = max((part.seen_to for part in parts if part.seen_to is not None), default="")
        found = sorted((item for part in parts for item in part.items), key=lambda item: item["id"]["S"], reverse=True)
        # The key condition has both its ends in it: what the page before ended with is not told again.
        items = [item for item in found if horizon <= item["id"]["S"] < before]
        following = items[limit - 1]["id"]["S"] if len(items) > limit else horizon
        next_cursor = self._cursors.sealed(tenant_id, scope, following) if following else None
        return Page([_entry(item) for item in items[:limit]], next_cursor, limit)

    def _part(self, request: dict[str, Any], name: str, before: str, limit: int, queries: int) -> _Part:
        values = {**request["ExpressionAttributeValues"], ":partition": raw(name), ":before": raw(before)}
        asked = {**request, "ExpressionAttributeValues": values}
        items: list[dict[str, Any]] = []
        last: Any = None
        for _ in range(queries):
            answer = self._database.call(partial(self._database.client.query, **asked))
            items += answer["Items"]
            last = answer.get("LastEvaluatedKey")
            if last is None:
                return _Part(items, None)
            if len(items) > limit:
                break
            asked["ExclusiveStartKey"] = last
        return _Part(items, last["id"]["S"])


def _request(wanted: AuditFilter, lowest: str, limit: int) -> dict[str, Any]:
    """A query of a partition; ids sort by the time of the call."""
    values: dict[str, Any] = {":since": raw(lowest)}
    names = {"#partition": "tenant_id"}
    filters = []
    for name, value in (("principal", wanted.principal), ("route", wanted.route)):
        if value is not None:
            names[f"#{name}"], values[f":{name}"] = name, raw(value)
            filters.append(f"#{name} = :{name}")
    if wanted.status is not None:
        names["#status"] = "status"
        low, high = (wanted.status * 100, wanted.status * 100 + 99) if wanted.status < 10 else (wanted.status,) * 2
        values |= {":low": {"N": str(low)}, ":high": {"N": str(high)}}
        filters.append("#status BETWEEN :low AND :high")
    request: dict[str, Any] = {
        "TableName": table_name(AuditItem),
        "KeyConditionExpression": "#partition = :partition AND id BETWEEN :since AND :before",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": max(limit + 1, _FILTERED_PAGE) if filters else limit + 1,
    }
    return request | ({"FilterExpression": " AND ".join(filters)} if filters else {})


def _bound(at: datetime | None, otherwise: str) -> str:
    """The least id of a call at a time, or later."""
    return fresh("aud", at, bytes(10)) if at is not None else otherwise


def _entry(item: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        id=item["id"]["S"],
        request_id=item["request_id"]["S"],
        at=parse_time(item["at"]["S"]),
        principal=item["principal"]["S"],
        method=item["method"]["S"],
        route=item["route"]["S"],
        status=int(item["status"]["N"]),
        ip=item.get("ip", {}).get("S"),
        duration_ms=int(item["duration_ms"]["N"]),
    )
