"""What this machine keeps of a stack that it deployed: keys that are shown once. A private file, in no repository.

It is written before what it says is done, so that a run that was cut off finds its own traces: the platform's key
before its item, and the name of the request that makes the first tenant before that is sent.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from local.console import Failure
from local.stack.settings import ROOT, write_private

FOLDER = ROOT / ".deploy"


class Known(Protocol):
    """What the steps look at and fill in."""

    platform_api_key: str
    tenant_request: str
    tenant_asked_at: str
    tenant_id: str
    api_key: str


Keep = Callable[[], None]
"""Writes down what is known now."""


@dataclass
class Kept:
    """The content of the file."""

    platform_api_key: str = ""
    tenant_request: str = ""
    tenant_asked_at: str = ""
    tenant_id: str = ""
    api_key: str = ""

    def __repr__(self) -> str:
        return "Kept(...)"

    @classmethod
    def load(cls, path: Path) -> "Kept":
        """What an earlier run kept.

        Raises:
            Failure: the file is something else.
        """
        if not path.exists():
            return cls()
        try:
            values: dict[str, Any] = json.loads(path.read_text())
            return cls(**{each.name: str(values.get(each.name, "")) for each in fields(cls)})
        except (OSError, ValueError, AttributeError):
            raise Failure(
                f"{path} cannot be read: restore it, or take it away (then keys of before are unknown here)"
            ) from None

    def save(self, path: Path) -> None:
        """Write it, readable by its owner alone."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")
