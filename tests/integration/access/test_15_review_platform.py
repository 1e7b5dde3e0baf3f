"""Issue 15: what only the operator may do takes the scope ``platform``; being of the platform is not enough."""

from tests.integration.access.oauth import machine, ok
from tests.integration.world import Tenant, World


def test_15_a_narrower_key_of_the_platform_reaches_no_tenant(world: World) -> None:
    """With ``billing:admin`` alone it edits the platform's own settings, and neither suspends nor reads a tenant."""
    acme = world.tenant()
    scopes = ["billing:admin", "billing:read"]
    made = world.platform().post("/v1/api-keys", {"name": "k", "scope": "platform", "scopes": scopes})
    narrow = Tenant(world, "platform", made.data["key"], {})
    assert narrow.get(f"/v1/tenants/{acme.id}").status == 403
    for changes in ({"status": "suspended"}, {"tier": "enterprise"}, {"name": "X"}):
        assert narrow.patch(f"/v1/tenants/{acme.id}", changes).status == 403
    assert narrow.patch("/v1/tenants/platform", {"tier": "enterprise"}).status == 403
    assert narrow.get("/v1/tenants/platform").status == 200
    assert world.platform().get(f"/v1/tenants/{acme.id}").status == 200


def test_15_no_token_reaches_another_tenant(world: World) -> None:
    """A client of the platform has no ``platform`` scope, whatever it is registered with."""
    acme = world.tenant()
    client = machine(world.platform(), scopes=["billing:read", "billing:admin"])
    token = ok(client.token(grant_type="client_credentials"))["access_token"]
    assert client.bearer(token).get(f"/v1/tenants/{acme.id}").status == 403
    assert client.bearer(token).get("/v1/tenants/platform").status == 200


def test_15_no_tenant_has_a_key_that_is_called_the_platforms(world: World) -> None:
    """Narrowed to what its maker has, it could do no more; but ``scope: platform`` is what it would say."""
    acme = world.tenant()
    asked = {"name": "k", "scope": "platform", "scopes": ["billing:admin"]}
    assert acme.post("/v1/api-keys", asked).status == 403
    assert world.platform().post("/v1/api-keys", asked).status == 201
