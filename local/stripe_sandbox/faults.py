"""Faults on demand: what a network and a busy provider do to a caller."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

KINDS = ("slow", "status", "status_after", "drop_before", "drop_after")
_STATUSES = (429, 500, 503)
_ids = count(1)


@dataclass
class Fault:
    """A fault for the next ``times`` requests that match.

    Args:
        kind: ``slow`` (wait ``ms``, then go on), ``status`` (answer it, process nothing), ``status_after``
            (process, then answer it instead), ``drop_before`` (close the connection, process nothing) or
            ``drop_after`` (process, then close the connection).
        method: HTTP method, or ``*``.
        path: regular expression, searched in the path.
        times: how many requests it still hits.
        ms: for ``slow``.
        status: for ``status``: 429, 500 or 503; for ``status_after``: 500 or 503.

    Raises:
        ValueError: it makes no sense.
    """

    kind: str
    method: str = "*"
    path: str = ""
    times: int = 1
    ms: int = 0
    status: int = 500
    id: int = field(default_factory=lambda: next(_ids))

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if self.status not in _STATUSES:
            raise ValueError("status must be 429, 500 or 503")
        if self.kind == "status_after" and self.status == 429:
            raise ValueError("a request that is turned away for its rate is never processed")
        if self.times < 1 or self.ms < 0:
            raise ValueError("times must be positive and ms not negative")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from None

    def hits(self, method: str, path: str) -> bool:
        """Whether a request is one of those that it waits for."""
        return self.method.upper() in {"*", method} and re.search(self.path, path) is not None

    def failure(self) -> ApiError:
        """The answer of a ``status`` or ``status_after`` fault."""
        if self.status == 429:
            return ApiError("Too many requests: slow down and try again.", status=429, code="rate_limit")
        return ApiError("An unknown error occurred (injected).", status=self.status, type="api_error")


class Faults:
    """The faults that wait; the first that matches is used, one a request."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Let it wait."""
        self._waiting.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, counted."""
        for fault in self._waiting:
            if fault.hits(method, path):
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def listing(self) -> list[Json]:
        """What waits."""
        return [asdict(fault) for fault in self._waiting]

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
