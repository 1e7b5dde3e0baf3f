"""Issue 15: what users see and end themselves, what admins take off them, and clients that are disabled."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pyotp
import pytest

from billing.bootstrap import storage
from billing.domain.access.user import Role, User
from billing.services.kernel.work import Ref
from tests.integration.access.browser import Browser, answer_of
from tests.integration.access.oauth import App, app, changed, machine, ok, user
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


@pytest.fixture
def client(tenant: Tenant) -> App:
    return app(tenant)


def person_of(world: World, tenant: Tenant) -> User:
    """A user who has chosen a password."""
    ref = Ref(User, tenant.id, joined(world, tenant))
    return storage.units().begin(tenant.id).load(ref).require(ref)


def allowed(client: App, browser: Browser) -> dict[str, str]:
    query, verifier = client.asking()
    browser.get("/oauth2/authorize?" + urlencode(query))
    code = answer_of(browser.submit("/oauth2/authorize", decision="allow"))["code"]
    return ok(client.redeem(code, verifier))


def test_15_a_user_sees_and_ends_sessions_and_consents(world: World, tenant: Tenant, client: App) -> None:
    """ASVS 7.5.2, 10.4.9 and 10.7.3: on a page without script, which no other site can send forms of."""
    person = person_of(world, tenant)
    here, there = Browser(), Browser()
    here.sign_in(client)
    there.sign_in(client)
    issued = allowed(client, here)
    page = here.get("/oauth2/account").content.decode()
    assert page.count("Signed in") == 2
    assert "(this one)" in page
    assert "<strong>App</strong>" in page
    assert person.email in page
    csrf, other = here.post("/oauth2/account", {"csrf": "made up", "everything": "yes"}), here
    assert csrf.status == 403
    other.get("/oauth2/account")
    assert "It has ended" in here.submit("/oauth2/account").content.decode()  # the first form: the other browser's
    assert there.get("/oauth2/account").status == 403
    here.get("/oauth2/account")
    assert here.text.count("Signed in") == 1
    (grant,) = re.findall(r'name="grant" value="([^"]+)"', here.text)
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
    here.submit("/oauth2/account")
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 401
    assert client.refresh(issued["refresh_token"]).status == 400
    assert grant not in here.get("/oauth2/account").content.decode()
    here.submit("/oauth2/account", everything="yes")
    assert here.get("/oauth2/account").status == 403


def test_15_an_admin_sees_and_takes_back_what_a_user_allowed(world: World, tenant: Tenant, client: App) -> None:
    person, other = user(world, tenant), user(world, tenant, email="b@example.com")
    issued = client.tokens(person)
    (grant,) = tenant.get(f"/v1/users/{person.id}/grants").data
    assert (grant["clientId"], grant["scopes"]) == (client.id, ["billing:read", "billing:write"])
    assert tenant.delete(f"/v1/users/{other.id}/grants/{grant['id']}").status == 404
    assert tenant.delete(f"/v1/users/{person.id}/grants/{grant['id']}").data["revokedAt"] is not None
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 401
    assert tenant.get(f"/v1/users/{person.id}/grants").data == []


def test_15_a_lost_authenticator_is_reset_by_somebody_else(world: World, tenant: Tenant) -> None:
    """ASVS 6.4.4: audited, the user is signed out and told; nobody does it to themselves, or to who may do more."""
    secret = pyotp.random_base32()
    person = changed(tenant, person_of(world, tenant), totp_secret=secret)
    support = user(world, tenant, Role.SUPPORT, email="s@example.com")
    client = app(tenant, scopes=["billing:read", "billing:admin"])
    browser = Browser()
    browser.sign_in(client, code=pyotp.TOTP(secret).at(world.clock()))
    token = allowed(client, browser)["access_token"]
    path = f"/v1/users/{person.id}/reset-authenticator"
    assert client.bearer(token).post(path, "{}").status == 403
    assert tenant.post(f"/v1/users/{support.id}/reset-authenticator").error["code"] == "user.invalid_state"
    world.outbox.mails.clear()
    answer = tenant.post(path)
    assert (answer.status, answer.data["usesAuthenticator"]) == (200, False)
    assert [each.to for each in world.outbox.mails] == [person.email]
    assert "authenticator" in world.outbox.mails[0].text
    assert client.bearer(token).get("/v1/customers").status == 401
    assert browser.get("/oauth2/account").status == 403
    assert Browser().sign_in(client).status == 303
    rows = [each["route"]["S"] for each in world.rows_of("audit", tenant.id)]
    assert "POST /v1/users/{user_id}/reset-authenticator" in rows


@pytest.mark.parametrize("less", [{"status": "disabled"}, {"scopes": ["billing:read"]}])
def test_15_tokens_of_a_client_that_may_do_less_are_refused_at_the_next_call(
    world: World, tenant: Tenant, less: dict[str, object]
) -> None:
    """Those that users gave it, too; another client's go on, and what is issued after it is enabled again."""
    person, client, other = user(world, tenant), app(tenant), app(tenant)
    token, others = client.tokens(person)["access_token"], other.tokens(person)["access_token"]
    own = ok(machine(tenant).token(grant_type="client_credentials"))["access_token"]
    assert client.bearer(token).get("/v1/customers").status == 200
    assert tenant.patch(f"/v1/oauth-clients/{client.id}", less).status == 200
    assert client.bearer(token).get("/v1/customers").status == 401
    assert other.bearer(others).get("/v1/customers").status == 200
    assert client.bearer(own).get("/v1/customers").status == 200
    world.clock.advance(seconds=2)
    assert tenant.patch(f"/v1/oauth-clients/{client.id}", {"status": "active"}).status == 200
    fresh = client.tokens(changed(tenant, person, name="Ada L."), "billing:read")["access_token"]
    assert client.bearer(fresh).get("/v1/customers").status == 200
    assert client.bearer(token).get("/v1/customers").status == 401


def test_15_who_forgot_a_password_gets_few_mails_a_day_and_no_clock_tells_who_is_known(
    world: World, tenant: Tenant, client: App
) -> None:
    """Ten mails a day for a stranger, others for a browser that is known; each answer takes two seconds."""
    morning = (world.clock() + timedelta(days=1)).replace(hour=9, minute=0)
    world.clock.freeze(morning)  # the day is not over before the test is
    joined(world, tenant)
    known = Browser()
    known.sign_in(client)
    world.outbox.mails.clear()

    def ask(browser: Browser, email: str) -> tuple[int, bytes, float]:
        browser.get(f"/oauth2/forgot?client_id={client.id}")
        began = world.clock()
        answer = browser.submit("/oauth2/forgot", email=email)
        return answer.status, answer.content, (world.clock() - began).total_seconds()

    answers = [ask(Browser(), email) for email in ("ada@example.com", "nobody@example.com")]
    assert answers[0][:2] == answers[1][:2]
    assert all(2.0 <= took < 2.5 for *_, took in answers)
    for _ in range(14):
        world.clock.advance(minutes=6)
        assert ask(Browser(), "ada@example.com")[:2] == answers[0][:2]
    assert len(world.outbox.mails) == 10
    world.clock.advance(minutes=6)
    ask(known, "ada@example.com")
    assert len(world.outbox.mails) == 11
    world.clock.advance(days=1)
    ask(Browser(), "ada@example.com")
    assert len(world.outbox.mails) == 12


def test_15_a_tenant_sends_so_many_mails_a_day(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invitations carry words of the tenant's to any address: without an end they would be spam in our name."""
    monkeypatch.setattr("billing.services.access.users.MAILS_OF_TENANT", 2)
    made = [tenant.post("/v1/users", {"email": f"u{n}@example.com", "role": "read_only"}) for n in range(3)]
    assert [each.status for each in made] == [201, 201, 429]
    assert made[2].error["code"] == "rate.limited"
    assert int(made[2].headers["Retry-After"]) > 0
    world.clock.advance(days=1)
    assert tenant.post("/v1/users", {"email": "u3@example.com", "role": "read_only"}).status == 201
