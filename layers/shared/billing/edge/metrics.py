"""Metrics inside the one log line of a request: CloudWatch's embedded metric format.

Powertools' Metrics would print a line of its own for each request. Source: CloudWatch User Guide, "Embedded metric
format specification".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

NAMESPACE = "Ledgerline"


def embedded(at: datetime, dimensions: Mapping[str, str], values: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
    """The extra fields that make CloudWatch count what a log line says.

    Args:
        dimensions: such as the route; few and bounded, for each combination is a metric of its own.
        values: from a metric's name to its value and unit, such as ``{"Duration": (12, "Milliseconds")}``.
    """
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        **dimensions,
        **{name: value for name, (value, _) in values.items()},
    }
