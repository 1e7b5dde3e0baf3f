"""What the benchmarks stand on: two sides that answer alike, and figures that are worked out rightly."""

import asyncio
from collections.abc import Iterator
from io import StringIO

import pytest
from aws_lambda_powertools import Logger

from benchmarks.counting import item_bytes
from benchmarks.cpu import ours as cpu_ours
from benchmarks.cpu import peer as cpu_peer
from benchmarks.cpu import table as cpu
from benchmarks.imports.one import HIDDEN
from benchmarks.imports.table import functions
from benchmarks.latency.table import percentile
from benchmarks.report import verdict
from local.stack.settings import ROOT


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[cpu.Handler, cpu.Handler]]:
    logger = Logger(service="benchmark", stream=StringIO(), level="WARNING")
    yield cpu_ours.app(logger).lambda_handler, cpu_peer.lambda_handler(logger)
    asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.mark.parametrize("case", cpu.cases(), ids=lambda case: case.name)
def test_both_sides_of_the_cpu_comparison_answer_alike(case: cpu.Case, sides: tuple[cpu.Handler, cpu.Handler]) -> None:
    cpu.require_same_answer(case, *sides)


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (75, 3.0), (76, 4.0), (95, 4.0), (100, 4.0)])
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], percent) == expected


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    # "id" and a two-byte letter; "n" and five digits: three bytes and one.
    assert item_bytes({"id": {"S": "é"}, "n": {"N": "12345"}}) == 2 + 2 + 1 + 4


@pytest.mark.parametrize(("figure", "budget", "expected"), [(3, 3, "ok"), (4, 3, "over"), (4, None, "")])
def test_a_figure_at_its_budget_keeps_it(figure: float, budget: float | None, expected: str) -> None:
    assert verdict(figure, budget) == expected


def test_every_function_is_imported() -> None:
    assert len(functions()) == len(list((ROOT / "functions").iterdir()))


def test_what_is_hidden_from_imports_is_in_no_layer() -> None:
    layers = "".join(each.read_text() for each in (ROOT / "layers").glob("*/requirements.txt"))
    packaged = {line.partition("==")[0].lower() for line in layers.splitlines() if "==" in line}
    assert "stripe" in packaged
    assert not packaged & set(HIDDEN)
