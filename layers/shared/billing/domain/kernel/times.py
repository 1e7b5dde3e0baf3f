"""Times on the wire and in storage: RFC 3339, UTC, ``Z``."""

import re
from datetime import UTC, datetime

# RFC 3339, 5.6: T and Z in either case, and nothing of ISO 8601 beyond (20261201T000000Z, 2026-W49-2T..., a space for
# T), all of which ``fromisoformat`` takes. A leap second (:60) has no datetime, and none is announced.
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

EARLIEST, TOO_LATE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)
"""Between them are the times of requests. Ids begin with milliseconds since 1970; and a period of 366 years that begins
in 2499 ends before 9999, where Python's calendar does."""


def format_time(at: datetime) -> str:
    """``2026-11-21T22:00:00Z``; a fraction of a second is shown in six digits only where there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The instant that an RFC 3339 text names, to the microsecond.

    Raises:
        ValueError: it is no RFC 3339 date and time with an offset.
    """
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError(f"no RFC 3339 time: {text[:40]!r}")
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def sort_key(at: datetime) -> str:
    """A text that sorts as the times do (always six digits of fraction): the range key of the due index."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
