"""Issue 20: numbers without a gap and without a twin, whatever dies between a claim and its document.

A model of processes that claim numbers and issue documents, over the real book. Between any two calls of one another
one may go on, and at any call one may die: before the call, or after it, untold. What died is done again by somebody.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.session import Session
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from billing.domain.tenant import InvoiceSequence
from billing.storage.claims import UnitClaims
from billing.storage.database import Database, Key, table_name
from billing.storage.numbers import LOOK_EVERY_S, NumberBook, SeriesKey
from billing.storage.packing import pack
from billing.storage.tables import SequenceItem
from tests.support.tables import table_definitions

START = datetime(2026, 3, 1, tzinfo=UTC)
AGAIN = timedelta(seconds=2 * LOOK_EVERY_S)
WORKS = 6
"""So many documents are to be issued; who begins one again says the same name."""


class Died(Exception):
    """The process is gone."""


@dataclass
class World:
    """A series, and those who want numbers of it.

    Args:
        fates: of each call: it goes well; another process works in between; the process dies before it, or after it.
        turns: what begins next, and in between: the works of a turn of one process, which claims ahead for several.
    """

    database: "Interrupted"
    fates: list[str]
    turns: list[tuple[int, ...]]
    key: SeriesKey = field(default_factory=lambda: SeriesKey(f"ten_{uuid4().hex}", "invoice"))
    now: datetime = START
    issued: dict[int, str] = field(default_factory=dict)
    """By number, whose it is."""
    under_way: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.database.met = self.met

    @property
    def numbers(self) -> list[int]:
        return sorted(self.issued)

    def met(self, call: Callable[[], Any]) -> Any:
        """A call of some process meets its fate."""
        fate = self.fates.pop() if self.fates else "well"
        if fate == "between" and self.turns:
            self.begin(self.turns.pop())
        if fate == "dies":
            raise Died
        answer = call()
        if fate == "untold":
            raise Died
        return answer

    def begin(self, works: tuple[int, ...]) -> None:
        """A process takes works up that nobody is at, one after the other; and dies, perhaps."""
        names = [name for each in works if (name := f"in_{each}") not in self.under_way | set(self.issued.values())]
        self.under_way |= set(names)
        book = NumberBook(self.database)
        try:
            if len(names) > 1:
                book.reserve(self.key, "ACME", names, self.now)
            for name in names:
                self._issue(UnitClaims(book), name)
            book.release()
        except Died:
            pass
        self.under_way -= set(names)

    def _issue(self, unit: UnitClaims, name: str) -> None:
        for _ in range(WORKS):
            _, issued = unit.following(InvoiceSequence(self.key.tenant_id, "ACME"), name, name, self.now)
            if self.met(lambda issued=issued: self._commit(int(issued.id.rpartition("#")[2]), name, issued.claim)):
                unit.committed()
                return
            unit.lost([issued.id])
            unit.restart()
        raise AssertionError("it loses every time")

    def _commit(self, number: int, name: str, claim: str) -> bool:
        """The document's transaction: on condition that nobody has the number."""
        if number in self.issued:
            return False
        self.issued[number] = name
        body = pack(json.dumps({"claim": claim}))
        item = SequenceItem(tenant_id=self.key.tenant_id, id=f"number#{self.key.id}#{number}", version=1, body=body)
        self.database.client.put_item(TableName=table_name(SequenceItem), Item=item.serialize())
        return True

    def rest(self) -> None:
        """Nothing dies any more, and what was not done is done again."""
        self.fates, self.turns = [], []
        for each in range(WORKS):
            self.begin((each,))


class Interrupted(Database):
    """A database whose every call may be the process's last."""

    met: Callable[[Callable[[], Any]], Any]

    def call(self, operation: Callable[[], Any]) -> Any:
        return self.met(lambda: super(Interrupted, self).call(operation))

    def batch_get(self, keys: dict[Any, set[Key]]) -> Any:
        return super().batch_get(keys)


@pytest.fixture(scope="module")
def database() -> Iterator[Interrupted]:
    with mock_aws():
        definition = table_definitions()["sequences"]
        boto3.client("dynamodb", region_name="us-east-1").create_table(TableName="gap_free", **definition)
        before = table_name(SequenceItem)
        SequenceItem.Meta.table_name = "gap_free"
        yield Interrupted(region="us-east-1", session=Session())
        SequenceItem.Meta.table_name = before


def worlds(fates: list[str]) -> st.SearchStrategy[tuple[list[str], list[tuple[int, ...]]]]:
    works = st.lists(st.integers(0, WORKS - 1), min_size=1, max_size=3, unique=True).map(tuple)
    return st.tuples(st.lists(st.sampled_from(fates), max_size=40), st.lists(works, min_size=1, max_size=10))


FATES = ["well", "well", "between", "dies", "untold"]
LAW = settings(max_examples=20)


def run(database: Interrupted, drawn: tuple[list[str], list[tuple[int, ...]]], pauses: list[bool]) -> World:
    """A world in which everything that was to begin has ended, or died."""
    world = World(database, *drawn)
    while world.turns:
        world.begin(world.turns.pop())
        if pauses and pauses.pop():
            world.now += AGAIN
    return world


@LAW
@given(drawn=worlds(FATES), pauses=st.lists(st.booleans(), max_size=8))
def test_20_once_what_died_is_done_again_there_is_neither_gap_nor_twin(
    database: Interrupted, drawn: tuple[list[str], list[tuple[int, ...]]], pauses: list[bool]
) -> None:
    """At once, or after a while; and no other document has to follow."""
    world = run(database, drawn, pauses)
    world.rest()
    assert world.numbers == list(range(1, WORKS + 1))
    assert sorted(world.issued.values()) == [f"in_{each}" for each in range(WORKS)]


@LAW
@given(drawn=worlds(FATES), pauses=st.lists(st.booleans(), max_size=8), documents=st.integers(0, WORKS))
def test_20_what_nobody_does_again_is_filled_by_what_follows_before_anything_else(
    database: Interrupted, drawn: tuple[list[str], list[tuple[int, ...]]], pauses: list[bool], documents: int
) -> None:
    """Clients that never came back. Their numbers are given out first, and at the end of a series there is no hole."""
    world = run(database, drawn, pauses)
    world.fates, world.now = [], world.now + AGAIN
    holes = sorted(set(range(1, max(world.numbers, default=0) + 1)) - set(world.numbers))
    known = set(world.numbers)
    for each in range(documents):
        world.begin((WORKS + each,))
    expected = (holes + list(range(max(known, default=0) + 1, 3 * WORKS)))[:documents]
    assert sorted(set(world.numbers) - known) == sorted(expected)
