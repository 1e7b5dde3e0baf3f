"""Cursors of lists, the one place that seals and opens them; ``services.webhooks.events.Cursors`` among others."""

from billing.domain.kernel.errors import ValidationFailed
from billing.storage.codec import Sealer


class SealedCursors:
    """A cursor is a place, sealed for its tenant and its kind of list."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def sealed(self, tenant_id: str, kind: str, place: str) -> str:
        """The cursor of a place."""
        return self._sealer.seal(tenant_id, f"cursor/{kind}", place)

    def opened(self, tenant_id: str, kind: str, cursor: str) -> str:
        """The place of a cursor."""
        try:
            return self._sealer.open(tenant_id, f"cursor/{kind}", cursor)
        except ValueError:
            raise ValidationFailed.of("cursor", "invalid_cursor") from None
