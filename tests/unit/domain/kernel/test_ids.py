"""Ids: a prefix and a ULID that sorts by time; the id of a fact is the same wherever it is made."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from billing.domain.kernel.ids import derived, fresh

TIMES = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC))
ENTROPY = st.binary(min_size=10, max_size=10)
FACTS = st.lists(st.text(max_size=8), max_size=4)


@given(TIMES, ENTROPY)
def test_the_part_behind_the_prefix_is_a_ulid(at: datetime, entropy: bytes) -> None:
    """The reference implementation reads the same milliseconds and the same randomness."""
    made = fresh("cus", at, entropy)
    assert re.fullmatch(r"cus_[0-9A-HJKMNP-TV-Z]{26}", made)
    read = ULID.from_str(made.removeprefix("cus_"))
    assert (read.milliseconds, read.bytes[6:]) == (int(at.timestamp() * 1000), entropy)


@given(TIMES, st.integers(1, 10**9), ENTROPY, ENTROPY)
def test_ids_sort_by_time(at: datetime, later_ms: int, one: bytes, other: bytes) -> None:
    assert fresh("in", at, one) < fresh("in", at + timedelta(milliseconds=later_ms), other)


@given(TIMES, FACTS)
def test_the_same_facts_give_the_same_id(at: datetime, facts: list[str]) -> None:
    assert derived("in", at, *facts) == derived("in", at, *facts)


@given(TIMES, FACTS, FACTS)
def test_other_facts_give_another_id(at: datetime, facts: list[str], others: list[str]) -> None:
    assert (derived("in", at, *facts) == derived("in", at, *others)) is (facts == others)


def test_where_one_fact_ends_matters() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert derived("in", at, "ab", "c") != derived("in", at, "a", "bc")


def test_a_derived_id_never_changes() -> None:
    """Written down: an id that came out differently after a release would bill a period twice."""
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert derived("in", at, "ten_1", "sub_1", "2026-01-31T09:00:00Z") == "in_01KG9MFMM09XTR14QMA51RQP3D"
