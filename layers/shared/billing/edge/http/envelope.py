"""What every response looks like: ``{"data": ..., "meta": ...}``, or ``{"error": ...}``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from billing.domain.kernel.errors import BillingError, InternalError, Unavailable
from billing.domain.kernel.times import format_time


def success(result: BaseModel, request_id: str, at: datetime) -> str:
    """``{"data": ..., "meta": {...}}`` for one resource."""
    return '{"data":' + _dump(result) + ',"meta":' + _meta(request_id, at, None) + "}"


def version_in(body: str) -> int | None:
    """The version of the resource in an answer that is replayed; None where it has none, or is no JSON."""
    data = json.loads(body).get("data") if body.startswith("{") else None
    version = data.get("version") if isinstance(data, dict) else None
    return version if isinstance(version, int) else None


@dataclass(frozen=True, slots=True)
class Pagination:
    """``meta.pagination`` of a list."""

    next_cursor: str | None
    has_more: bool
    limit: int


def listing(items: Sequence[BaseModel], page: Pagination, request_id: str, at: datetime) -> str:
    """The envelope of a list, with ``meta.pagination``."""
    return '{"data":[' + ",".join(map(_dump, items)) + '],"meta":' + _meta(request_id, at, asdict(page)) + "}"


def failure(error: BillingError, request_id: str, documentation_base_url: str) -> str:
    """An error's body; ``details`` names every bad field."""
    body = {
        "code": error.public_code,
        "message": error.message,
        "details": [{"field": detail.field, "reason": detail.reason} for detail in error.details],
        "request_id": request_id,
        "documentation_url": f"{documentation_base_url}#{anchor(error)}",
    }
    return _encode({"error": body})


def anchor(error: BillingError) -> str:
    """The anchor of an error's section, in docs/errors.md and on the stack's own ``/docs``."""
    return "errors_" + error.code.lower().replace(".", "").replace("<", "").replace(">", "")


def _dump(result: BaseModel) -> str:
    return result.model_dump_json(by_alias=True)


# Made once: json.dumps makes a new encoder for each call that asks for separators.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def _meta(request_id: str, at: datetime, pagination: dict[str, Any] | None) -> str:
    meta: dict[str, Any] = {"request_id": request_id, "timestamp": format_time(at)}
    if pagination is not None:
        meta["pagination"] = pagination
    return _encode(meta)


def unanswerable(error: Exception) -> BillingError:
    """The error that the caller gets for an unexpected exception."""
    if isinstance(error, BillingError):
        return error
    if isinstance(error, TimeoutError):
        return Unavailable("Something that we depend on is slow", retry_after_s=2)
    return InternalError("Something failed on our side")
