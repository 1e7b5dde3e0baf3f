"""The record of a key: what an earlier run's recovery point says is what it wrote down."""

from datetime import UTC, datetime

import pytest

from billing.services.kernel.recovery import ChargePending, CreditsPending, RecoveryPoint, RefundPending, Repeat
from billing.storage.idempotency import Record, Scope, State, in_progress_item

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SCOPE = Scope("ten_1#POST /v1/payments#00", "f", "key")
STORED: dict[RecoveryPoint, str] = {
    ChargePending("pay_1"): '{"payment": "pay_1"}',
    ChargePending("pay_1", "in_1"): '{"payment": "pay_1", "invoice": "in_1"}',
    ChargePending("pay_1", "in_1", "sub_1"): '{"payment": "pay_1", "invoice": "in_1", "subscription": "sub_1"}',
    RefundPending("re_1"): '{"refund": "re_1"}',
    RefundPending("re_1", "cn_1"): '{"refund": "re_1", "creditNote": "cn_1"}',
    CreditsPending("in_1", "sub_1"): '{"credits": "in_1", "subscription": "sub_1"}',
    Repeat(): "{}",
}


@pytest.mark.parametrize(("point", "text"), STORED.items())
def test_a_recovery_point_is_read_as_it_was_written(point: RecoveryPoint, text: str) -> None:
    """In the form that records have had all along: one of the version before is gone on with, too."""
    item = in_progress_item(SCOPE, point, NOW, 60)
    assert item.progress == text
    record = Record.read(item.serialize(), NOW)
    assert (record.state, record.recovery_point) == (State.IN_PROGRESS, point)
