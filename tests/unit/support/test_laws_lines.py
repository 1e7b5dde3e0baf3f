"""The law that no instant is billed twice finds what it is there for, and lets pass what is meant to be so."""

from typing import Any

import pytest

from tests.faults.books import Books
from tests.faults.laws_lines import lines_of_time, what

Json = dict[str, Any]
TAX = {"inclusive": False}


def money(cents: int) -> Json:
    return {"micros": cents * 1000}


def line(line_id: str, cents: int, begin: int, end: int = 31, **fields: Any) -> Json:
    """For days of January; a credit of a line says which (``credits``)."""
    period = {"start": f"2026-01-{begin:02}T00:00:00Z", "end": f"2026-01-{end:02}T00:00:00Z"}
    empty: Json = {"component": "base", "quantity": "1", "discounts": [], "taxes": [], "credits": None, "of_line": None}
    return empty | {"id": line_id, "amount": money(cents), "period": period} | fields


def invoice(name: str, *lines: Json, **fields: Any) -> Json:
    empty: Json = {"status": "paid", "credits": [], "taken_back": {}, "subscription_id": "sub"}
    return empty | {"id": name, "lines": list(lines)} | fields


def step(cents: int, line_id: str | None = None) -> Json:
    return {"line_id": line_id, "amount": money(cents)}


class Kept(Books):
    """Bodies as they are."""

    def bodies(self, table: str) -> list[Json]:
        found: list[Json] = self.rows.get(table, [])
        return found


def broken(*invoices: Json, pending: tuple[Json, ...] = (), left: tuple[Any, ...] = (), **more: Any) -> list[str]:
    subscription = {"id": "sub", "pending": list(pending), "billed": []}
    return list(lines_of_time(Kept({"invoices": list(invoices), "subscriptions": [subscription]} | more), left))


JANUARY = line("in_1-1", 3000, 1)
REST = line("in_2-2", 1500, 16)
BACK = line("in_2-1", -1500, 16, credits="in_1-1")


def test_what_is_given_back_and_billed_anew_is_billed_once() -> None:
    assert broken(invoice("in_1", JANUARY, credits=[step(1500, "in_1-1")]), invoice("in_2", BACK, REST)) == []
    assert broken(invoice("in_1", JANUARY)) == []


@pytest.mark.parametrize(
    "invoices",
    [
        pytest.param([invoice("in_1", JANUARY), invoice("in_2", REST)], id="nothing given back"),
        pytest.param([invoice("in_1", JANUARY, credits=[step(2900)]), invoice("in_2", REST)], id="1.00 were left"),
        pytest.param(
            [invoice("in_1", JANUARY, credits=[step(3000)]), invoice("in_2", REST, REST | {"id": "in_2-3"})],
            id="twice after all came back",
        ),
    ],
)
def test_an_instant_that_is_billed_twice_is_found(invoices: list[Json]) -> None:
    assert broken(*invoices) == ["subscription sub: base is billed 2 times from 2026-01-16T00:00:00Z on"]


def test_a_line_that_waits_and_is_billed_counts_twice() -> None:
    assert broken(invoice("in_1", JANUARY), pending=(REST | {"id": ""},)) != []


@pytest.mark.parametrize("lines", [[BACK], [BACK, REST, BACK | {"id": "in_2-3"}, BACK | {"id": "in_2-4"}]])
def test_time_that_is_given_back_twice_is_found(lines: list[Json]) -> None:
    """Or given back and never billed."""
    steps = [step(1500, "in_1-1")]
    once = [] if lines == [BACK] else [invoice("in_1", JANUARY, credits=steps)]
    assert "-1 times" in broken(*once, invoice("in_2", *lines))[0]


@pytest.mark.parametrize(
    ("credited", "more"),
    [
        pytest.param({"credits": [step(3000)]}, {}, id="a credit note"),
        pytest.param({"credits": [step(3000, "in_1-1")]}, {}, id="a credit note of the line"),
        pytest.param({"credits": [step(1000)], "taken_back": {"re_1": money(2000)}}, {}, id="a note and a refund"),
        pytest.param({"taken_back": {"dp_1": money(3000)}}, {}, id="a dispute that holds it"),
    ],
)
def test_what_had_come_back_in_full_may_be_billed_anew(credited: Json, more: Json) -> None:
    """June credited, paused (nothing is left to give back), resumed: the rest is billed, once."""
    assert broken(invoice("in_1", JANUARY, **credited), invoice("in_2", REST), **more) == []


def test_a_dispute_that_was_won_leaves_no_time_billed_twice() -> None:
    """While it was open the bank had the money; since then what was not given back is owed (decision 0023)."""
    won = [{"invoice_id": "in_1", "status": "won", "amount": money(3000)}]
    assert broken(invoice("in_1", JANUARY), invoice("in_2", REST), disputes=won) != []
    back = line("", -1500, 16, credits="in_1-1")
    given = invoice("in_1", JANUARY, credits=[step(1500, "in_1-1")])
    assert broken(given, invoice("in_2", REST), pending=(back,), disputes=won) == []


def test_what_is_void_is_in_no_sum() -> None:
    """Its own lines nobody owes; what it gave back waits again."""
    owed = invoice("in_1", JANUARY, credits=[step(1500, "in_1-1")])
    assert broken(owed, invoice("in_2", BACK, REST, status="void"), pending=(BACK | {"id": ""},)) == []


def test_none_with_another_interval_leaves_what_is_named() -> None:
    assert broken(invoice("in_1", JANUARY), invoice("in_2", REST), left=(what(JANUARY),)) == []


def test_what_is_worth_less_than_half_a_cent_is_given_back_in_no_line() -> None:
    """A second of 30.00 a month is 0.00001; a second of what costs much more is 0.01."""
    second = {"start": "2026-01-30T23:59:59Z", "end": "2026-01-31T00:00:00Z"}
    assert broken(invoice("in_1", JANUARY), invoice("in_2", line("in_2-1", 1, 30) | {"period": second})) == []
