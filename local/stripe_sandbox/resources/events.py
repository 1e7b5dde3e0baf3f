"""Events, as the API shows them."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import InvalidRequestError
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


def _current(context: Context, event: Json) -> Json:
    """The event, with the number of endpoints that have not answered with 2xx yet."""
    query = "SELECT count(DISTINCT endpoint) FROM deliveries WHERE event = ? AND state IN ('pending', 'failed')"
    row = context.store.db.execute(query, (event["id"],)).fetchone()
    return event | {"pending_webhooks": row[0]}


@serves("GET /v1/events/{id}", connected=True)
def retrieve(call: Call) -> Json:
    """One event."""
    return _current(call.context, call.context.get("event", call.ids["id"], "id").body)


@serves("GET /v1/events", "type types", connected=True)
def find(call: Call) -> Json:
    """Events, newest first; ``types`` are at most twenty."""
    types = call.params.get("types") or []
    if "type" in call.params and types:
        raise InvalidRequestError("You may pass either `type` or `types`.", param="types", code="parameters_exclusive")
    wanted = [call.params["type"]] if "type" in call.params else types
    listed = page(call.context, "event", call.path, call.params, {"kind": wanted} if wanted else {})
    listed["data"] = [_current(call.context, event) for event in listed["data"]]
    return listed
