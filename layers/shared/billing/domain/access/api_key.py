"""API keys: a tenant's credentials for its servers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from billing.domain.access.caller import ACTIVE, Caller, Limits, key_caller


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential. Only the SHA-256 of the key is kept; the key itself is shown once.

    Args:
        scope: ``read``, ``write`` or ``admin``; ``platform`` for the operator's own.
        minute_limit, slot_limit: how many calls a minute and a 10-second slot may have.
        status: ``active`` or ``revoked``.
        scopes: what of its scope it has; empty for all.
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
        )
