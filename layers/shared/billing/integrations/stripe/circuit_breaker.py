"""A circuit breaker around Stripe: while Stripe does not answer, nobody waits for it or floods it with requests.

    closed      every request goes; ``failures_to_open`` failures in a row open it
    open        no request goes for ``open_s``
    half-open   then one goes, the probe: its success closes the circuit, its failure opens it again

The caller (``http_client``) decides what counts as a failure and what as an answer. Each worker has a circuit of its
own, because a shared state would be one more thing that can be down.
"""

import logging
import math
from collections.abc import Callable

from billing.domain.kernel.errors import Unavailable

_log = logging.getLogger(__name__)


class CircuitBreaker:
    """Whether the card processor is worth a try.

    Args:
        clock: a monotonic clock, in seconds.
        failures_to_open: how many failures in a row open the circuit.
        tell: is told of each failure, and whether the circuit is open by it.
        open_s: how long it stays open; and after how long a probe without a reported result is given up.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        failures_to_open: int = 5,
        open_s: float = 20.0,
        tell: Callable[[bool], None] = lambda is_open: None,
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._failures_to_open = failures_to_open
        self._open_s = open_s
        self._failures = 0
        self._shut_at: float | None = None
        """When it opened, or its probe was sent; None while the circuit is closed."""

    def ready(self) -> None:
        """Check that a request would go; asking does not use up the probe.

        Raises:
            Unavailable: the circuit is open, or a probe is under way.
        """
        left_s = self._left_s()
        if left_s > 0:
            # 20 s open, asked after 12.5 s: 7.5 s are left, and the caller is told 8.
            raise Unavailable("The card processor does not answer", retry_after_s=math.ceil(left_s))

    def check(self) -> None:
        """Called before each request: returns if it may go. The caller then reports ``succeeded`` or ``failed``.

        Raises:
            Unavailable: the circuit is open, or a probe is under way.
        """
        self.ready()
        if self._shut_at is not None:
            self._shut_at = self._clock()  # this one is the probe

    def succeeded(self) -> None:
        """Report an answer."""
        self._failures = 0
        self._shut_at = None

    def failed(self) -> None:
        """Report that there was no answer."""
        self._failures += 1
        is_open = self._failures >= self._failures_to_open
        self._tell(is_open)
        if is_open:
            self._shut_at = self._clock()
            _log.warning("circuit open", extra={"failures": self._failures, "open_s": self._open_s})

    def _left_s(self) -> float:
        return 0.0 if self._shut_at is None else self._open_s - (self._clock() - self._shut_at)
