"""What a check is given, and what it says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from operations.deploy.stack import Addresses, Stack

Level = Literal["ok", "look", "wrong", "unknown"]
"""``look`` works, and is not as it might be; ``unknown`` could not be looked at: nobody knows that it is right."""
Aws = Callable[[str], Any]


@dataclass(frozen=True)
class Finding:
    """One line.

    Args:
        what: how it is.
        do: what to do about it.
    """

    level: Level
    subject: str
    what: str
    do: str = ""

    @property
    def line(self) -> str:
        """As it is printed."""
        return f"  {self.level:8}{self.subject}: {self.what}{'; ' + self.do if self.do else ''}"


@dataclass(frozen=True)
class Patient:
    """The stack that is looked at.

    Args:
        aws: gives a boto3 client by a service's name.
        now: the wall clock's time.
    """

    stack: Stack
    addresses: Addresses
    aws: Aws
    now: datetime

    @property
    def is_production(self) -> bool:
        """Whether real money is to move here."""
        return self.stack.parameters.get("Stage") == "prod"


Check = Callable[[Patient], Iterable[Finding]]


def worse(patient: Patient) -> Level:
    """The level of what only production has to have."""
    return "wrong" if patient.is_production else "look"
