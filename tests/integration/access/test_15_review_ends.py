"""Issue 15: what ends, ends with the next call: roles, scopes, sign-outs, revoked tokens."""

from billing.domain.access.user import Role
from tests.integration.access.oauth import app, changed, form, machine, ok, user
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World

CUSTOMER = '{"name": "Bob", "email": "bob@example.com"}'


def test_15_a_lowered_role_counts_from_the_next_call_on(world: World) -> None:
    """A writer becomes a reader: the token of before is refused, and a refresh brings one that reads."""
    acme = world.tenant()
    ada, client = user(world, acme, Role.FINANCE), app(acme)
    issued = client.tokens(ada)
    assert client.bearer(issued["access_token"]).post("/v1/customers", CUSTOMER).status == 201
    world.clock.advance(seconds=2)
    assert acme.patch(f"/v1/users/{ada.id}", {"role": "read_only"}).status == 200
    assert client.bearer(issued["access_token"]).post("/v1/customers", CUSTOMER).status == 401
    assert form("/oauth2/introspect", {**client.who, "token": issued["access_token"]}).json == {"active": False}
    world.clock.advance(seconds=2)
    again = client.bearer(ok(client.refresh(issued["refresh_token"]))["access_token"])
    assert (again.get("/v1/customers").status, again.post("/v1/customers", CUSTOMER).status) == (200, 403)


def test_15_a_raised_role_ends_nothing(world: World) -> None:
    acme = world.tenant()
    ada, client = user(world, acme, Role.READ_ONLY), app(acme)
    issued = client.tokens(ada)
    world.clock.advance(seconds=2)
    assert acme.patch(f"/v1/users/{ada.id}", {"role": "finance"}).status == 200
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200


def test_15_a_sign_out_ends_more_grants_than_a_page_has(world: World) -> None:
    """However many there are, and however young: no list is read that may be short or late."""
    acme = world.tenant()
    ada, client = user(world, acme, Role.FINANCE), app(acme)
    tokens = [client.tokens(ada)["access_token"] for _ in range(102)]
    world.clock.advance(minutes=1)
    assert acme.post(f"/v1/users/{ada.id}/sign-out").status == 200
    assert {client.bearer(each).get("/v1/customers").status for each in (*tokens[:3], *tokens[-3:])} == {401}
    world.clock.advance(seconds=2)
    back = changed(acme, ada, name="Ada L")
    assert client.bearer(client.tokens(back)["access_token"]).get("/v1/customers").status == 200


def test_15_a_client_that_may_do_less_has_no_token_of_before(world: World) -> None:
    acme = world.tenant()
    client = machine(acme)
    token = ok(client.token(grant_type="client_credentials"))["access_token"]
    world.clock.advance(seconds=2)
    assert acme.patch(f"/v1/oauth-clients/{client.id}", {"scopes": ["billing:read"]}).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    assert form("/oauth2/introspect", {**client.who, "token": token}).json == {"active": False}
    world.clock.advance(seconds=2)
    fresh = client.bearer(ok(client.token(grant_type="client_credentials"))["access_token"])
    assert (fresh.get("/v1/customers").status, fresh.post("/v1/customers", CUSTOMER).status) == (200, 403)


def test_15_introspection_knows_a_clients_own_revoked_token(world: World) -> None:
    """What the API refuses, a tenant's resource servers are told to refuse, too."""
    acme = world.tenant()
    client = machine(acme)
    token, other = (ok(client.token(grant_type="client_credentials"))["access_token"] for _ in range(2))
    assert form("/oauth2/revoke", {**client.who, "token": token}).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    assert form("/oauth2/introspect", {**client.who, "token": token}).json == {"active": False}
    assert form("/oauth2/introspect", {**client.who, "token": other}).json["active"] is True


def test_15_nobody_enables_whom_they_could_not_have_invited(world: World) -> None:
    """A key with ``billing:admin`` alone makes no admin, neither a new one nor one that was disabled."""
    acme = world.tenant()
    joined(world, acme, "root@example.com")
    world.clock.advance(minutes=1)
    ada = joined(world, acme)
    assert acme.patch(f"/v1/users/{ada}", {"status": "disabled"}).status == 200
    made = acme.post("/v1/api-keys", {"name": "k", "scope": "admin", "scopes": ["billing:admin"]}).data
    narrow = Tenant(world, acme.id, made["key"], {})
    assert narrow.post("/v1/users", {"email": "bob@example.com", "role": "admin"}).status == 403
    assert narrow.patch(f"/v1/users/{ada}", {"status": "active"}).status == 403
    assert narrow.patch(f"/v1/users/{ada}", {"name": "Ada L"}).status == 200
