"""Who calls: what the edge needs to identify a caller and to count the call against its limits."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """The separate limit of a class of routes, per user and minute, such as 300 invoice queries.

    Args:
        letter: names its counters: one lower-case letter.
    """

    letter: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class RateState:
    """What the rate-limit headers show: the tightest limit that applies, what remains of it, when it resets (Unix)."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the key's tenant, its id and scope, and how much of its limits is left."""

    tenant_id: str
    key_id: str
    scope: str
    rate: RateState


class CallerCheck(Protocol):
    """The first beat of a request: identifying the caller."""

    def identify(self, key: str, route_limit: RouteLimit | None, user_id: str | None) -> Identity:
        """Identify the holder of an API key, and count the call.

        Args:
            route_limit: the route's own limit; it counts on the user where ``user_id`` names one, else on the key.

        Raises:
            Unauthenticated: no such key, or it is revoked or expired.
            RateLimited: one of its limits is used up; the call is not counted.
        """
