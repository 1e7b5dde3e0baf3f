"""The audit log: who called what, when, from where, and what came of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One call. Nobody changes or deletes it; it expires after 400 days.

    Args:
        principal: the id of the key, the client or the user; ``anonymous`` where nobody knows.
        route: as the API names it: ``GET /v1/customers/{customer_id}``; what was in the path is not kept.
        ip: the address that the gateway saw.
    """

    id: str
    request_id: str
    at: datetime
    principal: str
    method: str
    route: str
    status: int
    ip: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which calls are asked for; None for any.

    Args:
        since, until: [since, until) of the time of the call.
        status: one status, or a class of them by its first digit.
    """

    since: datetime | None = None
    until: datetime | None = None
    principal: str | None = None
    status: int | None = None
    route: str | None = None
