"""Issue 18: the dashboard is a client of each tenant's that nobody registered, and its grant is the session."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from billing.domain import dashboard
from tests.integration.access.browser import Browser, answer_of
from tests.integration.access.dashboard import HERE, Dashboard
from tests.integration.access.oauth import app, basic, form, ok, refused
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


@pytest.fixture
def acme(world: World) -> Tenant:
    return world.tenant()


def gone_to(answer: Any) -> tuple[str, dict[str, str]]:
    """Where a redirect leads, without the query, and what the query says."""
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", answer_of(answer)


def test_18_a_user_signs_in_and_the_browser_goes_straight_back(world: World, acme: Tenant) -> None:
    """No consent is asked; no refresh token is given; the token is good for all that the user may do."""
    ada, page = joined(world, acme), Dashboard(acme)
    assert page.asks().status == 200
    assert "<script" not in page.browser.text
    signed_in = page.browser.submit("/oauth2/login", email="ada@example.com", password="correct horse battery")
    where, answer = gone_to(page.browser.get(signed_in.headers["Location"]))
    assert where == HERE
    assert (answer["state"], answer["iss"]) == ("s 1", "https://billing.example")
    issued = ok(page.redeem(answer["code"]))
    assert set(issued) == {"access_token", "token_type", "expires_in", "scope"}
    assert issued["expires_in"] == 900
    assert issued["scope"] == "billing:read billing:write subscriptions:manage payments:process billing:admin"
    page.tokens = issued
    assert page.bearer.get(f"/v1/users/{ada}").status == 200
    rows = [row for row in world.rows_of("audit", acme.id) if row["principal"]["S"] == ada]
    assert {"GET /oauth2/authorize", "GET /v1/users/{user_id}"} <= {row["route"]["S"] for row in rows}


def test_18_a_user_of_less_gets_less(world: World, acme: Tenant) -> None:
    joined(world, acme, role="read_only")
    page = Dashboard(acme).signs_in()
    assert page.tokens["scope"] == "billing:read"
    assert page.bearer.get("/v1/users").status == 403
    assert answer_of(page.asks(scope="platform"))["error"] == "invalid_scope"
    assert answer_of(page.asks(scope="payments:process"))["error"] == "invalid_scope"


def test_18_nobody_sees_or_changes_the_client(world: World, acme: Tenant) -> None:
    joined(world, acme)
    Dashboard(acme).signs_in()
    app(acme)
    assert [each["name"] for each in acme.get("/v1/oauth-clients").data] == ["App"]
    path = f"/v1/oauth-clients/dashboard.{acme.id}"
    assert acme.get(path).status == 404
    assert acme.patch(path, {"status": "disabled"}).status == 404
    assert acme.post(f"{path}/rotate-secret").status == 404
    user = acme.get("/v1/users").data[0]["id"]
    assert acme.get(f"/v1/users/{user}/grants").data == []


def test_18_no_answer_goes_anywhere_else(world: World, acme: Tenant) -> None:
    """No open redirect, and no other port: another program of this machine would get what nobody is asked for."""
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    for uri in (
        "https://evil.example/dashboard/", HERE + "x", HERE[:-1], HERE + "?a=b", HERE + "../", "http://billing.example/",
        "https://billing.example:444/dashboard/", "//evil.example", None,
    ):  # fmt: skip
        for prompt in (None, "none"):
            answer = page.asks(redirect_uri=uri, prompt=prompt)
            assert (answer.status, "Location" in answer.headers) == (400, False), uri
            assert "evil" not in answer.content.decode()
    for changes in ({"code_challenge": None}, {"code_challenge_method": "plain"}, {"state": "x" * 2049}):
        assert "code" not in answer_of(page.asks(**changes))
    hostile = '"><script>alert(1)</script>'
    assert answer_of(page.asks(state=hostile))["state"] == hostile
    assert hostile not in Browser().get(page.url(state=hostile)).content.decode()


def test_18_on_this_machine_the_port_is_not_free() -> None:
    client = dashboard.client_of("ten_1", "http://127.0.0.1:8080")
    assert client.may_redirect_to("http://127.0.0.1:8080/dashboard/")
    assert not client.may_redirect_to("http://127.0.0.1:8081/dashboard/")


def test_18_a_tenant_that_is_closed_or_not_there_looks_alike(world: World, acme: Tenant) -> None:
    """Nor does a dashboard's silent question tell one from the other."""
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    assert world.platform().patch(f"/v1/tenants/{acme.id}", {"status": "suspended"}).status == 200
    world.clock.advance(minutes=2)
    nowhere = Dashboard(Tenant(world, "ten_nowhere", "", {}))
    pages, silent = set(), set()
    for each in (page, nowhere):
        answer = each.asks()
        pages.add((answer.status, answer.content))
        where, told = gone_to(each.asks(prompt="none"))
        silent.add((where, told["error"], told["state"]))
        refused(each.redeem("ac_x"), "unauthorized_client")
    assert len(pages) == 1
    assert pages.pop()[0] == 403
    assert silent == {(HERE, "unauthorized_client", "s 1")}
    assert page.reads() == 403


def test_18_ids_that_name_no_tenant(world: World, acme: Tenant) -> None:
    for client_id in ("dashboard.", "dashboard", "dashboard.\0", "dashboard." + "x" * 200, f"dashboard.{acme.id}é"):
        answer = Dashboard(acme).asks(client_id=client_id)
        assert answer.status == 400, client_id
        assert "Location" not in answer.headers
    named = form("/oauth2/token", {"grant_type": "client_credentials", "client_id": f"dashboard.{acme.id}"})
    refused(named, "unauthorized_client")
    secret = {"grant_type": "client_credentials"}
    refused(form("/oauth2/token", secret, headers=basic(f"dashboard.{acme.id}", "x")), "invalid_client", 401)


def test_18_silence_is_never_a_page(world: World, acme: Tenant) -> None:
    """prompt=none: whoever is not signed in, or has an authenticator to set up, comes back with an error."""
    joined(world, acme)
    where, answer = gone_to(Dashboard(acme).asks(prompt="none"))
    assert (where, answer) == (
        HERE,
        {
            "error": "login_required",
            "error_description": "Nobody is signed in, and no page may ask.",
            "state": "s 1",
            "iss": "https://billing.example",
        },
    )
    page = Dashboard(acme).signs_in()
    page.renews()
    assert page.reads() == 200
    acme.patch(f"/v1/tenants/{acme.id}", {"adminsUseAuthenticator": True})
    world.clock.advance(minutes=2)
    assert answer_of(page.asks(prompt="none"))["error"] == "interaction_required"
    assert page.asks().headers["Location"] == "/oauth2/codes"
    other = app(acme)
    assert Browser().get("/oauth2/authorize?" + urlencode(other.asking(prompt="none")[0])).status == 200


def test_18_another_tenants_session_is_none_here(world: World, acme: Tenant) -> None:
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    foreign = world.tenant(name="Other")
    there = Dashboard(foreign, page.browser)
    assert answer_of(there.asks(prompt="none"))["error"] == "login_required"
    code = answer_of(page.asks(prompt="none"))["code"]
    there.verifier = page.verifier
    refused(there.redeem(code), "invalid_grant")


def test_18_renewals_leave_nothing_behind(world: World, acme: Tenant) -> None:
    """One session, however often it is asked; nothing in the list of what applications may do."""
    ada = joined(world, acme)
    page = Dashboard(acme).signs_in()
    for _ in range(4):
        world.clock.advance(minutes=14)
        page.renews()
        assert page.reads() == 200
    kinds = [row["id"]["S"].partition("_")[0].partition("#")[0] for row in world.rows_of("grants", acme.id)]
    assert sorted(kinds) == ["code"] * 5 + ["ses"]
    assert acme.get(f"/v1/users/{ada}/grants").data == []
    assert len(acme.get(f"/v1/users/{ada}/sessions").data) == 1


def test_18_the_session_ends_and_its_token_with_it(world: World, acme: Tenant) -> None:
    """Twelve hours after the sign-in at the latest, however often the page asks."""
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    for _ in range(51):
        world.clock.advance(minutes=14)
        page.renews()
    world.clock.advance(minutes=4)
    page.renews()
    assert 0 < page.tokens["expires_in"] <= 120
    world.clock.advance(minutes=3)
    assert page.reads() == 401
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


def test_18_a_page_that_is_closed_is_signed_out_after_half_an_hour(world: World, acme: Tenant) -> None:
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    world.clock.advance(minutes=31)
    assert page.reads() == 401
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("how", ["everywhere", "session", "password", "disabled", "less"])
def test_18_what_ends_a_session_ends_its_tokens_at_once(world: World, acme: Tenant, how: str) -> None:
    ada = joined(world, acme)
    joined(world, acme, "bob@example.com")  # or the last admin could not be disabled
    page, other = Dashboard(acme).signs_in(), Dashboard(acme).signs_in()
    world.clock.advance(seconds=2)
    page.renews()
    if how == "everywhere":
        assert acme.post(f"/v1/users/{ada}/sign-out").status == 200
    elif how == "session":
        newest = acme.get(f"/v1/users/{ada}/sessions").data
        for each in newest:
            assert acme.delete(f"/v1/users/{ada}/sessions/{each['id']}").status == 200
    elif how == "password":
        acme.post(f"/v1/users/{ada}/send-link")
        link, browser = world.outbox.mails[-1].text, Browser()
        browser.get(link[link.index("/oauth2/password") :].split()[0])
        assert browser.submit("/oauth2/password", password="another horse battery").status == 200
    elif how == "disabled":
        assert acme.patch(f"/v1/users/{ada}", {"status": "disabled"}).status == 200
    else:
        assert acme.patch(f"/v1/users/{ada}", {"role": "support"}).status == 200
    assert (page.reads(), other.reads()) == (401, 401)
    if how == "less":
        world.clock.advance(seconds=1)
        page.renews()
        assert page.tokens["scope"] == "billing:read subscriptions:manage"
    else:
        assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


def test_18_a_code_of_before_is_worth_nothing_after_the_end(world: World, acme: Tenant) -> None:
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    code = answer_of(page.asks(prompt="none"))["code"]
    assert page.signs_out().status == 204
    refused(page.redeem(code), "invalid_grant")


def test_18_a_code_that_comes_twice_ends_the_session(world: World, acme: Tenant) -> None:
    """Somebody has a copy of it: what it was good for ends, and so does the session that it was of."""
    joined(world, acme)
    page = Dashboard(acme).signs_in()
    code = page.renews()
    refused(page.redeem(code), "invalid_grant")
    assert page.reads() == 401
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


def test_18_others_look_into_a_token(world: World, acme: Tenant) -> None:
    """Introspection knows the dashboard's tokens, and their end."""
    ada = joined(world, acme)
    page, client = Dashboard(acme).signs_in(), app(acme)
    asked = {**client.who, "token": page.tokens["access_token"]}
    told = ok(form("/oauth2/introspect", asked))
    assert (told["active"], told["sub"], told["client_id"]) == (True, ada, page.client_id)
    ok(form("/oauth2/revoke", {"client_id": page.client_id, "token": page.tokens["access_token"]}))
    assert page.reads() == 401
    assert ok(form("/oauth2/introspect", asked)) == {"active": False}
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


def test_18_the_page_signs_out(world: World, acme: Tenant) -> None:
    """By a token of this session; Back afterwards shows nothing, for nothing that was answered may be kept."""
    joined(world, acme)
    page, elsewhere = Dashboard(acme).signs_in(), Dashboard(acme).signs_in()
    for wrong in ("", "x", elsewhere.tokens["access_token"]):
        answer = page.signs_out(wrong)
        assert (answer.status, answer.json["error"]) == (403, "access_denied"), wrong
    assert page.signs_out(**{"sec-fetch-site": "cross-site"}).status == 400
    assert page.bearer.get("/v1/customers").headers["Cache-Control"] == "no-store"
    answer = page.signs_out()
    assert (answer.status, answer.content) == (204, b"")
    assert page.browser.cookies["__Host-session"] == ""
    assert page.reads() == 401
    assert elsewhere.reads() == 200
    assert page.signs_out().status == 204
    assert answer_of(page.asks(prompt="none"))["error"] == "login_required"


def test_18_a_sign_out_on_another_page_ends_the_dashboards_tokens(world: World, acme: Tenant) -> None:
    joined(world, acme)
    page, client = Dashboard(acme).signs_in(), app(acme)
    page.browser.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
    assert page.browser.submit("/oauth2/logout").status == 200
    assert page.reads() == 401
