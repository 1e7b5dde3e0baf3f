"""Issue 21, number 3: the dashboard and the alarms show only metrics that are there."""

import ast
import json
import re
from functools import cache
from typing import Any

import pytest

from local.stack.settings import ROOT
from tests.support.transformed import of_type, said, transformed

OF_AWS = {
    "AWS/SQS": (
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent"}, "QueueName",
    ),
    "AWS/Lambda": (
        {"Invocations", "Duration", "Errors", "Throttles", "IteratorAge", "Url5xxCount"}, "FunctionName",
    ),
}  # fmt: skip
"""What AWS counts, and by which dimension. Sources: "Available CloudWatch metrics for Amazon SQS", "Types of metrics
for Lambda functions", "Lambda function URLs: monitoring"."""
UNITS = {"Count", "Seconds", "Milliseconds"}
Metric = tuple[str, str, tuple[str, ...]]


@cache
def emitted() -> set[str]:
    """The names that the code counts: keys of dicts whose values are a number and its unit."""
    found = set()
    for path in (ROOT / "layers" / "shared" / "billing").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                found |= {str(key.value) for key, value in pairs if isinstance(key, ast.Constant) and _counted(value)}
    return found


def _counted(value: ast.expr) -> bool:
    if not isinstance(value, ast.Tuple) or len(value.elts) != 2:
        return False
    unit = value.elts[1]
    return isinstance(unit, ast.Constant) and unit.value in UNITS


def filtered() -> set[str]:
    """The metrics that are made of log lines."""
    filters = of_type("AWS::Logs::MetricFilter").values()
    found = [each for every in filters for each in every["Properties"]["MetricTransformations"]]
    assert {each["MetricNamespace"] for each in found} == {"Ledgerline"}
    return {said(each["MetricName"]) for each in found}


def of_alarms() -> list[Metric]:
    alarms = [each["Properties"] for each in of_type("AWS::CloudWatch::Alarm").values()]
    return [
        (each["Namespace"], said(each["MetricName"]), tuple(name["Name"] for name in each.get("Dimensions", [])))
        for each in alarms
    ]


def body() -> dict[str, Any]:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    loaded: dict[str, Any] = json.loads(dashboard["Properties"]["DashboardBody"]["Fn::Sub"])
    return loaded


def of_dashboard() -> list[Metric]:
    lines = [line for widget in body()["widgets"] for line in widget["properties"]["metrics"]]
    return [(line[0], line[1].replace("${", "").replace("}", ""), tuple(line[2::2])) for line in lines]


@pytest.mark.parametrize("metric", sorted({*of_alarms(), *of_dashboard()}), ids=str)
def test_a_metric_that_is_looked_at_is_one_that_somebody_counts(metric: Metric) -> None:
    namespace, name, dimensions = metric
    if namespace in OF_AWS:
        names, dimension = OF_AWS[namespace]
        assert name in names
        assert dimensions == (dimension,) or (name, dimensions) == ("Throttles", ())  # the account's
    else:
        assert namespace == "Ledgerline"
        assert name in (emitted() if dimensions else filtered())
        assert dimensions in ((), ("stack",), ("stack", "worker"))


def test_what_the_code_counts_is_on_the_dashboard() -> None:
    assert emitted() == {
        name for namespace, name, dimensions in of_dashboard() if namespace == "Ledgerline" and dimensions
    }


def test_every_worker_by_whose_name_is_counted_is_shown() -> None:
    handlers = [path.read_text() for path in (ROOT / "functions").glob("*_worker/handler.py")]
    named = {name for text in handlers for name in re.findall(r'counted\(\("worker", "(\w+)"\)\)', text)}
    lines = [line for widget in body()["widgets"] for line in widget["properties"]["metrics"]]
    assert {line[line.index("worker") + 1] for line in lines if "worker" in line} == named


def test_every_route_group_queue_and_dead_letter_is_on_it() -> None:
    text = json.dumps(body())
    names = {name for name in transformed()["Resources"] if f"{name}Permission" not in name}
    groups = {
        each["Properties"]["FunctionName"]["Ref"].removesuffix("Aliaslive")
        for each in of_type("AWS::Lambda::Permission").values()
        if each["Properties"]["Principal"] == "apigateway.amazonaws.com"
    }
    shown = set(re.findall(r"\$\{(\w+)(?:\.QueueName)?\}", text))
    queues = {each for each in of_type("AWS::SQS::Queue") if each != "StreamFailures"}
    assert groups <= shown
    assert queues <= shown <= names


def test_it_is_made_only_where_it_is_wanted() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    assert dashboard["Condition"] == "HasDashboard"
    assert transformed()["Parameters"]["CloudWatchDashboard"]["Default"] == "false"  # $3 a month
    row_y = [widget["y"] for widget in body()["widgets"]]
    assert row_y == sorted(row_y)
    assert all(widget["x"] + widget["width"] <= 24 for widget in body()["widgets"])
