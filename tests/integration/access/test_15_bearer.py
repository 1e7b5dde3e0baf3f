"""Issue 15: calls with an access token."""

from billing.bootstrap import storage
from billing.domain.access.user import Role, UserStatus
from tests.integration.access.oauth import app, changed, form, machine, ok, refused, user
from tests.integration.world import World, http_event, request


def test_15_a_client_calls_with_a_token_of_its_own(world: World) -> None:
    acme = world.tenant()
    client = machine(acme, scopes=["billing:read"])
    issued = ok(client.token(grant_type="client_credentials"))
    assert (issued["token_type"], issued["expires_in"], issued["scope"]) == ("Bearer", 3600, "billing:read")
    assert "refresh_token" not in issued
    bearer = client.bearer(issued["access_token"])
    answer = bearer.get("/v1/customers")
    assert answer.status == 200
    assert answer.headers["X-RateLimit-Limit"] == "1000"
    row = world.rows_of("audit", acme.id)[-1]
    assert (row["principal"]["S"], row["status"]["N"]) == (client.id, "200")
    refused_write = bearer.post("/v1/customers", '{"name": "A"}')
    assert refused_write.status == 403
    assert refused_write.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="billing:write"'


def test_15_a_token_ends_with_its_time_its_client_and_its_signature(world: World) -> None:
    acme = world.tenant()
    client = machine(acme)
    token = ok(client.token(grant_type="client_credentials"))["access_token"]
    bearer = client.bearer(token)
    assert bearer.get("/v1/customers").status == 200
    broken = client.bearer(token[:-6] + "AAAAAA").get("/v1/customers")
    assert (broken.status, broken.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    acme.patch(f"/v1/oauth-clients/{client.id}", {"status": "disabled"})
    assert bearer.get("/v1/customers").status == 401
    refused(client.token(grant_type="client_credentials"), "invalid_client", 401)
    acme.patch(f"/v1/oauth-clients/{client.id}", {"status": "active"})
    assert bearer.get("/v1/customers").status == 401  # what has ended stays so
    world.clock.advance(seconds=2)
    later = client.bearer(ok(client.token(grant_type="client_credentials"))["access_token"])
    assert later.get("/v1/customers").status == 200
    world.clock.advance(seconds=3631)
    assert later.get("/v1/customers").status == 401
    world.clock.reset()


def test_15_scenario_21_key_and_token_together_are_a_400(world: World) -> None:
    acme = world.tenant()
    client = machine(acme)
    token = ok(client.token(grant_type="client_credentials"))["access_token"]
    event = http_event("GET", "/v1/customers", key=acme.key, headers={"authorization": f"Bearer {token}"})
    assert request(event).status == 400


def test_15_scenario_7_a_disabled_user_is_refused_at_the_next_call(world: World) -> None:
    """And not after an hour."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme, Role.FINANCE)
    issued = client.tokens(ada)
    bearer = client.bearer(issued["access_token"])
    assert bearer.get("/v1/customers").status == 200
    assert bearer.get("/v1/customers", **{"x-user-id": "somebody"}).status == 403
    assert bearer.get("/v1/customers", **{"x-user-id": ada.id}).status == 200
    changed(acme, ada, status=UserStatus.DISABLED)
    assert bearer.get("/v1/customers").status == 401
    refused(client.refresh(issued["refresh_token"]), "invalid_grant")


def test_15_scenario_7_a_lowered_role_counts_at_the_next_refresh(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme, Role.ADMIN)
    issued = client.tokens(ada)
    assert issued["scope"] == "billing:read billing:write"
    changed(acme, ada, role=Role.SUPPORT)
    assert ok(client.refresh(issued["refresh_token"]))["scope"] == "billing:read"


def test_15_no_token_reaches_another_tenant(world: World) -> None:
    acme, other = world.tenant(), world.tenant()
    client = machine(acme)
    bearer = client.bearer(ok(client.token(grant_type="client_credentials"))["access_token"])
    assert bearer.get("/v1/customers", **{"x-tenant-id": other.id}).status == 403
    assert other.get(f"/v1/oauth-clients/{client.id}").status == 404
    stranger = machine(other)
    token = bearer.token
    assert ok(form("/oauth2/introspect", {**stranger.who, "token": token})) == {"active": False}
    assert ok(form("/oauth2/revoke", {**stranger.who, "token": token})) == {}
    assert bearer.get("/v1/customers").status == 200


def test_15_what_is_stored_is_no_secret(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    issued = client.tokens(ada)
    everything = world.everything_of(acme.id)
    for secret in (client.data["secret"], issued["access_token"], issued["refresh_token"], "ada@example.com"):
        assert secret not in everything
        assert secret not in world.logs.text
    assert storage.vault().derived(acme.id, "refresh token", "x") not in everything
