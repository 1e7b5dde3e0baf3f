"""Users: the people of a tenant, and what each of them may do."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.access.caller import ACTIVE, Caller, user_caller
from billing.domain.access.common_passwords import is_common
from billing.domain.access.scopes import Scope

ADMINS_ID = "admins"
PERSONAL = {"personal": True}
INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=1)
RESET_PAUSE = timedelta(minutes=5)
"""For how long a stranger who asks for a link in a user's name gets no other one sent: the one before has to work."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 128


class Role(StrEnum):
    PLATFORM_ADMIN = "platform_admin"
    """Of the operator's own people: users of the platform's tenant alone, for nobody else may make one."""
    ADMIN = "admin"
    FINANCE = "finance"
    SUPPORT = "support"
    READ_ONLY = "read_only"


_READ = frozenset({Scope.BILLING_READ})
SCOPES_OF: dict[Role, frozenset[Scope]] = {
    Role.READ_ONLY: _READ,
    Role.SUPPORT: _READ | {Scope.SUBSCRIPTIONS_MANAGE},
    Role.FINANCE: _READ | {Scope.BILLING_WRITE, Scope.PAYMENTS_PROCESS},
    Role.ADMIN: frozenset(Scope) - {Scope.PLATFORM},
    Role.PLATFORM_ADMIN: frozenset(Scope),
}
ADMINS = frozenset({Role.ADMIN, Role.PLATFORM_ADMIN})
"""What a user of each role may do, and so the most that a token for that user may have."""


class UserStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a mail that was sent: of the secret in it, only the hash is kept."""

    secret_sha256: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in.

    Args:
        email: as it was given; who it is of, the item ``EmailClaim`` says.
        password_hash: argon2id's text.
        totp_secret: base32; of an authenticator that has given one right code.
        pending_totp: base32; shown, and not confirmed yet.
        totp_step: the last 30 seconds whose code was used: each is taken once.
        link: the invitation, or the link that resets the password.
        signed_out_at: what was signed in before is not any more.
        tokens_after: access tokens that were issued then or before are not let in: the user has been signed out
            everywhere since, or got another role.
    """

    entity_name: ClassVar[str] = "User"

    id: str
    tenant_id: str
    email: str = field(metadata=PERSONAL)
    role: Role
    status: UserStatus
    created_at: datetime
    name: str | None = field(default=None, metadata=PERSONAL)
    password_hash: str | None = field(default=None, metadata=PERSONAL)
    totp_secret: str | None = field(default=None, metadata=PERSONAL)
    pending_totp: str | None = field(default=None, metadata=PERSONAL)
    totp_step: int = 0
    link: Link | None = None
    signed_out_at: datetime | None = None
    tokens_after: datetime | None = None
    version: int = 0

    @property
    def caller(self) -> Caller:
        """What the first beat knows: whether the user is let in."""
        return Caller(
            id=user_caller(self.tenant_id, self.id),
            tenant_id=self.tenant_id,
            principal=self.id,
            created_at=self.created_at,
            status="disabled" if self.status is UserStatus.DISABLED else ACTIVE,
            tokens_after=self.tokens_after,
            lasting=False,
        )

    @property
    def is_active(self) -> bool:
        """Whether the user can sign in."""
        return self.status is UserStatus.ACTIVE

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the user may do now."""
        return SCOPES_OF[self.role] if self.is_active else frozenset()

    def accepts(self, secret_sha256: str, now: datetime) -> bool:
        """Whether a link with this secret still works."""
        if self.link is None or self.status is UserStatus.DISABLED:
            return False
        return self.link.secret_sha256 == secret_sha256 and self.link.expires_at > now

    def has_fresh_link(self, now: datetime) -> bool:
        """Whether a link that resets the password was sent a moment ago, and still works."""
        return self.link is not None and self.link.expires_at - RESET_LIFE > now - RESET_PAUSE

    def signed_out(self, now: datetime) -> "User":
        """The user, signed out everywhere: sessions, grants and access tokens of before are worth nothing."""
        return replace(self, signed_out_at=now, tokens_after=now)

    def without_authenticator(self, now: datetime) -> "User":
        """The user without an authenticator, signed out everywhere. The last code stays used."""
        return replace(self.signed_out(now), totp_secret=None, pending_totp=None)

    def with_password(self, password_hash: str, now: datetime) -> "User":
        """The user after setting a password through a link: it is used up, and whoever was signed in is not."""
        return replace(self, password_hash=password_hash, status=UserStatus.ACTIVE, link=None, signed_out_at=now)


@dataclass(frozen=True, slots=True)
class EmailClaim:
    """That an address is one user's: its id is the address's key in the blind index, so that it is there once."""

    entity_name: ClassVar[str] = "EmailClaim"

    id: str
    tenant_id: str
    user_id: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Admins:
    """The active admins of a tenant, in one item: two who disable each other at once meet here."""

    entity_name: ClassVar[str] = "Admins"

    tenant_id: str
    user_ids: tuple[str, ...] = ()
    version: int = 0


def password_problem(password: str, email: str) -> str | None:
    """What is wrong with a new password; None where nothing is. Rules about kinds of characters make none better."""
    if len(password) < SHORTEST_PASSWORD:
        return "too_short"
    if len(password) > LONGEST_PASSWORD:
        return "too_long"
    own = tuple(re.split(r"[^0-9a-z]+", email.casefold()))
    if password.casefold() in (email.casefold(), email.partition("@")[0].casefold()) or len(set(password)) < 4:
        return "too_easy"
    if is_common(password, own):
        return "too_easy"
    return None
