"""The keys that sign access tokens: which one signs now, and which ones are published.

A key's state follows from the time, so that a rotation is one command and nobody has to come back for a second step:

    rotated at 12:00     k2 is "next", published; k1 signs until 12:15
    12:15                k2 is "current"; k1 is "retiring": what it signed at 12:14 is good until 13:14
    13:16                k1 is no longer published
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.errors import InvalidState

SIGNING_KEYS_ID = "signing-keys"
TOKEN_LIFE = timedelta(hours=1)
"""How long an access token is good."""
PUBLISHED_BEFORE = timedelta(minutes=15)
"""How long a key is published before it signs: whoever keeps the published keys for 5 minutes knows it by then."""
KEPT_AFTER = TOKEN_LIFE + timedelta(minutes=1)
"""How long a key is published after it has signed for the last time: a token's life, and clocks that differ."""


class KeyState(StrEnum):
    NEXT = "next"
    CURRENT = "current"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key pair; the private half never leaves the key service.

    Args:
        kid: the thumbprint of its public half (RFC 7638).
        key_id: its name at the key service.
        modulus, exponent: its public half, as a JWK has them (base64url).
        signs_from: until another key's ``signs_from``.
    """

    kid: str
    key_id: str
    modulus: str
    exponent: str
    published_at: datetime
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """All keys whose tokens may still be good, and the one that will sign next; oldest first."""

    entity_name: ClassVar[str] = "SigningKeys"

    tenant_id: str
    keys: tuple[SigningKey, ...]
    version: int = 0

    def signing(self, now: datetime) -> SigningKey:
        """The key that signs now; the oldest, for a clock that is behind the one that made it."""
        begun = [each for each in self.keys if each.signs_from <= now]
        return begun[-1] if begun else self.keys[0]

    def published(self, now: datetime) -> tuple[tuple[SigningKey, KeyState], ...]:
        """The keys that a verifier is to know, with their states."""
        found = []
        for n, key in enumerate(self.keys):
            retired_at = self.keys[n + 1].signs_from if n + 1 < len(self.keys) else None
            if key.signs_from > now:
                found.append((key, KeyState.NEXT))
            elif retired_at is None or retired_at > now:
                found.append((key, KeyState.CURRENT))
            elif retired_at + KEPT_AFTER > now:
                found.append((key, KeyState.RETIRING))
        return tuple(found)

    def find(self, kid: str, now: datetime) -> SigningKey | None:
        """The published key of this name."""
        return next((key for key, _ in self.published(now) if key.kid == kid), None)

    def rotated(self, fresh: SigningKey, now: datetime) -> "SigningKeys":
        """With a fresh key, which signs in 15 minutes; those that nobody needs any more are left out.

        Raises:
            InvalidState: another fresh key waits for its time.
        """
        kept = self.published(now)
        if any(state is KeyState.NEXT for _, state in kept):
            raise InvalidState.of("signing_key", "waiting for its time", "followed by another")
        following = replace(fresh, published_at=now, signs_from=now + PUBLISHED_BEFORE)
        return replace(self, keys=(*(key for key, _ in kept), following))

    def replaced(self, fresh: SigningKey, now: datetime) -> "SigningKeys":
        """With a fresh key alone, at once: for a private key that somebody else may have. All tokens end."""
        return replace(self, keys=(replace(fresh, published_at=now, signs_from=now),))
