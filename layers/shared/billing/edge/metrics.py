"""Metrics inside the one log line of a request: CloudWatch's embedded metric format.

Powertools' Metrics would print a line of its own for each request. Source: CloudWatch User Guide, "Embedded metric
format specification".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

NAMESPACE = "Ledgerline"


def embedded(
    at: datetime, stage: str, dimension: tuple[str, str], values: Mapping[str, tuple[float, str]]
) -> dict[str, Any]:
    """The extra fields that make CloudWatch take metrics from a log line.

    Args:
        stage: every metric is counted for the stage as a whole too; alarms look at that.
        dimension: name and value, such as the route; few and bounded, because each is a metric of its own.
        values: by name, a metric's value and unit, such as ``{"Duration": (12, "Milliseconds")}``.
    """
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    name, value = dimension
    directive = {"Namespace": NAMESPACE, "Dimensions": [["stage"], ["stage", name]], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        "stage": stage,
        name: value,
        **{metric: number for metric, (number, _) in values.items()},
    }
