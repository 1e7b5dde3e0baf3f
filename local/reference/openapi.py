"""`make openapi`: the OpenAPI 3.1 document of the whole API, and the table of scopes, from the handlers.

Parameters and request bodies are what Powertools reads from the handlers' signatures; responses, headers and
errors are added from each route's documentation (``edge/http/api.py``) and the error catalogue. Nothing calls
AWS.

Written: functions/service/openapi.json, which is served; docs/openapi.json, the same bytes for readers of the
repository (a function's package holds only its own folder); docs/scopes.md. `--check` exits 1 if one is stale.
"""

import argparse
import importlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from local.console import say
from local.reference import openapi_oauth, openapi_payer, openapi_portal
from local.reference.openapi_events import event_types, webhooks
from local.reference.openapi_examples import EXAMPLES
from local.reference.openapi_parts import (
    ALWAYS,
    CHARGES,
    COUNTED,
    DESCRIPTION,
    ENVELOPE,
    FILES,
    HEADERS,
    PARAMETERS,
    READS_BY_BODY,
    READS_OF_STATE,
    REASONS,
    REF,
    SECURITY,
    TAGS,
    UNPROCESSABLE_READS,
)
from local.reference.openapi_webhooks import OUTCOME, WEBHOOKS
from local.stack.settings import ROOT

DOCUMENT = ROOT / "docs" / "openapi.json"
SERVED = ROOT / "functions" / "service" / "openapi.json"
SCOPES = ROOT / "docs" / "scopes.md"
SHARED = ROOT / "layers" / "shared"

# Handlers read these at import; none of them is used for a call.
ENVIRONMENT = {
    "KMS_KEY_ID": "documentation",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "documentation",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
WRITES = {"post", "patch", "put", "delete"}
ROOT_ONLY: dict[str, Any] = {"servers": [{"url": "/"}]}


@dataclass(frozen=True)
class Route:
    """One route with everything that is known of it."""

    group: str
    method: str
    path: str
    operation: dict[str, Any]
    documentation: Any

    @property
    def id(self) -> str:
        """The handler's name."""
        return str(self.operation["operationId"])

    @property
    def scope(self) -> str | None:
        """The scope that the route asks for; the edge writes it into the operation's description."""
        found = re.search(r"Needs the scope `([^`]+)`", self.operation["description"])
        return found.group(1) if found else None


def groups() -> list[str]:
    """The folders of functions, in order."""
    return sorted(each.parent.name for each in (ROOT / "functions").glob("*/handler.py"))


def handlers() -> Iterator[tuple[str, Any]]:
    """Every handler module that serves HTTP routes, with the group's name."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for folder in (str(ROOT), str(SHARED)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    for group in groups():
        module = importlib.import_module(f"functions.{group}.handler")
        if hasattr(module, "api"):
            yield group, module


def routes() -> tuple[list[Route], dict[str, Any]]:
    """Every route in order of path and method, and the schemas of the request bodies."""
    found: list[Route] = []
    schemas: dict[str, Any] = {}
    for group, module in handlers():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one handler under two paths is no accident here
            text = module.api.app.get_openapi_json_schema(openapi_version="3.1.0")
        powertools = json.loads(text)
        schemas |= powertools["components"]["schemas"]
        for entry in module.api.documentation:
            operation = powertools["paths"][entry.path][entry.method.lower()]
            found.append(Route(group, entry.method.lower(), entry.path, operation, entry))
    found.sort(key=lambda route: (_tag(route), route.path, "get post patch put delete".index(route.method)))
    return found, schemas


def document() -> dict[str, Any]:
    """The whole OpenAPI document."""
    found, schemas = routes()
    paths: dict[str, Any] = {}
    for route in found:
        item = paths.setdefault(route.path, {} if route.path.startswith("/v1/") else dict(ROOT_ONLY))
        item[route.method] = _operation(route)
    paths |= openapi_oauth.PATHS | openapi_payer.PATHS | openapi_portal.PATHS | WEBHOOKS
    events, about = webhooks()
    schemas |= about | _answers(found) | ENVELOPE | openapi_oauth.SCHEMAS
    schemas |= {"WebhookOutcome": OUTCOME, "EventType": event_types()}
    responses = openapi_oauth.RESPONSES | openapi_payer.RESPONSES | openapi_portal.RESPONSES
    used = _used([paths, events, responses, ENVELOPE["Error"]], schemas) | {"Error", "EventType"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ledgerline",
            "version": "1.0",
            "summary": "Subscription billing",
            "description": DESCRIPTION,
        },
        "servers": [
            {"url": "/api", "description": "/api/v1/..."},
            {"url": "/", "description": "/v1/...: the same routes"},
        ],
        "x-errors": _errors(),
        "tags": [{"name": name, "description": text} for name, text in (TAGS | openapi_oauth.TAG).items()],
        "paths": paths,
        "webhooks": events,
        "components": {
            "schemas": {name: _plain(schemas[name]) for name in sorted(used)},
            "responses": {f"Error{status}": _failure(status) for status in REASONS} | responses,
            "parameters": PARAMETERS,
            "headers": HEADERS | openapi_oauth.HEADERS,
            "securitySchemes": SECURITY | openapi_oauth.SECURITY,
        },
    }


def _tag(route: Route) -> str:
    if route.group == "service":
        return "service"
    parts = route.path.split("/")[2:]
    # A tenant's subscriptions are subscriptions.
    return parts[2] if len(parts) == 3 and parts[0] == "tenants" else parts[0]


def _operation(route: Route) -> dict[str, Any]:
    tag = _tag(route)
    assert tag in TAGS, f"{route.path}: say in TAGS what {tag} is"
    source = route.operation
    needs = list(filter(None, [route.scope]))
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": source["summary"],
        "description": _description(route),
        "operationId": route.id if route.path.startswith("/v1/") else f"{route.id}_at_root",
        "security": [] if route.documentation.public else [{name: needs} for name in ("apiKey", "oauth2")],
    }
    parameters = [_parameter(each) for each in source.get("parameters", [])]
    if not route.documentation.public:
        names = ["IdempotencyKey"] if route.method in WRITES else []
        names += ["IfMatch"] if route.method in WRITES and route.documentation.versioned else []
        parameters += [_ref("parameters", name) for name in [*names, "ApiVersion", "TenantId", "UserId", "Signature"]]
    if parameters:
        operation["parameters"] = parameters
    if "requestBody" in source:
        operation["requestBody"] = _body(route)
    operation["responses"] = (
        {str(route.documentation.status): _success(route)}
        | _accepted(route)
        | {str(status): _ref("responses", f"Error{status}") for status in _statuses(route)}
    )
    return operation


def _description(route: Route) -> str:
    text = str(route.operation["description"])
    limit = route.documentation.limit
    if limit is not None:
        text += f" At most {limit.per_minute} a minute for each user, with the other routes of its kind."
    return text


def _parameter(source: dict[str, Any]) -> dict[str, Any]:
    schema = _plain(source["schema"])
    # A query parameter is there or not; it is never null.
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    schema = kinds[0] if len(kinds) == 1 else schema
    described = {"description": source["description"]} if "description" in source else {}
    return {
        "name": source["name"],
        "in": source["in"],
        "required": source["required"],
        **described,
        "schema": schema,
    }


def _body(route: Route) -> dict[str, Any]:
    source = route.operation["requestBody"]
    schema = _plain(source["content"]["application/json"]["schema"])
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    content: dict[str, Any] = {"schema": kinds[0] if len(kinds) == 1 else schema}
    if route.id in EXAMPLES:
        content["example"] = EXAMPLES[route.id]
    return {"required": bool(source.get("required", False)), "content": {"application/json": content}}


def _success(route: Route) -> dict[str, Any]:
    entry = route.documentation
    headers = dict(ALWAYS)
    if not entry.public:
        headers |= COUNTED
    if route.method in WRITES:
        headers["Idempotent-Replayed"] = "IdempotentReplayed"
    if entry.answers is not None and not entry.many and "version" in entry.answers.model_fields:
        headers["ETag"] = "ETag"
    if entry.answers is None:
        content: dict[str, Any] = {FILES[route.id]: {"schema": _file_schema(FILES[route.id])}}
    else:
        content = {"application/json": {"schema": _enveloped((entry.answers, entry.summary), entry.many)}}
    words = {200: "Done.", 201: "Made.", 202: "Taken on; it will be done."}
    return {"description": words[entry.status], "headers": _headers(headers), "content": content}


def _accepted(route: Route) -> dict[str, Any]:
    shape = route.documentation.or_accepts
    if shape is None:
        return {}
    content = {"application/json": {"schema": _enveloped((shape,), False)}}
    headers = _headers(ALWAYS | COUNTED | {"Location": "Location"})
    return {"202": {"description": "Too long for a request: a run makes it.", "headers": headers, "content": content}}


def _file_schema(content_type: str) -> dict[str, Any]:
    if content_type == "application/json":
        return {"type": "object"}
    return {"type": "string"} if content_type.startswith("text/") else {"type": "string", "format": "binary"}


def _enveloped(models: Iterable[type[BaseModel] | None], many: bool) -> dict[str, Any]:
    shapes = [{"$ref": REF.format(model=model.__name__)} for model in models if model]
    one: dict[str, Any] = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    return {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {
            "data": {"type": "array", "items": one} if many else one,
            "meta": {"$ref": REF.format(model="ListMeta" if many else "Meta")},
        },
        "additionalProperties": False,
    }


def _statuses(route: Route) -> list[int]:
    """The errors that a route can answer with."""
    if route.documentation.public:
        return [500]
    found = {400, 401, 403, 429, 500, 503}
    names = {each["name"] for each in route.operation.get("parameters", ())}
    if "{" in route.path or route.id in READS_BY_BODY or "testClock" in names:
        found.add(404)
    if route.method in WRITES:
        found |= {409, 413, 422}
        if route.documentation.versioned:
            found.add(412)
    if route.id in UNPROCESSABLE_READS:
        found.add(422)
    if route.id in READS_OF_STATE:
        found.add(409)
    if route.id in CHARGES:
        found |= {402, 502}
    return sorted(found)


def _failure(status: int) -> dict[str, Any]:
    headers = ALWAYS | (COUNTED if status == 429 else {})
    if status in (409, 429, 503):
        headers = headers | {"Retry-After": "RetryAfter"}
    if status in (401, 403):
        headers = headers | {"WWW-Authenticate": "WwwAuthenticate"}
    codes = ", ".join(f"`{code}`" for code in _codes(status))
    return {
        "description": f"{REASONS[status]}: {codes}.",
        "headers": _headers(headers),
        "content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}},
    }


def _codes(status: int) -> list[str]:
    from billing.domain.kernel.errors import catalogue  # importable only after handlers()

    # What only a webhook answers, and the bases that nobody raises, are no codes of a route.
    unseen = {"webhook.rejected", "route.not_found", "bad_request", "payment.required", "unprocessable"}
    return [error.code for error in catalogue() if error.status == status and error.code not in unseen]


def _errors() -> list[dict[str, Any]]:
    """Every error, for the page that ``documentation_url`` leads to."""
    from local.reference.errors_page import anchor_of, catalogue

    return [
        {"status": each.status, "code": each.code, "anchor": anchor_of(each), "explanation": each.explanation}
        for each in catalogue()
    ]


def _headers(names: dict[str, str]) -> dict[str, Any]:
    return {name: _ref("headers", component) for name, component in names.items()}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _answers(found: list[Route]) -> dict[str, Any]:
    """The schemas of every response model, as it is sent."""
    models = {
        each
        for route in found
        for each in (route.documentation.answers, route.documentation.summary, route.documentation.or_accepts)
    } - {None}
    ordered: list[type[BaseModel]] = sorted(models, key=lambda model: str(model.__name__))
    _, definitions = models_json_schema([(model, "serialization") for model in ordered], ref_template=REF)
    return dict(definitions["$defs"])


def _used(places: list[Any], schemas: dict[str, Any]) -> set[str]:
    """The schemas that a path reaches: Powertools brings some of its own that no response has."""
    found: set[str] = set()
    pending = list(places)
    while pending:
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(pending.pop())):
            if name not in found:
                found.add(name)
                pending.append(schemas[name])
    return found


def _plain(value: Any) -> Any:
    """A schema without the titles that pydantic makes of names, and with whole numbers as integers."""
    if isinstance(value, dict):
        # A property may be called title; then its value is a schema.
        kept = {key: each for key, each in value.items() if key != "title" or not isinstance(each, str)}
        if kept.get("default") == "" and kept.get("minLength"):
            del kept["default"]  # it stands for "not there", and could not be sent
        return {key: _plain(each) for key, each in kept.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def scopes_page() -> str:
    """docs/scopes.md: each route with the scope that it needs."""
    lines = [
        "# Routes and scopes",
        "",
        "Written by `make openapi` from the handlers; do not edit. Every `/v1/...` is also `/api/v1/...`.",
        "",
        "A key's own scope decides what it may do: `read` has `billing:read`; `write` has `billing:write`,",
        "`subscriptions:manage` and `payments:process` too; `admin` has `billing:admin` as well. `platform`",
        "is the scope of the operator's own keys (`python -m local.stack.platform_key`); they have all of `admin`.",
        "",
        "Whose things a call is about is said by its credential: a path or a header that names another tenant is 403,",
        "and another tenant's id is as one that nobody has. Every call counts against the limits of its credential",
        "(1,000 or 10,000 a minute, by the tenant's tier; twice the rate in 10 seconds); *limit* is what the route has",
        "beside that, for each user and minute. `tests/integration/access/test_15_every_route.py` calls each of these",
        "routes as one who may not.",
        "",
        "| method | path | scope | tenant | limit | audit log | function |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    found, _ = routes()
    for route in found:
        asked = route.documentation
        scope = (
            f"`{route.scope}`" if route.scope else f"none: open to {'everybody' if asked.public else 'any credential'}"
        )
        limit = f"{asked.limit.per_minute}, `{asked.limit.letter}`" if asked.limit else ""
        cells = [scope, _whose(route), limit, "no" if asked.public else "yes", route.group]
        lines.append(f"| {route.method.upper()} | `{route.path}` | {' | '.join(cells)} |")
    lines += openapi_oauth.lines_of_scopes() + openapi_payer.lines_of_scopes() + openapi_portal.lines_of_scopes()
    lines += [
        "| POST | `/webhooks/stripe` | Stripe's signature; a function URL | the event's |  | yes | stripe_webhook |",
        "",
    ]
    return "\n".join(lines)


def _whose(route: Route) -> str:
    """Whose things a route is about."""
    if route.documentation.public:
        return ""
    if "{tid}" in route.path:
        return "the path's, which is the credential's" + (
            ", or any for the platform" if route.group == "tenants" else ""
        )
    return "the platform" if route.scope == "platform" else "the credential's"


def outputs() -> dict[Any, str]:
    """The files and what belongs into them."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    return {SERVED: text, DOCUMENT: text, SCOPES: scopes_page()}


def main() -> int:
    """Write the files, or look whether they are as they should be."""
    parser = argparse.ArgumentParser(description="Writes the OpenAPI document and the table of scopes.")
    parser.add_argument("--check", action="store_true", help="only look; exit 1 when a file is stale")
    only_look = parser.parse_args().check
    stale = False
    for path, text in outputs().items():
        name = path.relative_to(ROOT)
        if path.exists() and path.read_text() == text:
            continue
        if only_look:
            print(f"error: {name} is stale: make openapi", file=sys.stderr)
            stale = True
        else:
            path.write_text(text)
            say(f"wrote {name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
