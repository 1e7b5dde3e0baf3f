"""Issue 15, item 5: every route of the template, called as one who may not. Nothing tells that something exists.

The routes are those of the API's document, which another test holds to the handlers and to the template.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.access.scopes import Scope
from tests.integration.marketplace.market import Market, item
from tests.integration.reports.runs import at_most
from tests.integration.webhooks import flow
from tests.integration.webhooks.feeding import feed
from tests.integration.world import Answer, Json, Tenant, World, http_event, request

DOCUMENT: Json = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
NONE = "nobodyhasthisonehere"
"""In place of an id: nothing has it."""


@dataclass(frozen=True)
class Route:
    """A route as the document has it."""

    method: str
    path: str
    scope: str | None
    body: Json | None
    query: frozenset[str]

    @property
    def parameters(self) -> list[str]:
        """What its path names."""
        return re.findall(r"\{(\w+)\}", self.path)

    def at(self, **named: str) -> str:
        """Its path with what it names."""
        return re.sub(r"\{(\w+)\}", lambda match: named.get(match[1], NONE), self.path)


def _routes() -> list[Route]:
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            scopes = (operation.get("security") if isinstance(operation, dict) else None) or []
            if not scopes or "apiKey" not in scopes[0]:
                continue
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            query = {each["name"] for each in operation.get("parameters", []) if each.get("in") == "query"}
            (scope,) = scopes[0]["apiKey"] or [None]
            found.append(Route(method.upper(), path, scope, content.get("example"), frozenset(query)))
    return found


ROUTES = _routes()
OPEN = {"/health", "/v1/health", "/openapi.json", "/v1/openapi.json"}
FORMS = {
    "/.well-known/oauth-authorization-server",
    *(
        f"/oauth2/{name}"
        for name in (
            "account",
            "authorize",
            "codes",
            "forgot",
            "introspect",
            "jwks",
            "login",
            "logout",
            "reauthenticate",
        )
    ),
    *(f"/oauth2/{name}" for name in ("password", "revoke", "token")),
}
"""What knows its callers in another way: clients by their secrets, people by cookies."""
PAGES = {
    "/pay/{token}",
    "/pay/{token}/pdf",
    "/portal",
    *(f"/portal/{name}" for name in ("cards", "details", "enter", "invoices", "leave", "usage")),
    *(f"/portal/cards/{name}" for name in ("add", "choose", "remove")),
    *(f"/portal/{name}/{{id}}/pdf" for name in ("credit-notes", "invoices")),
    *(f"/portal/subscriptions/{{id}}/{name}" for name in ("cancel", "change", "pause", "resume")),
}
"""What knows them by a link, or by the session that one opened."""


def test_only_these_are_open_to_everybody() -> None:
    closed = {route.path for route in ROUTES}
    assert {
        path for path in DOCUMENT["paths"] if path not in closed and not path.startswith("/webhooks")
    } == OPEN | FORMS | PAGES
    assert len(ROUTES) > 90


def call(route: Route, key: str | None, path: str, body: Any = None, **headers: str) -> Answer:
    """A call of a route, with the document's example where it has a body."""
    text = json.dumps(route.body if body is None else body) if route.body or body is not None else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    event = http_event(route.method, path, key=key, idempotency_key=NONE + path[-30:], body=text, headers=named)
    return request(event)


def last_row(world: World, before: int) -> Json:
    """The one row that a call added."""
    rows = [puts for puts in world.items[before:] if puts[0] == world.tables["audit"]]
    assert len(rows) == 1
    return rows[0][1]


def test_only_this_needs_a_credential_and_no_scope() -> None:
    assert [route.path for route in ROUTES if route.scope is None] == ["/v1/me"]


@pytest.fixture(scope="module")
def mine(world: World) -> Tenant:
    """Whoever calls."""
    tenant = world.tenant()
    tenant.plan()
    return tenant


@pytest.fixture(scope="module")
def lacking(world: World, mine: Tenant) -> Callable[[str], str]:
    """A key with every scope but one; it has nothing of the platform's."""
    tenants = [scope.value for scope in Scope if scope is not Scope.PLATFORM]
    keys: dict[str, str] = {}
    for scope in tenants:
        others = [each for each in tenants if each != scope]
        keys[scope] = mine.post("/v1/api-keys", {"name": scope, "scope": "admin", "scopes": others}).data["key"]
    return lambda scope: keys.get(scope, mine.key)


def test_without_a_credential(world: World) -> None:
    for route in ROUTES:
        before = len(world.items)
        answer = call(route, None, route.at(tid=NONE))
        assert (answer.status, answer.error["code"], answer.error["details"]) == (401, "auth.unauthenticated", []), (
            route
        )
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert last_row(world, before)["principal"] == {"S": "anonymous"}


def test_with_every_scope_but_its_own(world: World, mine: Tenant, lacking: Callable[[str], str]) -> None:
    """Whether the request has the right shape is not the caller's business either."""
    for route in ROUTES:
        if route.scope is None:
            continue
        before = len(world.items)
        answer = call(route, lacking(route.scope), route.at(tid=mine.id))
        assert (answer.status, answer.error["code"], answer.error["details"]) == (403, "auth.forbidden", []), route
        row = last_row(world, before)
        assert (row["tenant_id"]["S"], row["status"]["N"]) == (mine.id, "403")
        nonsense = request(http_event(route.method, route.at(tid=mine.id), key=lacking(route.scope), body="{nonsense"))
        assert nonsense.status == 403, route


def test_for_another_tenant_by_the_header(mine: Tenant) -> None:
    for route in ROUTES:
        answer = call(route, mine.key, route.at(tid=mine.id), x_tenant_id="ten_" + NONE)
        assert (answer.status, answer.error["code"]) == (403, "auth.tenant_mismatch"), route


@pytest.mark.parametrize("route", [each for each in ROUTES if "tid" in each.parameters], ids=lambda each: each.path)
def test_for_another_tenant_by_the_path(world: World, mine: Tenant, theirs: "Theirs", route: Route) -> None:
    """One that exists and one that does not are the same."""
    answers = [call(route, mine.key, route.at(tid=tid)) for tid in (theirs.tenant.id, "ten_" + NONE)]
    assert {(answer.status, answer.error["code"], answer.error["message"]) for answer in answers} == {
        (403, "auth.tenant_mismatch", "The path names another tenant")
    }


def test_of_a_suspended_tenant(suspended: Tenant) -> None:
    for route in ROUTES:
        answer = call(route, suspended.key, route.at(tid=suspended.id))
        assert (answer.status, answer.error["code"]) == (403, "tenant.suspended"), route


@pytest.fixture(scope="module")
def suspended(world: World) -> Tenant:
    """A tenant that the platform has suspended, for more than a minute."""
    tenant = world.tenant()
    world.platform().patch(f"/v1/tenants/{tenant.id}", {"status": "suspended"})
    world.clock.advance(seconds=61)
    return tenant


@dataclass(frozen=True)
class Theirs:
    """Another tenant, with something of every kind: ids by the names that paths and bodies have for them."""

    tenant: Tenant
    ids: dict[str, str]


@pytest.fixture(scope="module")
def theirs(world: World) -> Theirs:
    """See ``Theirs``."""
    return one_of_everything(world)


def one_of_everything(world: World) -> Theirs:
    """See ``Theirs``; two of what can be listed, so that there are cursors."""
    tenant = world.tenant()
    ids = {"clock_id": tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]}
    tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"})
    ids["plan_id"], ids["key"] = tenant.plan(id="their-plan"), tenant.meter("their_meter")
    for code in ("THEIRS", "THEIRS2"):
        tenant.post("/v1/coupons", {"code": code, "percentOff": "10", "duration": "once"})
    ids["code"] = "THEIRS"
    ids["customer_id"] = tenant.customer()
    first = [tenant.subscribe(customerId=ids["customer_id"]) for _ in range(2)][0]  # noqa: RUF015 - two
    ids |= {
        "subscription_id": first["id"],
        "invoice_id": first["latestInvoiceId"],
        "method_id": first["paymentMethodId"],
    }
    ids["payment_id"] = tenant.get(f"/v1/invoices/{ids['invoice_id']}").data["latestPaymentId"]
    credit = tenant.post(f"/v1/invoices/{ids['invoice_id']}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"})
    ids["credit_note_id"] = credit.data["id"]
    ids["key_id"] = tenant.post("/v1/api-keys", {"name": "theirs", "scope": "read"}).data["id"]
    ids["user_id"] = tenant.post("/v1/users", {"email": "theirs@example.com", "role": "support"}).data["id"]
    client = {"name": "A", "type": "confidential", "grantTypes": ["client_credentials"], "scopes": ["billing:read"]}
    ids["client_id"] = [tenant.post("/v1/oauth-clients", client).data["id"] for _ in range(2)][0]  # noqa: RUF015 - two
    market = Market(world, tenant, world.tenant(), world.tenant())
    ids["order_id"] = [market.sold(item(5000, 1000, market.x)) for _ in range(2)][0]["id"]  # noqa: RUF015 - two
    intent = tenant.get(f"/v1/payments/{ids['payment_id']}").data["paymentIntentId"]
    world.sandbox.post(f"charges/{intent}/dispute")
    world.deliver_all(tenant)
    ids["dispute_id"] = tenant.get("/v1/disputes").data[0]["id"]
    return Theirs(tenant, ids | _webhooks(world, tenant) | _runs(tenant))


def _webhooks(world: World, tenant: Tenant) -> dict[str, str]:
    """Two endpoints; two events in the feed and on their way to the first; a job that has them sent again."""
    body = {"url": "https://8.8.8.8/", "eventTypes": ["coupon.redeemed"]}
    path, _ = (f"/v1/webhook-endpoints/{tenant.post('/v1/webhook-endpoints', body).data['id']}" for _ in range(2))
    test, _ = (tenant.post(f"{path}/test").data for _ in range(2))
    feed(world, tenant)
    flow.publish(world, tenant)
    flow.clear(world)
    job = tenant.post(f"{path}/redeliver", {"since": world.clock().isoformat()}).data["id"]
    return {"endpoint_id": test["endpointId"], "delivery_id": test["deliveryId"], "redelivery_id": job}


def _runs(tenant: Tenant) -> dict[str, str]:
    """An export, and a report that is too long for a request."""
    with pytest.MonkeyPatch.context() as patch:
        at_most(patch, -1)
        run = tenant.get("/v1/reports/trial-balance").data["id"]
    export = tenant.post("/v1/exports", {"kind": "customers"}).data["id"]
    wanted = {"source": "stripe", "dryRun": True, "data": json.dumps({"id": "cus_1", "object": "customer"})}
    return {"export_id": export, "run_id": run, "import_id": tenant.post("/v1/imports", wanted).data["id"]}


def told(answer: Answer, named: str) -> tuple[int, str, str, str]:
    """What an answer tells, but for what it was asked for."""
    if answer.status < 300:
        return answer.status, json.dumps(answer.json.get("data")), "", ""
    error = answer.error
    return answer.status, error["code"], error["message"].replace(named, "ID"), str(error["details"])


NOT_MADE = {"payout_id", "provider_tenant_id", "event_id", "session_id", "grant_id"}
"""What the fixture has none of; who sees a payout is in test_14_04_payouts."""


def nobodys(foreign: str) -> str:
    """An id of the same form that nobody has."""
    return foreign[: foreign.index("_") + 1] + NONE if "_" in foreign else NONE.upper() if foreign.isupper() else NONE


def test_an_id_of_another_tenant_is_as_one_that_nobody_has(mine: Tenant, theirs: Theirs) -> None:
    for route in ROUTES:
        named = set(route.parameters) - {"tid"} - NOT_MADE
        if not named:
            continue
        (name,) = named
        foreign, other = theirs.ids[name], nobodys(theirs.ids[name])
        seen = call(route, mine.key, route.at(**{name: foreign}))
        assert told(seen, foreign) == told(call(route, mine.key, route.at(**{name: other})), other), route
        # 400 is B's code for a method that is not the customer's.
        assert seen.status == 404 or (name, seen.status) == ("method_id", 400), route


NAMED = {
    "customerId": "customer_id", "subscriptionId": "subscription_id", "invoiceId": "invoice_id", "planId": "plan_id",
    "testClockId": "clock_id", "orderId": "order_id", "couponCode": "code", "code": "code",
}  # fmt: skip
BODIES = [
    ("POST", "/v1/subscriptions", {"customerId": "?", "planId": "business-monthly", "quantities": {"seats": 1}}),
    ("POST", "/v1/subscriptions", {"planId": "?", "quantities": {"seats": 1}}),
    ("POST", "/v1/subscriptions", {"planId": "business-monthly", "quantities": {"seats": 1}, "couponCode": "?"}),
    ("POST", "/v1/customers", {"name": "A", "testClockId": "?"}),
    ("POST", "/v1/payments", {"invoiceId": "?"}),
    ("POST", "/v1/payments", {"orderId": "?"}),
    ("POST", "/v1/payments", {"customerId": "?", "amount": 5_000_000, "currency": "USD"}),
    ("POST", "/v1/payments/intents", {"invoiceId": "?"}),
    ("POST", "/v1/invoices", {"customerId": "?", "lines": [{"description": "A", "amount": 5_000_000}]}),
    ("POST", "/v1/invoices/preview", {"subscriptionId": "?"}),
    ("POST", "/v1/payment-methods/setup", {"customerId": "?"}),
    ("POST", "/v1/portal-sessions", {"customerId": "?"}),
    ("POST", "/v1/commerce/coupons/redeem", {"code": "?"}),
    ("POST", "/v1/commerce/orders", {"currency": "USD", "items": [item(5000)], "customerId": "?"}),
    ("POST", "/v1/commerce/orders", {"currency": "USD", "items": [item(5000)], "couponCode": "?"}),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=lambda each: str(each)[:40])
def test_an_id_of_another_tenant_in_a_body_is_as_one_that_nobody_has(
    world: World, mine: Tenant, theirs: Theirs, method: str, path: str, body: Json
) -> None:
    route = next(each for each in ROUTES if (each.method, each.path) == (method, path))
    (field,) = [name for name, value in body.items() if value == "?"]
    foreign = theirs.ids[NAMED[field]]
    other = nobodys(foreign)
    seen, unseen = (call(route, mine.key, path, body | {field: value}) for value in (foreign, other))
    assert told(seen, foreign) == told(unseen, other)
    assert seen.status >= 400


def test_a_cursor_of_another_tenant_is_none(world: World, mine: Tenant, theirs: Theirs) -> None:
    """Their own where their list has a second page, else a text that is sealed under their key."""
    given = {"subscription": mine.subscribe(None, trialDays=14)["id"], "year": "2026"}
    # Of an endpoint that is not the caller's nothing is listed at all.
    theirs_named = {"tid": theirs.tenant.id, "endpoint_id": theirs.ids["endpoint_id"]}
    named = {"endpoint_id": _webhooks(world, mine)["endpoint_id"]}
    for route in ROUTES:
        if "cursor" not in route.query or route.path == "/v1/tax/jurisdictions":  # the same list for everybody
            continue
        caller = world.platform() if route.scope == Scope.PLATFORM.value else mine
        page = theirs.tenant.get(route.at(**theirs_named), limit=1)
        cursor = page.json["meta"]["pagination"]["next_cursor"] if page.status == 200 else None
        cursor = cursor or storage.vault().seal(theirs.tenant.id, "cursor/any", "place")
        needed = {name: value for name, value in given.items() if name in route.query and page.status != 200}
        answer = caller.get(route.at(tid=caller.id, **named), cursor=cursor, **needed)
        assert (answer.status, answer.json["error"]["details"]) == (
            400,
            [{"field": "cursor", "reason": "invalid_cursor"}],
        ), route


def test_a_key_that_is_revoked_between_is_a_strangers_on_every_route(world: World, mine: Tenant) -> None:
    made = mine.post("/v1/api-keys", {"name": "gone", "scope": "admin"}).data
    mine.post(f"/v1/api-keys/{made['id']}/revoke")
    gone = replace(mine, key=made["key"])
    for route in ROUTES:
        answer = call(route, gone.key, route.at(tid=mine.id))
        assert (answer.status, answer.error["code"]) == (401, "auth.unauthenticated"), route
