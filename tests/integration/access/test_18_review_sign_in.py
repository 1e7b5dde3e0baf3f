"""Issue 18, reviewed: what a stranger does to the sign-in of others, and where its pages lead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyotp
import pytest

from billing.bootstrap import resealing, storage
from billing.domain.tenant import PLATFORM
from tests.integration.access.browser import PASSWORD, Browser, answer_of, link_in
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.oauth import form, ok, refused
from tests.integration.access.test_15_users import invited, joined
from tests.integration.access.test_18_reauthentication import enters
from tests.integration.invoicing.test_13_documents import LOGO
from tests.integration.world import Tenant, World, http_event, request

SETTINGS = {"tenant_id": {"S": PLATFORM}, "item": {"S": "settings"}}


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant()


@contextmanager
def _no_platform(world: World) -> Iterator[None]:
    """A stack on which no platform key was ever used."""
    database, table = world.aws("dynamodb"), world.tables["tenants"]
    kept = database.get_item(TableName=table, Key=SETTINGS)["Item"]
    database.delete_item(TableName=table, Key=SETTINGS)
    storage.tenants()._cached.clear()  # whatever the clock showed when it was read
    try:
        yield
        assert "Item" not in database.get_item(TableName=table, Key=SETTINGS)
    finally:
        database.put_item(TableName=table, Item=kept)


def test_18_no_stranger_founds_the_platform(world: World, acme: Tenant) -> None:
    """It looks like a tenant that there is not; on AWS the function may make no data key, and answered 500."""
    world.clock.reset()
    there = Dashboard(world.platform())
    nowhere = Dashboard(Tenant(world, "ten_nowhere", "", {}))
    with _no_platform(world):
        for prompt in (None, "none"):
            mine, others = there.asks(prompt=prompt), nowhere.asks(prompt=prompt)
            assert (mine.status, mine.content) == (others.status, others.content)
        refused(there.redeem("ac_x"), "unauthorized_client")
        assert Browser({"__Host-session": "platform.x"}).get("/oauth2/account").status == 403
        assert Browser().get("/oauth2/password?token=platform.usr_x.y").status == 400


@pytest.mark.parametrize("value", ["x" * 3000 + ".s", ".s", "platform", "a.b.c", "\x7f.s", "%00.s"])
def test_18_a_cookie_of_a_strangers_breaks_nothing(acme: Tenant, value: str) -> None:
    page = Dashboard(acme, Browser({"__Host-session": value}))
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"
    assert enters(page).json["error"] == "login_required"
    assert page.signs_out("x").status == 204
    page.browser.cookies["__Host-session"] = value
    assert page.browser.get("/oauth2/account").status == 403


def test_18_another_sites_form_signs_nobody_out(acme: Tenant, world: World) -> None:
    """SameSite keeps the cookie from it; nor may its answer have the browser forget the cookie, in one that does not
    say where a form is from."""
    joined(world, acme)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert request(http_event("POST", "/oauth2/logout", body="csrf=x", headers=headers)).cookies == ()


def test_18_the_pages_lead_on_to_the_dashboard(world: World, acme: Tenant) -> None:
    """From the mail with the invitation to the dashboard; with an authenticator that the tenant wants, too."""
    invited(acme)
    world.clock.advance(minutes=1)
    page = Dashboard(acme)
    there = f'<a href="https://billing.example/dashboard/{acme.id}/">'
    page.browser.get(link_in(world))
    page.browser.submit("/oauth2/password", password=PASSWORD)
    assert there in page.browser.text
    acme.patch(f"/v1/tenants/{acme.id}", {"adminsUseAuthenticator": True})
    world.clock.advance(minutes=2)
    page.asks()
    page.browser.submit("/oauth2/login", email="ada@example.com", password=PASSWORD)
    page.browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.browser.text)
    assert found is not None
    page.browser.submit("/oauth2/codes", code=pyotp.TOTP(found[1]).at(world.clock()))
    assert there in page.browser.text
    page.renews()
    assert page.reads() == 200
    page.browser.get("/oauth2/codes")
    assert there in page.browser.text


@pytest.mark.limits
def test_18_an_office_behind_one_address_goes_on(world: World, acme: Tenant) -> None:
    """Who is signed in counts on the session; strangers of the same address, with whatever cookie, on the address."""
    world.clock.reset()
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    world.clock.advance(minutes=11)
    world.clock.freeze(world.clock().replace(second=1))
    statuses = {form("/oauth2/jwks", method="GET").status for _ in range(61)}
    assert statuses == {200, 429}
    stranger = Dashboard(acme, Browser({"__Host-session": f"{acme.id}.guessed"}))
    assert stranger.asks(prompt="none").status == stranger.asks().status == 429
    assert stranger.asks(redirect_uri="https://evil.example").status == stranger.redeem("ac_guessed").status == 429
    assert enters(stranger).status == Dashboard(acme).asks(prompt="none").status == 429
    nowhere = Dashboard(Tenant(world, "ten_nowhere", "", {}), Browser({"__Host-session": "ten_nowhere.x"}))
    assert nowhere.asks(prompt="none").status == nowhere.redeem("ac_x").status == enters(nowhere).status == 429
    page.renews()
    assert enters(page).status == 204
    page.renews()
    statuses = {page.asks(prompt="none").status for _ in range(61)}
    assert statuses == {303, 429}
    world.clock.advance(minutes=1)
    page.renews()


@pytest.mark.limits
def test_18_a_code_that_comes_twice_ends_the_session_from_an_address_that_called_too_often(
    world: World, acme: Tenant
) -> None:
    world.clock.reset()
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    world.clock.advance(minutes=1)
    world.clock.freeze(world.clock().replace(second=1))
    world.clock.advance(minutes=1)
    code = page.renews()
    for _ in range(61):
        form("/oauth2/jwks", method="GET")
    assert page.redeem(code).status == 429
    assert page.reads() == 401


def test_18_tenants_from_before_the_list_are_in_it_after_the_job(world: World, acme: Tenant) -> None:
    database, table = world.aws("dynamodb"), world.tables["tenants"]
    key = {"tenant_id": {"S": acme.id}, "item": {"S": "settings"}}
    acme.patch(f"/v1/tenants/{acme.id}", {"branding": {"logo": LOGO}})  # another item beside the settings
    of_before = "REMOVE platform_key, listed, #status"
    database.update_item(
        TableName=table, Key=key, UpdateExpression=of_before, ExpressionAttributeNames={"#status": "status"}
    )
    platform = world.platform()
    assert acme.id not in [each["id"] for each in platform.get("/v1/tenants", limit=100).data]
    job = replace(resealing.resealing(0.0), pause=world.clock.sleep)
    assert job.complete(acme.id) >= 1
    assert job.complete(acme.id) == 0
    assert platform.get("/v1/tenants", status="active").data[0]["id"] == acme.id
    assert platform.get(f"/v1/tenants/{acme.id}").data["name"] == "Acme"


def test_18_whoever_is_in_two_tenants_by_one_address_is_two_users(world: World, acme: Tenant) -> None:
    """Neither the session, nor a token, nor the tries to sign in of the one are the other's."""
    other = world.tenant(name="Other")
    here, there = joined(world, acme), joined(world, other)
    page = Dashboard(acme).signs_in()
    elsewhere = Dashboard(other, page.browser)
    assert answer_of(elsewhere.asks(prompt="none"))["error"] == "login_required"
    elsewhere.signs_in()
    assert page.bearer.get("/v1/me").data["user"]["id"] == here
    assert elsewhere.bearer.get("/v1/me").data["user"]["id"] == there
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"  # a browser has one session at a time
    assert page.signs_out().status == 403
    assert elsewhere.reads() == 200
    introspected = {"client_id": page.client_id, "token": elsewhere.tokens["access_token"]}
    assert ok(form("/oauth2/revoke", introspected)) == {}
    assert elsewhere.reads() == 200
