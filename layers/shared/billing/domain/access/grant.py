"""What clients were granted: authorization codes, grants with their refresh tokens, and sessions of browsers.

A session is the dashboard's grant: there is one for each browser, however often the page asks for a token.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.access.caller import digest

CODE_LIFE = timedelta(seconds=60)
GRANT_LIFE = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=30)
"""How long the answer to a refresh can be asked for again: a mobile client that lost it asks within seconds."""
SESSION_IDLE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code on its way from the browser to the client; good once, for a minute.

    Args:
        id: made of the code's hash: ``code_id``.
        grant_id: of the grant that it becomes, or of the session that it is of; that ends where the code comes a second
            time.
        challenge: PKCE's, S256.
    """

    entity_name: ClassVar[str] = "AuthorizationCode"

    id: str
    tenant_id: str
    grant_id: str
    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    expires_at: datetime
    used_at: datetime | None = None
    version: int = 0

    @property
    def created_at(self) -> datetime:
        """When the user allowed it."""
        return self.expires_at - CODE_LIFE


def code_id(code: str) -> str:
    """The id under which a code is kept: of the code itself, only the hash is."""
    return "code#" + digest(code)


class Presented(StrEnum):
    CURRENT = "current"
    REPEATED = "repeated"
    """The answer to it was lost: it gets the same one."""
    REUSED = "reused"
    """Somebody has a copy of it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The last access token of a grant: enough to make the same one again."""

    jti: str
    at: datetime
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user let a client do, with one refresh token that is good at a time.

    Args:
        generation: of the refresh token that is good now; each use makes the next.
        rotated_at: when it was made.
        expires_at: 30 days after the user's consent, however often it is refreshed.
    """

    entity_name: ClassVar[str] = "Grant"

    id: str
    tenant_id: str
    client_id: str
    user_id: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime
    issued: Issued
    generation: int = 1
    revoked_at: datetime | None = None
    version: int = 0

    def is_good(self, now: datetime) -> bool:
        """Whether anything can be had for it."""
        return self.revoked_at is None and self.expires_at > now

    def presented(self, generation: int, now: datetime) -> Presented:
        """What it means that the refresh token of a generation comes now.

        The third was made from the second at 12:00:00. The second again at 12:00:10, while nobody has used the third:
        its answer was lost. At 12:00:40, or after the third made a fourth: a copy.
        """
        if generation >= self.generation:
            return Presented.CURRENT
        if generation == self.generation - 1 and now - self.rotated_at <= REPEAT_WINDOW:
            return Presented.REPEATED
        return Presented.REUSED

    def rotated(self, issued: Issued, now: datetime) -> "Grant":
        """With the next refresh token. Its scopes stay: a token with fewer of them narrows nothing for good."""
        return replace(self, generation=self.generation + 1, rotated_at=now, issued=issued)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which a user has signed in.

    Args:
        id: made of the cookie's hash: ``session_id``.
        seen_at: the last time, within a minute.
        expires_at: 12 hours after the sign-in.
        reauthenticated_at: when the user has last entered the password again.
    """

    entity_name: ClassVar[str] = "Session"

    id: str
    tenant_id: str
    user_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    reauthenticated_at: datetime | None = None
    version: int = 0

    @property
    def authenticated_at(self) -> datetime:
        """When the user has last entered the password."""
        return self.reauthenticated_at or self.created_at

    def is_good(self, now: datetime, signed_out_at: datetime | None) -> bool:
        """Whether the user is still signed in."""
        ended = signed_out_at is not None and signed_out_at >= self.created_at
        return not ended and now < self.expires_at and now - self.seen_at < SESSION_IDLE


def session_id(secret: str) -> str:
    """The id under which a session is kept: of the cookie, only the hash is."""
    return "ses_" + digest(secret)
