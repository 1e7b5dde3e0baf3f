"""Issue 20: what a unit of work has claimed, run after run; and what was read before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from billing.domain.customers.balance import Balance
from billing.domain.tenant import InvoiceSequence
from billing.services.kernel.work import Found, Ref
from billing.services.sweep.read_ahead import FRESH
from billing.storage.ahead import Ahead
from billing.storage.claims import UnitClaims
from billing.storage.numbers import Number, SeriesKey

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OWN = InvoiceSequence("ten_1", "ACME")
KEY = SeriesKey("ten_1", OWN.id)


@dataclass
class Book:
    """Numbers from one on; says what becomes of them."""

    ahead: dict[str, int] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    back: list[int] = field(default_factory=list)

    def claim(self, key: SeriesKey, prefix: str, holders: Sequence[str], now: datetime) -> dict[str, Number]:
        self.given += holders
        return {each: Number(prefix, len(self.given), each) for each in holders}

    def reserved(self, key: SeriesKey, holder: str) -> Number | None:
        number = self.ahead.pop(holder, None)
        return Number("ACME", number, holder) if number else None

    def close(self, key: SeriesKey, number: Number) -> None:
        self.closed.append(number.name)

    def give_back(self, key: SeriesKey, number: Number) -> None:
        self.back.append(number.value)


def claims() -> tuple[UnitClaims, Any]:
    book: Any = Book()
    return UnitClaims(book), book


def number(of: UnitClaims, holder: str = "in_1") -> int:
    return of.following(OWN, "in_made_anew", holder, NOW)[0].next_number


def test_a_unit_that_runs_again_has_the_same_number() -> None:
    unit, book = claims()
    first = number(unit)
    unit.restart()
    assert number(unit) == first
    unit.committed()
    assert (book.given, book.closed, book.back) == (["in_1"], ["in_1"], [])


def test_a_number_that_another_document_has_is_not_asked_for_again() -> None:
    unit, _ = claims()
    _, issued = unit.following(OWN, "in_1", "in_1", NOW)
    unit.lost([issued.id])
    unit.restart()
    assert number(unit) == 2


def test_a_number_that_a_later_run_does_not_need_is_given_back() -> None:
    unit, book = claims()
    number(unit)
    unit.restart()
    unit.committed()
    assert (book.closed, book.back) == ([], [1])


def test_documents_of_one_work_are_told_by_their_order() -> None:
    unit, book = claims()
    assert [number(unit, "request"), number(unit, "request")] == [1, 2]
    unit.restart()
    assert [number(unit, "request"), number(unit, "request")] == [1, 2]
    assert book.given == ["request", "request+1"]


def test_what_was_claimed_ahead_is_not_claimed_again() -> None:
    unit, book = claims()
    book.ahead["in_1"] = 7
    assert number(unit) == 7
    assert book.given == []


# Read ahead

REF = Ref(Balance, "ten_1", "cus_1")


def read_ahead() -> Ahead:
    store: Any = type("Store", (), {"load": lambda self, refs, extra: (Found({REF: "as it was"}), {})})()
    book: Any = None
    made = Ahead(store, book)
    made.read([REF], NOW)
    return made


def test_what_was_read_ahead_is_taken_while_it_is_fresh() -> None:
    ahead = read_ahead()
    found = ahead.take([REF], NOW)
    assert found is not None
    assert found.get(REF) == "as it was"  # type: ignore[comparison-overlap]
    assert ahead.take([REF], NOW + FRESH) is None


def test_nothing_is_taken_where_a_part_was_not_read() -> None:
    assert read_ahead().take([REF, Ref(Balance, "ten_1", "cus_2")], NOW) is None


def test_what_was_written_since_is_read_again() -> None:
    ahead = read_ahead()
    ahead.written([(Balance, "ten_1", "cus_1")])
    assert ahead.take([REF], NOW) is None
