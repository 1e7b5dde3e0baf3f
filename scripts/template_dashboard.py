"""The dashboard of the template, from what infra/dashboard.yaml says of it."""

import json
from collections.abc import Iterable, Mapping

from ruamel.yaml.comments import CommentedMap

from scripts.template_yaml import Json, tagged

_WIDTH, _HEIGHT = 24, 6
"""Of a row, in CloudWatch's units."""


def dashboard(says: CommentedMap, parts: Mapping[str, CommentedMap], answers: set[str]) -> CommentedMap:
    """The resource: a page of graphs, whose body is JSON in which CloudFormation puts the names.

    Args:
        says: ``condition`` and ``rows`` of graphs; a graph with ``each`` has its lines for each of many things.
        parts: all of the template's, for their functions and queues.
        answers: keys of the functions that are shown.
    """
    functions = {name: each for part in parts.values() for name, each in part.get("functions", {}).items()}
    queues = [name for part in parts.values() for name in part.get("queues", {})]
    everything = {
        "functions": [f"${{{each}Function}}" for each, said in functions.items() if set(said) & answers],
        "queues": [f"${{{each}Queue.QueueName}}" for each in queues],
        "dead_letters": [f"${{{each}DeadLetters.QueueName}}" for each in queues],
    }
    body = json.dumps({"widgets": _graphs(says["rows"], everything)}, separators=(",", ":"))
    properties = CommentedMap(DashboardName=tagged("!Ref", "AWS::StackName"), DashboardBody=tagged("!Sub", body))
    return CommentedMap(Type="AWS::CloudWatch::Dashboard", Condition=says["condition"], Properties=properties)


def _graphs(rows: Iterable[Iterable[CommentedMap]], everything: Mapping[str, list[str]]) -> list[Json]:
    """All graphs; those of a row share its width."""
    made: list[Json] = []
    for y, row in enumerate(rows):
        graphs = list(row)
        width = _WIDTH // len(graphs)
        for x, graph in enumerate(graphs):
            place = {"x": x * width, "y": y * _HEIGHT, "width": width, "height": _HEIGHT}
            made.append({"type": "metric", **place, "properties": _properties(graph, everything)})
    return made


def _properties(graph: CommentedMap, everything: Mapping[str, list[str]]) -> Json:
    names = everything[graph["each"]] if "each" in graph else [""]
    lines = [[part.replace("${each}", name) for part in line] for line in graph["lines"] for name in names]
    same = {"period": 60, "region": "${AWS::Region}", "view": "timeSeries"}
    return {"title": graph["title"], "stat": graph["stat"], **same, "metrics": lines}
