"""Issue 15: refresh tokens: one is good at a time; an answer that was lost can be had again, a copy ends the grant."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from billing.bootstrap import oauth as oauth_bootstrap
from billing.integrations import jwt
from tests.integration.access.oauth import app, form, ok, refused, user
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _real_time(world: World) -> Any:
    yield
    world.clock.reset()


def test_15_the_answer_to_a_refresh_can_be_asked_for_again(world: World) -> None:
    """A mobile client loses answers: within 30 seconds, while nobody used the successor, it gets the same one."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    first = client.tokens(ada)["refresh_token"]
    second = ok(client.refresh(first))
    world.clock.advance(seconds=29)
    world.writes.clear()
    assert ok(client.refresh(first)) == second
    assert [tables for _, tables in world.writes if world.tables["grants"] in tables] == []
    assert client.bearer(second["access_token"]).get("/v1/customers").status == 200
    assert ok(client.refresh(second["refresh_token"]))


def test_15_after_30_seconds_it_is_a_copy_and_ends_the_grant(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    first = client.tokens(ada)["refresh_token"]
    second = ok(client.refresh(first))
    world.clock.advance(seconds=31)
    refused(client.refresh(first), "invalid_grant")
    refused(client.refresh(second["refresh_token"]), "invalid_grant")
    assert client.bearer(second["access_token"]).get("/v1/customers").status == 401


def test_15_once_the_successor_was_used_it_is_a_copy_at_once(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    first = client.tokens(ada)
    second = ok(client.refresh(first["refresh_token"]))
    third = ok(client.refresh(second["refresh_token"]))
    refused(client.refresh(first["refresh_token"]), "invalid_grant")
    for each in (first, second, third):  # access tokens of all generations
        assert client.bearer(each["access_token"]).get("/v1/customers").status == 401
    refused(client.refresh(third["refresh_token"]), "invalid_grant")


def test_15_a_grant_ends_30_days_after_the_consent_however_often_it_is_refreshed(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    token = client.tokens(ada)["refresh_token"]
    for _ in range(2):
        world.clock.advance(days=14)
        token = ok(client.refresh(token))["refresh_token"]
    world.clock.advance(days=2, seconds=1)
    refused(client.refresh(token), "invalid_grant")


def test_15_a_proof_is_of_one_grant_generation_and_tenant(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    token = client.tokens(ada)["refresh_token"]
    head, generation, proof = token.split(".")
    for wrong in (
        f"{head}.{int(generation) + 1}.{proof}", f"{head}.0{generation}.{proof}", f"{head}.{generation}.{proof[:-2]}AA",
        f"{head}.{generation}.", f"{head}.{generation}", f"{head}x.{generation}.{proof}", f"{head}.-1.{proof}", "rt_",
        f"{head}.{generation}.{proof}.x", f"{head}.²{generation}.{proof}", "x" * 5000,
    ):  # fmt: skip
        refused(client.refresh(wrong), "invalid_grant")
    refused(app(acme).refresh(token), "invalid_grant")
    other = world.tenant()
    refused(app(other).refresh(token), "invalid_grant")
    assert ok(client.refresh(token))  # none of them ended it


def test_15_a_key_service_that_is_down_uses_no_refresh_token_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed before committed."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    token = client.tokens(ada)["refresh_token"]

    def throttled(self: Any, msg: bytes) -> bytes:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Sign")

    with monkeypatch.context() as down:
        down.setattr(jwt.KmsKey, "sign", throttled)
        answer = client.refresh(token)
        refused(answer, "temporarily_unavailable", 503)
        assert answer.headers["Retry-After"] == "2"
    assert ok(client.refresh(token))


def test_15_scenario_5_revoked_while_a_refresh_is_under_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refresh has signed, and commits after the revocation: no token survives."""
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    issued = client.tokens(ada)
    sign = jwt.KmsKey.sign
    revoked: list[int] = []

    def sign_slowly(self: Any, msg: bytes) -> bytes:
        if not revoked:
            revoked.append(1)
            ok(form("/oauth2/revoke", {**client.who, "token": issued["refresh_token"]}))
        return bytes(sign(self, msg))

    monkeypatch.setattr(jwt.KmsKey, "sign", sign_slowly)
    refused(client.refresh(issued["refresh_token"]), "invalid_grant")
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 401


def test_15_two_refreshes_at_once_get_the_same_successor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    token = client.tokens(ada)["refresh_token"]
    sign = jwt.KmsKey.sign
    twin: list[Any] = []

    def sign_slowly(self: Any, msg: bytes) -> bytes:
        if not twin:
            twin.append(None)
            twin[0] = ok(client.refresh(token))
        return bytes(sign(self, msg))

    monkeypatch.setattr(jwt.KmsKey, "sign", sign_slowly)
    assert ok(client.refresh(token)) == twin[0]


def test_15_a_rotation_of_keys_is_one_command_and_ends_no_token(world: World) -> None:
    acme = world.tenant()
    client, ada = app(acme), user(world, acme)
    issued = client.tokens(ada)
    signing = oauth_bootstrap.signing()
    fresh = world.aws("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    keys = signing.rotate(fresh)
    assert len(ok(form("/oauth2/jwks", None, method="GET"))["keys"]) == 2
    world.clock.advance(minutes=16)
    after = ok(client.refresh(issued["refresh_token"]))
    assert client.bearer(after["access_token"]).get("/v1/customers").status == 200
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
    assert jwt.issuer_of(after["access_token"]) == "https://billing.example"
    stolen = world.aws("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    signing.rotate(stolen, at_once=True)
    assert client.bearer(after["access_token"]).get("/v1/customers").status == 401
    assert len(keys.keys) == 2
