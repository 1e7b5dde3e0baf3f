"""What the sheet is made of: figures of ``make bench`` (measured.json), facts of the template, and what is given.

``python -m benchmarks.cost --take .local/bench.json`` takes the figures of a run of `calls`, `usage` and `webhooks`.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from local.stack.routes import template

Figures = dict[str, dict[str, float]]
MEASURED = Path(__file__).with_name("measured.json")
_TABLES = {
    "calls": "DynamoDB and Stripe, per warm call",
    "usage": "What usage asks for",
    "usage_usd": "A million usage events at list price, USD",
    "webhooks": "What a delivery asks for",
}
_DIGITS = 4


@dataclass(frozen=True)
class Measured:
    """Figures by the line of their table.

    Args:
        at: when the run ended.
        machine: where; CPU time is this machine's.
    """

    at: str
    machine: str
    calls: Figures
    usage: Figures
    usage_usd: Figures
    webhooks: Figures

    @classmethod
    def load(cls, path: Path = MEASURED) -> "Measured":
        """The figures that are committed."""
        return cls(**json.loads(path.read_text()))

    @classmethod
    def taken(cls, bench: Any) -> "Measured":
        """Those of a run of ``make bench``.

        Raises:
            KeyError: a table that the sheet needs was not measured.
        """
        machine = f"{bench['machine']}, Python {bench['python']}"
        tables = {name: _rows(bench["tables"][name.removesuffix("_usd")], title) for name, title in _TABLES.items()}
        return cls(bench["at"], machine, **tables)

    def save(self, path: Path = MEASURED) -> None:
        """Write them, a line for each."""
        path.write_text(json.dumps(vars(self), indent=1, sort_keys=True) + "\n")


def _rows(sections: list[Any], title: str) -> Figures:
    (section,) = (each for each in sections if each["title"] == title)
    return {
        row["cells"][0]: {name: round(figure, _DIGITS) for name, figure in row["figures"].items()}
        for row in section["rows"]
    }


@dataclass(frozen=True)
class Given:
    """What nobody can measure here, and what is in no table; each is named on the page.

    Args:
        dynamodb_s: a request to DynamoDB, within a Region.
        stripe_s: a request to Stripe.
        receiver_s: a webhook's receiver.
        platform_line_bytes: what Lambda itself logs of an invocation: START, END and REPORT.
        access_line_bytes: a line of the API's log.
        pollers, polls_per_min: with which Lambda asks a queue that has nothing. Source: Lambda Developer Guide, "Using
            Lambda with Amazon SQS": five, each waiting up to 20 s.
        queue_key_calls_per_h: a queue's data key is used for five minutes. Source: SQS Developer Guide, "Data key reuse
            period".
    """

    dynamodb_s: float = 0.005
    stripe_s: float = 0.4
    receiver_s: float = 0.1
    platform_line_bytes: int = 350
    access_line_bytes: int = 330
    pollers: int = 5
    polls_per_min: int = 3
    queue_key_calls_per_h: int = 12


class Facts:
    """What the template says."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document = document or template()

    @cached_property
    def _resources(self) -> dict[str, Any]:
        found: dict[str, Any] = self._document["Resources"]
        return found

    def count(self, kind: str) -> int:
        """How many resources of a kind there are."""
        return sum(each["Type"] == kind for each in self._resources.values())

    def memory_mb(self, function: str) -> int:
        """A function's memory: ``billing_worker``."""
        logical = "".join(word.capitalize() for word in function.split("_")) + "Function"
        return self._memory(self._resources[logical])

    def _memory(self, resource: Any) -> int:
        return int(resource["Properties"].get("MemorySize", self._document["Globals"]["Function"]["MemorySize"]))

    @property
    def snapshots_gb(self) -> float:
        """What all functions with SnapStart have of memory, of which a snapshot is kept for each version."""
        with_snapshot = (
            each
            for each in self._resources.values()
            if each["Type"] == "AWS::Serverless::Function"
            and each["Properties"].get("SnapStart", {}).get("ApplyOn") != "None"
        )
        return sum(map(self._memory, with_snapshot)) / 1024

    @property
    def fed_queues(self) -> int:
        """How many queues Lambda asks for messages."""
        return sum(
            event["Type"] == "SQS"
            for each in self._resources.values()
            if each["Type"] == "AWS::Serverless::Function"
            for event in each["Properties"].get("Events", {}).values()
        )

    @property
    def routes(self) -> int:
        """Routes of the API, each of which has a metric of its own once it is called."""
        paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
        methods = {"get", "post", "put", "patch", "delete"}
        return sum(name in methods for path in paths.values() for name in path)
