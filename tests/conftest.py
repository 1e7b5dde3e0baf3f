"""What holds for every test."""

import gc
import os
from collections.abc import Callable

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings

# The same cases in every run: what fails for one fails for everybody. No deadline, and data may be slow to make: a busy
# machine is no broken law.
settings.register_profile("ledgerline", derandomize=True, database=None, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
# LAWS=search make test: other cases in every run, to find what the usual ones do not.
settings.register_profile("search", parent=settings.get_profile("ledgerline"), derandomize=False)
settings.load_profile("search" if os.environ.get("LAWS") == "search" else "ledgerline")

# By default every 700 objects are looked through for cycles, and all of them again and again: a seventh of these tests'
# time, for a few megabytes. The fault tests' emulator does the same.
gc.set_threshold(100_000, 50, 100)


def _in_one_piece(run: Callable[[], object]) -> None:
    run()


# CPython keeps the frames of nested calls in pieces of 16 KB. Where a loop happens to call across the end of one, each
# call maps a piece and unmaps it again: a tenth of these tests' time, in whichever of them the depth was unlucky. A
# frame with room for 70,000 values takes a piece of 1 MB, and what is called from it fits into the rest.
_in_one_piece.__code__ = _in_one_piece.__code__.replace(co_stacksize=70_000)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """What pytest does itself, from a frame that has room for all others."""
    hooks = item.ihook
    hooks.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    _in_one_piece(lambda: runtestprotocol(item, nextitem=nextitem))
    hooks.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
