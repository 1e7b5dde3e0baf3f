"""The benchmark of draft invoices: both sides bill the same, take turns, and the figures are worked out rightly."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.drafts import ours as drafts_ours
from benchmarks.drafts import table as drafts
from benchmarks.drafts.case import EXPECTED, Bill, Round
from benchmarks.report import verdict_at_least
from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.kernel.periods import Interval
from billing.domain.tenant import Mode, Tenant, TenantStatus, Tier
from scripts.ensure_env import STAMP, python_of

NOW = datetime(2025, 1, 1, tzinfo=UTC)
TENANT = Tenant(
    "ten_1", "Bench", Tier.STANDARD, Mode.TEST, TenantStatus.ACTIVE, "USD", "UTC", "BENCH", data_key="", created_at=NOW
)
PLAN = Plan(
    "business-monthly",
    TENANT.id,
    1,
    "Business",
    "USD",
    Interval.MONTH,
    1,
    (
        Component("base", ComponentType.FLAT, unit_amount=4_999_000),
        Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 500_000),
    ),
    NOW,
)
ROUND = Round(drafts=10, wall_s=2.0, cpu_s=1.0, store_s=0.5, bills=(EXPECTED,))


def test_our_drafts_say_what_is_expected_of_both_sides_month_after_month() -> None:
    customer, subscription = drafts_ours.orders(TENANT, PLAN, 1)[0]
    for _ in range(3):
        draft, subscription = drafts_ours.decided(TENANT, PLAN, (customer, subscription))
        assert drafts_ours.bill_of(draft) == EXPECTED


def test_each_order_is_another_customers() -> None:
    made = drafts_ours.orders(TENANT, PLAN, 5)
    assert len({customer.id for customer, _ in made}) == len({each.id for _, each in made}) == 5


def test_a_bill_spells_a_number_in_one_way() -> None:
    one = Bill.of("draft", "USD", [(Decimal("1E+2"), Decimal("500"))])
    assert one == Bill.of("draft", "USD", [(Decimal("100.0000"), Decimal("500.000"))])


def test_a_round_comes_through_the_pipe_as_it_was() -> None:
    assert Round.from_line(ROUND.to_line()) == ROUND


@pytest.mark.parametrize(
    "bills",
    [(), (replace(EXPECTED, status="issued"),), (EXPECTED, replace(EXPECTED, lines=EXPECTED.lines[:1]))],
    ids=["nothing", "another state", "one that differs"],
)
def test_a_round_that_bills_something_else_is_refused(bills: tuple[Bill, ...]) -> None:
    with pytest.raises(AssertionError, match="10 of 10 drafts"):
        replace(ROUND, bills=bills).require(10)


def test_a_round_with_a_draft_too_few_is_refused() -> None:
    ROUND.require(10)
    with pytest.raises(AssertionError, match="10 of 11 drafts"):
        ROUND.require(11)


def _sides(turns: list[str]) -> list[Callable[[], Round]]:
    def side(name: str) -> Callable[[], Round]:
        def one() -> Round:
            turns.append(name)
            return ROUND

        return one

    return [side("a"), side("b")]


def test_the_sides_take_turns_and_change_their_order() -> None:
    turns: list[str] = []
    found = drafts.interleaved(_sides(turns), clock=lambda: 0.0)
    assert [len(rounds) for rounds in found] == [drafts.MOST_ROUNDS] * 2
    assert turns[:6] == ["b", "a", "a", "b", "b", "a"]


def test_a_slow_machine_gets_fewer_rounds_but_enough_for_a_median() -> None:
    turns: list[str] = []
    late = iter([0.0, *[drafts.ROUNDS_S] * drafts.MOST_ROUNDS])
    drafts.interleaved(_sides(turns), clock=lambda: next(late))
    assert len(turns) == 2 * drafts.LEAST_ROUNDS


def test_a_rate_is_the_median_rounds() -> None:
    rounds = [replace(ROUND, wall_s=seconds) for seconds in (1.0, 2.0, 100.0)]
    assert drafts.rate(rounds, lambda one: one.wall_s) == 5.0


def test_the_table_takes_the_peers_database_off_where_nothing_is_stored() -> None:
    decided, stored = replace(ROUND, wall_s=0.1, store_s=0.0), replace(ROUND, wall_s=4.0, store_s=0.0)
    rows = drafts.section_of([decided], [stored], [ROUND]).rows
    # 100/s beside 10 in 1.5 s; by CPU time 10/s on both sides; on the clock 2.5/s beside 5/s.
    assert [row.figures["ratio"] for row in rows] == pytest.approx([15.0, 1.0, 0.5])
    assert [row.verdict for row in rows] == ["ok", "", ""]


def test_less_than_the_budget_is_over_it() -> None:
    slow = replace(ROUND, wall_s=1.5 / 9.9, store_s=0.0)
    assert drafts.section_of([slow], [ROUND], [ROUND]).rows[0].verdict == "over"


@pytest.mark.parametrize(("figure", "budget", "expected"), [(10, 10, "ok"), (9.9, 10, "over"), (1, None, "")])
def test_a_figure_that_must_be_reached(figure: float, budget: float | None, expected: str) -> None:
    assert verdict_at_least(figure, budget) == expected


def _env(folder: Path, text: str) -> Path:
    """An installed environment whose interpreter is a script."""
    python = python_of(folder)
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{text}\n")
    python.chmod(0o755)
    (folder / STAMP).touch()
    return folder


def test_a_peer_answers_each_question_with_a_round(tmp_path: Path) -> None:
    env = _env(tmp_path, f"echo ready\nwhile read -r _; do echo '{ROUND.to_line()}'; done")
    with drafts.peer(env) as peer:
        peer.wait_until_ready()
        assert [peer.round(), peer.round()] == [ROUND, ROUND]


def test_a_peer_that_does_not_start_is_not_there(tmp_path: Path) -> None:
    with drafts.peer(_env(tmp_path, "exit 1")) as peer, pytest.raises(drafts.NotThere, match="does not start"):
        peer.wait_until_ready()


def test_a_peer_whose_installation_was_not_finished_is_not_there(tmp_path: Path) -> None:
    (_env(tmp_path / ".venv-peer", "echo ready") / STAMP).unlink()
    with pytest.raises(drafts.NotThere, match=r"\.venv-peer"), drafts.peer(tmp_path / ".venv-peer"):
        pass
