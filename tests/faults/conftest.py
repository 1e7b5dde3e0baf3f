"""One emulator, one Stripe sandbox and one driver for the whole suite; a world for each module or test."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.faults import crashes
from tests.faults.crash_suite import Found, enumerated
from tests.faults.processes import Driver
from tests.faults.stack import Stack
from tests.faults.world import AT, World


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The emulator, the sandbox and the driver."""
    running = Stack(tmp_path_factory.mktemp("faults"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def beside(stack: Stack) -> Driver:
    """A second driver of the main lane, for what has to happen while the first one works."""
    return stack.driver_beside(stack.main)


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """Tables, queue and Stripe account of one test module."""
    return stack.world()


@pytest.fixture
def own_world(stack: Stack) -> World:
    """The same for one test."""
    return stack.world()


@pytest.fixture(autouse=True)
def _well(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """Stripe is well again, whatever a test did to it; but where flows run on while one test after the other looks at
    what was found (``crash_suite``), each flow ends its own faults, and another's would be gone in the middle."""
    yield
    if "found" not in request.fixturenames:
        stack.main.clear_faults()


@pytest.fixture(scope="module")
def times() -> Iterator[datetime]:
    """Times, each two months before the one before it."""
    return (AT - timedelta(days=60) * n for n in count())


@pytest.fixture
def at(times: Iterator[datetime]) -> datetime:
    """A time that no other test of its module comes near."""
    return next(times)


@pytest.fixture(scope="module")
def found(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Found]:
    """What came of a module's flows, cut at every call."""
    with enumerated(stack, request.module, request.session.items) as found:
        yield found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what it enumerated."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["crashes"] = crashes.counted()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker enumerated, for the table of all."""
    crashes.count(getattr(node, "workeroutput", {}).get("crashes", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was enumerated."""
    if crashes.TABLE:
        terminalreporter.section("crash injection: flows x calls")
        for line in crashes.report():
            terminalreporter.write_line(line)
