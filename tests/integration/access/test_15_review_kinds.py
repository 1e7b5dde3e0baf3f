"""Issue 15: an id of one kind names nothing of another, where a table has several kinds."""

from hashlib import sha256

from tests.integration.access.oauth import app, refused, user
from tests.integration.world import World


def test_15_an_id_of_another_kind_is_not_found(world: World) -> None:
    """Users, keys and clients share a table: 404 as for an id that never was, and no 500."""
    acme = world.tenant()
    ada, client = user(world, acme), app(acme)
    (key, *_) = acme.get("/v1/api-keys").data
    ids = {"users": ada.id, "api-keys": key["id"], "oauth-clients": client.id}
    for route in ids:
        for named in [each for of, each in ids.items() if of != route] + ["admins"]:
            assert acme.get(f"/v1/{route}/{named}").status == 404, (route, named)
    assert acme.post(f"/v1/api-keys/{ada.id}/revoke").status == 404
    assert acme.patch(f"/v1/users/{client.id}", {"name": "X"}).status == 404
    assert acme.post(f"/v1/oauth-clients/{ada.id}/rotate-secret").status == 404


def test_15_a_code_or_a_session_is_no_refresh_token(world: World) -> None:
    """Codes, grants and sessions share a table: whoever knows a hash there gets ``invalid_grant``, and no 500."""
    acme = world.tenant()
    ada, client = user(world, acme), app(acme)
    code, _ = client.code(ada)
    refused(client.refresh(f"rt_code#{sha256(code.encode()).hexdigest()}.1.x"), "invalid_grant")
    grant_id = client.tokens(ada)["refresh_token"].removeprefix("rt_").partition(".")[0]
    assert acme.delete(f"/v1/users/{ada.id}/sessions/{grant_id}").status == 404
