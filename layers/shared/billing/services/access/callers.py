"""Who calls: what the edge needs to identify a caller and to count the call against its limits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from billing.domain.access.caller import Limits
from billing.domain.access.scopes import Scope


@dataclass(frozen=True, slots=True)
class RouteLimit:
    """The separate limit of a class of routes, per user and minute, such as 300 invoice queries.

    Args:
        letter: names its counters: one lower-case letter, other than ``m``, ``s`` and ``r``.
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
    """Who calls.

    Args:
        principal: the id of the key, the client or the user, for logs and the audit log.
        scopes: what it may do; made by whoever identified it.
        rate: how much of its limits is left.
        user_id: the user whose own token it is; ``x-user-id`` may name nobody else. None for keys and clients.
        networks: from where it is let in, as CIDRs; empty from everywhere.
        sealed_signing_secret: under which its requests have to be signed, sealed; None where they need not be.
        limits: those that its item has, where it has any: a key's are known before its tenant is.
        expires_at: until when the credential is good; None without an end.
        authenticated_at: when its user last entered the password, where that is known: in the dashboard.
    """

    tenant_id: str
    principal: str
    scopes: frozenset[Scope]
    rate: RateState
    user_id: str | None = None
    networks: tuple[str, ...] = ()
    sealed_signing_secret: str | None = None
    limits: Limits | None = None
    expires_at: datetime | None = None
    authenticated_at: datetime | None = None

    @property
    def credential(self) -> Literal["user", "key", "client"]:
        """What it is: a ``user``'s token, a ``client``'s own, or a ``key``."""
        if self.user_id is not None:
            return "user"
        return "client" if self.limits is None else "key"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What an access token says, once its signature and its claims were found good.

    Args:
        tenant_id: its ``tid``.
        principal: the id of the client or of the user (``sub``).
        caller_id: the item that it counts on: ``client_caller`` or ``user_caller``.
        user_id: the user; None where the token is a client's own.
        issued_at: when (Unix): nobody is let in with a token of before the caller's ``tokens_after``.
        grant_id: what it was issued under and can be revoked by: letters, digits, ``_`` and ``-``; not digits alone.
        client_id: of a user's token, the client that has it; None where the token is a client's own, another issuer's,
            or the dashboard's.
        expires_at: until when it is good (Unix).
        authenticated_at: when its user last entered the password (Unix), in a token of the dashboard's.
    """

    tenant_id: str
    principal: str
    caller_id: str
    scopes: frozenset[Scope]
    grant_id: str
    user_id: str | None = None
    issued_at: int | None = None
    client_id: str | None = None
    expires_at: int | None = None
    authenticated_at: int | None = None


class BearerCheck(Protocol):
    """Verifies access tokens without a call to the database."""

    def verify(self, token: str) -> Bearer:
        """What the token says.

        Raises:
            Unauthenticated: it is not one of ours, or has expired.
        """


class CallerCheck(Protocol):
    """The first beat of a request: identifying the caller."""

    def identify(self, key: str, route_limit: RouteLimit | None, user_id: str | None) -> Identity:
        """Identify the holder of an API key, and count the call.

        Args:
            route_limit: the route's own limit; it counts on the user where ``user_id`` names one, else on the key.

        Raises:
            Unauthenticated: no such key, or it is revoked or expired.
            Forbidden: the user is disabled.
            RateLimited: one of its limits is used up; the call is not counted.
        """

    def set_limits(self, key: str, limits: Limits) -> None:
        """Write the limits of its tenant's tier on a key's item, for the calls that follow."""

    def identify_bearer(
        self, bearer: Bearer, limits: Limits, route_limit: RouteLimit | None, user_id: str | None
    ) -> Identity:
        """Let in whoever has an access token, and count the call.

        Args:
            limits: of the tenant's tier.
            route_limit: the route's own limit; it counts on the token's user, else on the one whom ``user_id`` names,
                else on the client.

        Raises:
            Unauthenticated: its grant is revoked, or its user or client is disabled or gone.
            Forbidden: the user whom a client names is disabled.
            RateLimited: one of its limits is used up; the call is not counted.
        """
