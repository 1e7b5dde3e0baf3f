"""The audit log in the API, as JSON and CSV."""

from collections.abc import Iterable
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field, StringConstraints

from billing.domain.access.audit import AuditEntry, AuditFilter
from billing.domain.kernel.times import format_time
from billing.schemas.base import QueryFlag, Resource, Time
from billing.schemas.csv_table import csv_of

_COLUMNS = ("id", "requestId", "at", "principal", "method", "route", "status", "ip", "durationMs")

Since = Annotated[Time | None, Query(alias="from", description="calls at this time or later")]
Until = Annotated[Time | None, Query(alias="to", description="calls before this time")]
Principal = Annotated[
    str | None, Query(min_length=1, max_length=200, description="the id of a key, a client or a user")
]
Status = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[1-5]([0-9]{2}|xx)$")] | None,
    Query(description="a status, or a class of them: `401`, `4xx`"),
]
RouteName = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="method and path as the API names them: `POST /v1/payments`"),
]
OfStrangers = Annotated[
    QueryFlag,
    Query(description="`true`: the calls of whoever is in no tenant, such as one with a wrong key; only the platform"),
]


def wanted(
    since: Time | None, until: Time | None, principal: str | None, status: str | None, route: str | None
) -> AuditFilter:
    """The filter that the query says."""
    number = None if status is None else int(status[0] if status.endswith("xx") else status)
    return AuditFilter(since, until, principal, number, route)


class AuditEntryOut(Resource):
    id: str
    request_id: str
    at: Time
    principal: Annotated[str, Field(description="the id of the key, the client or the user; `anonymous` for strangers")]
    method: str
    route: Annotated[str, Field(description="without what was in the path")]
    status: int
    ip: str | None
    duration_ms: int

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditEntryOut":
        return cls(
            id=entry.id,
            request_id=entry.request_id,
            at=entry.at,
            principal=entry.principal,
            method=entry.method,
            route=entry.route,
            status=entry.status,
            ip=entry.ip,
            duration_ms=entry.duration_ms,
        )


def audit_csv(entries: Iterable[AuditEntry]) -> bytes:
    """Entries as CSV."""
    return csv_of(
        _COLUMNS,
        [
            (each.id, each.request_id, format_time(each.at), each.principal, each.method, each.route, each.status,
             each.ip, each.duration_ms)
            for each in entries
        ],
    )  # fmt: skip
