"""The rows of the audit log."""

from datetime import datetime

from billing.domain.kernel.times import format_time
from billing.services.kernel.work import AuditRow
from billing.storage.tables import AuditItem, audit_partition


def audit_item(tenant_id: str, audit_id: str, row: AuditRow, now: datetime, ttl_s: int) -> AuditItem:
    """A call as it is kept, in the tenant's partition or in one of those for callers whom nobody knows."""
    return AuditItem(
        tenant_id=audit_partition(tenant_id, audit_id),
        id=audit_id,
        request_id=row.request_id,
        at=format_time(now),
        principal=row.principal,
        method=row.method,
        route=row.route,
        status=row.status,
        ip=row.ip,
        duration_ms=row.duration_ms,
        expires_at=int(now.timestamp()) + ttl_s,
    )
