"""The first beat: which counters an update adds, and which of windows gone by it removes."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from billing.domain.access.scopes import granted
from billing.domain.kernel.errors import RateLimited, Unauthenticated
from billing.services.access.callers import RateState, RouteLimit
from billing.storage.callers import Callers, caller_id, user_caller_id

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE, SLOT = int(START.timestamp()) // 60, int(START.timestamp()) // 10
QUERIES = RouteLimit("q", 300)


class FakeDynamo:
    """One table of counters that understands the updates of this module: ADD, REMOVE, and nothing else."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.removed: list[list[str]] = []
        self.refuses = False

    def update_item(self, **request: Any) -> dict[str, Any]:
        key = request["Key"]["caller_id"]["S"]
        names = request["ExpressionAttributeNames"]
        expression = re.sub(r"#\w+", lambda m: names[m[0]], request["UpdateExpression"])
        adds = re.search(r"ADD (.*?)(?= SET| REMOVE|$)", expression)
        removes = re.search(r"REMOVE (.*?)(?= SET| ADD|$)", expression)
        added = [part.split()[0] for part in adds[1].split(", ")] if adds else []
        gone = removes[1].split(", ") if removes else []
        self.removed.append(gone)
        # What DynamoDB refuses with a ValidationException.
        assert not set(added) & set(gone), "two document paths overlap"
        assert set(names) <= set(re.findall(r"#\w+", request["UpdateExpression"] + request["ConditionExpression"]))
        item = self.items.get(key, {})
        if self.refuses:
            answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": item}
            raise ClientError(answer, "UpdateItem")
        for name in added:
            item[name] = {"N": str(int(item.get(name, {}).get("N", 0)) + 1)}
        for name in gone:
            item.pop(name, None)
        self.items[key] = item
        return {"Attributes": dict(item)}


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def dynamo() -> FakeDynamo:
    made = FakeDynamo()
    made.items[caller_id("k")] = {
        "tenant_id": {"S": "ten_1"},
        "key_id": {"S": "key_1"},
        "scope": {"S": "admin"},
        "status": {"S": "active"},
        "minute_limit": {"N": "1000"},
        "slot_limit": {"N": "333"},
    }
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def callers(dynamo: FakeDynamo, clock: Clock) -> Callers:
    database: Any = SimpleNamespace(client=dynamo, call=lambda operation: operation())
    return Callers(database, clock)


def counters(dynamo: FakeDynamo, identifier: str) -> dict[str, int]:
    item = dynamo.items[identifier]
    return {name: int(value["N"]) for name, value in item.items() if re.fullmatch(r"[a-z]\d+", name)}


def test_a_call_counts_in_its_minute_and_its_slot(callers: Callers, dynamo: FakeDynamo) -> None:
    for left in (999, 998):
        assert callers.identify("k").rate == RateState(1000, left, (MINUTE + 1) * 60)
    assert counters(dynamo, caller_id("k")) == {f"m{MINUTE}": 2, f"s{SLOT}": 2}


def test_a_window_that_has_turned_over_starts_from_nothing(callers: Callers, clock: Clock) -> None:
    callers.identify("k")
    clock.now += timedelta(seconds=60)
    assert callers.identify("k").rate.remaining == 999


def test_what_is_stale_goes_with_the_next_call_in_the_same_update(
    callers: Callers, dynamo: FakeDynamo, clock: Clock
) -> None:
    callers.identify("k")
    clock.now += timedelta(seconds=60)
    callers.identify("k")
    assert dynamo.removed[-1] == []  # learnt from this very answer
    callers.identify("k")
    assert sorted(dynamo.removed[-1]) == [f"m{MINUTE}", f"s{SLOT}"]
    assert counters(dynamo, caller_id("k")) == {f"m{MINUTE + 1}": 2, f"s{SLOT + 6}": 2}


def test_the_present_windows_are_never_removed(callers: Callers, dynamo: FakeDynamo, clock: Clock) -> None:
    for step in range(40):
        callers.identify("k", QUERIES)
        unix = int(clock.now.timestamp())
        present = {f"m{unix // 60}", f"s{unix // 10}", f"q{unix // 60}"}
        assert present <= set(counters(dynamo, caller_id("k")))
        clock.now += timedelta(seconds=(step * 7) % 13)
    assert len(counters(dynamo, caller_id("k"))) <= 6


def test_a_clock_that_is_set_back_makes_no_impossible_update(
    callers: Callers, dynamo: FakeDynamo, clock: Clock
) -> None:
    """A counter that was stale a moment ago is counted again: one update cannot add to it and remove it."""
    callers.identify("k")
    clock.now += timedelta(seconds=61)
    callers.identify("k")
    clock.now = START
    assert callers.identify("k").rate.remaining == 998
    assert dynamo.removed[-1] == []


def test_a_long_silence_is_cleared_up_some_at_a_time(callers: Callers, dynamo: FakeDynamo) -> None:
    old = {f"s{SLOT - n}": {"N": "1"} for n in range(1, 101)}
    dynamo.items[caller_id("k")] |= old
    left = []
    for _ in range(6):
        callers.identify("k")
        left.append(sum(name in old for name in counters(dynamo, caller_id("k"))))
    assert left == [100, 76, 52, 28, 4, 0]


def test_attributes_that_are_no_counters_stay(callers: Callers, dynamo: FakeDynamo, clock: Clock) -> None:
    for _ in range(3):
        callers.identify("k")
        clock.now += timedelta(minutes=5)
    assert {"tenant_id", "key_id", "scope", "status", "minute_limit", "slot_limit"} <= set(dynamo.items[caller_id("k")])


def test_a_limit_of_the_route_counts_on_the_key(callers: Callers, dynamo: FakeDynamo) -> None:
    assert callers.identify("k", QUERIES).rate == RateState(300, 299, (MINUTE + 1) * 60)
    assert counters(dynamo, caller_id("k"))[f"q{MINUTE}"] == 1


def test_a_limit_of_the_route_counts_on_the_user_that_is_named(callers: Callers, dynamo: FakeDynamo) -> None:
    assert callers.identify("k", QUERIES, "ann").rate == RateState(300, 299, (MINUTE + 1) * 60)
    assert f"q{MINUTE}" not in counters(dynamo, caller_id("k"))
    assert counters(dynamo, user_caller_id("ten_1", "ann")) == {f"q{MINUTE}": 1}


def test_a_users_name_is_not_in_its_items_key() -> None:
    assert "ann@example.com" not in user_caller_id("ten_1", "ann@example.com")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, Unauthenticated),
        ({"status": {"S": "revoked"}}, Unauthenticated),
        ({"key_expires_at": {"S": "2026-12-01T08:59:59Z"}}, Unauthenticated),
        ({f"m{MINUTE}": {"N": "1000"}}, RateLimited),
        ({f"s{SLOT}": {"N": "333"}}, RateLimited),
    ],
)
def test_a_refusal_says_why(
    callers: Callers, dynamo: FakeDynamo, item: dict[str, Any], expected: type[Exception]
) -> None:
    dynamo.items[caller_id("k")] = dynamo.items[caller_id("k")] | item if item else {}
    dynamo.refuses = True
    with pytest.raises(expected) as refused:
        callers.identify("k")
    if isinstance(refused.value, RateLimited):
        assert refused.value.caller == ("ten_1", "key_1", granted("admin"))
        assert refused.value.rate is not None
