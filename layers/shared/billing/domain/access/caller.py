"""Callers: what the first beat of a request has to know of a credential, or of a user.

One small item each, with the counters of its limits beside it. It is written whole once and after that only updated in
place: a second write of the whole would set the counters back.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls a minute and a 10-second slot may have."""

    per_minute: int
    per_slot: int


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential, or a user, as the first beat sees it.

    Args:
        id: names the item: see ``key_caller``, ``client_caller`` and ``user_caller``.
        principal: who it is in logs and in the audit log: the key's, the client's or the user's id.
        status: calls are let in while it is ``active``.
        scope: an API key's word: ``read``, ``write``, ``admin``; None for others, whose tokens say what they may.
        scopes: what of the word's scopes it has, divided by spaces; None for all.
        limits: of an API key, which is known before its tenant is. None for others: their tenant's tier decides.
        expires_at: until when it is let in; None without an end.
        networks: from where it is let in, as CIDRs divided by spaces; None from everywhere.
        secret: what only the first beat reads: a key's sealed signing secret, or the hash of a client's secret.
        tokens_after: access tokens that were issued then or before are not let in.
        lasting: whether the item exists as long as what it stands for. A user's is made by the first call and expires
            after a day without one, unless it says that the user is disabled.
    """

    id: str
    tenant_id: str
    principal: str
    created_at: datetime
    status: str = ACTIVE
    scope: str | None = None
    scopes: str | None = None
    limits: Limits | None = None
    expires_at: datetime | None = None
    networks: str | None = None
    secret: str | None = None
    tokens_after: datetime | None = None
    lasting: bool = True


def key_caller(key_sha256: str) -> str:
    """The id of an API key's item, by the hash of the key."""
    return "key#" + key_sha256


def client_caller(client_id: str) -> str:
    """The id of an OAuth client's item."""
    return "client#" + client_id


def user_caller(tenant_id: str, user_id: str) -> str:
    """The id of a user's item: the same one whether the user's own token names it or a key's ``x-user-id``."""
    return "user#" + tenant_id + "#" + digest(user_id)


def digest(text: str) -> str:
    """The SHA-256 of a text in hexadecimal digits."""
    # A header may be any text that JSON can write, half a surrogate pair too.
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
