"""Issue 18: who calls, whatever it calls with."""

from datetime import timedelta

import pytest

from billing.domain.kernel.times import format_time, parse_time
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.oauth import app, machine, ok
from tests.integration.access.oauth import user as made_user
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World, http_event, request


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant(timezone="Europe/Paris", currency="EUR", netTermsDays=14)


def test_18_me_in_the_dashboard(world: World, acme: Tenant) -> None:
    ada = joined(world, acme, role="support")
    signed_in_at = world.clock()
    page = Dashboard(acme).signs_in()
    world.clock.advance(minutes=5)
    page.renews()
    me = page.bearer.get("/v1/me").data
    assert me["credential"] == "user"
    assert me["user"] == {"id": ada, "email": "ada@example.com", "name": "Ada", "role": "support"}
    assert me["principal"] == ada
    assert me["scopes"] == ["billing:read", "subscriptions:manage"]
    named = ("id", "name", "mode", "timeZone", "currency", "netTermsDays", "status")
    assert [me["tenant"][name] for name in named] == [acme.id, "Acme", "test", "Europe/Paris", "EUR", 14, "active"]
    assert me["tenant"]["refundReauthenticationAbove"] is None
    assert not {"email", "address", "taxId", "bankDetails", "ipAllowList", "apiKey"} & set(me["tenant"])
    entered, ends = parse_time(me["authenticatedAt"]), parse_time(me["expiresAt"])
    assert timedelta(0) <= entered - signed_in_at.replace(microsecond=0) < timedelta(seconds=5)
    assert ends - world.clock() <= timedelta(minutes=15)
    assert ends - world.clock() > timedelta(minutes=14)


def test_18_me_by_a_key(world: World, acme: Tenant) -> None:
    me = acme.get("/v1/me").data
    assert (me["credential"], me["user"], me["authenticatedAt"], me["expiresAt"]) == ("key", None, None, None)
    assert me["scopes"][-1] == "billing:admin"
    assert (
        me["tenant"]["refundReauthenticationAbove"]
        == acme.get(f"/v1/tenants/{acme.id}").data["refundReauthenticationAbove"]
    )
    ends = format_time(world.clock() + timedelta(days=1))
    narrow = {"name": "A", "scope": "write", "scopes": ["payments:process"], "expiresAt": ends}
    key = acme.post("/v1/api-keys", narrow).data
    me = request(http_event("GET", "/v1/me", key=key["key"])).data
    assert (me["principal"], me["scopes"], me["expiresAt"]) == (key["id"], ["payments:process"], key["expiresAt"])
    assert me["tenant"]["refundReauthenticationAbove"] is not None
    rows = [row for row in world.rows_of("audit", acme.id) if row["route"]["S"] == "GET /v1/me"]
    assert [row["status"]["N"] for row in rows] == ["200", "200"]


def test_18_me_by_tokens_of_clients(world: World, acme: Tenant) -> None:
    own = machine(acme)
    token = ok(own.token(grant_type="client_credentials"))["access_token"]
    me = own.bearer(token).get("/v1/me").data
    assert (me["credential"], me["user"], me["principal"]) == ("client", None, own.id)
    client, ada = app(acme), made_user(world, acme)
    me = client.bearer(client.tokens(ada, "billing:read")["access_token"]).get("/v1/me").data
    assert (me["credential"], me["user"]["id"], me["scopes"]) == ("user", ada.id, ["billing:read"])
    assert me["authenticatedAt"] is None
    assert me["expiresAt"] is not None


def test_18_me_by_nobody(world: World, acme: Tenant) -> None:
    assert request(http_event("GET", "/v1/me")).status == 401
    assert acme.get("/v1/me", tenant=acme.id).status == 400
    me = world.platform().get("/v1/me").data
    assert (me["tenant"]["id"], me["scopes"][-1]) == ("platform", "platform")
