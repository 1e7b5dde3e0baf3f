"""The product's Lambda functions, called as AWS calls them: with events from ``events/``, by the template's routes."""

import base64
import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from local.stack.routes import api_routes, template

Json = dict[str, Any]
EVENTS = Path(__file__).parents[2] / "events"


@cache
def _event_text(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text()


def event(name: str) -> Json:
    """A fresh copy of a sample event."""
    loaded: Json = json.loads(_event_text(name))
    return loaded


before_each: list[Callable[[], None]] = []
"""What happens before each call."""


class Context:
    """What Lambda passes beside the event."""

    function_name = "ledgerline-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:ledgerline-test"
    aws_request_id = "5f0c6a0e-6f2d-4f0c-9d0e-1a2b3c4d5e6f"

    def get_remaining_time_in_millis(self) -> int:
        """As at the start of a worker's minute."""
        return 60_000


@dataclass(frozen=True)
class Answer:
    """A handler's response, as a client sees it."""

    status: int
    headers: dict[str, str]
    content: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)

    @property
    def data(self) -> Any:
        """``data`` of the envelope; what went wrong where there is none."""
        assert "data" in self.json, self.json
        return self.json["data"]

    @property
    def error(self) -> Json:
        """``error`` of the body."""
        found: Json = self.json["error"]
        return found

    @property
    def bad_fields(self) -> dict[str, str]:
        """The reasons by field of ``details``."""
        return {detail["field"]: detail["reason"] for detail in self.error["details"]}


@cache
def _routes() -> list[tuple[re.Pattern[str], int, str]]:
    """The template's routes: pattern, how general it is, and the function's folder."""
    document = template()
    found = []
    for logical_id, keys in api_routes(document).items():
        folder = Path(document["Resources"][logical_id]["Properties"]["CodeUri"]).name
        for key in keys:
            path = "/{proxy+}" if key == "$default" else key.partition(" ")[2]
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path).replace(re.escape("{proxy+}"), ".+"))
            general = 2 * path.count("+}") + path.count("{") + (key == "$default") * 100
            found.append((re.compile(pattern), general, folder))
    return sorted(found, key=lambda route: route[1])


def function_of(path: str) -> str:
    """The folder of the function that the template routes a path to; a slash at its end is nothing to the gateway."""
    plain = path.rstrip("/") or "/"
    return next((folder for pattern, _, folder in _routes() if pattern.fullmatch(plain)), "service")


def invoke(group: str, lambda_event: Json) -> Json:
    """Call a Lambda."""
    for prepare in before_each:
        prepare()
    handler = importlib.import_module(f"functions.{group}.handler")
    answer: Json = handler.lambda_handler(lambda_event, Context())
    return answer


def http_event(
    method: str,
    path: str,
    *,
    key: str | None = None,
    idempotency_key: str | None = None,
    body: str | bytes | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Json:
    """An API Gateway event (payload 2.0) from ``events/http_*.json``."""
    made = event("http_get" if method == "GET" else "http_post")
    http = made["requestContext"]["http"]
    made["rawPath"] = http["path"] = path
    http["method"] = method
    made["rawQueryString"] = query
    made.pop("queryStringParameters", None)
    if query:
        # As API Gateway does in payload 2.0: what is there several times is joined by commas.
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            values.setdefault(name, []).append(value)
        made["queryStringParameters"] = {name: ",".join(each) for name, each in values.items()}
    made.pop("body", None)
    if isinstance(body, bytes):
        made |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    elif body is not None:
        made["body"] = body
    for name, value in {"x-api-key": key, "idempotency-key": idempotency_key}.items():
        made["headers"].pop(name, None)
        if value is not None:
            made["headers"][name] = value
    made["headers"] |= headers or {}
    return made


def request(lambda_event: Json) -> Answer:
    """Send an HTTP event to the function that the template routes it to."""
    raw = invoke(function_of(lambda_event["rawPath"]), lambda_event)
    encoded = raw.get("isBase64Encoded", False)
    content = base64.b64decode(raw["body"]) if encoded else raw["body"].encode()
    return Answer(raw["statusCode"], raw["headers"], content, tuple(raw.get("cookies", ())))
