"""Keys: made, listed, rotated, revoked, and asked for again; the data key; the audit log."""

from tests.integration.world import Tenant


def walk_access(tenant: Tenant) -> None:
    """Every route of the function, and what a replay looks up."""
    body = {"name": "walker", "scope": "read"}
    key = tenant.post("/v1/api-keys", body, idempotency_key="walk-key").data
    assert tenant.post("/v1/api-keys", body, idempotency_key="walk-key").data == key
    assert tenant.get("/v1/api-keys").status == 200
    assert tenant.get("/v1/me").data["principal"] != key["id"]
    assert tenant.world.platform().get("/v1/tenants").status == 200
    assert tenant.get(f"/v1/api-keys/{key['id']}").status == 200
    assert tenant.post(f"/v1/api-keys/{key['id']}/rotate").status == 201
    assert tenant.post(f"/v1/api-keys/{key['id']}/revoke").status == 200
    assert tenant.post(f"/v1/tenants/{tenant.id}/data-key/rotate").status == 201
    assert tenant.get("/v1/audit-log", status="2xx").data
    assert tenant.get("/v1/audit-log/export.csv").status == 200
