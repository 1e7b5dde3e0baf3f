"""What may be wrong with Stripe, and how a test makes it so."""

from __future__ import annotations

from tests.faults.processes import Json
from tests.faults.world import World

FAULTS: dict[str, Json] = {
    "slow": {"kind": "slow", "ms": 1600},
    "status-500": {"kind": "status", "status": 500},
    "status-429": {"kind": "status", "status": 429},
    "drop-before": {"kind": "drop_before"},
    "drop-after": {"kind": "drop_after"},
}
"""Slow is longer than the product waits (``stack.SETTINGS``)."""


UNKNOWN = [fault for fault in FAULTS if fault != "status-429"]
"""Those after which nobody can know what happened. A 429 is known: nothing did."""


def broken(world: World, path: str, fault: str, times: int = 50) -> None:
    """The next POSTs to a path fail.

    Args:
        path: a pattern.
        fault: one of ``FAULTS``.
        times: how many of them.
    """
    world.patient = fault != "slow"
    world.control("faults", method="POST", path=path, times=times, **FAULTS[fault])
