"""The record of a write's Idempotency-Key: stored in the same transaction as the write's effects.

    (nothing) ──> done                       one commit: the effects and the response
    (nothing) ──> in_progress ──> done       two commits, around a call that moves money

A record past its time to live does not count, even if DynamoDB has not deleted it yet: the code checks the time itself,
and a key that is used again then makes a new thing.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any

from pynamodb.expressions.condition import Condition

from billing.domain.kernel.times import format_time, parse_time
from billing.services.kernel.recovery import ChargePending, CreditsPending, RecoveryPoint, RefundPending, Repeat
from billing.services.kernel.work import KeyedRequest
from billing.storage.tables import IdempotencyItem


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose key it is, and for which request it is used.

    Args:
        record_id: names tenant, route and key: another route, or another tenant, may use the same key.
        fingerprint: SHA-256 of method, path, query and canonical body; another request under the key differs here.
        client_key: the key, if a client chose it.
    """

    record_id: str
    fingerprint: str
    client_key: str | None

    @classmethod
    def of(cls, tenant_id: str, request: KeyedRequest) -> "Scope":
        """The scope of a request's key."""
        record_id = f"{tenant_id}#{request.record}#{sha256(request.key.encode()).hexdigest()}"
        return cls(record_id, request.fingerprint, request.key if request.from_client else None)


class State(Enum):
    NONE = "none"
    IN_PROGRESS = "in_progress"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record, as it was read or as a failed condition returned it."""

    state: State
    fingerprint: str = ""
    status: int = 0
    sealed_body: str = ""
    recovery_point: RecoveryPoint | None = None
    touched_at: datetime | None = None

    @classmethod
    def read(cls, item: dict[str, Any] | None, now: datetime) -> "Record":
        """The record of a raw item; an expired one counts as none."""
        if not item or int(item["expires_at"]["N"]) <= now.timestamp():
            return cls(State.NONE)
        return cls(
            State(item["state"]["S"]),
            item["fingerprint"]["S"],
            int(item.get("status", {}).get("N", 0)),
            item.get("body", {}).get("S", ""),
            _recovery_point(json.loads(item["progress"]["S"])) if "progress" in item else None,
            parse_time(item["touched_at"]["S"]),
        )


def in_progress_item(scope: Scope, point: RecoveryPoint, now: datetime, ttl_s: int) -> IdempotencyItem:
    """The record of a write whose first commit stands and whose second is to come."""
    return IdempotencyItem(
        record_id=scope.record_id,
        state=State.IN_PROGRESS.value,
        fingerprint=scope.fingerprint,
        progress=json.dumps(_progress(point)),
        touched_at=format_time(now),
        expires_at=_expiry(now, ttl_s),
    )


def done_item(
    scope: Scope, status: int, sealed_body: str, now: datetime, ttl_s: int, subject: str | None = None
) -> IdempotencyItem:
    """The record of a write that is complete, with the response that every repeat gets.

    Args:
        subject: the customer whom the response may tell of (``copies``).
    """
    return IdempotencyItem(
        record_id=scope.record_id,
        state=State.DONE.value,
        fingerprint=scope.fingerprint,
        status=status,
        body=sealed_body,
        subject=subject,
        touched_at=format_time(now),
        expires_at=_expiry(now, ttl_s),
    )


def _progress(point: RecoveryPoint) -> dict[str, str]:
    """A recovery point as it is stored: the ids that it knows, by what they are of."""
    ids: dict[str, str | None] = {}
    if isinstance(point, ChargePending):
        ids = {"payment": point.payment_id, "invoice": point.invoice_id, "subscription": point.subscription_id}
    if isinstance(point, RefundPending):
        ids = {"refund": point.refund_id, "creditNote": point.credit_note_id}
    if isinstance(point, CreditsPending):
        ids = {"credits": point.invoice_id, "subscription": point.subscription_id}
    return {name: each for name, each in ids.items() if each is not None}


def _recovery_point(progress: dict[str, str]) -> RecoveryPoint:
    """The recovery point of a stored record."""
    if "payment" in progress:
        return ChargePending(progress["payment"], progress.get("invoice"), progress.get("subscription"))
    if "refund" in progress:
        return RefundPending(progress["refund"], progress.get("creditNote"))
    if "credits" in progress:
        return CreditsPending(progress["credits"], progress["subscription"])
    return Repeat()


def first_condition(now: datetime) -> Condition:
    """The condition that there is no live record under this key."""
    absent: Condition = IdempotencyItem.record_id.does_not_exist()
    expired: Condition = IdempotencyItem.expires_at <= int(now.timestamp())
    either: Condition = absent | expired
    return either


def second_condition(scope: Scope) -> Condition:
    """The condition that the record is still the same request's, in progress: the first to complete it wins."""
    in_progress: Condition = IdempotencyItem.state == State.IN_PROGRESS.value
    same: Condition = IdempotencyItem.fingerprint == scope.fingerprint
    both: Condition = in_progress & same
    return both


def _expiry(now: datetime, ttl_s: int) -> int:
    return int((now + timedelta(seconds=ttl_s)).timestamp())
