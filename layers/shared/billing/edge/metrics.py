"""Metrics inside the one log line of a request: CloudWatch's embedded metric format.

Powertools' Metrics would print a line of its own for each request. Source: CloudWatch User Guide, "Embedded metric
format specification".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

NAMESPACE = "Ledgerline"
Values = Mapping[str, tuple[float, str]]
"""From a metric's name to its value and its unit, as CloudWatch spells it."""
Counted = Callable[[Values], dict[str, Any]]
"""Gives the extra fields of a log line by which its values are counted."""


def embedded(at: datetime, stack: str, dimension: tuple[str, str] | None, values: Values) -> dict[str, Any]:
    """The extra fields that make CloudWatch count what a log line says.

    CloudWatch charges $0.30 a month for each metric and value of a dimension. So all are counted for the stack, and
    only the first one for each value of ``dimension``: 80 routes with one metric are $24 a month, with three $72.

    Args:
        stack: its name, so that two stacks of an account stay apart.
        dimension: name and value, such as the route; few and bounded. None for what is counted for the stack alone.
        values: from a metric's name to its value and unit, such as ``{"duration_ms": (12, "Milliseconds")}``.
    """
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    directives = [{"Namespace": NAMESPACE, "Dimensions": [["stack"]], "Metrics": metrics}]
    told: dict[str, Any] = {"stack": stack}
    if dimension is not None:
        name, told[name] = dimension[0], dimension[1]
        directives.append({"Namespace": NAMESPACE, "Dimensions": [["stack", name]], "Metrics": metrics[:1]})
    return {
        "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": directives},
        **told,
        **{metric: number for metric, (number, _) in values.items()},
    }
