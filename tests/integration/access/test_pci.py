"""No card number ever: refused wherever it stands, and its digits are in no log, answer, audit row, event or table."""

import base64
import importlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.edge.http.api import Route
from billing.edge.http.card_numbers import REASON
from local.stripe_sandbox.webhooks import signature
from tests.integration.world import Answer, Json, Tenant, World, http_event, invoke, request

CARD = "4242424242424242"
FUNCTIONS = Path(__file__).parents[3] / "functions"


def routes() -> Iterator[Route]:
    """Every route of every function."""
    for folder in sorted(FUNCTIONS.iterdir()):
        if (folder / "handler.py").exists():
            api = getattr(importlib.import_module(f"functions.{folder.name}.handler"), "api", None)
            yield from api.documentation if api else ()


def leaked(text: str) -> bool:
    """Whether the digits are in a text, whatever is between them; in base64 at any offset, or in hex."""
    digits = "".join(str(int(c)) for c in text if c.isdecimal())
    raw = CARD.encode()
    shapes = [raw.hex(), *(base64.b64encode(b"\0" * pad + raw)[4:-4].decode() for pad in range(3))]
    return CARD in digits or any(shape in text for shape in shapes)


@pytest.fixture(autouse=True)
def _nowhere(world: World) -> Iterator[None]:
    """After each test: no log line, no item of any table has the digits."""
    world.logs.clear()
    world.items.clear()
    yield
    assert world.logs.text
    assert not leaked(re.sub(r'"timestamp":"[^"]*"', "", world.logs.text))
    assert not any(leaked(json.dumps(item, ensure_ascii=False)) for _, item in world.items)


def refused(world: World, answer: Answer, *fields: str) -> None:
    """The answer names the fields, with no digit of the number; only counters and the audit row were written."""
    assert answer.status == 400, answer.json
    assert answer.error["code"] == "VALIDATION_ERROR"
    assert answer.error["details"] == [{"field": field, "reason": REASON} for field in fields]
    assert not leaked(answer.content.decode())
    assert not leaked(json.dumps(answer.headers))
    written = {table for _, tables in world.writes for table in tables}
    assert written <= {world.tables["callers"], world.tables["audit"]}
    world.writes.clear()


@pytest.fixture
def caller(world: World) -> Tenant:
    """A tenant whose making is not looked at any more."""
    made = world.tenant()
    world.writes.clear()
    return made


def ways(route: Route, key: str) -> Iterator[tuple[str, Json]]:
    """A request of a route for each place in which a number may stand, with the field's name."""
    path = re.sub(r"{[^}]*}", "x", route.path)

    def event(to: str = path, query: str = "", body: str | None = None, idem: str = "order-1") -> Json:
        keyed = idem if route.method != "GET" else None
        return http_event(route.method, to, key=key, idempotency_key=keyed, query=query, body=body)

    yield "q", event(query=f"q={CARD}")
    yield "body", event(body=json.dumps(CARD))
    if route.method != "GET":
        yield "Idempotency-Key", event(idem=CARD)
    if "{" in route.path:
        yield "path", event(re.sub(r"{[^}]*}", CARD, route.path))


def test_every_route_refuses_it_in_every_place(world: World, caller: Tenant) -> None:
    seen = [route for route in routes() if not route.public]
    assert len(seen) > 40
    for route in seen:
        for field, event in ways(route, caller.key):
            if route.method == "GET" and field == "body":
                continue
            refused(world, request(event), field)


def test_a_public_route_refuses_it_too(world: World) -> None:
    for route in filter(lambda each: each.public, routes()):
        refused(world, request(http_event("GET", route.path, query=f"q={CARD}")), "q")


CUSTOMER: Json = {"name": "Zoë", "email": "zoe@example.com"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (CUSTOMER | {"name": CARD}, "name"),
        (CUSTOMER | {"name": "Zoë 4242 4242 4242 4242"}, "name"),
        (CUSTOMER | {"metadata": {"note": "4242-4242-4242-4242 12/29"}}, "metadata.note"),
        (CUSTOMER | {"metadata": {CARD: "x"}}, "metadata.[redacted]"),
        (CUSTOMER | {CARD: "x"}, "[redacted]"),
        (CUSTOMER | {"address": {"line1": "４２４２４２４２４２４２４２４２"}}, "address.line1"),
        (CUSTOMER | {"name": int(CARD)}, "name"),
        (CUSTOMER | {"cards": [["x", {"number": "4242\u20114242\u20114242\u20114242"}]]}, "cards.0.1.number"),
        (CUSTOMER | {"name": "4242.4242.4242.4242"}, "name"),
        (CUSTOMER | {"name": "4242 - 4242 - 4242 - 4242"}, "name"),
        (CUSTOMER | {"address": {"line1": "4242\n4242\t4242\r\n4242"}}, "address.line1"),
        (CUSTOMER | {"metadata": {"note": "42424242 42424242", "at": "2026-11-22T07:23:00Z"}}, "metadata.note"),
        (CUSTOMER | {"metadata": {"4242\u200b4242\u200b4242\u200b4242": "x"}}, "metadata.[redacted]"),
        (CUSTOMER | {"name": "4242\ufeff4242\u00ad4242\u200b4242"}, "name"),
        ([CARD], "0"),
        (int(CARD), "body"),
    ],
)
def test_a_body_is_looked_at_in_every_corner(world: World, caller: Tenant, body: Any, field: str) -> None:
    refused(world, caller.post("/v1/customers", body), field)
    refused(world, caller.post("/v1/customers", json.dumps(body, ensure_ascii=False)), field)
    refused(world, caller.post("/v1/customers", json.dumps(body).encode()), field)  # in base64


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"name": "\\u0034242424242424242"}', "name"),
        ('{"name": "4242\\u00204242\\u00204242\\u00204242"}', "name"),
        ('{"\\u0034242424242424242": 1}', "[redacted]"),
        ('{"name": "4242424242424242", "name": "Zoë"}', "name"),
        ('{"4242424242424242": 1, "4242424242424242": 2}', "[redacted]"),
        ('{"name": 4242424242424242.0}', "name"),
        ('{"name": 4.242424242424242e15}', "name"),
        ('{"name": 42424242424242420E-1}', "name"),
        ('{"name": "4242\\n4242\\u200b4242\\/4242"}', "name"),
        ('{"name": "4242424242424242"', "body"),
        ("name=4242424242424242", "body"),
        ("4242424242424242" + "[" * 100, "body"),
    ],
)
def test_no_spelling_gets_round_it(world: World, caller: Tenant, text: str, field: str) -> None:
    refused(world, caller.post("/v1/customers", text), field)
    refused(world, caller.post("/v1/customers", text, headers={"content-type": "text/plain"}), field)


@pytest.mark.parametrize("path", ["/v1/invoices/in_1/credit-notes", "/v1/payments/pay_1/refund"])
def test_a_reason_is_no_place_for_it(world: World, caller: Tenant, path: str) -> None:
    refused(world, caller.post(path, {"reason": f"paid by {CARD}"}), "reason")


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/customers/{CARD}", f"/api/v1/customers/{CARD}", f"/v1/customers/{CARD}/x/y", f"/v1/nothing/{CARD}",
        "/v1/customers/%34242424242424242", "/v1/customers/%2534242424242424242",
        "/v1/customers/4242%204242%204242%204242", "/v1/customers/4242-4242-4242-4242",
        "/v1/customers/4242/4242/4242/4242", "/v1/customers/424242_4242424242",
        "/v1/customers/4242%E2%80%8B424242424242",
        f"/{CARD}", "/v1/customers/４２４２４２４２４２４２４２４２",
    ],
)  # fmt: skip
def test_a_path_is_refused_and_not_repeated(world: World, caller: Tenant, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        refused(world, request(http_event(method, path, key=caller.key, idempotency_key="k")), "path")


@pytest.mark.parametrize(
    ("query", "field"),
    [(f"email={CARD}", "email"), ("email=4242+4242+4242+4242", "email"), ("email=%34242424242424242", "email"),
     ("email=%2534242424242424242", "email"), (f"{CARD}=1", "[redacted]"), (f"limit={CARD}", "limit"),
     (f"limit=5&cursor=x{CARD}", "cursor"), (CARD, "[redacted]"), ("email=4242.4242.4242.4242", "email"),
     ("email=42424242%0A42424242", "email"), ("email=4242++4242++4242++4242", "email")],
)  # fmt: skip
def test_a_query_is_refused(world: World, caller: Tenant, query: str, field: str) -> None:
    refused(world, request(http_event("GET", "/v1/customers", key=caller.key, query=query)), field)


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-User-Id", "X-Tenant-Id", "X-API-Version"])
def test_a_header_is_refused_and_counted_under_no_such_name(world: World, caller: Tenant, header: str) -> None:
    event = http_event("POST", "/v1/customers", key=caller.key, idempotency_key="k", body=json.dumps(CUSTOMER))
    event["headers"][header.lower()] = f"order {CARD}"
    refused(world, request(event), header)
    assert not any(leaked(json.dumps(row)) for row in world.rows("callers"))


def test_every_field_is_named_at_once(world: World, caller: Tenant) -> None:
    body = CUSTOMER | {"name": CARD, "metadata": {"a": CARD, "b": "fine"}}
    event = http_event(
        "POST", "/v1/customers", key=caller.key, idempotency_key=CARD, query=f"q={CARD}", body=json.dumps(body)
    )
    refused(world, request(event), "Idempotency-Key", "q", "name", "metadata.a")


@pytest.mark.parametrize("key", [None, "llk_nobody"])
def test_a_stranger_learns_no_more_than_always_and_leaves_no_digit(world: World, key: str | None) -> None:
    body = json.dumps({CARD: CARD})
    for path in ("/v1/customers", f"/v1/customers/{CARD}", f"/v1/nothing/{CARD}"):
        event = http_event("POST", path, key=key, idempotency_key=CARD, query=f"q={CARD}", body=body)
        event["headers"]["x-user-id"] = CARD
        answer = request(event)
        assert (answer.status, answer.error["code"]) == (401, "auth.unauthenticated")
        assert answer.error["details"] == []
        assert not leaked(answer.content.decode())


def test_the_audit_row_has_the_routes_pattern_and_the_log_one_line(world: World, caller: Tenant) -> None:
    world.logs.clear()
    answer = caller.get(f"/v1/customers/{CARD}")
    (line,) = world.logs.lines
    assert (line["route"], line["status"]) == ("GET /v1/customers/{customer_id}", 400)
    rows = [row for row in world.rows_of("audit", caller.id) if answer.headers["X-Request-Id"] in json.dumps(row)]
    assert [row["route"]["S"] for row in rows] == ["GET /v1/customers/{customer_id}"]
    caller.get(f"/v1/{CARD}")
    assert not any(leaked(json.dumps(row)) for row in world.rows_of("audit", caller.id))


def test_a_body_that_is_too_large_is_refused_for_that(caller: Tenant) -> None:
    answer = caller.post("/v1/customers", '{"name": "' + CARD + " " * 1024 * 1024 + '"}')
    assert answer.status == 413
    assert not leaked(answer.content.decode())


def test_what_is_no_card_number_is_let_pass(world: World, caller: Tenant) -> None:
    metadata = {
        "snowflake": "1795298460123456789",
        "stripe": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "uuid": "4242a242-4242-4242-8242-424242424242",
        "phone": "+4915112345676",
        "almost": "4242424242424241",
        "milliseconds": "1795298460123",
        "timestamp": "2026-11-22T07:23:00.424242424+04:24",
        "period": "2026-11-22 07:23:00 - 2026-12-22 07:23:00",
        "prices": "10.00 20.00 30.00",
        "quantity": "5123.456789012346",
        "iban": "DE89 3704 0044 0532 0130 00",
        "uuids": "abcdefab-cdef-abcd-efab-cdef55555555,55554444-abcd-efab-cdef-abcdefabcdef",
        "mobile": "+49 (1511) 2345-676",
    }
    made = caller.post("/v1/customers", CUSTOMER | {"metadata": metadata}, idempotency_key="4242a242424242424242")
    assert made.status == 201
    assert made.data["metadata"] == metadata
    plan = {"id": "grand", "name": "Grand", "currency": "USD", "interval": "month",
            "components": [{"key": "base", "type": "flat", "unitAmount": 4242424242000}]}  # fmt: skip
    assert caller.post("/v1/plans", plan).status == 201


# --- the webhooks that come in ------------------------------------------------------------------------------------


def webhook_answer(answer: Json) -> Json:
    assert not leaked(answer["body"])
    body: Json = json.loads(answer["body"])
    return {"status": answer["statusCode"], **body}


def tax_event(**changes: Any) -> Json:
    rate = {"country": "EE", "category": "standard", "name": "VAT", "percent": "26", "validFrom": "2027-07-01"}
    return {"id": "evt_tax", "type": "tax_rates.updated", "data": {"rates": [rate | changes]}}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (tax_event(name=CARD), "data.rates.0.name"),
        (tax_event(**{CARD: "x"}), "data.rates.0.[redacted]"),
        (tax_event() | {"id": CARD}, "id"),
        (tax_event() | {"type": CARD}, "type"),
    ],
)
def test_a_tax_event_with_one_is_refused(world: World, event: Json, field: str) -> None:
    world.writes.clear()
    answer = webhook_answer(world.deliver_tax(event))
    assert answer == {
        "status": 400,
        "outcome": "A card number is not accepted",
        "details": [{"field": field, "reason": REASON}],
    }
    assert world.writes == []


def test_an_unsigned_event_is_not_repeated(world: World) -> None:
    payload = json.dumps({"id": CARD, "type": CARD, "data": {"object": {"id": CARD}}})
    for answer in (
        invoke("stripe_webhook", world.webhook_event(payload, f"t=1,v1={CARD}")),
        invoke("tax_webhook", world.tax_webhook_event(payload, f"t=1,v1={CARD}")),
    ):
        assert webhook_answer(answer)["status"] == 400


def test_stripes_own_events_are_taken_and_an_odd_id_is_not_logged(world: World) -> None:
    payload = json.dumps({"id": CARD, "type": "product.created", "data": {"object": {"id": CARD}}})
    header = signature(world.webhook_secret, payload, int(time.time()))
    answer = webhook_answer(invoke("stripe_webhook", world.webhook_event(payload, header)))
    assert answer == {"status": 200, "outcome": "not handled"}
    assert world.logs.lines[-1]["event_id"] == "[redacted]"


def test_a_webhooks_path_is_not_repeated(world: World) -> None:
    event = world.webhook_event("{}", "")
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/webhooks/{CARD}"
    assert webhook_answer(invoke("stripe_webhook", event))["status"] == 404
