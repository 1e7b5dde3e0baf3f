"""Issue 15: OAuth clients: registered, changed, their secrets shown once."""

from typing import Any

import pytest

from tests.integration.access.oauth import CODE, app, form, machine, ok, refused
from tests.integration.world import World


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"redirectUris": []}, "redirectUris"),
        ({"redirectUris": ["http://app.example/done"]}, "redirectUris.0"),
        ({"redirectUris": ["https://app.example/#x"]}, "redirectUris.0"),
        ({"grantTypes": ["client_credentials"]}, "redirectUris"),
        ({"grantTypes": ["refresh_token", "client_credentials"], "redirectUris": []}, "grantTypes"),
        ({"grantTypes": ["client_credentials"], "redirectUris": [], "type": "public"}, "grantTypes"),
        ({"grantTypes": ["password"]}, "grantTypes.0"),
        ({"scopes": ["platform"]}, "scopes.0"),
        ({"scopes": []}, "scopes"),
    ],
    ids=str,
)
def test_15_a_client_that_could_get_no_token_is_not_registered(world: World, fields: dict[str, Any], bad: str) -> None:
    body = {"name": "App", "type": "confidential", "scopes": ["billing:read"], **CODE, **fields}
    answer = world.tenant().post("/v1/oauth-clients", body)
    assert answer.status == 400
    assert bad in answer.bad_fields


def test_15_a_secret_is_shown_once_and_rotated(world: World) -> None:
    acme = world.tenant()
    client = machine(acme)
    assert client.data["secret"].startswith("lls_")
    assert acme.get(f"/v1/oauth-clients/{client.id}").data["secret"] is None
    assert acme.get("/v1/oauth-clients").data[0]["secret"] is None
    fresh = acme.post(f"/v1/oauth-clients/{client.id}/rotate-secret", idempotency_key="once").data["secret"]
    refused(client.token(grant_type="client_credentials"), "invalid_client", 401)
    who = {"client_id": client.id, "client_secret": fresh}
    assert ok(form("/oauth2/token", {**who, "grant_type": "client_credentials"}))
    again = acme.post(f"/v1/oauth-clients/{client.id}/rotate-secret", idempotency_key="once")
    assert again.data["secret"] == fresh
    acme.patch(f"/v1/oauth-clients/{client.id}", {"status": "disabled"})
    again = acme.post(f"/v1/oauth-clients/{client.id}/rotate-secret", idempotency_key="once")
    assert again.data["secret"] is None
    public = app(acme, type="public")
    assert acme.post(f"/v1/oauth-clients/{public.id}/rotate-secret").status == 409


def test_15_fewer_scopes_of_a_client_count_at_the_next_token(world: World) -> None:
    acme = world.tenant()
    client = machine(acme)
    changed = acme.patch(f"/v1/oauth-clients/{client.id}", {"scopes": ["billing:read"], "name": "B"})
    assert (changed.data["scopes"], changed.data["name"], changed.data["version"]) == (["billing:read"], "B", 2)
    assert ok(client.token(grant_type="client_credentials"))["scope"] == "billing:read"
    assert acme.patch(f"/v1/oauth-clients/{client.id}", {"type": "public"}).bad_fields == {"type": "immutable"}


def test_15_nobody_gives_away_more_than_they_may_do(world: World) -> None:
    """A token with the scope to administer, and without the scope to charge, makes nobody who may charge."""
    acme = world.tenant()
    client = machine(acme, scopes=["billing:admin", "billing:read"])
    bearer = client.bearer(ok(client.token(grant_type="client_credentials"))["access_token"])
    body = '{"name": "B", "type": "confidential", "grantTypes": ["client_credentials"], "scopes": ["%s"]}'
    assert bearer.post("/v1/oauth-clients", body % "payments:process").status == 403
    assert bearer.post("/v1/oauth-clients", body % "billing:read").status == 201
    assert bearer.post("/v1/users", '{"email": "a@example.com", "role": "admin"}').status == 403
    assert bearer.post("/v1/users", '{"email": "a@example.com", "role": "read_only"}').status == 201
