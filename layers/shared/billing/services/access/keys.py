"""API keys: made, listed, rotated and revoked by whoever administers a tenant; the platform's own likewise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from billing.domain.access.api_key import REVOKED, USUAL_OVERLAP_S, ApiKey
from billing.domain.access.caller import digest
from billing.domain.access.key_text import hint
from billing.domain.access.networks import within
from billing.domain.access.scopes import Scope, granted
from billing.domain.kernel.errors import Forbidden, ValidationFailed
from billing.domain.tenant import PLATFORM, Tenant
from billing.services.kernel.work import Page, Query, Ref, Work

NewText = Callable[[str], str]
"""A random key's text, of a kind: ``live``, ``test`` or ``platform``."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key as the caller describes it; see ``ApiKey``."""

    name: str
    scope: str
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()
    signs: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a key: nobody makes one that may do more, or from more places, or with less proof.

    Args:
        principal: its id.
        may: its scopes.
        networks: from where it is let in, as CIDRs; empty from everywhere.
        signs: whether its own requests have to be signed.
    """

    principal: str
    may: frozenset[Scope]
    networks: tuple[str, ...] = ()
    signs: bool = False


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is shown.

    Args:
        status: ``active``, ``expired`` or ``revoked``.
        last_used_on: the day (UTC) of its last call that was let in.
        text: the key itself, in the answer to what made it.
        signing_secret: under which its requests are signed, in the answer to what made it.
    """

    key: ApiKey
    status: str
    last_used_on: date | None = None
    text: str | None = None
    signing_secret: str | None = None


class KeyUse(Protocol):
    """What the first beat has noted of keys."""

    def last_used(self, keys_sha256: Sequence[str]) -> dict[str, date]:
        """The day of the last call, by the hash of the key; without those that were never used."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The use cases.

    Args:
        seal: seals a text for a tenant and a place.
    """

    new_text: NewText
    use: KeyUse
    new_signing_secret: Callable[[], str]
    seal: Callable[[str, str, str], str]

    def create(self, work: Work, new: NewKey, by: Maker) -> KeyView:
        """A new key, which is shown only now.

        Raises:
            Forbidden: it would have a scope that its maker has not; or its maker is let in from some networks only, or
                has to sign, and the key would not: whoever has stolen a fenced key would make himself one without.
            ValidationFailed: it has expired already.
        """
        if new.expires_at is not None and new.expires_at <= work.now:
            raise ValidationFailed.of("expiresAt", "must_be_in_the_future")
        text = self.new_text(kind_of(work.tenant))
        limits = work.tenant.tier.limits
        key_id = work.fresh_id("key")
        secret = self.new_signing_secret() if new.signs else None
        key = ApiKey(
            id=key_id,
            tenant_id=work.tenant.id,
            key_sha256=digest(text),
            name=new.name,
            scope=new.scope,
            minute_limit=limits.per_minute,
            slot_limit=limits.per_slot,
            created_at=work.now,
            expires_at=new.expires_at,
            metadata=new.metadata,
            scopes=new.scopes,
            networks=new.networks,
            hint=hint(text),
            created_by=by.principal,
            sealed_signing_secret=self.seal(work.tenant.id, signing_place(key_id), secret) if secret else None,
        )
        _require_no_more(key, by)
        return KeyView(work.save(key), key.status, text=text, signing_secret=secret)

    def rotate(
        self,
        work: Work,
        key_id: str,
        overlap_s: int | None,
        expires_at: datetime | None,
        by: Maker,
    ) -> KeyView:
        """The successor of a key, which is shown only now; the old one works a while longer.

        Args:
            overlap_s: for how long; None for a day, 0 for a key that leaked.
            expires_at: until when the successor works; None for as long as the old one was made for.

        Raises:
            NotFound: the tenant has no such key.
            InvalidState: it is revoked, expired, or rotated already.
            Forbidden: see ``create``.
        """
        ref = Ref(ApiKey, work.tenant.id, key_id)
        old = work.load(ref).require(ref)
        if expires_at is None and old.expires_at is not None:
            expires_at = work.now + (old.expires_at - old.created_at)
        signs = old.sealed_signing_secret is not None
        new = NewKey(old.name, old.scope, old.scopes, expires_at, old.networks, signs, old.metadata)
        made = self.create(work, new, by)
        work.save(old.replaced(made.key.id, USUAL_OVERLAP_S if overlap_s is None else overlap_s, work.now))
        return made

    def revoke(self, work: Work, key_id: str) -> KeyView:
        """The key, which is let in no more from the next call on; also one that is revoked already.

        Raises:
            NotFound: the tenant has no such key.
        """
        ref = Ref(ApiKey, work.tenant.id, key_id)
        key = work.load(ref).require(ref)
        after = key.revoked(work.now)
        return self._views([work.save(after) if after != key else key], work.now)[0]

    def get(self, work: Work, key_id: str) -> KeyView:
        """A key, without what it is.

        Raises:
            NotFound: the tenant has no such key.
        """
        ref = Ref(ApiKey, work.tenant.id, key_id)
        return self._views([work.load(ref).require(ref)], work.now)[0]

    def page(self, work: Work, limit: int, cursor: str | None) -> Page[KeyView]:
        """A page of the tenant's keys, newest first."""
        page = work.query(Query(ApiKey, limit=limit, start=cursor))
        return Page(self._views(page.items, work.now), page.next_cursor, page.limit)

    def _views(self, keys: Sequence[ApiKey], now: datetime) -> list[KeyView]:
        used = self.use.last_used([key.key_sha256 for key in keys])
        return [KeyView(key, key.status_at(now), used.get(key.key_sha256)) for key in keys]


def still_shown(tenant_id: str, key_id: str) -> Callable[[Work], bool]:
    """Whether the answer that shows a key may be given again: not once it is revoked."""
    ref = Ref(ApiKey, tenant_id, key_id)

    def check(work: Work) -> bool:
        key = work.load(ref).get(ref)
        return key is not None and key.status != REVOKED

    return check


def signing_place(key_id: str) -> str:
    """For what place a key's signing secret is sealed."""
    return f"signing/{key_id}"


def kind_of(tenant: Tenant) -> str:
    """What its keys say of a tenant: ``live``, ``test`` or ``platform``."""
    return PLATFORM if tenant.id == PLATFORM else tenant.mode.value


def _require_no_more(key: ApiKey, by: Maker) -> None:
    more = key.granted - by.may
    if key.scope == PLATFORM != key.tenant_id:  # narrowed to what its maker has it would still be called so
        more |= {Scope.PLATFORM}
    if more:
        raise Forbidden(f"Whoever makes a key has its scopes: {', '.join(sorted(more))} is missing")
    if not within(key.networks, by.networks):
        raise Forbidden("Whoever is let in from some networks makes keys for no others")
    if by.signs and key.sealed_signing_secret is None:
        raise Forbidden("Whoever has to sign makes keys that have to")


def unknown_scopes(scope: str, scopes: Sequence[str]) -> list[int]:
    """Which of a key's narrower scopes its word does not grant, by their places."""
    allowed: frozenset[Any] = granted(scope)
    return [n for n, each in enumerate(scopes) if each not in allowed]
