"""Meters: parts of a total come to the same whole in any order, and no shard that is written to goes unread."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.meter import MOST_SHARDS, SHARDS_SETTLE, Aggregation, Amount, Meter, combined

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=100, deadline=None)
AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
CALLS = Meter("api_calls", "ten_1", "API calls", Aggregation.SUM, "quantity", AT)
NUMBERS = st.decimals(0, 10**12, places=9, allow_nan=False, allow_infinity=False)
SECOND = timedelta(seconds=1)


def amounts(least: int = 1, most: int = 6) -> st.SearchStrategy[list[Amount]]:
    """Measured values; no two of them have the same place in the order of time and id."""
    pairs = st.tuples(NUMBERS, st.text("0123456789", min_size=1, max_size=4))
    several = st.lists(pairs, min_size=least, max_size=most, unique_by=lambda pair: pair[1])
    return several.map(lambda made: [Amount(number, order) for number, order in made])


def total(aggregation: Aggregation, parts: Iterable[Amount]) -> Amount:
    """All parts as one, from the first to the last."""
    whole: Amount | None = reduce(lambda one, other: combined(aggregation, one, other), parts, None)
    assert whole is not None
    return whole


def same(aggregation: Aggregation, one: Amount, other: Amount) -> bool:
    """Whether two totals say the same: the order matters where it decides, and nowhere else."""
    return one.number == other.number and (aggregation is not Aggregation.LAST or one.order == other.order)


# Totals


@pytest.mark.parametrize("aggregation", Aggregation)
@LAW
@given(parts=amounts(2, 2))
def test_it_does_not_matter_which_of_two_parts_comes_first(aggregation: Aggregation, parts: list[Amount]) -> None:
    one, other = parts
    assert same(aggregation, combined(aggregation, one, other), combined(aggregation, other, one))


@pytest.mark.parametrize("aggregation", Aggregation)
@LAW
@given(parts=amounts(3, 3))
def test_it_does_not_matter_which_parts_are_put_together_first(aggregation: Aggregation, parts: list[Amount]) -> None:
    a, b, c = parts
    left = combined(aggregation, combined(aggregation, a, b), c)
    right = combined(aggregation, a, combined(aggregation, b, c))
    assert same(aggregation, left, right)


@pytest.mark.parametrize("aggregation", Aggregation)
@LAW
@given(data=st.data(), parts=amounts(1, 8))
def test_shards_and_slots_make_no_difference(
    aggregation: Aggregation, data: st.DataObject, parts: list[Amount]
) -> None:
    """However parts are shuffled and spread over items, the items together say what all parts at once say."""
    spread = data.draw(st.lists(st.integers(0, 3), min_size=len(parts), max_size=len(parts)))
    shuffled = data.draw(st.permutations(list(zip(spread, parts, strict=True))))
    items: dict[int, Amount] = {}
    for shard, part in shuffled:
        items[shard] = combined(aggregation, items.get(shard), part)
    assert same(aggregation, total(aggregation, items.values()), total(aggregation, parts))


@LAW
@given(parts=amounts())
def test_a_total_is_what_its_aggregation_is_called(parts: list[Amount]) -> None:
    numbers = [part.number for part in parts]
    exact = sum(int(number * 10**9) for number in numbers)
    for adding in (Aggregation.SUM, Aggregation.COUNT, Aggregation.UNIQUE):
        assert total(adding, parts).number * 10**9 == exact
    assert total(Aggregation.MAX, parts).number == max(numbers)
    latest = max(parts, key=lambda part: part.order)
    assert total(Aggregation.LAST, parts) == latest


def test_a_sum_keeps_more_digits_than_a_decimal_usually_does() -> None:
    large, small = Amount(Decimal(10) ** 28), Amount(Decimal("0.000000001"))
    assert combined(Aggregation.SUM, large, small).number == Decimal("10000000000000000000000000000.000000001")


def test_a_correction_is_a_part_like_any_other() -> None:
    assert total(Aggregation.SUM, [Amount(Decimal(5)), Amount(Decimal(-3))]).number == 2


def test_what_adds_up_and_what_can_be_taken_back() -> None:
    assert {each.value for each in Aggregation if each.adds_up} == {"sum", "count", "unique"}
    assert {each.value for each in Aggregation if each.correctable} == {"sum", "count"}


# What is no meter


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shards": 0}, "1 to 32 shards, not 0"),
        ({"shards": MOST_SHARDS + 1}, "1 to 32 shards, not 33"),
        ({"property": None}, "sum of None"),
        ({"aggregation": Aggregation.COUNT}, "count of quantity"),
        ({"aggregation": Aggregation.UNIQUE, "property": "user", "dimensions": ("region",)}, "have no dimensions"),
    ],
)
def test_a_meter_that_contradicts_itself_is_none(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CALLS, **changes)


# Shards


def test_more_shards_are_written_to_when_every_reader_knows_of_them() -> None:
    wider = CALLS.resharded(8, AT)
    assert (wider.shards, wider.most_shards) == (8, 8)
    in_use = [wider.shards_in_use(AT + after) for after in (timedelta(), SHARDS_SETTLE - SECOND, SHARDS_SETTLE)]
    assert in_use == [1, 1, 8]


def test_fewer_shards_are_written_to_at_once_and_the_others_read_for_ever() -> None:
    narrower = CALLS.resharded(8, AT).resharded(2, AT + SHARDS_SETTLE)
    assert (narrower.shards_in_use(AT + SHARDS_SETTLE), narrower.most_shards) == (2, 8)


def test_a_second_change_before_the_first_has_settled_goes_on_from_what_is_in_use() -> None:
    at = AT + SHARDS_SETTLE - SECOND
    again = CALLS.resharded(8, AT).resharded(16, at)
    assert [again.shards_in_use(at + after) for after in (SECOND, SHARDS_SETTLE)] == [1, 16]


@LAW
@given(
    changes=st.lists(st.tuples(st.integers(1, MOST_SHARDS), st.integers(0, 3000)), max_size=6),
    late_s=st.integers(0, int(SHARDS_SETTLE.total_seconds()) - 1),
)
def test_who_reads_with_a_meter_of_minutes_ago_misses_no_shard(changes: list[tuple[int, int]], late_s: int) -> None:
    """No writer uses a shard that a reader with an older copy of the meter, up to the settling time, would not read."""
    history, at = [(AT, CALLS)], AT
    for shards, pause_s in changes:
        at += timedelta(seconds=pause_s)
        history.append((at, history[-1][1].resharded(shards, at)))
    for since, meter in history:
        for now in (since, since + SHARDS_SETTLE - SECOND, since + SHARDS_SETTLE):
            if any(since < later <= now for later, _ in history):
                continue  # this meter is no longer the present one
            loaded = [each for known, each in history if known <= now - timedelta(seconds=late_s)] or [CALLS]
            assert meter.shards_in_use(now) <= loaded[-1].most_shards


@LAW
@given(shards=st.integers(1, MOST_SHARDS), later_s=st.integers(0, 10**7))
def test_a_meter_that_never_changed_uses_all_its_shards(shards: int, later_s: int) -> None:
    meter = replace(CALLS, shards=shards, shards_before=shards, most_shards=shards)
    assert meter.shards_in_use(AT + timedelta(seconds=later_s)) == shards
