"""Issue 15, item 10: what a caller sends, and what a broken dependency quotes of it, is said to nobody else.

Canaries are planted in every field of every route of the template, in calls that succeed, are refused, and fail by an
outage. Nothing of them is in a log line (metrics are in those), an audit row, a worker's message, or the answer to
anybody else; nothing of a credential is in the caller's own answer either.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from billing.domain.access.scopes import Scope
from tests.integration.access import outages
from tests.integration.access.canaries import (
    FIELD,
    OUTSIDE,
    SECRET,
    Heard,
    field,
    headers,
    listening,
    places,
    planted,
    says,
    secret,
    whole,
)  # fmt: skip
from tests.integration.access.test_15_every_route import NAMED, ROUTES, Route, Theirs, one_of_everything
from tests.integration.lambdas import http_event, request
from tests.integration.world import Answer, Json, World

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def theirs(world: World) -> Theirs:
    """A tenant with something of every kind, which calls for itself."""
    return one_of_everything(world)


@pytest.fixture
def heard(world: World, theirs: Theirs) -> Iterator[Heard]:
    """What is said from here on, when everything of the tenant's is there."""
    with listening(world) as found:
        yield found


def key_for(world: World, theirs: Theirs, route: Route) -> str:
    """Of the one who may call a route."""
    return world.platform_key if route.scope == Scope.PLATFORM.value else theirs.tenant.key


def example(route: Route, theirs: Theirs) -> Json | None:
    """The document's example of a body, of what the tenant has."""
    if route.body is None:
        return None
    own = {name: theirs.ids[named] for name, named in NAMED.items() if name in route.body and name.endswith("Id")}
    return route.body | own | ({"paymentMethodId": "pm_card_visa"} if "paymentMethodId" in route.body else {})


def tell_tale(answer: Answer) -> str:
    """What of an answer should not be in it."""
    return says(whole(answer), SECRET, OUTSIDE)


def test_15_the_canaries_would_be_heard(heard: Heard) -> None:
    """As they are, escaped within JSON, in base64, in another case; from the product's logger and from a library's."""
    import logging

    for line in (field("email"), field().upper(), secret("llk_test_").encode().hex()):
        logging.getLogger("billing.any").warning(line)
        assert says(heard.everything(), FIELD, SECRET)
        heard.world.logs.clear()
    heard.silent(FIELD, SECRET)
    logging.getLogger("stripe").warning(secret())
    with pytest.raises(AssertionError, match=SECRET):
        heard.silent(SECRET)


def test_15_every_field_of_a_body_is_planted() -> None:
    """By the document, down to the fields of a list's elements."""
    found = {(route.method, route.path): places(route) for route in ROUTES}
    assert {("name",), ("email",), ("address", "city")} <= set(found["POST", "/v1/customers"])
    assert ("events", 0, "eventId") in found["POST", "/v1/usage/events"]
    assert ("lines", 0, "description") in found["POST", "/v1/invoices"]
    without = [route for route in ROUTES if route.body and not found[route.method, route.path]]
    assert not without
    assert sum(map(len, found.values())) > 200


def test_15_no_field_is_told_to_anybody_else(world: World, theirs: Theirs, heard: Heard) -> None:
    """One field at a time, the others as in the document's example: whether it is accepted or refused."""
    statuses: Counter[int] = Counter()
    for route in ROUTES:
        key, path = key_for(world, theirs, route), route.at(tid=theirs.tenant.id, **theirs.ids)
        for place in places(route):
            event = http_event(route.method, path, key=key, idempotency_key=field(), headers=headers(), body=None) | {
                "body": _text(planted(example(route, theirs), place))
            }
            answer = request(event)
            statuses[answer.status] += 1
            assert not tell_tale(answer), (route, place)
            assert answer.status < 500, (route, place, answer.content)
        heard.silent(FIELD, SECRET)
        world.logs.clear()
    assert statuses[200] + statuses[201] > 20
    assert statuses[400] > 100
    assert not statuses[401] + statuses[403] + statuses[429]


def test_15_no_path_query_or_header_is_told_to_anybody_else(world: World, theirs: Theirs, heard: Heard) -> None:
    """Ids, filters, cursors; a user, a tenant, a version, an idempotency key, credentials of every kind."""
    for route in ROUTES:
        key = key_for(world, theirs, route)
        for event in ways(route, key, theirs):
            answer = request(event)
            assert not tell_tale(answer), route
            assert answer.status < 500, (route, answer.content)
        heard.silent(FIELD, SECRET)
        world.logs.clear()


def ways(route: Route, key: str, theirs: Theirs) -> Iterator[dict[str, object]]:
    """A request of a route for each place outside its body."""
    there = route.at(tid=theirs.tenant.id, **theirs.ids)
    body = _text(route.body) if route.body else None
    named = {name: field(name) for name in route.parameters}
    yield http_event(route.method, route.at(**named), key=key, idempotency_key=field(), body=body)
    for name in sorted(route.query | {field()}):
        yield http_event(route.method, there, key=key, idempotency_key=field(), query=f"{name}={field(name)}")
    for name in ("x-user-id", "x-tenant-id", "x-api-version", "idempotency-key", "x-signature", "content-type"):
        given = field() if name != "x-signature" else f"t=1,v1={secret()}"
        extra = {"idempotency-key": field(), name: given}
        yield http_event(route.method, there, key=key, headers=extra, body=body)
    for extra in (
        {"authorization": f"Bearer {secret()}"},
        {"authorization": f"Bearer eyJhbGciOiJub25lIn0.{secret()}.{secret()}"},
        {"authorization": f"Basic {secret()}"},
        {"x-api-key": secret("llk_test_")},
        {"x-api-key": key, "authorization": f"Bearer {secret()}"},
    ):
        yield http_event(route.method, there, idempotency_key=field(), headers=headers() | extra, body=body)
    yield http_event(route.method, there, key=key, idempotency_key=field(), body=f'{{"name": "{field()}')


OUTAGES: dict[str, Outage] = {
    "busy": lambda: outages.dynamodb_fails("ThrottlingException"),
    "busy after the caller is known": lambda: outages.dynamodb_fails(
        "ThrottlingException", "BatchGetItem", "Query", "GetItem", "TransactWriteItems"
    ),
    "refuses to write": lambda: outages.dynamodb_fails("ValidationException", "TransactWriteItems"),
    "refuses to read": lambda: outages.dynamodb_fails("ResourceNotFoundException", "BatchGetItem", "Query"),
    "no audit": lambda: outages.dynamodb_fails("AccessDeniedException", "PutItem", "TransactWriteItems"),
    "no keys": outages.kms_fails,
    "Stripe's key is wrong": lambda: outages.stripe_says(401, "invalid_request_error"),
    "Stripe refuses": lambda: outages.stripe_says(400, "invalid_request_error"),
    "Stripe is down": lambda: outages.stripe_says(500, "api_error"),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
def test_15_what_a_broken_dependency_quotes_is_told_to_nobody(
    world: World, theirs: Theirs, heard: Heard, outage: Outage
) -> None:
    """Every route, with canaries in all its strings, while something that it needs is down."""
    outages.FELT.clear()
    for route in ROUTES:
        key, path = key_for(world, theirs, route), route.at(tid=theirs.tenant.id, **theirs.ids)
        for place in [*places(route)[:2], ()]:
            body = planted(example(route, theirs), place) if place else example(route, theirs)
            text = _text(body) if body else None
            event = http_event(route.method, path, key=key, idempotency_key=field(), headers=headers(), body=text)
            with outage():
                answer = request(event)
            assert not tell_tale(answer), route
        heard.silent(FIELD, SECRET, OUTSIDE)
        world.logs.clear()
    assert outages.FELT.total() > 3


def _text(body: object) -> str:
    return json.dumps(body)
