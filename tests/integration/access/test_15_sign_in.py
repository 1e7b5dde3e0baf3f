"""Issue 15: the pages: signing in, consent, refusal, authenticator; and what other sites may not do."""

import re
from dataclasses import replace
from urllib.parse import urlencode

import pyotp
import pytest

from billing.bootstrap import storage
from billing.domain.tenant import SETTINGS_ID
from billing.domain.tenant import Tenant as TenantSettings
from billing.services.kernel.work import Ref
from tests.integration.access.browser import Browser, answer_of
from tests.integration.access.oauth import app, ok, refused
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant()


def test_15_a_user_signs_in_allows_and_the_client_gets_tokens(world: World, acme: Tenant) -> None:
    """The policy lets the answer through: browsers check form-action after a redirect, too (scenario 11)."""
    ada, client, browser = joined(world, acme), app(acme), Browser()
    query, verifier = client.asking(scope="billing:read")
    start = "/oauth2/authorize?" + urlencode(query)
    assert browser.get(start).status == 200
    signed_in = browser.submit("/oauth2/login", email="ada@example.com", password="correct horse battery")
    assert (signed_in.status, signed_in.headers["Location"]) == (303, start)
    page = browser.get(start)
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://app.example" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in browser.text
    assert "App" in browser.text
    answer = answer_of(browser.submit("/oauth2/authorize", decision="allow"))
    assert (answer["state"], answer["iss"]) == ("s 1", "https://billing.example")
    issued = ok(client.redeem(answer["code"], verifier))
    assert issued["scope"] == "billing:read"
    assert client.bearer(issued["access_token"]).get("/v1/customers", **{"x-user-id": ada}).status == 200


def test_15_scenario_13_every_answer_says_who_answers(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    browser.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
    denied = answer_of(browser.submit("/oauth2/authorize", decision="deny"))
    assert (denied["error"], denied["state"], denied["iss"]) == ("access_denied", "s 1", "https://billing.example")
    wrong = Browser().get("/oauth2/authorize?" + urlencode(client.asking(scope="payments:process")[0]))
    assert answer_of(wrong)["error"] == "invalid_scope"
    assert answer_of(wrong)["iss"] == "https://billing.example"


def test_15_an_unknown_address_is_a_page_and_no_redirect(world: World, acme: Tenant) -> None:
    client = app(acme)
    for changes in (
        {"redirect_uri": "https://evil.example/"}, {"redirect_uri": None}, {"client_id": "cli_nobody"},
        {"client_id": None}, {"client_id": "\0"},
    ):  # fmt: skip
        answer = Browser().get("/oauth2/authorize?" + urlencode(client.asking(**changes)[0]))
        assert answer.status == 400
        assert "Location" not in answer.headers
        assert "evil" not in answer.content.decode()
    for query in ("%", "client_id=a&client_id=b", "client_id=%ff", "x" * 9000, "&" * 100):
        assert Browser().get("/oauth2/authorize?" + query).status == 400


def test_15_scenario_12_a_program_on_the_users_machine_takes_any_port(world: World, acme: Tenant) -> None:
    client = app(acme, type="public", redirectUris=["http://127.0.0.1/done"])
    for uri, status in {
        "http://127.0.0.1:51004/done": 200,
        "http://localhost:51004/done": 400,
        "http://127.0.0.1:51004/other": 400,
        "https://127.0.0.1:51004/done": 400,
        "http://127.0.0.1:51004@evil.example/done": 400,
    }.items():
        query, _ = client.asking(redirect_uri=uri)
        assert Browser().get("/oauth2/authorize?" + urlencode(query)).status == status, uri


def test_15_scenario_14_nobody_learns_who_is_known(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client = app(acme)
    strip = re.compile(r'name="(visit|request)" value="[^"]*"')
    texts = set()
    for email, password in (("ada@example.com", "wrong password"), ("nobody@example.com", "wrong password")):
        browser = Browser()
        assert browser.sign_in(client, email, password).status == 403
        texts.add(strip.sub("", browser.text))
    assert len(texts) == 1
    rows = [row for row in world.rows_of("audit", acme.id) if row["route"]["S"] == "POST /oauth2/login"]
    assert [row["status"]["N"] for row in rows] == ["403", "403"]


@pytest.mark.limits
def test_15_scenario_14_whoever_guesses_locks_nobody_out(world: World, acme: Tenant) -> None:
    """Five tries a minute; a browser in which the user has signed in before has tries of its own."""
    joined(world, acme)
    client, known = app(acme), Browser()
    assert known.sign_in(client).status == 303
    del known.cookies["__Host-session"]
    world.clock.freeze((world.clock()).replace(second=1))
    world.clock.advance(minutes=1)
    guesses = [Browser().sign_in(client, password=f"guess {n} guess").status for n in range(6)]
    assert guesses == [403] * 5 + [429]
    assert Browser().sign_in(client).status == 429
    assert known.sign_in(client).status == 303
    world.clock.advance(minutes=1)
    assert Browser().sign_in(client).status == 303


def test_15_an_authenticators_code_is_asked_for_and_good_once(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert found is not None
    codes = pyotp.TOTP(found[1])
    assert "not right" in browser.submit("/oauth2/codes", code="12345").content.decode()
    assert "From now on" in browser.submit("/oauth2/codes", code=codes.at(world.clock())).content.decode()
    world.clock.advance(minutes=1)
    assert Browser().sign_in(client).status == 403
    code = codes.at(world.clock())
    assert Browser().sign_in(client, code=code).status == 303
    assert Browser().sign_in(client, code=code).status == 403
    assert acme.get("/v1/users").data[0]["usesAuthenticator"] is True


def test_15_another_site_can_neither_sign_in_nor_allow_anything(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    text = urlencode(client.asking()[0])
    for forged in ({"csrf": ""}, {"csrf": "x"}):
        assert browser.post("/oauth2/authorize", {"request": text, "decision": "allow", **forged}).status == 403
    browser.get("/oauth2/authorize?" + text)
    values = {"request": text, "decision": "allow"}
    foreign = browser.post("/oauth2/authorize", values, **{"sec-fetch-site": "cross-site"})
    assert foreign.status == 400
    credentials = {"email": "ada@example.com", "password": "correct horse battery", "request": text}
    assert browser.post("/oauth2/login", {**credentials, "visit": "x"}).status == 400
    assert Browser().post("/oauth2/login", {**credentials, "visit": "x"}).status == 400
    other = Browser({"__Host-session": browser.cookies["__Host-session"].replace(acme.id, world.tenant().id)})
    assert "Sign in" in other.get("/oauth2/authorize?" + text).content.decode()


def test_15_a_session_ends_idle_at_its_end_and_by_signing_out(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    start = "/oauth2/authorize?" + urlencode(client.asking()[0])
    old = dict(browser.cookies)
    assert "Allow access?" in browser.get(start).content.decode()
    world.clock.advance(minutes=29)
    assert "Allow access?" in browser.get(start).content.decode()
    world.clock.advance(minutes=31)
    assert "Sign in" in browser.get(start).content.decode()
    browser.sign_in(client)
    assert browser.cookies["__Host-session"] != old["__Host-session"]
    browser.get(start)
    stolen = Browser(dict(browser.cookies))
    assert browser.submit("/oauth2/logout").status == 200
    assert "Sign in" in stolen.get(start).content.decode()


def test_15_a_tenant_wants_authenticators_of_its_admins(world: World, acme: Tenant) -> None:
    joined(world, acme)
    client, browser = app(acme), Browser()
    assert acme.patch(f"/v1/tenants/{acme.id}", {"adminsUseAuthenticator": True}).data["adminsUseAuthenticator"] is True
    world.clock.advance(minutes=2)  # settings are cached for one
    browser.sign_in(client)
    start = "/oauth2/authorize?" + urlencode(client.asking()[0])
    assert browser.get(start).headers["Location"] == "/oauth2/codes"
    browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert found is not None
    browser.submit("/oauth2/codes", code=pyotp.TOTP(found[1]).at(world.clock()))
    assert "Allow access?" in browser.get(start).content.decode()


def test_15_a_tenants_allow_list_holds_for_signing_in_too(world: World) -> None:
    acme = world.tenant(tier="enterprise")
    client, browser = app(acme), Browser()
    text = urlencode(client.asking()[0])
    assert browser.get("/oauth2/authorize?" + text).status == 200
    assert acme.patch(f"/v1/tenants/{acme.id}", {"ipAllowList": ["0.0.0.0/0"]}).status == 200
    unit = storage.units().begin(acme.id)
    ref = Ref(TenantSettings, acme.id, SETTINGS_ID)
    unit.save(replace(unit.load(ref).require(ref), ip_allow_list=("198.51.100.0/24",)))
    unit.commit()
    world.clock.advance(minutes=2)
    assert browser.get("/oauth2/authorize?" + text).status == 403
    refused(client.refresh("rt_x.1.y"), "unauthorized_client")
