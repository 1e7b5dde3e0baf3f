"""The OpenAPI document says what the API does: it is fresh, complete, deployable as it stands, and answers fit it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from local.stack.routes import api_routes, template

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
METHODS = {"get", "post", "patch", "put", "delete"}
WEBHOOKS = {"/webhooks/stripe", "/webhooks/tax-provider"}
FORMS = {path for path in DOCUMENT["paths"] if path.startswith(("/oauth2/", "/.well-known/", "/pay/", "/portal"))}
"""What takes forms and answers with pages, or as RFC 6749 says: its answers are looked at by
tests/integration/access/test_15_schemathesis.py."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Another process: handlers read the environment at import, and other tests want other environments."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TABLES"))}
    env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'shared'}"
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference names."""
    if "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


CHECK_AND_LIST_ROUTES = """
import json, sys
from local.reference import openapi_oauth, openapi_payer, openapi_portal
from local.reference.openapi import handlers, main
stale = main()
found = [[g, r.method.lower(), r.path] for g, m in handlers() for r in m.api.documentation]
found += openapi_oauth.routes() + openapi_payer.routes() + openapi_portal.routes()
print(json.dumps(found))
sys.exit(stale)
"""


@pytest.fixture(scope="module")
def looked() -> subprocess.CompletedProcess[str]:
    """What ``make openapi`` would find stale, and every route: of one process, for it takes seconds to import all
    handlers."""
    return run("-c", CHECK_AND_LIST_ROUTES, "--check")


def test_document_and_scopes_are_not_stale(looked: subprocess.CompletedProcess[str]) -> None:
    assert looked.returncode == 0, looked.stderr


def test_what_is_served_is_what_is_documented() -> None:
    served = ROOT / "functions" / "service" / "openapi.json"
    assert served.read_bytes() == (ROOT / "docs" / "openapi.json").read_bytes()


@pytest.fixture(scope="module")
def handler_routes(looked: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str]]:
    """(group, method, path) of every route that a handler registers."""
    assert looked.stdout, looked.stderr
    return [(group, method, path) for group, method, path in json.loads(looked.stdout)]


def test_every_route_is_documented_and_nothing_else(handler_routes: list[tuple[str, str, str]]) -> None:
    registered = {(path, method) for _, method, path in handler_routes}
    documented = {(path, method) for path, method, _ in operations()} - {(path, "post") for path in WEBHOOKS}
    assert documented == registered


def test_the_gateway_sends_every_path_to_the_function_that_has_it(
    handler_routes: list[tuple[str, str, str]],
) -> None:
    document = template()
    folders = {
        name: resource["Properties"]["CodeUri"].removeprefix("functions/")
        for name, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    patterns = [
        (_pattern(key.partition(" ")[2]), "{proxy+}" in key, folders[function])
        for function, keys in api_routes(document).items()
        for key in keys
        if key != "$default"
    ]
    for group, _, path in handler_routes:
        for spelling in (path, f"/api{path}") if path.startswith("/v1/") else (path,):
            url = re.sub(r"\{\w+\}", "x", spelling)
            hits = sorted((greedy, folder) for pattern, greedy, folder in patterns if pattern.fullmatch(url))
            assert hits, f"no route of template.yaml takes {spelling}"
            # API Gateway prefers a full match to a greedy one.
            assert hits[0][1] == group, f"{spelling} goes to {hits[0][1]}, its handler is in {group}"


def _pattern(path: str) -> re.Pattern[str]:
    escaped = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path).replace(re.escape("{proxy+}"), ".+"))
    return re.compile(escaped)


def test_no_reference_dangles() -> None:
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT))):
        assert resolved({"$ref": reference}), reference


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, method, _ in operations()])
def test_writes_need_a_key_and_examples_are_valid(path: str, method: str) -> None:
    item = DOCUMENT["paths"][path]
    operation = item[method]
    names = {resolved(each)["name"] for each in [*item.get("parameters", []), *operation.get("parameters", [])]}
    assert ("Idempotency-Key" in names) == (method != "get" and path not in WEBHOOKS | FORMS)
    assert {f"{{{name}}}" for name in names if f"{{{name}}}" in path} == set(re.findall(r"\{\w+\}", path))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if path not in WEBHOOKS and content:
        validator(content["schema"]).validate(content["example"])


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    """Real answers of the handlers, over an in-process AWS; made in a process of its own."""
    done = run(str(Path(__file__).with_name("live.py")))
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- what the handlers really answer --------------------------------------------------------------------------


def test_answers_are_as_documented(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        what = f"{answer['method']} {answer['path']} -> {answer['status']}: {answer['body'][:300]}"
        assert answer["status"] == answer["expected"], what
        responses = DOCUMENT["paths"][answer["path"]][answer["method"].lower()]["responses"]
        assert str(answer["status"]) in responses, what
        response = resolved(responses[str(answer["status"])])
        assert answer["type"].partition(";")[0] in response["content"], what
        sent = set(answer["headers"])
        assert sent <= set(response.get("headers", {})) | HTTP | RATE, what
        if answer["type"] == "application/json":
            errors = [
                f"{list(error.instance_path)}: {error.message}"
                for error in validator(response["content"]["application/json"]["schema"]).iter_errors(
                    json.loads(answer["body"])
                )
            ]
            assert not errors, f"{what}\n{errors}"


HTTP = {"Content-Type", "Content-Disposition", "Cache-Control", "Vary", "Content-Encoding"}
RATE = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
"""On every answer to a caller that is known, refusals too; the document names them where they matter."""


def test_most_operations_are_exercised(answers: list[dict[str, Any]]) -> None:
    good = {(each["path"], each["method"].lower()) for each in answers if each["status"] < 300}
    missing = {(path, method) for path, method, _ in operations()} - good
    # What is left are function URLs, and what needs the PDF layer; the integration tests have them.
    assert missing <= {
        *((path, method) for path in WEBHOOKS | FORMS for method in ("get", "post")),
        ("/v1/credit-notes/{credit_note_id}/pdf", "get"),
        ("/v1/credit-notes/{credit_note_id}/xml", "get"),
        ("/v1/invoices/{invoice_id}/pdf", "get"),
        ("/v1/invoices/{invoice_id}/xml", "get"),
        ("/v1/commerce/payouts/{payout_id}/statement", "get"),
        ("/v1/commerce/payouts/{payout_id}/statement.csv", "get"),
        ("/v1/commerce/payouts/{payout_id}/statement.pdf", "get"),
        ("/v1/commerce/reports/providers", "get"),
        ("/v1/commerce/reports/providers.csv", "get"),
    }


def webhook_of(event_type: str) -> Draft202012Validator:
    """The shape of what a webhook carries for a type of events."""
    body = DOCUMENT["webhooks"][event_type]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return validator(body)


def test_16_every_type_of_events_is_a_webhook_with_the_shape_of_its_object() -> None:
    assert list(DOCUMENT["webhooks"]) == [
        each["const"] for each in DOCUMENT["components"]["schemas"]["EventType"]["oneOf"]
    ]
    for event_type, item in DOCUMENT["webhooks"].items():
        body = item["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"]["type"] == {"const": event_type}
        whole, _ = body["properties"]["data"]["properties"]["object"]["anyOf"]
        assert {"id", "version"} <= set(resolved(whole)["properties"])


def test_16_what_the_story_emitted_is_what_its_webhooks_are_documented_to_carry(answers: list[dict[str, Any]]) -> None:
    pages = [each for each in answers if each["path"] == "/v1/events" and each["status"] == 200]
    events = [event for page in pages for event in json.loads(page["body"])["data"]]
    assert len({event["type"] for event in events}) > 15
    for event in events:
        place = event.pop("sequence")
        assert place > 0
        assert (event.pop("testClockId") is None) == (event.pop("occurredAt") is None)
        errors = [error.message for error in webhook_of(event["type"]).iter_errors(event)]
        assert not errors, (event["type"], errors)


def test_16_an_event_of_another_types_shape_is_not_taken_for_one(answers: list[dict[str, Any]]) -> None:
    """The law above holds of something: a customer is no invoice, and nothing has a field that is not documented."""
    page = next(each for each in answers if each["path"] == "/v1/events" and each["status"] == 200)
    event = json.loads(page["body"])["data"][0]
    for name in ("sequence", "occurredAt", "testClockId"):
        assert not webhook_of(event["type"]).is_valid(event)  # with what no webhook carries
        del event[name]
    other = "invoice.paid" if event["type"] != "invoice.paid" else "refund.created"
    assert not webhook_of(other).is_valid({**event, "type": other})
