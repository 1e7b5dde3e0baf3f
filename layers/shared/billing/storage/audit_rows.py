"""The rows of the audit log: put where there is none, and never touched again."""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from billing.domain.kernel.times import format_time
from billing.domain.tenant import ANONYMOUS
from billing.services.kernel.work import AuditRow
from billing.storage.database import Database, table_name
from billing.storage.tables import AuditItem


def audit_partition(tenant_id: str, audit_id: str) -> str:
    """The hash key of an audit row: the tenant, or for a caller that nobody knows one of 32 (``anonymous#7``).

    A partition takes 1,000 writes a second. Strangers with a wrong key may send more than that, and their rows in one
    partition would turn refusals into 503s.
    """
    return f"{ANONYMOUS}#{audit_id[-1]}" if tenant_id == ANONYMOUS else tenant_id


def strangers_partitions() -> list[str]:
    """Every hash key that rows of callers whom nobody knows may have; the first is from before there were 32."""
    return [ANONYMOUS, *(f"{ANONYMOUS}#{last}" for last in "0123456789ABCDEFGHJKMNPQRSTVWXYZ")]


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


def put_once(database: Database, item: AuditItem) -> None:
    """Write a row by itself, over no other.

    Raises:
        Unavailable: it cannot be written.
    """
    try:
        database.call(
            lambda: database.client.put_item(
                TableName=table_name(AuditItem),
                Item=item.serialize(),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )
    except ClientError as error:
        there: Any = error.response.get("Item")
        # The answer to a first try was lost: the row that is there is this one.
        if there is None or there["request_id"]["S"] != item.request_id:
            raise
