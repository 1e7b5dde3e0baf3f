"""Issue 15: what a stranger names and is not let into looks like what there is not."""

from billing.domain.tenant import TenantStatus
from tests.integration.access.oauth import FORM
from tests.integration.world import World, http_event, request


def answer(method: str, path: str, tenant_id: str) -> tuple[int, bytes]:
    """What a stranger is told who names a tenant in a link and in a cookie."""
    query = f"token={tenant_id}.usr_1.secret" if path == "/oauth2/password" else ""
    event = http_event(method, path, body="" if method == "POST" else None, query=query, headers={"content-type": FORM})
    event["cookies"] = [f"__Host-session={tenant_id}.secret"]
    found = request(event)
    return found.status, found.content


def test_15_no_page_tells_which_tenants_there_are(world: World) -> None:
    """One that is suspended, and one that lets few networks in, answer as one that nobody ever made."""
    suspended, closed, open_ = world.tenant(), world.tenant(tier="enterprise"), world.tenant()
    platform = world.platform()
    assert platform.patch(f"/v1/tenants/{suspended.id}", {"status": TenantStatus.SUSPENDED.value}).status == 200
    assert platform.patch(f"/v1/tenants/{closed.id}", {"ipAllowList": ["198.51.100.7"]}).status == 200
    world.clock.advance(minutes=2)
    try:
        for method, path in (("GET", "/oauth2/password"), ("GET", "/oauth2/codes"), ("POST", "/oauth2/logout")):
            named = ("ten_nobody", open_.id, suspended.id, closed.id)
            assert len({answer(method, path, each) for each in named}) == 1, path
    finally:
        world.clock.reset()
