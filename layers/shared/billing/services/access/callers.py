"""Who calls: what the edge needs to identify a caller and to count the call against its limits."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """A limit of its own that a class of routes has, per user and minute, such as 300 invoice queries.

    Args:
        letter: names its counters: one lower-case letter.
    """

    letter: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class RateState:
    """What the rate-limit headers say: the tightest limit that applies, what remains of it, when it resets (Unix)."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the key's tenant, its id and scope, and where it stands against its limits."""

    tenant_id: str
    key_id: str
    scope: str
    rate: RateState


class CallerCheck(Protocol):
    """The first beat."""

    def identify(self, key: str, route_limit: RouteLimit | None, user_id: str | None) -> Identity:
        """Who holds an API key; the call is counted.

        Args:
            route_limit: the route's own limit; it counts on the user where ``user_id`` names one, else on the key.

        Raises:
            Unauthenticated: no such key, or it is revoked or expired.
            RateLimited: one of its limits is used up; the call is not counted.
        """
