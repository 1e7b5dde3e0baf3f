"""What the product under test takes for the time and for chance."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

_TICK = timedelta(milliseconds=1)
"""What two ids have to be apart to sort in the order in which they were made."""


class Clock:
    """The wall clock of the product under test: the real one, moved or stopped. Sleeping on it takes no time.

    Unless it is stopped, it shows each time once: whoever asks is a millisecond after whoever asked before, however
    quick the machine is. Where it runs ahead for that, it waits for the real time.
    """

    def __init__(self) -> None:
        self._shown = datetime.now(UTC)
        self._shift = timedelta()
        self._frozen: datetime | None = None
        self._slept = timedelta()

    def __call__(self) -> datetime:
        """Now."""
        if self._frozen is not None:
            return self._frozen + self._shift
        self._shown = max(datetime.now(UTC), self._shown + _TICK)
        return self._shown + self._shift

    def advance(self, **delta: float) -> None:
        """Let time pass: ``advance(hours=24)``."""
        self._shift += timedelta(**delta)

    def freeze(self, at: datetime) -> None:
        """Stop at an instant."""
        self._frozen, self._shift = at, timedelta()

    def sleep(self, seconds: float) -> None:
        """What the product's ``pause`` does."""
        self.advance(seconds=seconds)
        self._slept += timedelta(seconds=seconds)

    def passed_s(self) -> float:
        """The product's monotonic clock, in seconds: only what the product itself has slept, and it only goes on.

        A turn of a thousand calls has as much of its Lambda's time left on a machine that is ten times slower.
        """
        return self._slept.total_seconds()

    def reset(self) -> None:
        """Back to the real time."""
        self._frozen, self._shift = None, timedelta()


class Entropy:
    """Where the product's fresh ids come from: ten random bytes each, or counted ones, for a test that has to go the
    same way in every run."""

    def __init__(self) -> None:
        self._counted: Iterator[bytes] | None = None
        self._begun: set[str] = set()

    def __call__(self) -> bytes:
        """The next ten bytes."""
        return next(self._counted) if self._counted is not None else os.urandom(10)

    def begin(self, name: str) -> None:
        """Count from now on: ids of one instant sort as they were made, and are those of no other name.

        A name is begun once in a process: Stripe's sandbox knows the keys of the first time, and answers as then.
        """
        assert name not in self._begun, name
        self._begun.add(name)
        prefix = sha256(name.encode()).digest()[:6]
        self._counted = (prefix + n.to_bytes(4) for n in count())

    def reset(self) -> None:
        """Chance again."""
        self._counted = None
