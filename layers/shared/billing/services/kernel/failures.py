"""What is logged of an unexpected error: its type and where it came from, never its message.

A message may quote what a caller sent (pydantic's do), and that may be personal or secret.
"""

from traceback import extract_tb


class NotWrittenYet(Exception):
    """A webhook's event is about something that is not in the tables yet: its sender should send it again."""


def described(error: BaseException) -> dict[str, object]:
    """The error's type, that of its cause, and the innermost frames, as extra fields of a log line."""
    frames = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)
    ]
    cause = error.__cause__
    return {
        "error": type(error).__name__,
        "cause": type(cause).__name__ if cause else None,
        "frames": frames[-12:],
    }
