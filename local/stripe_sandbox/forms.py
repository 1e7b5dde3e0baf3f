"""Form bodies as Stripe reads them: bracket nesting, then values coerced by the schema."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from local.stripe_sandbox.errors import InvalidRequestError

Json = dict[str, Any]

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"^-?\d{1,18}$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def parse(text: str) -> Json:
    """Bracket-nested pairs as a tree of dicts; array items are keyed by their index, as text.

    >>> parse("metadata[a]=b&expand[]=customer&expand[]=latest_charge")
    {'metadata': {'a': 'b'}, 'expand': {'0': 'customer', '1': 'latest_charge'}}
    """
    tree: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = _KEY.match(key)
        if match is None:
            raise InvalidRequestError(f"Invalid parameter name: {key}", param=key)
        _insert(tree, [match[1], *_PART.findall(match[2])], value, key)
    return tree


def _insert(tree: Json, parts: list[str], value: str, key: str) -> None:
    node = tree
    for part in parts[:-1]:
        child = node.setdefault(part or str(len(node)), {})
        if not isinstance(child, dict):
            raise InvalidRequestError(f"Invalid hash: {key}", param=key)
        node = child
    node[parts[-1] or str(len(node))] = value


def name_of(path: list[str | int]) -> str:
    """``['items', 0, 'x']`` as Stripe names it: ``items[0][x]``."""
    return "".join(str(part) if i == 0 else f"[{part}]" for i, part in enumerate(path))


class Coercion:
    """Texts become what the schema says; what does not fit stays text, for the validator to name.

    ``empties`` are the places where an empty text stands though the schema has no "unset" there.
    """

    def __init__(self) -> None:
        self.empties: list[str] = []

    def run(self, value: Any, schema: Json, path: list[str | int]) -> Any:
        """The coerced value."""
        if "anyOf" in schema:
            return self._any_of(value, schema["anyOf"], path)
        kind = schema.get("type")
        if kind == "object" and isinstance(value, dict):
            return self._object(value, schema, path)
        if kind == "array" and isinstance(value, dict) and all(key.isdigit() for key in value):
            items = [value[key] for key in sorted(value, key=int)]
            return [self.run(item, schema.get("items", {}), [*path, i]) for i, item in enumerate(items)]
        if isinstance(value, str):
            return self._scalar(value, schema, path)
        return value

    def _object(self, value: Json, schema: Json, path: list[str | int]) -> Json:
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
        fallback = extra if isinstance(extra, dict) else {}
        return {key: self.run(item, properties.get(key, fallback), [*path, key]) for key, item in value.items()}

    def _any_of(self, value: Any, branches: list[Json], path: list[str | int]) -> Any:
        if value == "" and any("" in branch.get("enum", ()) for branch in branches):
            return ""
        return self.run(value, _best_branch(value, branches), path)

    def _scalar(self, value: str, schema: Json, path: list[str | int]) -> Any:
        kind = schema.get("type")
        if kind == "integer" and _INTEGER.match(value):
            return int(value)
        if kind == "number" and _NUMBER.match(value):
            return float(value)
        if kind == "boolean" and value in {"true", "false"}:
            return value == "true"
        if value == "" and "" not in schema.get("enum", ()):
            self.empties.append(name_of(path))
        return value


def _best_branch(value: Any, branches: list[Json]) -> Json:
    """The branch of an ``anyOf`` that the value's form asks for, such as a range or an integer."""
    by_type = {branch.get("type"): branch for branch in reversed(branches)}
    if isinstance(value, dict):
        wanted = ["array", "object"] if all(key.isdigit() for key in value) else ["object", "array"]
    elif _INTEGER.match(str(value)):
        wanted = ["integer", "number", "string"]
    elif value in {"true", "false"}:
        wanted = ["boolean", "string"]
    else:
        wanted = ["string", "boolean", "integer"]
    return next((by_type[kind] for kind in wanted if kind in by_type), branches[0])
