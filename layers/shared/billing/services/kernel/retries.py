"""Runs a unit of work again from load after a lost race, with jitter; the one place that says how often."""

from collections.abc import Callable
from typing import TypeVar

from billing.domain.kernel.errors import LostRace
from billing.services.kernel.work import Unit

T = TypeVar("T")
RUNS = 12
"""Eight requests that finalize for one tenant at once each lose a few times to the invoice number; twelve is ample."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.4


def until_won(
    action: Callable[[], T],
    jitter: Callable[[], float],
    pause: Callable[[float], None],
    restart: Callable[[], None] = lambda: None,
    runs: int = RUNS,
) -> T:
    """Call ``action`` again, each time that it loses a race.

    Args:
        jitter: gives a random share of a pause, from 0 to 1, so that those who collided do not collide again.
        pause: sleeps; up to 40 ms, 80 ms ... 400 ms.
        restart: has it begin from what is stored now, where it keeps anything from the run before.

    Raises:
        LostRace: it lost every time.
    """
    for run in range(1, runs + 1):
        try:
            return action()
        except LostRace:
            if run == runs:
                raise
            pause(jitter() * min(_FIRST_PAUSE_S * 2**run, _LONGEST_PAUSE_S))
            restart()
    raise AssertionError("unreachable")


def run_again(unit: Unit, action: Callable[[], T], jitter: Callable[[], float], pause: Callable[[float], None]) -> T:
    """Call ``action``, which commits ``unit``, and call it again from load each time that it loses a race.

    Raises:
        LostRace: it lost every time.
    """
    return until_won(action, jitter, pause, unit.restart)
