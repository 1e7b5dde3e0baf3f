"""The OAuth server and the users' routes: a person is invited, signs in, allows a client, and leaves."""

import re
from urllib.parse import urlencode

import pyotp

from billing.bootstrap import tokens as tokens_bootstrap
from tests.integration.access.browser import PASSWORD, Browser, answer_of, link_in
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.oauth import App, app, form, ok
from tests.integration.world import Tenant, World


def walk_oauth(world: World, tenant: Tenant) -> None:
    """Every route of both functions."""
    _forget_the_keys(world)
    made = tenant.post("/v1/users", {"email": "walker@example.com", "role": "admin"}).data["id"]
    tenant.post(f"/v1/users/{made}/send-link")
    browser = Browser()
    browser.get(link_in(world))
    assert browser.submit("/oauth2/password", password=PASSWORD).status == 200
    client = app(tenant)
    assert browser.sign_in(client, "walker@example.com").status == 303
    issued = _allowed(client, browser)
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
    issued = ok(client.refresh(issued["refresh_token"]))
    ok(form("/oauth2/introspect", {**client.who, "token": issued["access_token"]}))
    ok(form("/oauth2/revoke", {**client.who, "token": issued["access_token"]}))
    ok(form("/oauth2/jwks", None, method="GET"))
    ok(form("/.well-known/oauth-authorization-server", None, method="GET"))
    _in_the_dashboard(tenant)
    another = Browser()
    another.sign_in(client, "walker@example.com")
    session = tenant.get(f"/v1/users/{made}/sessions").data[0]["id"]
    assert tenant.delete(f"/v1/users/{made}/sessions/{session}").status == 200
    browser = Browser()
    browser.sign_in(client, "walker@example.com")
    browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert found is not None
    browser.submit("/oauth2/codes", code=pyotp.TOTP(found[1]).at(world.clock()))
    browser.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
    browser.get("/oauth2/account")
    grant = tenant.get(f"/v1/users/{made}/grants").data[0]["id"] if tenant.get(f"/v1/users/{made}/grants").data else ""
    tenant.delete(f"/v1/users/{made}/grants/{grant or 'grt_none'}")
    browser.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
    browser.submit("/oauth2/logout")
    browser.get(f"/oauth2/forgot?client_id={client.id}")
    browser.submit("/oauth2/forgot", email="walker@example.com")
    _managed(tenant, client, made)


def _in_the_dashboard(tenant: Tenant) -> None:
    page = Dashboard(tenant).signs_in("walker@example.com")
    page.renews()
    assert page.bearer.get("/v1/me").status == 200
    assert page.browser.post("/oauth2/reauthenticate", {"password": PASSWORD}).status == 204
    assert page.signs_out().status == 204


def _allowed(client: App, browser: Browser) -> dict[str, str]:
    query, verifier = client.asking()
    browser.get("/oauth2/authorize?" + urlencode(query))
    code = answer_of(browser.submit("/oauth2/authorize", decision="allow"))["code"]
    return ok(client.redeem(code, verifier))


def _managed(tenant: Tenant, client: App, user_id: str) -> None:
    tenant.get("/v1/users")
    tenant.patch(f"/v1/users/{user_id}", {"name": "W"})
    tenant.get(f"/v1/users/{user_id}/sessions")
    tenant.post(f"/v1/users/{user_id}/sign-out")
    tenant.post(f"/v1/users/{user_id}/reset-authenticator")
    tenant.post("/v1/users", {"email": "second@example.com", "role": "support"})
    tenant.get("/v1/oauth-clients")
    tenant.patch(f"/v1/oauth-clients/{client.id}", {"name": "B"})
    tenant.post(f"/v1/oauth-clients/{client.id}/rotate-secret")


def _forget_the_keys(world: World) -> None:
    """As in a stack that has issued no token yet."""
    key = {"tenant_id": {"S": "platform"}, "item": {"S": "signing-keys"}}
    world.aws("dynamodb").delete_item(TableName=world.tables["tenants"], Key=key)
    tokens_bootstrap.signing_keys().forget()
