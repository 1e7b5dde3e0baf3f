"""By when an invocation has to be done: the edge says it first, and whatever waits for somebody else heeds it."""

import math
from collections.abc import Callable


class Deadline:
    """The end of what this worker is on; a Lambda worker is on one invocation at a time.

    Args:
        clock: seconds that only ever grow.
        reserve_s: what is kept back for the last commit, one try of which may run into DynamoDB's timeout of 3 s.
    """

    def __init__(self, clock: Callable[[], float], reserve_s: float = 4.0) -> None:
        self._clock = clock
        self._reserve_s = reserve_s
        self._until_s = math.inf

    def begin(self, remaining_ms: int) -> None:
        """An invocation begins, and Lambda ends it after so long, whatever it is doing then."""
        self._until_s = self._clock() + remaining_ms / 1000

    def left_s(self) -> float:
        """For how long others may be waited for; without end where nobody said."""
        return self._until_s - self._clock() - self._reserve_s
