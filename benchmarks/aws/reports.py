"""What Lambda writes about itself into a function's log: how long an environment took to start, or to come back.

Text format, fields between tabs. A new environment without SnapStart has ``Init Duration`` in the REPORT of its first
invocation; with SnapStart, that has ``Restore Duration`` and ``Billed Restore Duration``, there is a RESTORE_REPORT
before it, and the INIT_REPORT was written when the version was published. Source: AWS Lambda Developer Guide,
"Monitoring for Lambda SnapStart" and "Understanding the Lambda execution environment lifecycle".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["REPORT", "INIT_REPORT", "RESTORE_REPORT"]
_KINDS: dict[str, Kind] = {"REPORT": "REPORT", "INIT_REPORT": "INIT_REPORT", "RESTORE_REPORT": "RESTORE_REPORT"}
_NUMBER = re.compile(r"(?:^|[\t ])((?:[A-Z][A-Za-z]* )*[A-Z][A-Za-z]*): ([0-9]+(?:\.[0-9]+)?) (?:ms|MB)")
_STATUS = re.compile(r"\bStatus: (\w+)")


@dataclass(frozen=True)
class Report:
    """One line.

    Args:
        numbers: by the name that Lambda gives them, in ms or MB: ``{"Duration": 13.82, "Memory Size": 512}``.
        failed: it says that the phase ended in an error or ran out of time.
    """

    kind: Kind
    numbers: dict[str, float]
    failed: bool = False


def parse(line: str) -> Report | None:
    """A line of a function's log; None for what is not a report."""
    kind = _KINDS.get(line.partition(" ")[0])
    if kind is None:
        return None
    status = _STATUS.search(line)
    numbers = {name: float(value) for name, value in _NUMBER.findall(line.removeprefix(kind))}
    return Report(kind, numbers, status is not None and status[1] != "success") if numbers else None


@dataclass
class Starts:
    """The starts of a function's environments, in ms.

    Args:
        inits: imports and all, once for each environment, or for each published version with SnapStart.
        restores: from a snapshot to the handler.
        failed: starts that did not end well; their times are in neither list.
        memory_mb: the most that any environment used.
    """

    inits: list[float] = field(default_factory=list)
    restores: list[float] = field(default_factory=list)
    invocations: int = 0
    failed: int = 0
    memory_mb: float = 0.0


def starts(lines: Iterable[str]) -> Starts:
    """What the lines of a log add up to."""
    found = Starts()
    announced: list[float] = []
    for report in filter(None, map(parse, lines)):
        if report.kind != "REPORT" and report.failed:
            found.failed += 1
            continue
        if "Init Duration" in report.numbers:
            found.inits.append(report.numbers["Init Duration"])
        if report.kind == "RESTORE_REPORT":
            announced.append(report.numbers["Restore Duration"])
            continue
        if report.kind == "REPORT":
            found.invocations += 1
            found.memory_mb = max(found.memory_mb, report.numbers.get("Max Memory Used", 0.0))
            found.restores += [report.numbers["Restore Duration"]] if "Restore Duration" in report.numbers else []
    # The same restore is in both lines. Where the log ends between them, the announcement is all there is.
    if len(announced) > len(found.restores):
        found.restores = announced
    return found
