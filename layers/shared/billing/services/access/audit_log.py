"""Reading the audit log: a tenant its own, and the platform that of callers whom nobody knows, too."""

from collections.abc import Iterator
from typing import Protocol

from billing.domain.access.audit import AuditEntry, AuditFilter
from billing.domain.tenant import ANONYMOUS
from billing.services.kernel.work import Page, Work

EXPORTED_AT_MOST = 10_000
_EXPORT_PAGE = 1_000


class AuditLog(Protocol):
    """Reads the log."""

    def page(self, tenant_id: str, of: str, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """A page, newest first; one that the filter leaves few of may have less than ``limit`` and still a next one.

        Args:
            tenant_id: who asks: a cursor is good for nobody else.
            of: whose calls: a tenant's id, or ``anonymous``.

        Raises:
            ValidationFailed: the cursor is not of this query.
        """


def page(
    log: AuditLog, work: Work, wanted: AuditFilter, of_strangers: bool, limit: int, cursor: str | None
) -> Page[AuditEntry]:
    """A page of the caller's tenant's log, or of the log of strangers."""
    return log.page(work.tenant.id, ANONYMOUS if of_strangers else work.tenant.id, wanted, limit, cursor)


def export(log: AuditLog, work: Work, wanted: AuditFilter, of_strangers: bool) -> Iterator[AuditEntry]:
    """The newest entries, 10,000 at most; what is older is exported up to the time of the last of them."""
    cursor, left = None, EXPORTED_AT_MOST
    while left:
        found = page(log, work, wanted, of_strangers, min(left, _EXPORT_PAGE), cursor)
        yield from found.items
        left -= len(found.items)
        cursor = found.next_cursor
        if cursor is None:
            return
