"""When an invocation has to be done: the edge sets the time, and every call to the outside keeps to it."""

import math
from collections.abc import Callable


class Deadline:
    """The deadline of the running invocation; a Lambda worker handles one at a time.

    Args:
        clock: a monotonic clock, in seconds.
        reserve_s: kept back for the last commit, one try of which may run into DynamoDB's timeout of 3 s.
    """

    def __init__(self, clock: Callable[[], float], reserve_s: float = 4.0) -> None:
        self._clock = clock
        self._reserve_s = reserve_s
        self._until_s = math.inf

    def begin(self, remaining_ms: int) -> None:
        """An invocation begins; Lambda ends it after this time, whatever it is doing then."""
        self._until_s = self._clock() + remaining_ms / 1000

    def left_s(self) -> float:
        """How long, in seconds, the outside may be waited for; infinite if no deadline was set."""
        return self._until_s - self._clock() - self._reserve_s
