"""Issue 15, item 10: codes, tokens, passwords, cookies and keys, genuine and made up, in every form and page.

What a person signs in with, what a client gets, and what a stranger makes up is in no log line, audit row, message or
event, and in no error; an event tells of its own object, and of nobody else.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from billing.bootstrap import storage
from billing.services.kernel.failures import described
from billing.storage.packing import unpack
from local.stack.routes import api_routes, template
from tests.integration.access import outages
from tests.integration.access.browser import PASSWORD, Browser, answer_of, link_in
from tests.integration.access.canaries import FIELD, OUTSIDE, SECRET, field, headers, listening, says, secret, whole
from tests.integration.access.oauth import REDIRECT, App, app, basic, form, ok
from tests.integration.access.test_privacy import readable
from tests.integration.world import Json, Tenant, World, http_event, request

FORMS = sorted(
    {key.partition(" ")[2] for keys in api_routes(template()).values() for key in keys if "/oauth2/" in key}
    | {"/.well-known/oauth-authorization-server"}
)
SECRETS = ("client_secret", "code", "code_verifier", "refresh_token", "token", "password", "csrf", "visit")
FIELDS = (
    "client_id",
    "scope",
    "state",
    "redirect_uri",
    "email",
    "token_type_hint",
    "grant_type",
    "request",
)
GRANTS = ("authorization_code", "refresh_token", "client_credentials")


@pytest.fixture(scope="module")
def acme(world: World) -> Tenant:
    """A tenant."""
    return world.tenant()


@pytest.fixture(scope="module")
def client(acme: Tenant) -> App:
    """Its application."""
    return app(acme)


def made_up(**given: str) -> dict[str, str]:
    """Every parameter that any form knows, with canaries."""
    return {name: secret() for name in SECRETS} | {name: field(name) for name in FIELDS} | given


def attempts(client: App) -> Iterator[tuple[Any, dict[str, str]]]:
    """Bodies and headers: by nobody, by a client that names itself, in Basic, given twice, and cut off."""
    yield made_up(), headers()
    for grant in GRANTS:
        yield made_up(grant_type=grant, client_id=client.id), headers()
        yield made_up(grant_type=grant, **client.who), headers()
        yield made_up(grant_type=grant), headers() | basic(client.id, secret())
    yield [*made_up().items(), *made_up().items()], {}
    yield {**client.who, "token": secret(), "token_type_hint": field()}, headers()
    yield "%" + secret(), {"authorization": "Basic " + secret()}
    yield json.dumps(made_up()), {"content-type": "application/json", "authorization": f"Bearer {secret()}"}


def test_15_every_form_says_nothing_of_what_a_stranger_makes_up(world: World, client: App) -> None:
    assert len(FORMS) > 9
    with listening(world) as heard:
        for path in FORMS:
            for method in ("GET", "POST"):
                for body, given in attempts(client):
                    world.clock.advance(seconds=15)
                    query = urlencode(made_up()) if method == "GET" else ""
                    answer = form(path, body if method == "POST" else None, headers=given, query=query, method=method)
                    assert answer.status < 500, path
                    # A page may put back the request that it was asked to go on with: the parameters of /authorize.
                    told = says(re.sub(r'name="request" value="[^"]*"', "", whole(answer)), SECRET)
                    assert not told, (path, told)
            heard.silent(FIELD, SECRET)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ValidationException", "AccessDeniedException"], ids=lambda each: str(each)
)
def test_15_every_form_says_nothing_when_the_database_fails(world: World, client: App, code: str) -> None:
    with listening(world) as heard:
        for path in FORMS:
            for body, given in attempts(client):
                world.clock.advance(seconds=15)
                with outages.dynamodb_fails(code):
                    answer = form(path, body, headers=given)
                assert not says(whole(answer), SECRET, OUTSIDE), path
        heard.silent(FIELD, SECRET, OUTSIDE)


def test_15_no_genuine_secret_is_said_to_anybody(world: World, acme: Tenant) -> None:
    """A person's whole way: invited, signed in with an authenticator, allowed, refreshed, reused, revoked."""
    with listening(world) as heard:
        found = person(world, acme) | keys(acme)
        text = heard.everything() + told_by_events(world, acme)
        rows = world.everything_of(acme.id)
        for name, value in found.items():
            assert len(value) >= 6, name
            assert not readable(text, value), name
            assert name == "authenticator code" or not readable(rows, value), name  # six digits are there by chance
        heard.silent("walker", "anneliese")


def person(world: World, acme: Tenant) -> dict[str, str]:
    """What a person and an application have had in their hands, by what it is."""
    found: dict[str, str] = {}
    acme.post("/v1/users", {"email": "walker@private.example", "name": "Anneliese", "role": "admin"})
    client, browser, link = app(acme), Browser(), link_in(world)
    found |= {"link": link.partition("token=")[2], "password": PASSWORD, "client secret": client.who["client_secret"]}
    browser.get(link)
    assert browser.submit("/oauth2/password", password=PASSWORD).status == 200
    world.clock.advance(minutes=2)
    assert browser.sign_in(client, "walker@private.example").status == 303
    browser.get("/oauth2/codes")
    shown = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert shown is not None
    found["authenticator secret"] = shown[1]
    found["authenticator code"] = pyotp.TOTP(shown[1]).at(world.clock())
    assert "From now on" in browser.submit("/oauth2/codes", code=found["authenticator code"]).content.decode()
    query, verifier = client.asking()
    browser.get("/oauth2/authorize?" + urlencode(query))
    redirected = browser.submit("/oauth2/authorize", decision="allow")
    code = answer_of(redirected)["code"]
    found |= {"code": code, "verifier": verifier, "state": "s%201&", "redirect": redirected.headers["Location"]}
    found |= {f"cookie {name}": value for name, value in browser.cookies.items() if value}
    issued = ok(client.redeem(code, verifier))
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
    world.clock.advance(minutes=1)
    second = ok(client.refresh(issued["refresh_token"]))
    for tokens in (issued, second):
        found |= {f"{name} {tokens['refresh_token'][-6:]}": tokens[name] for name in ("access_token", "refresh_token")}
    ok(form("/oauth2/introspect", {**client.who, "token": second["access_token"]}))
    ok(form("/oauth2/revoke", {**client.who, "token": second["refresh_token"]}))
    for again in (client.redeem(code, verifier), client.refresh(issued["refresh_token"])):
        assert again.status == 400
        assert not any(readable(whole(again), value) for value in found.values())
    assert client.bearer(second["access_token"]).get("/v1/customers").status == 401
    return found


def keys(acme: Tenant) -> dict[str, str]:
    """Keys, a signing secret, an idempotency key."""
    made = acme.post("/v1/api-keys", {"name": "signs", "scope": "read", "requireSignature": True}).data
    again = acme.post(f"/v1/api-keys/{made['id']}/rotate", idempotency_key="order-of-anneliese").data
    secrets = {"signing secret": made["signingSecret"], "key": made["key"], "rotated key": again["key"]}
    return secrets | {"first key": acme.key}


def told_by_events(world: World, acme: Tenant) -> str:
    """What subscribers of the tenant could read."""
    return "\n".join(json.dumps(event) for event in events_of(world, acme))


def events_of(world: World, tenant: Tenant) -> list[Json]:
    """The tenant's events, opened."""
    found = []
    for row in world.rows_of("events", tenant.id):
        text = unpack(storage.vault().open(tenant.id, f"event/{row['id']['S']}", row["body"]["S"]))
        found.append({"type": row["type"]["S"], "object_id": row["object_id"]["S"], **json.loads(text)})
    return found


OBJECTS = {"customer": "customers", "invoice": "invoices", "payment": "payments", "subscription": "subscriptions"}


def test_15_an_event_tells_of_its_own_object_only(world: World) -> None:
    """Two customers; what is planted in one is in no event but those of the objects that show it to who reads them."""
    tenant = world.tenant()
    planted = [
        {"name": field(), "email": field("email"), "address": {"line1": field(), "city": field(), "country": "DE"}}
        for _ in range(2)
    ]
    with listening(world) as heard:
        for person in planted:
            customer = tenant.post("/v1/customers", {**person, "metadata": {"note": field()}}).data["id"]
            tenant.subscribe(customerId=customer)
            tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
        world.deliver_all(tenant)
        heard.silent(FIELD)
    seen = 0
    for event in events_of(world, tenant):
        told = set(re.findall(FIELD + r"\d+", json.dumps(event["object"])))
        path = OBJECTS.get(event["type"].partition(".")[0])
        if told:
            assert path is not None, event["type"]
            shown = tenant.get(f"/v1/{path}/{event['object_id']}").content.decode()
            assert told <= set(re.findall(FIELD + r"\d+", shown)), event["type"]
        seen += bool(told)
    assert seen > 2


# What others send


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "by a stranger"])
def test_15_a_webhook_says_nothing_of_what_it_was_sent(world: World, acme: Tenant, signed: bool) -> None:
    """The processor's events hold a payer's name and address, and a client secret."""
    acme.subscribe(customerId=acme.customer())
    with listening(world) as heard:
        for sent in world.stripe_events(acme):
            made: Json = json.loads(json.dumps(sent))
            made["data"]["object"] |= {
                "billing_details": {"name": field(), "email": field("email")},
                "client_secret": secret("pi_1_secret_"),
                "description": field(),
            }
            secret_of_hook = world.webhook_secret if signed else secret("whsec_")
            answer = world.deliver(made, secret=secret_of_hook)
            assert not says(json.dumps(answer), FIELD, SECRET)
        for body in ("{" + secret(), json.dumps({"id": secret(), "type": field()}), secret() * 50):
            answer = world.deliver(body, secret=None if signed else secret("whsec_"))
            assert not says(json.dumps(answer), SECRET)
            answer = world.deliver_tax(body, secret=secret("taxsec_"))
            assert not says(json.dumps(answer), FIELD, SECRET)
        if not signed:
            heard.silent(FIELD, SECRET)
        heard.silent(FIELD)


def test_15_a_message_of_usage_is_the_events_alone(world: World, acme: Tenant) -> None:
    """What stands in the queue, and in its dead-letter queue: the accepted events, no credential, nothing beside them.

    A worker that cannot read a message says its id, and quotes nothing of it.
    """
    acme.meter()
    acme.plan(id="metered", components=[{"key": "c", "type": "metered", "meter": "api_calls", "unitAmount": 10}])
    subscription = acme.subscribe(planId="metered", quantities={})["id"]
    sent = {"eventId": field(), "subscriptionId": subscription, "meter": "api_calls", "quantity": "1"}
    body = {"events": [{**sent, "timestamp": world.clock().isoformat(), "properties": {"region": field()}}]}
    with listening(world) as heard:
        answer = request(
            http_event(
                "POST", "/v1/usage/events", key=acme.key, idempotency_key=secret(), headers=headers(),
                body=json.dumps(body),
            )
        )  # fmt: skip
        assert answer.status == 202, answer.json
        (message,) = world.usage_messages()
        assert not says(message["body"], SECRET)
        assert set(json.loads(message["body"])) == {"v", "id", "tenant", "events"}
        assert world.count_usage([message]) == {"batchItemFailures": []}
        broken = {"messageId": "m-1", "body": message["body"][:-2] + secret()}
        assert world.count_usage([broken])["batchItemFailures"]
        heard.silent(FIELD, SECRET)


# What a line of the log is made of


def test_15_an_error_is_logged_by_its_type_and_place() -> None:
    """Its text may quote anything: a statement, an item, a request."""
    try:
        try:
            raise ValueError(secret())
        except ValueError as error:
            raise RuntimeError(field()) from error
    except RuntimeError as error:
        text = json.dumps(described(error))
    assert not says(text, FIELD, SECRET)
    assert "RuntimeError" in text


def test_15_the_dimensions_of_metrics_are_few(world: World, acme: Tenant) -> None:
    """A route's pattern, whatever path was asked for."""
    with listening(world):
        for path in (f"/v1/customers/{field()}", f"/{field()}", f"/v1/{field()}/{secret()}", f"/oauth2/{secret()}"):
            request(http_event("GET", path, key=acme.key, headers=headers(), query=f"{field()}={secret()}"))
        routes = {line["route"] for line in world.logs.lines if "route" in line}
    assert routes == {"GET /v1/customers/{customer_id}", "(no route)"}
    assert REDIRECT not in routes
