"""One emulator, one Stripe sandbox and one driver for the whole suite; a world for each module or test."""

from collections.abc import Iterator

import pytest

from tests.faults import crashes
from tests.faults.stack import Driver, Stack, World


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was enumerated."""
    if crashes.TABLE:
        terminalreporter.section("crash injection: flows x calls")
        for line in crashes.report():
            terminalreporter.write_line(line)
