"""Issue 18: what is dangerous asks for the password again (RFC 9470), in the dashboard alone."""

import re
import secrets

import pyotp
import pytest

from tests.integration.access.browser import PASSWORD
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.oauth import app
from tests.integration.access.oauth import user as made_user
from tests.integration.access.test_15_users import joined
from tests.integration.world import Answer, Tenant, World, http_event, request

CHALLENGE = 'Bearer error="insufficient_user_authentication", max_age="600"'
PATH = "/oauth2/reauthenticate"


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant()


def signed_in_long_ago(world: World, tenant: Tenant) -> Dashboard:
    """A dashboard in which the password was entered eleven minutes ago."""
    joined(world, tenant)
    made = Dashboard(tenant).signs_in()
    world.clock.advance(minutes=11)
    made.renews()
    return made


@pytest.fixture
def page(world: World, acme: Tenant) -> Dashboard:
    return signed_in_long_ago(world, acme)


def enters(page: Dashboard, password: str = PASSWORD, code: str = "", **headers: str) -> Answer:
    """The user enters the password again."""
    return page.browser.post(PATH, {"password": password, "code": code}, **headers)


def creates_key(page: Dashboard, idempotency_key: str) -> Answer:
    """The page makes a key."""
    headers = {"authorization": f"Bearer {page.tokens['access_token']}"}
    body = '{"name": "A", "scope": "read"}'
    return request(http_event("POST", "/v1/api-keys", body=body, idempotency_key=idempotency_key, headers=headers))


def refused(answer: Answer) -> None:
    """What a call gets that needs a fresh password."""
    assert (answer.status, answer.error["code"]) == (401, "auth.reauthentication_required")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE


def test_18_the_same_request_goes_through_after_the_password(world: World, acme: Tenant, page: Dashboard) -> None:
    key = secrets.token_hex(8)
    before = len(acme.get("/v1/api-keys").data)
    refused(creates_key(page, key))
    assert len(acme.get("/v1/api-keys").data) == before
    answer = enters(page)
    assert (answer.status, answer.content) == (204, b"")
    refused(creates_key(page, key))  # the token of before still says when it was
    page.renews()
    assert creates_key(page, key).status == 201
    world.clock.advance(minutes=9)
    page.renews()
    assert creates_key(page, secrets.token_hex(8)).status == 201
    world.clock.advance(minutes=1, seconds=5)
    refused(creates_key(page, secrets.token_hex(8)))
    assert creates_key(page, key).status == 401  # nor is a key that was shown shown again


def test_18_what_needs_it(acme: Tenant, page: Dashboard) -> None:
    user, call = page.bearer.get("/v1/me").data["user"]["id"], page.bearer
    for path in (
        "/v1/api-keys", "/v1/api-keys/key_x/rotate", "/v1/api-keys/key_x/revoke", "/v1/oauth-clients",
        "/v1/oauth-clients/cli_x/rotate-secret", "/v1/users", f"/v1/users/{user}/send-link",
        f"/v1/users/{user}/reset-authenticator",
        # where money goes, and where what happens is told
        "/v1/provider/account", "/v1/provider/account/link", "/v1/provider/account/login-link",
        "/v1/commerce/providers/ten_x/adjustments", "/v1/webhook-endpoints", "/v1/webhook-endpoints/we_x/rotate-secret",
    ):  # fmt: skip
        refused(call.post(path, "{}"))
    headers = {"authorization": f"Bearer {call.token}"}
    for path in ("/v1/oauth-clients/cli_x", f"/v1/users/{user}", "/v1/provider/account", "/v1/webhook-endpoints/we_x"):
        refused(request(http_event("PATCH", path, body="{}", idempotency_key=secrets.token_hex(8), headers=headers)))
    for path in ("/v1/api-keys", "/v1/users", f"/v1/users/{user}/sessions"):
        assert call.get(path).status == 200
    assert call.post("/v1/customers", '{"name": "Ada"}').status == 201
    assert call.post(f"/v1/users/{user}/sign-out", "{}").status == 200  # whoever fears the worst need not wait


def test_18_keys_and_other_clients_are_not_concerned(world: World, acme: Tenant) -> None:
    client, ada = app(acme, scopes=["billing:admin"]), made_user(world, acme)
    token = client.tokens(ada)["access_token"]
    world.clock.advance(minutes=30)
    body = '{"name": "A", "scope": "read", "scopes": []}'
    assert client.bearer(token).post("/v1/api-keys", body).status != 401
    assert acme.post("/v1/api-keys", {"name": "A", "scope": "read"}).status == 201


def test_18_a_wrong_password_is_no_password(world: World, acme: Tenant, page: Dashboard) -> None:
    for password in ("wrong password", "", PASSWORD + "x"):
        answer = enters(page, password)
        assert (answer.status, answer.json["error"]) == (403, "access_denied")
    page.renews()
    refused(creates_key(page, secrets.token_hex(8)))
    rows = [row for row in world.rows_of("audit", acme.id) if row["route"]["S"] == f"POST {PATH}"]
    assert [row["status"]["N"] for row in rows] == ["403"] * 3
    assert {row["principal"]["S"] for row in rows} == {page.bearer.get("/v1/me").data["user"]["id"]}


@pytest.mark.limits
def test_18_tries_are_counted_as_those_to_sign_in(world: World, acme: Tenant, page: Dashboard) -> None:
    """Whoever has found a browser open guesses five times a minute, and signs in no oftener for it."""
    world.clock.freeze(world.clock().replace(second=1))
    world.clock.advance(minutes=1)
    assert [enters(page, f"guess {n} guess").status for n in range(6)] == [403] * 5 + [429]
    assert enters(page).status == 429
    again = Dashboard(acme, page.browser)
    again.asks()
    del page.browser.cookies["__Host-session"]
    again.asks()
    signed_in = page.browser.submit("/oauth2/login", email="ada@example.com", password=PASSWORD)
    assert signed_in.status == 429


def test_18_another_site_cannot_enter_it(page: Dashboard) -> None:
    """CSRF: by what no page can write. A browser that says nothing has not shown that it is from here."""
    for headers in (
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"}, {"origin": "null"},
    ):  # fmt: skip
        answer = enters(page, **headers)
        assert (answer.status, answer.json["error"]) == (403, "access_denied"), headers
    cookies = [f"{name}={value}" for name, value in page.browser.cookies.items()]
    form = {"content-type": "application/x-www-form-urlencoded"}
    for more, status in (({}, 403), ({"origin": "https://billing.example"}, 204)):
        event = http_event("POST", PATH, body="password=" + PASSWORD.replace(" ", "+"), headers={**form, **more})
        assert request(event | {"cookies": cookies}).status == status
    assert enters(page, **{"content-type": "application/json"}).status == 400


def test_18_nobody_is_signed_in(world: World, acme: Tenant, page: Dashboard) -> None:
    assert enters(Dashboard(acme)).json["error"] == "login_required"
    page.signs_out()
    answer = enters(page)
    assert (answer.status, answer.json["error"]) == (403, "login_required")


def test_18_of_a_tenant_that_was_suspended_and_a_user_who_was_disabled(
    world: World, acme: Tenant, page: Dashboard
) -> None:
    joined(world, acme, "bob@example.com")
    user = page.bearer.get("/v1/me").data["user"]["id"]
    assert acme.patch(f"/v1/users/{user}", {"status": "disabled"}).status == 200
    assert enters(page).json["error"] == "login_required"
    other = Dashboard(acme).signs_in("bob@example.com")
    world.platform().patch(f"/v1/tenants/{acme.id}", {"status": "suspended"})
    world.clock.advance(minutes=2)
    assert enters(other).json["error"] == "login_required"


def test_18_with_an_authenticator_its_code_is_asked_for_and_good_once(world: World, page: Dashboard) -> None:
    page.browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.browser.text)
    assert found is not None
    codes = pyotp.TOTP(found[1])
    page.browser.submit("/oauth2/codes", code=codes.at(world.clock()))
    assert enters(page).status == 403
    world.clock.advance(minutes=1)
    code = codes.at(world.clock())
    assert enters(page, "wrong password", code).status == 403
    assert enters(page, code=code).status == 204
    assert enters(page, code=code).status == 403
