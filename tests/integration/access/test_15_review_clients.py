"""Issue 15: a client that may do less, seen by whoever repeats, introspects, or enables it again."""

import pytest

from billing.services.access import clients
from billing.storage.unit_of_work import UnitOfWork
from tests.integration.access.oauth import App, app, form, machine, ok, user
from tests.integration.world import Tenant, World


def active(client: App, token: str) -> bool:
    """What introspection says of a token."""
    told: bool = ok(form("/oauth2/introspect", {**client.who, "token": token}))["active"]
    return told


def test_15_a_client_that_is_enabled_again_has_none_of_its_own_tokens_back(world: World, tenant: Tenant) -> None:
    """What was disabled because its secret leaked is enabled with another one: who has the old token has nothing."""
    client = machine(tenant)
    token = ok(client.token(grant_type="client_credentials"))["access_token"]
    assert client.bearer(token).get("/v1/customers").status == 200
    for status in ("disabled", "active"):
        world.clock.advance(seconds=2)
        assert tenant.patch(f"/v1/oauth-clients/{client.id}", {"status": status}).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    assert not active(client, token)
    world.clock.advance(seconds=2)
    fresh = ok(client.token(grant_type="client_credentials"))["access_token"]
    assert client.bearer(fresh).get("/v1/customers").status == 200
    assert active(client, fresh)


@pytest.mark.parametrize("less", [{"scopes": ["billing:read"]}, {"status": "disabled"}])
def test_15_introspection_says_of_a_users_token_what_the_api_does(
    world: World, tenant: Tenant, less: dict[str, object]
) -> None:
    """Whoever asks before serving somebody is told of tokens that were ended with their client's scopes, too."""
    client, asking = app(tenant), machine(tenant)
    token = client.tokens(user(world, tenant))["access_token"]
    assert active(asking, token)
    world.clock.advance(seconds=2)
    for change in (less, {"status": "active"}):
        assert tenant.patch(f"/v1/oauth-clients/{client.id}", change).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    assert not active(asking, token)


@pytest.mark.parametrize("less", [{"scopes": ["billing:read"]}, {"status": "disabled"}])
def test_15_a_change_that_was_cut_off_among_many_users_is_finished_by_its_repeat(
    world: World, tenant: Tenant, less: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit has the client's new scopes: to the repeat nothing seems to be left to do, but there is.

    It ends nothing that was issued since.
    """
    person, client = user(world, tenant), app(tenant)
    token = client.tokens(person)["access_token"]
    whole, path = UnitOfWork.checkpoint, f"/v1/oauth-clients/{client.id}"

    def cut_off(work: UnitOfWork, *args: object) -> None:
        whole(work, *args)  # type: ignore[arg-type]
        raise RuntimeError("out of time")

    with monkeypatch.context() as patched:
        patched.setattr(clients, "_MOST_AT_ONCE", 1)
        patched.setattr(UnitOfWork, "checkpoint", cut_off)
        assert tenant.patch(path, less).status == 500
    assert client.bearer(token).get("/v1/customers").status == 200  # the client's commit stands, the user's does not
    world.clock.advance(seconds=2)
    if "scopes" in less:
        fresh = client.tokens(person, "billing:read")["access_token"]
    assert tenant.patch(path, less).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    if "scopes" in less:
        assert client.bearer(fresh).get("/v1/customers").status == 200
