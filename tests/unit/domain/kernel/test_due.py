"""The alarm clock's entries: shards that every process agrees on, pauses that grow, and an end to trying."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.due import (
    MAX_ATTEMPTS,
    MAX_ATTEMPTS_ON_TEST_CLOCK,
    Due,
    clock_of,
    clock_shard,
    wall_clock_shard,
)

NOW = datetime(2026, 11, 21, 22, tzinfo=UTC)
IDS = st.from_regex(r"[A-Za-z0-9_\-]{1,40}", fullmatch=True)


def pauses(due: Due) -> list[float]:
    """Seconds between the tries until the item is parked."""
    found = []
    following = due.postponed(NOW)
    while following is not None:
        found.append((following.at - NOW).total_seconds())
        following = following.postponed(NOW)
    return found


def test_pauses_double_from_half_a_minute_to_an_hour() -> None:
    tried = pauses(Due("07", NOW))
    assert tried[:8] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert set(tried[8:]) == {3600}


def test_an_item_outlives_a_days_outage_and_is_parked_after_that() -> None:
    tried = pauses(Due("07", NOW))
    assert len(tried) == MAX_ATTEMPTS - 1
    assert sum(tried) > 24 * 3600


def test_on_a_test_clock_time_stands_still() -> None:
    shard = clock_shard("ten_1", "clk_1")
    due = Due(shard, NOW).postponed(NOW + timedelta(days=400))
    assert due == Due(shard, NOW, attempts=1)
    assert len(pauses(Due(shard, NOW))) == MAX_ATTEMPTS_ON_TEST_CLOCK - 1


@given(IDS, IDS)
def test_a_clocks_shard_tells_its_clock(tenant_id: str, clock_id: str) -> None:
    assert clock_of(clock_shard(tenant_id, clock_id)) == (tenant_id, clock_id)


@given(IDS, st.integers(1, 99))
def test_a_wall_clock_shard_is_one_of_those_that_the_sweep_wakes(item_id: str, shards: int) -> None:
    shard = wall_clock_shard(item_id, shards)
    assert shard in {f"{n:02d}" for n in range(shards)}
    assert clock_of(shard) is None


@pytest.mark.parametrize(("item_id", "shard"), [("sub_1", "03"), ("sub_2", "09"), ("pay_1", "10")])
def test_a_shard_never_changes(item_id: str, shard: str) -> None:
    """Written down: an item whose shard moved with a release would never be found again."""
    assert wall_clock_shard(item_id, 16) == shard


def test_shards_share_the_work() -> None:
    counts = [0] * 16
    for n in range(1600):
        counts[int(wall_clock_shard(f"sub_{n}", 16))] += 1
    assert min(counts) > 60
