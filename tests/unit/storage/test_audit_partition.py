"""Where an audit row is kept: with its tenant, and strangers' spread over many partitions."""

from datetime import UTC, datetime

from billing.domain.kernel.ids import fresh
from billing.storage.audit_rows import audit_partition

AT = datetime(2026, 11, 29, tzinfo=UTC)


def test_a_tenants_rows_are_its_own() -> None:
    assert audit_partition("ten_1", "aud_01ARZ3NDEKTSV4RRFFQ69G5FAV") == "ten_1"


def test_strangers_rows_are_spread_evenly_over_32_partitions() -> None:
    """1,000 writes a second are a partition's limit: 32 of them take what the gateway lets through, and more."""
    ids = [fresh("aud", AT, n.to_bytes(10, "big")) for n in range(3200)]
    counts: dict[str, int] = {}
    for each in ids:
        counts[audit_partition("anonymous", each)] = counts.get(audit_partition("anonymous", each), 0) + 1
    assert len(counts) == 32
    assert set(counts.values()) == {100}
