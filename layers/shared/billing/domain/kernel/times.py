"""Times on the wire and in storage: RFC 3339, UTC, ``Z``."""

from datetime import UTC, datetime


def format_time(at: datetime) -> str:
    """``2026-11-21T22:00:00Z``; a fraction of a second is shown in six digits only where there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The instant that an RFC 3339 text names.

    Raises:
        ValueError: it is no date and time, or it has no offset.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time needs an offset: {text!r}")
    return at.astimezone(UTC)


def sort_key(at: datetime) -> str:
    """A text that sorts as the times do (always six digits of fraction): the range key of the due index."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
