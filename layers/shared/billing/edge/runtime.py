"""What every edge that answers requests needs of the process around it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from billing.services.kernel.deadline import Deadline
from billing.services.kernel.work import Units


@dataclass(frozen=True, slots=True)
class Runtime:
    """Made once, at import; each edge adds what it alone needs.

    Args:
        jitter: a random share, from 0 to 1.
        pause: sleeps, in seconds.
        stack: the stack's name, for metrics.
    """

    units: Units
    clock: Callable[[], datetime]
    new_request_id: Callable[[], str]
    jitter: Callable[[], float]
    pause: Callable[[float], None]
    stack: str
    deadline: Deadline
