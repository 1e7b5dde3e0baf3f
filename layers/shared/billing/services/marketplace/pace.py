"""Keeps a worker below Stripe's limits."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Waits, so that there are so many calls a second at the most.

    Stripe takes 25 of an operation, and 100 in all; a worker makes 8, and two run at once.

    Args:
        seconds: between two calls.
        monotonic_s: a clock.
        pause: sleeps.
    """

    seconds: float
    monotonic_s: Callable[[], float]
    pause: Callable[[float], None]
    _next: float = field(default=0.0)

    def __call__(self) -> None:
        """Wait until the next call may be made."""
        now = self.monotonic_s()
        if now < self._next:
            self.pause(self._next - now)
        self._next = max(now, self._next) + self.seconds
