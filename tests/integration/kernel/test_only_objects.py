"""Issue 11, number 18: where an object is asked for, nothing else is taken for one.

``5.0`` refunded a whole payment, ``1.5`` wiped an address, and of an array of two batches of usage one was dropped. The
cases are every object of every request body of the API's own description.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.world import Json, Tenant, World, http_event, request

DOCUMENT: Json = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
WRITES = ("post", "patch", "put", "delete")
NO_OBJECTS = ["0", "7", "1.5", "5.0", '""', '"text"', "true", "false", "[]", "[{}]"]
Place = tuple[str | int, ...]


def resolved(schema: Json) -> Json:
    """What a reference names."""
    return DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def objects(schema: Json, place: Place = (), nullable: bool = False) -> Iterator[tuple[Place, bool]]:
    """The place of each object in a schema, and whether null may stand there."""
    schema = resolved(schema)
    if "anyOf" in schema:
        null = any(each == {"type": "null"} for each in schema["anyOf"])
        for each in schema["anyOf"]:
            yield from objects(each, place, null)
    elif schema.get("type") == "array":
        yield from objects(schema["items"], (*place, 0))
    elif schema.get("type") == "object":
        yield place, nullable
        for name, each in schema.get("properties", {}).items():
            yield from objects(each, (*place, name))


def at(place: Place, text: str) -> str:
    """A body with a piece of JSON at a place, and nothing beside it."""
    for step in reversed(place):
        text = f"[{text}]" if isinstance(step, int) else f'{{"{step}": {text}}}'
    return text


def routes() -> list[tuple[str, str, Json]]:
    """Every write of the API: method, path, and the schema of its body, empty where it has none."""
    found = []
    for path, item in DOCUMENT["paths"].items():
        for method in WRITES:
            if method in item and path.startswith("/v1/"):
                body = item[method].get("requestBody", {}).get("content", {}).get("application/json", {})
                found.append((method.upper(), re.sub(r"\{[^}]*\}", "x-1", path), body.get("schema", {})))
    return found


PLACES = [
    (method, path, place, nullable)
    for method, path, schema in routes()
    for place, nullable in (objects(schema) if schema else [((), False)])
]


@pytest.fixture
def seller(world: World) -> Tenant:
    """A tenant of each case's own: a fast machine sends more calls in a minute than one tenant may."""
    return world.tenant()


def refused(tenant: Tenant, method: str, path: str, body: str) -> dict[str, str]:
    """The bad fields of a write that is refused by its shape."""
    # A platform's key reaches every route's own check.
    key = tenant.world.platform_key if path == "/v1/tenants" else tenant.key
    answer = request(http_event(method, path.replace("/tenants/x-1", f"/tenants/{tenant.id}"), key=key,
                                idempotency_key="only-objects", body=body))  # fmt: skip
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR"), (method, path, body, answer.json)
    return answer.bad_fields


def test_the_walk_finds_nested_objects_of_many_routes() -> None:
    assert len(PLACES) > 45
    assert ("POST", "/v1/invoices", ("lines", 0, "taxes", 0), False) in PLACES
    assert ("PATCH", "/v1/customers/x-1", ("address",), True) in PLACES


@pytest.mark.parametrize(("method", "path", "place", "nullable"), PLACES)
def test_nothing_but_an_object_is_an_object(
    seller: Tenant, method: str, path: str, place: Place, nullable: bool
) -> None:
    """A number, a fraction, a text, a boolean, an array, and null where it means nothing: 400, naming the place."""
    field = ".".join(map(str, place)) or "body"
    for text in [*NO_OBJECTS, *([] if nullable else ["null"])]:
        assert refused(seller, method, path, at(place, text))[field] == "must_be_an_object", text


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, schema in routes() if not schema])
def test_a_route_without_a_body_takes_none_of_its_fields(seller: Tenant, method: str, path: str) -> None:
    assert refused(seller, method, path, '{"amount": 5, "reason": "x"}') == {
        "amount": "unknown_field",
        "reason": "unknown_field",
    }


def test_a_fraction_refunds_nothing(seller: Tenant) -> None:
    seller.subscribe()
    payment = seller.only_payment()
    for body in ("5.0", "[]", "null", '{"amount": null}'):
        assert seller.post(f"/v1/payments/{payment['id']}/refund", body).status == 400
    assert seller.only_payment()["amountRefunded"] == 0


def test_a_fraction_wipes_no_address(seller: Tenant) -> None:
    customer = seller.customer(address={"line1": "1 Example Road", "country": "GB"})
    before = seller.get(f"/v1/customers/{customer}").data
    assert seller.patch(f"/v1/customers/{customer}", '{"address": 1.5}').bad_fields == {"address": "must_be_an_object"}
    assert seller.get(f"/v1/customers/{customer}").data == before


def test_a_second_batch_is_not_dropped(seller: Tenant) -> None:
    batch = {
        "events": [{"eventId": "e-1", "subscriptionId": "sub_1", "meter": "m", "timestamp": "2026-11-22T00:00:00Z"}]
    }
    assert seller.post("/v1/usage/events", [batch, batch]).bad_fields == {"body": "must_be_an_object"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/payments/pay_1/refund", {"amount": None}, "amount"),
        ("/v1/payments/intents", {"invoiceId": "in_1", "amount": None}, "amount"),
        ("/v1/payments/intents", {"invoiceId": "in_1", "currency": None}, "currency"),
        ("/v1/payments", {"invoiceId": "in_1", "amount": None}, "amount"),
        ("/v1/invoices/in_1/credit-notes", {"amount": None, "lines": [{"lineId": "l-1"}]}, "amount"),
        ("/v1/invoices/in_1/credit-notes", {"amount": 1000, "lines": None}, "lines"),
        ("/v1/invoices/in_1/credit-notes", {"lines": [{"lineId": "l-1", "amount": None}]}, "lines.0.amount"),
        ("/v1/invoices/in_1/credit-notes", {"lines": [{"lineId": "l-1", "quantity": None}]}, "lines.0.quantity"),
    ],
)
def test_null_is_no_amount_where_none_means_everything(seller: Tenant, path: str, body: Any, field: str) -> None:
    assert seller.post(path, body).bad_fields == {field: "must_not_be_null"}
