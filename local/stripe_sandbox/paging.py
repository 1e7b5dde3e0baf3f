"""Cursor lists: newest first, ``starting_after`` and ``ending_before``."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import InvalidRequestError, no_such

Json = dict[str, Any]

_LARGEST = 100


def page(context: Context, object_type: str, url: str, params: Json, filters: Json | None = None) -> Json:
    """A list object.

    Args:
        url: the path that was asked, which the list carries.
        params: the query, already checked for shape.
        filters: columns of the store and the values that they must have.
    """
    limit = limit_of(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise InvalidRequestError("starting_after and ending_before exclude each other.", param="ending_before")
    bodies, more = context.store.page(
        context.account,
        object_type,
        filters or {},
        limit=limit,
        after=_cursor(context, object_type, after, "starting_after"),
        before=_cursor(context, object_type, before, "ending_before"),
        created=_created(params.get("created")),
    )
    return {"object": "list", "data": bodies, "has_more": more, "url": url}


def limit_of(params: Json) -> int:
    """How many objects a page has at most.

    Raises:
        InvalidRequestError: not between 1 and 100.
    """
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= _LARGEST:
        raise InvalidRequestError(
            f"limit must be between 1 and {_LARGEST}.", code="parameter_invalid_integer", param="limit"
        )
    return limit


def _cursor(context: Context, object_type: str, object_id: str | None, param: str) -> int | None:
    return context.get(object_type, object_id, param, status=400).seq if object_id else None


def _created(value: Any) -> Json | None:
    return {"gte": value, "lte": value} if isinstance(value, int) else value


def slice_of(items: list[Json], url: str, params: Json) -> Json:
    """A list object over what another document holds, newest first, with the same cursors."""
    limit = limit_of(params)
    ids = [item["id"] for item in items]
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in ids:
            raise no_such("object", params[name], name, status=400)
    if "ending_before" in params:
        before = items[: ids.index(params["ending_before"])]
        return {"object": "list", "data": before[-limit:], "has_more": len(before) > limit, "url": url}
    left = items[ids.index(params["starting_after"]) + 1 :] if "starting_after" in params else items
    return {"object": "list", "data": left[:limit], "has_more": len(left) > limit, "url": url}
