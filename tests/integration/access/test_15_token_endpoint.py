"""Issue 15: the token endpoint; the ten corrections of Authlib, each by its number, as ``integrations/oauth/server.py``
lists them."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.services.access.authorization import AuthorizationRefused
from tests.integration.access import oauth
from tests.integration.access.oauth import REDIRECT, App, app, basic, form, machine, ok, refused, user
from tests.integration.world import World, http_event, request

TOKEN = "/oauth2/token"


@pytest.fixture(autouse=True)
def _real_time(world: World) -> Iterator[None]:
    yield
    world.clock.reset()


def asked(client: App, **changes: str | None) -> Any:
    """An authorization request, read by the server."""
    from billing.bootstrap import oauth as bootstrap
    from billing.bootstrap import storage
    from billing.domain.access.oauth_client import OAuthClient
    from billing.services.kernel.work import Ref

    ref = Ref(OAuthClient, client.tenant.id, client.id)
    of = storage.units().begin(client.tenant.id).load(ref).require(ref)
    return bootstrap.oauth_server().request(of, client.asking(**changes)[0])


def not_asked(client: App, error: str, redirected: bool, **changes: str | None) -> None:
    with pytest.raises(AuthorizationRefused) as refusal:
        asked(client, **changes)
    assert (refusal.value.error, refusal.value.redirect_uri is not None) == (error, redirected)


def test_15_correction_1_a_client_gets_no_scope_that_it_was_not_given(world: World) -> None:
    client = machine(world.tenant(), scopes=["billing:read"])
    refused(client.token(grant_type="client_credentials", scope="billing:write"), "invalid_scope")
    refused(client.token(grant_type="client_credentials", scope="platform"), "invalid_scope")
    refused(client.token(grant_type="client_credentials", scope="nonsense"), "invalid_scope")
    assert ok(client.token(grant_type="client_credentials"))["scope"] == "billing:read"


def test_15_corrections_2_and_3_pkce_is_s256_and_for_every_client(world: World) -> None:
    for kind in ("confidential", "public"):
        client = app(world.tenant(), type=kind)
        assert asked(client).scopes == ("billing:read", "billing:write")
        not_asked(client, "invalid_request", True, code_challenge_method=None)
        not_asked(client, "invalid_request", True, code_challenge_method="plain")
        not_asked(client, "invalid_request", True, code_challenge_method=None, code_challenge=None)
        not_asked(client, "invalid_request", True, code_challenge="short")
        not_asked(client, "invalid_request", True, code_challenge="x" * 42 + "\n")


def test_15_pkce_without_or_with_another_verifier(world: World) -> None:
    """RFC 7636, appendix B is what ``asking`` makes; another verifier, none, or the challenge itself is refused."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    code, verifier = client.code(ada)
    for wrong in ("a" * 43, verifier[:-1], verifier + "\n", "", "é" * 50):
        answer = client.redeem(code, wrong)
        assert (answer.status, answer.json["error"]) in ((400, "invalid_grant"), (400, "invalid_request"))
    assert ok(client.redeem(code, verifier))


def test_15_correction_4_only_the_body_counts_and_nothing_twice(world: World) -> None:
    client = machine(world.tenant())
    body = {**client.who, "grant_type": "client_credentials"}
    refused(form(TOKEN, body, query="scope=billing%3Aread"), "invalid_request")
    refused(form(TOKEN, "", query=urlencode(body)), "invalid_request")
    refused(form(TOKEN, urlencode(body) + "&scope=billing%3Aread&scope=billing%3Awrite"), "invalid_request")
    refused(form(TOKEN, urlencode(body) + "&grant_type=client_credentials"), "invalid_request")
    refused(form(TOKEN, body, headers={"content-type": "application/json"}), "invalid_request")
    refused(form(TOKEN, body, headers={"content-type": "multipart/form-data"}), "invalid_request")
    assert form(TOKEN, body, headers={"content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}).status == 200


def test_15_corrections_5_and_6_fewer_scopes_narrow_nothing_for_good(world: World) -> None:
    """Scenario 6: refresh with a narrower scope, next with the full one; each answer has the next refresh token."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    first = client.tokens(ada)
    narrow = ok(client.refresh(first["refresh_token"], scope="billing:read"))
    assert narrow["scope"] == "billing:read"
    full = ok(client.refresh(narrow["refresh_token"]))
    assert full["scope"] == "billing:read billing:write"
    assert len({first["refresh_token"], narrow["refresh_token"], full["refresh_token"]}) == 3
    refused(client.refresh(full["refresh_token"], scope="payments:process"), "invalid_scope")
    assert ok(client.refresh(full["refresh_token"]))


def test_15_correction_7_a_code_and_its_grant_are_one_commit(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    code, verifier = client.code(ada)
    world.writes.clear()
    ok(client.redeem(code, verifier))
    access, grants, audit = (world.tables[name] for name in ("access", "grants", "audit"))
    made = [[access, grants, grants, audit]]  # on condition that the user is who was read
    assert [tables for name, tables in world.writes if name == "TransactWriteItems"] == made


def test_15_correction_8_one_way_to_authenticate(world: World) -> None:
    client = machine(world.tenant())
    grant = {"grant_type": "client_credentials"}
    secret = client.data["secret"]
    assert form(TOKEN, grant, headers=basic(client.id, secret)).status == 200
    assert form(TOKEN, {**grant, "client_id": client.id}, headers=basic(client.id, secret)).status == 200
    refused(form(TOKEN, {**grant, **client.who}, headers=basic(client.id, "wrong")), "invalid_request")
    refused(form(TOKEN, {**grant, "client_id": "cli_other"}, headers=basic(client.id, secret)), "invalid_request")
    wrong = form(TOKEN, grant, headers=basic(client.id, "wrong"))
    refused(wrong, "invalid_client", 401)
    assert wrong.headers["WWW-Authenticate"].startswith("Basic")
    for bad in ("Basic", "Basic !", "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), "Basic Og==", "Digest x"):
        refused(form(TOKEN, grant, headers={"authorization": bad}), "invalid_client", 401)
    refused(form(TOKEN, {**grant, "client_id": client.id}), "invalid_client", 401)
    refused(form(TOKEN, grant), "invalid_client", 401)


def test_15_correction_9_a_hint_is_a_hint(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    issued = client.tokens(ada)
    for token in ("nonsense", "rt_x.1.y", "rt_", issued["access_token"] + "x"):
        assert ok(form("/oauth2/revoke", {**client.who, "token": token, "token_type_hint": "nonsense"})) == {}
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
    body = {**client.who, "token": issued["refresh_token"], "token_type_hint": "access_token"}
    assert ok(form("/oauth2/revoke", body)) == {}
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 401
    refused(client.refresh(issued["refresh_token"]), "invalid_grant")
    refused(form("/oauth2/revoke", client.who), "invalid_request")


def test_15_correction_10_errors_repeat_nothing_and_go_nowhere_unknown(world: World) -> None:
    client = app(world.tenant())
    not_asked(client, "invalid_request", False, redirect_uri="https://evil.example/<script>")
    not_asked(client, "invalid_request", False, redirect_uri=None)
    not_asked(client, "invalid_request", False, redirect_uri=REDIRECT + "/")
    not_asked(client, "unsupported_response_type", True, response_type='to"ken\\')
    not_asked(client, "invalid_request", True, response_type=None)
    not_asked(client, "invalid_scope", True, scope="payments:process")
    not_asked(client, "invalid_scope", True, scope="<script>")
    answer = client.token(grant_type='"<script>\\')
    refused(answer, "unsupported_grant_type")
    assert "<" not in answer.content.decode()


def test_15_a_code_is_good_once_for_a_minute_and_for_its_client(world: World) -> None:
    """A code that comes a second time ends what came of it: somebody has a copy."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    code, verifier = client.code(ada)
    refused(app(acme).redeem(code, verifier), "invalid_grant")
    refused(client.redeem(code, verifier, redirect_uri=REDIRECT + "?x=1"), "invalid_grant")
    issued = ok(client.redeem(code, verifier))
    bearer = client.bearer(issued["access_token"])
    assert bearer.get("/v1/customers").status == 200
    refused(client.redeem(code, verifier), "invalid_grant")
    assert bearer.get("/v1/customers").status == 401
    refused(client.refresh(issued["refresh_token"]), "invalid_grant")
    late, verifier = client.code(ada)
    world.clock.advance(seconds=61)
    refused(client.redeem(late, verifier), "invalid_grant")


def test_15_a_client_uses_only_the_grants_that_it_has(world: World) -> None:
    acme = world.tenant()
    client = app(acme, grantTypes=["authorization_code"])
    refused(client.token(grant_type="client_credentials"), "unauthorized_client")
    assert "refresh_token" not in client.tokens(user(world, acme))
    refused(client.refresh("rt_x.1.y"), "unauthorized_client")
    refused(machine(acme).redeem("ac_x", "v" * 43), "unauthorized_client")
    refused(client.token(grant_type="password", username="a", password="b"), "unsupported_grant_type")
    refused(client.token(), "unsupported_grant_type")


def test_15_a_public_client_has_no_secret_and_needs_none(world: World) -> None:
    acme = world.tenant()
    client = app(acme, type="public")
    assert client.data["secret"] is None
    issued = client.tokens(user(world, acme))
    assert ok(client.refresh(issued["refresh_token"]))["scope"]
    refused(form(TOKEN, {**client.who, "client_secret": "x", "grant_type": "refresh_token"}), "invalid_client", 401)
    refused(form("/oauth2/introspect", {**client.who, "token": "x"}), "invalid_client", 401)


def test_15_introspection_tells_a_tenants_clients_what_is_good(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    server = machine(acme)
    issued = client.tokens(ada)
    told = ok(form("/oauth2/introspect", {**server.who, "token": issued["access_token"]}))
    assert (told["active"], told["sub"], told["client_id"], told["scope"]) == (True, ada.id, client.id, issued["scope"])
    assert ok(form("/oauth2/introspect", {**server.who, "token": issued["refresh_token"]}))["active"] is True
    ok(form("/oauth2/revoke", {**client.who, "token": issued["access_token"]}))
    for token in (issued["access_token"], issued["refresh_token"], "nonsense", "rt_a.b.c", "rt_a.1.é"):
        assert ok(form("/oauth2/introspect", {**server.who, "token": token})) == {"active": False}


def test_15_metadata_and_keys_are_public(world: World) -> None:
    found = ok(form("/.well-known/oauth-authorization-server", None, method="GET"))
    assert found["issuer"] == "https://billing.example"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    keys = form("/oauth2/jwks", None, method="GET")
    assert keys.headers["Cache-Control"] == "public, max-age=300"
    assert {"kid", "n", "e"} < ok(keys)["keys"][0].keys()
    assert not {"d", "p", "q"} & ok(keys)["keys"][0].keys()


def test_15_what_is_not_there_is_404_and_what_is_not_asked_so_is_405(world: World) -> None:
    answer = form(TOKEN, None, method="GET")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert request(http_event("GET", "/.well-known/openid-configuration")).status in (401, 404)


@pytest.mark.limits
def test_15_every_refusal_is_a_row_and_counted_on_the_address(world: World) -> None:
    """Scenario 19. 60 a minute of an address; a client's own limit cannot be used up by who only knows its id."""
    world.clock.freeze((world.clock() + timedelta(hours=1)).replace(second=1))
    client = machine(world.tenant())
    answers = [form(TOKEN, {"grant_type": "client_credentials", "client_id": client.id}).status for _ in range(61)]
    assert answers == [401] * 60 + [429]
    rows = world.audit_of_strangers()[-61:]
    assert {row["route"]["S"] for row in rows} == {"POST /oauth2/token"}
    assert ok(client.token(grant_type="client_credentials"))


@pytest.mark.limits
def test_15_counters_of_past_minutes_do_not_pile_up_on_a_client(world: World) -> None:
    """A client that asks once an hour for years: its item would grow until DynamoDB took it no more."""
    client = machine(world.tenant())
    for _ in range(6):
        ok(client.token(grant_type="client_credentials"))
        world.clock.advance(hours=1)
    (item,) = [row for row in world.rows("callers") if row["caller_id"]["S"] == f"client#{client.id}"]
    assert len([name for name in item if name.startswith("t") and name[1:].isdigit()]) <= 2


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from([TOKEN, "/oauth2/revoke", "/oauth2/introspect"]),
    body=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["grant_type", "code", "client_id", "client_secret", "scope", "token", "refresh_token"]
                ),
                st.one_of(
                    st.text(max_size=20),
                    st.sampled_from(["authorization_code", "refresh_token", "client_credentials", "rt_x.1.y"]),
                ),
            ),
            max_size=6,
        ).map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()),
    ),
    authorization=st.one_of(st.none(), st.text(max_size=20).map(lambda text: "Basic " + text)),
)
def test_15_no_byte_makes_a_500(world: World, path: str, body: bytes, authorization: str | None) -> None:
    world.clock.advance(minutes=1)
    headers = {"content-type": oauth.FORM} | ({"authorization": authorization} if authorization else {})
    event = http_event("POST", path, body=body, headers=headers)
    assert 400 <= request(event).status < 500
