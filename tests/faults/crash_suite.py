"""The process dies, or an answer is lost, at every call of every flow: the end state is that of a quiet day.

Each group of flows has a file of its own (``test_crashes_*``), so that pytest-xdist can share them out among the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from tests.faults.crashes import MODES, Enumeration, Flow
from tests.faults.processes import Lane
from tests.faults.stack import Stack

Found = dict[str, Future[dict[str, list[str]]]]
Test = Callable[[Found, Flow, str], None]


def cut_everywhere(flows: Sequence[Flow]) -> Test:
    """The test of a file: one subscription, one invoice a period, one charge an attempt, balanced books, equal
    replays, wherever one of its flows is cut."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("flow", flows, ids=lambda flow: flow.name.replace(" ", "-"))
    def test(found: Found, flow: Flow, mode: str) -> None:
        problems = found[flow.name].result()[mode]
        assert not problems, f"{len(problems)} problems\n" + "\n".join(problems)

    return test


@contextmanager
def enumerated(stack: Stack, module: object, items: Sequence[pytest.Item]) -> Iterator[Found]:
    """Every enumeration that a module's selected tests ask for, in two lanes: most of the time one waits for the
    emulator."""
    wanted = [item.callspec.params for item in items if isinstance(item, pytest.Function) and item.module is module]
    flows: dict[str, Flow] = {params["flow"].name: params["flow"] for params in wanted}
    lanes: SimpleQueue[Lane] = SimpleQueue()
    for lane in (stack.main, stack.second):
        lanes.put(lane)

    def enumerate_cuts(flow: Flow) -> dict[str, list[str]]:
        lane = lanes.get()
        try:
            modes = [params["mode"] for params in wanted if params["flow"] is flow]
            return Enumeration(stack.world(lane=lane), flow).run(modes)
        finally:
            lanes.put(lane)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(enumerate_cuts, flow) for name, flow in flows.items()}
    stack.main.clear_faults()
    stack.second.clear_faults()
