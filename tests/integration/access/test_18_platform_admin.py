"""Issue 18: the operator's own people sign in to the platform's dashboard, and see which tenants there are."""

from urllib.parse import urlencode

import pytest

from tests.integration.access.browser import Browser, answer_of, link_in
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.oauth import app, ok
from tests.integration.access.test_15_users import joined
from tests.integration.access.test_18_reauthentication import refused
from tests.integration.world import Tenant, World


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant()


@pytest.fixture
def operator(world: World) -> Dashboard:
    """A platform's admin in the platform's dashboard."""
    email = f"op-{world.clock():%H%M%S%f}@example.com"
    made = world.platform().post("/v1/users", {"email": email, "role": "platform_admin", "name": "Op"})
    assert made.status == 201, made.json
    world.clock.advance(minutes=1)
    browser = Browser()
    browser.get(link_in(world))
    assert browser.submit("/oauth2/password", password="correct horse battery").status == 200
    return Dashboard(world.platform()).signs_in(email)


def test_18_a_platform_admin_may_what_the_platform_may(world: World, acme: Tenant, operator: Dashboard) -> None:
    assert operator.tokens["scope"].split()[-1] == "platform"
    me = operator.bearer.get("/v1/me").data
    assert (me["user"]["role"], me["scopes"][-1], me["tenant"]["id"]) == ("platform_admin", "platform", "platform")
    assert operator.bearer.get(f"/v1/tenants/{acme.id}").data["id"] == acme.id
    assert operator.bearer.get("/v1/tenants").status == 200
    asked = answer_of(operator.asks(prompt="none", scope="platform billing:read"))
    assert ok(operator.redeem(asked["code"]))["scope"] == "billing:read platform"
    world.clock.advance(minutes=11)
    operator.renews()
    refused(operator.bearer.post("/v1/tenants", '{"name": "A", "mode": "test", "currency": "USD"}'))


def test_18_only_the_platform_makes_one(world: World, acme: Tenant) -> None:
    body = {"email": "eve@example.com", "role": "platform_admin"}
    assert acme.post("/v1/users", body).error["code"] == "auth.forbidden"
    ada = joined(world, acme)
    assert acme.patch(f"/v1/users/{ada}", {"role": "platform_admin"}).error["code"] == "auth.forbidden"
    page = Dashboard(acme).signs_in()
    assert page.bearer.post("/v1/users", '{"email": "eve@example.com", "role": "platform_admin"}').status == 403
    assert page.bearer.get("/v1/tenants").status == 403
    assert acme.get("/v1/tenants").status == 403
    assert answer_of(page.asks(prompt="none", scope="platform"))["error"] == "invalid_scope"


def test_18_a_plain_admin_of_the_platform_is_no_operator(world: World, operator: Dashboard) -> None:
    """Nor does another client of the platform's get the scope, whoever allows it."""
    email = "plain@example.com"
    joined(world, world.platform(), email)
    page = Dashboard(world.platform()).signs_in(email)
    assert "platform" not in page.tokens["scope"].split()
    assert page.bearer.get("/v1/tenants").status == 403
    client = app(world.platform(), scopes=["billing:read"])
    wanted = client.asking(scope="platform")[0]
    answer = operator.browser.get("/oauth2/authorize?" + urlencode(wanted))
    assert answer_of(answer)["error"] == "invalid_scope"


def test_18_the_list_of_tenants(world: World) -> None:
    """Newest first, page by page; nothing personal, and nothing of what opens what is sealed."""
    made = [world.tenant(name=f"T{n}", email="t@example.com").id for n in range(3)]
    platform = world.platform()
    first = platform.get("/v1/tenants", limit=2)
    assert [each["id"] for each in first.data] == made[:0:-1]
    assert set(first.data[0]) == {
        "id", "name", "tier", "mode", "status", "currency", "timezone", "createdAt", "version",
    }  # fmt: skip
    cursor = first.json["meta"]["pagination"]["next_cursor"]
    assert platform.get("/v1/tenants", limit=2, cursor=cursor).data[0]["id"] == made[0]
    platform.patch(f"/v1/tenants/{made[1]}", {"status": "suspended"})
    suspended = platform.get("/v1/tenants", status="suspended").data
    assert suspended[0]["id"] == made[1]
    assert {each["status"] for each in suspended} == {"suspended"}
    assert made[1] not in [each["id"] for each in platform.get("/v1/tenants", status="active").data]
    assert "platform" not in [each["id"] for each in platform.get("/v1/tenants", limit=100).data]
    assert platform.get("/v1/tenants", status="closed").status == 400
