"""Search of charges, customers and PaymentIntents: pages of what a query finds, the newest first."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from local.stripe_sandbox import search
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import InvalidRequestError
from local.stripe_sandbox.paging import limit_of
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("GET /v1/charges/search", "page query")
def charges(call: Call) -> Json:
    """Charges."""
    return _found(call, "charge")


@serves("GET /v1/customers/search", "page query")
def customers(call: Call) -> Json:
    """Customers."""
    return _found(call, "customer")


@serves("GET /v1/payment_intents/search", "page query")
def payment_intents(call: Call) -> Json:
    """PaymentIntents."""
    return _found(call, "payment_intent")


def _found(call: Call, object_type: str) -> Json:
    context, params = call.context, call.params
    query = search.parse(params["query"], object_type)
    limit, before = limit_of(params), _before(params.get("page"), params["query"])
    matches = [(seq, body) for seq, body in _all(context, object_type) if query.holds(body)]
    left = [(seq, body) for seq, body in matches if before is None or seq < before]
    shown, more = left[:limit], len(left) > limit
    result: Json = {
        "object": "search_result",
        "data": [body for _, body in shown],
        "has_more": more,
        "next_page": _cursor(shown[-1][0], params["query"]) if more else None,
        "url": call.path,
    }
    if "total_count" in params.get("expand", ()):
        result["total_count"] = len(matches)
    return result


def _all(context: Context, object_type: str) -> list[tuple[int, Json]]:
    rows = context.store.db.execute(
        "SELECT seq, body FROM objects WHERE account = ? AND object = ? ORDER BY seq DESC",
        (context.account, object_type),
    )
    return [(row[0], json.loads(row[1])) for row in rows]


def _cursor(seq: int, query: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([seq, query]).encode()).decode()


def _before(cursor: str | None, query: str) -> int | None:
    """The place where a page ended.

    Raises:
        InvalidRequestError: no page of this query says so.
    """
    if cursor is None:
        return None
    try:
        seq, asked = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError):
        seq, asked = None, None
    if not isinstance(seq, int) or asked != query:
        raise InvalidRequestError("Invalid page: pass the `next_page` that the same query returned.", param="page")
    return seq
