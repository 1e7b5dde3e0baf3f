"""Canaries: words that are planted in what a caller sends, and looked for in what the product says.

Three words, by what may be done with them:

- ``FIELD`` is in fields: names, emails, addresses, ids, codes. Its caller may be told what was wrong with it, nobody
  else may.
- ``SECRET`` is in credentials and tokens: nobody may be told, not even its caller.
- ``OUTSIDE`` is in what a broken dependency says: nobody may be told.
"""

import io
import itertools
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.integration.access.test_15_every_route import DOCUMENT, Route
from tests.integration.access.test_privacy import readable
from tests.integration.world import Answer, Json, World

FIELD, SECRET, OUTSIDE = "quietfinch", "hushedwren", "mutedrobin"
Place = tuple[str | int, ...]
_numbers = itertools.count(1000)


def field(name: str = "") -> str:
    """A value for a field of a name, of the form that such a field has; no two are the same."""
    word = f"{FIELD}{next(_numbers)}"
    if "email" in name.lower():
        return f"{word}@private.example"
    return f"https://{word}.example/done" if name.lower().endswith(("url", "uris", "uri")) else word


def secret(prefix: str = "") -> str:
    """A credential."""
    return f"{prefix}{SECRET}{next(_numbers)}"


def headers() -> dict[str, str]:
    """What a caller may send beside a key, where nothing in it makes the call another one."""
    return {
        "cookie": f"__Host-session={secret()}; other={secret()}",
        "referer": f"https://app.example/?code={secret()}",
        "user-agent": f"curl/{field()}",
        "x-forwarded-for": field(),
        "x-request-id": field(),
        "traceparent": field(),
        "x-canary": secret(),
    }


def says(text: str, *words: str) -> str:
    """Where a text has one of the words, in any case, escaped, in base64 or in hex; empty where it does not."""
    for word in words:
        for form in (word, word.upper(), word.capitalize()):
            if readable(text, form):
                at = text.lower().find(word)
                return f"{word}: {text[max(at - 200, 0) : at + 60]}"
    return ""


def whole(answer: Answer) -> str:
    """All that an answer says: its body, headers and cookies."""
    return answer.content.decode(errors="replace") + json.dumps(answer.headers) + "".join(answer.cookies)


# Every field


def places(route: Route) -> list[Place]:
    """Where a route's body has a field, by the document: ``("address", "city")``, ``("lines", 0, "description")``."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return [place for place in _leaves(schema) if place] if schema else []


@cache
def _resolved(reference: str) -> Json:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def _leaves(schema: Json, depth: int = 0) -> list[Place]:
    if "$ref" in schema:
        return _leaves(_resolved(schema["$ref"]), depth + 1) if depth < 8 else [()]
    found: dict[Place, None] = {}
    for choice in (each for kind in ("anyOf", "oneOf", "allOf") for each in schema.get(kind, ())):
        found |= dict.fromkeys(_leaves(choice, depth + 1))
    for name, inner in schema.get("properties", {}).items():
        found |= dict.fromkeys((name, *rest) for rest in _leaves(inner, depth + 1))
    if isinstance(schema.get("items"), dict):
        found |= dict.fromkeys((0, *rest) for rest in _leaves(schema["items"], depth + 1))
    if schema.get("additionalProperties") or schema.get("patternProperties"):
        found[field(),] = None  # a name that the caller chooses is a place, too
    deeper = [place for place in found if place]
    return deeper or [()]


def planted(example: Json | None, place: Place) -> Json:
    """The document's example, with a canary at a place."""
    body = deepcopy(example or {})
    here: Any = body
    for step, following in itertools.pairwise(place):
        if isinstance(step, int):
            here[:] = here or [None]
        holder = [] if isinstance(following, int) else {}
        inner = here[step] if isinstance(step, int) else here.get(step)
        here[step] = inner if isinstance(inner, type(holder)) else holder
        here = here[step]
    last = place[-1]
    name = str(next((each for each in reversed(place) if isinstance(each, str)), ""))
    if isinstance(last, int):
        here[:] = [field(name)]
    else:
        here[last] = field(name)
    return body


# What is heard


@dataclass
class Heard:
    """What the product has said to others than its callers."""

    world: World
    root: io.StringIO

    def everything(self) -> str:
        """Its log lines (the metrics are in them), what its libraries logged, audit rows, and messages."""
        return "\n".join([self.world.logs.text, self.root.getvalue(), self.audit(), *self.messages()])

    def audit(self) -> str:
        """The audit rows that were written."""
        return json.dumps([item for table, item in self.world.items if table == self.world.tables["audit"]])

    def messages(self) -> list[str]:
        """What the workers were sent, which a dead-letter queue keeps as it is; but for usage events."""
        return list(self.world.queued())

    def silent(self, *words: str) -> None:
        """Nothing of it has one of the words."""
        found = says(self.everything(), *words)
        assert not found, found


@contextmanager
def listening(world: World) -> Iterator[Heard]:
    """From here on; the root logger's warnings are what Lambda would print of the libraries' lines."""
    world.logs.clear()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield Heard(world, stream)
    finally:
        logging.getLogger().removeHandler(handler)
