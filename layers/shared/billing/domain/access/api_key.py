"""API keys: a tenant's credentials for its servers."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from billing.domain.access.caller import ACTIVE, Caller, Limits, key_caller
from billing.domain.access.scopes import Scope, granted
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived

REVOKED, EXPIRED = "revoked", "expired"
MOST_NETWORKS = 8
LONGEST_OVERLAP_S, USUAL_OVERLAP_S = 604_800, 86_400


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential. Only the SHA-256 of the key is kept; the key itself is shown once.

    Args:
        scope: ``read``, ``write`` or ``admin``; ``platform`` for the operator's own.
        minute_limit, slot_limit: how many calls a minute and a 10-second slot may have.
        status: ``active`` or ``revoked``; an active one may have expired.
        scopes: what of its scope it has; empty for all.
        networks: from where it is let in, as CIDRs; empty from everywhere.
        hint: what is shown of the key itself.
        created_by: the principal that made it.
        replaced_by: the key that it was rotated to.
        sealed_signing_secret: under which its requests have to be signed, sealed; None where they need not be.
    """

    entity_name: ClassVar[str] = "ApiKey"

    id: str
    tenant_id: str
    key_sha256: str
    name: str
    scope: str
    minute_limit: int
    slot_limit: int
    created_at: datetime
    status: str = ACTIVE
    expires_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    hint: str | None = None
    created_by: str | None = None
    replaced_by: str | None = None
    revoked_at: datetime | None = None
    sealed_signing_secret: str | None = None
    version: int = 0

    @property
    def caller(self) -> Caller:
        """What the first beat knows of it."""
        return Caller(
            id=key_caller(self.key_sha256),
            tenant_id=self.tenant_id,
            principal=self.id,
            created_at=self.created_at,
            status=self.status,
            scope=self.scope,
            scopes=" ".join(self.scopes) or None,
            limits=Limits(self.minute_limit, self.slot_limit),
            expires_at=self.expires_at,
            networks=" ".join(self.networks) or None,
            secret=self.sealed_signing_secret,
        )

    @property
    def granted(self) -> frozenset[Scope]:
        """What it may do."""
        allowed = granted(self.scope)
        return frozenset(each for each in allowed if each.value in self.scopes) if self.scopes else allowed

    def status_at(self, now: datetime) -> str:
        """``active``, ``expired`` or ``revoked``."""
        has_expired = self.expires_at is not None and self.expires_at <= now
        return EXPIRED if self.status == ACTIVE and has_expired else self.status

    def revoked(self, now: datetime) -> "ApiKey":
        """The key, not let in any more; one that was revoked before stays as it is."""
        return self if self.status == REVOKED else replace(self, status=REVOKED, revoked_at=now)

    def replaced(self, by: str, overlap_s: int, now: datetime) -> "ApiKey":
        """The key after its rotation: it works until the overlap is over, and not beyond its own end.

        Args:
            by: the id of its successor.
            overlap_s: 0 for a key that leaked: it is revoked now.

        Raises:
            InvalidState: it does not work any more, or was rotated before.
        """
        status = self.status_at(now)
        if status != ACTIVE or self.replaced_by is not None:
            raise InvalidState.of("api_key", status if status != ACTIVE else "rotated", "rotated")
        after = replace(self, replaced_by=by)
        if overlap_s == 0:
            return after.revoked(now)
        end = now + timedelta(seconds=overlap_s)
        return replace(after, expires_at=min(end, self.expires_at) if self.expires_at else end)


def first_key_id(tenant_id: str) -> str:
    """The id of a tenant's first admin key, which follows from the tenant alone."""
    return derived("key", datetime(2026, 1, 1, tzinfo=UTC), "first", tenant_id)
