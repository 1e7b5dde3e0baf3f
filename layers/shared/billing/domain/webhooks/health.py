"""How an endpoint fares, and what follows from it: the slow lane, a message on the first day, disabling after five.

The rule of disabling wants two different events, because one event is attempted for three days by itself. An endpoint
of a quiet tenant: an event fails on Monday and every attempt at it until Thursday; the next event, on Sunday, fails
too. Six days without a success are behind it, but of the last five days there is one event: it stays enabled. Two
events that were at least 12 hours apart, within five days, and it is disabled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

TOLD_AFTER = timedelta(days=1)
DISABLED_AFTER = timedelta(days=5)
APART = timedelta(hours=12)
"""How far two events have to be apart that say that an endpoint is dead, rather than that it was down for an hour."""
RECENT = timedelta(days=1)
SLOW_MS = 5_000
WINDOW_S = 15
STARTS_A_WINDOW = 10


class Lane(StrEnum):
    """Which of the two senders attempts what goes to an endpoint."""

    FAST = "fast"
    SLOW = "slow"
    """The last attempt failed or took more than 5 s, or nothing succeeded for a day: who may hang keeps nobody waiting
    that is known to answer."""


class Verdict(StrEnum):
    """What follows from a failure."""

    NOTHING = "nothing"
    TELL = "tell"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """How an endpoint fares.

    Args:
        failing_since: the first failure after the last success; None while it is not failing.
        failed_events: when events were made that failed since then: of each half day one, and the last of all.
        last_failure_at, last_failure_reason: of the last attempt that failed, at any time.
        last_attempt_ms: how long the last attempt that succeeded took.
        succeeded_24h, failed_24h: attempts within the last 24 hours, by whole hours.
    """

    failing_since: datetime | None = None
    failed_events: tuple[datetime, ...] = ()
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_failure_reason: str | None = None
    last_attempt_ms: int | None = None
    succeeded_24h: int = 0
    failed_24h: int = 0

    @property
    def lane(self) -> Lane:
        """Which sender its attempts are for.

        Of what is new, or quiet for a day, nobody knows whether it answers. Its first attempt goes the slow way, and
        the first success brings it to the fast one: a batch is over when its slowest message is, so ten endpoints that
        hang from the start would hold senders of the fast lane for 15 s.
        """
        return Lane.FAST if self.succeeded_24h and not self.is_struggling else Lane.SLOW

    @property
    def is_struggling(self) -> bool:
        """Whether the last attempt failed, or took more than 5 s."""
        return self.failing_since is not None or (self.last_attempt_ms or 0) > SLOW_MS

    @property
    def success_rate(self) -> float | None:
        """The part of the last day's attempts that succeeded, 0 to 1; None where there were none."""
        attempts = self.succeeded_24h + self.failed_24h
        return round(self.succeeded_24h / attempts, 4) if attempts else None

    def failing_from(self, counts_from: datetime) -> datetime | None:
        """Since when it fails, where what failed before a time does not count.

        Args:
            counts_from: when the endpoint was enabled; one that is enabled again begins with five new days.
        """
        if self.failing_since is None or self.last_failure_at is None or self.last_failure_at < counts_from:
            return None
        return max(self.failing_since, counts_from)


def judge(health: EndpointHealth, counts_from: datetime, now: datetime) -> Verdict:
    """What follows from how an endpoint fares.

    Args:
        counts_from: since when its failures count (``WebhookEndpoint.counts_from``).
        now: the time of the failure that is judged.
    """
    since = health.failing_from(counts_from)
    if since is None or now - since < TOLD_AFTER:
        return Verdict.NOTHING
    recent = health.last_failure_at is not None and now - health.last_failure_at <= RECENT
    if now - since >= DISABLED_AFTER and recent:
        earliest = max(counts_from, now - DISABLED_AFTER)
        if _span(each for each in health.failed_events if each >= earliest) >= APART:
            return Verdict.DISABLE
    return Verdict.TELL


def _span(times: Iterable[datetime]) -> timedelta:
    """From the first to the last."""
    found = sorted(times)
    return found[-1] - found[0] if found else timedelta(0)


def half_day(at: datetime) -> int:
    """The number of the half day that a time is in."""
    return int(at.timestamp()) // int(APART.total_seconds())


def window(at: datetime) -> int:
    """The number of the quarter of a minute that a time is in."""
    return int(at.timestamp()) // WINDOW_S
