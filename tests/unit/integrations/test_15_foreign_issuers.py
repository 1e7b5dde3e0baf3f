"""Issue 15: tokens of issuers that the operator has named, and their keys."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jose.backends.base import Key

from billing.domain.access.scopes import Scope
from billing.domain.kernel.errors import Unauthenticated, Unavailable
from billing.integrations import jwt
from billing.integrations.access_tokens import AccessTokens, foreign_issuers
from billing.integrations.foreign_keys import ForeignKeys

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
IDP = "https://idp.example"
SETTING = json.dumps(
    [
        {
            "issuer": IDP,
            "jwksUrl": f"{IDP}/keys",
            "audience": "ledgerline",
            "tenantId": "ten_1",
            "scopes": ["billing:read", "billing:write"],
            "acceptJwtType": True,
        }
    ]
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Idp:
    """An issuer: how often it was asked, and what it answers."""

    def __init__(self, *kids: str) -> None:
        self.asked = 0
        self.kids = list(kids)
        self.fails: Exception | None = None
        self.answer: bytes | None = None

    def __call__(self, url: str) -> bytes:
        assert url == f"{IDP}/keys"
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        if self.answer is not None:
            return self.answer
        modulus, exponent = members()
        return json.dumps(
            {"keys": [{"kty": "RSA", "kid": kid, "n": modulus, "e": exponent} for kid in self.kids]}
        ).encode()


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def members() -> tuple[str, str]:
    der = private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return jwt.public_members(der)


class Signer(Key):  # type: ignore[misc]
    def __init__(self) -> None:
        pass

    def sign(self, msg: bytes) -> bytes:
        return private_key().sign(msg, padding.PKCS1v15(), SHA256())


def token(clock: Clock, kid: str = "k1", **changes: Any) -> str:
    at = int(clock().timestamp())
    claims = {
        "iss": IDP, "aud": "ledgerline", "sub": "7", "jti": "1", "scope": "billing:read payments:process openid",
        "iat": at, "exp": at + 600, **changes,
    }  # fmt: skip
    return jwt.sign(claims, kid, Signer())


def tokens(clock: Clock, key_of: Callable[[str], Key | None]) -> AccessTokens:
    (issuer,) = foreign_issuers(SETTING)
    return AccessTokens("https://billing.example", lambda fresh: None, lambda: None, clock, ((issuer, key_of),))


def test_15_a_foreign_user_is_of_one_tenant_with_at_most_those_scopes() -> None:
    """Whatever the token says of tenants and scopes."""
    clock, idp = Clock(), Idp("k1")
    taken = tokens(clock, ForeignKeys(f"{IDP}/keys", idp, clock).get)
    bearer = taken.verify(token(clock, tid="ten_2", gid="g", scope="billing:read payments:process platform"))
    assert (bearer.tenant_id, bearer.scopes) == ("ten_1", frozenset({Scope.BILLING_READ}))
    assert bearer.user_id == bearer.principal
    assert bearer.principal.startswith("ext_")
    assert taken.verify(token(clock, sub="8")).principal != bearer.principal
    with pytest.raises(Unauthenticated):
        taken.verify(token(clock, iss=IDP + "/"))
    with pytest.raises(Unauthenticated):
        taken.verify(token(clock, aud="another"))
    with pytest.raises(Unauthenticated):
        taken.verify(token(clock, iss="https://billing.example", aud="https://billing.example"))


def test_15_scenario_9_an_issuers_clock_may_be_20_seconds_ahead() -> None:
    clock, idp = Clock(), Idp("k1")
    taken = tokens(clock, ForeignKeys(f"{IDP}/keys", idp, clock).get)
    at = int(NOW.timestamp())
    assert taken.verify(token(clock, iat=at + 20, nbf=at + 20))
    with pytest.raises(Unauthenticated):
        taken.verify(token(clock, iat=at + 600, exp=at + 1200))


def test_15_scenario_10_a_thousand_unknown_kids_are_one_fetch_in_30_seconds() -> None:
    clock, idp = Clock(), Idp("k1")
    keys = ForeignKeys(f"{IDP}/keys", idp, clock)
    assert keys.get("k1") is not None
    assert [keys.get(f"kid-{n}") for n in range(1000)] == [None] * 1000
    assert idp.asked == 1  # it was asked just now
    clock.now += timedelta(seconds=31)
    idp.kids.append("k2")
    assert keys.get("k2") is not None
    assert [keys.get(f"kid-{n}") for n in range(1000)] == [None] * 1000
    assert idp.asked == 2
    assert keys.get("k1") is not None  # of both kids, after a rotation


def test_15_keys_are_read_every_10_minutes_and_kept_a_day_where_the_issuer_is_down() -> None:
    clock, idp = Clock(), Idp("k1")
    keys = ForeignKeys(f"{IDP}/keys", idp, clock)
    keys.get("k1")
    clock.now += timedelta(minutes=9)
    keys.get("k1")
    assert idp.asked == 1
    idp.fails = OSError("down")
    clock.now += timedelta(minutes=2)
    assert [keys.get("k1") is not None for _ in range(50)] == [True] * 50
    assert idp.asked == 2
    clock.now += timedelta(hours=23)
    assert keys.get("k1") is not None
    clock.now += timedelta(hours=1)
    with pytest.raises(Unavailable):
        keys.get("k1")
    idp.fails = None
    clock.now += timedelta(seconds=31)
    assert keys.get("k1") is not None


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"[]", b"{}", b'{"keys": 1}', b"\xff", b"[" * 100_000,
     b'{"keys": [1, {}, {"kty": "RSA", "kid": "k1"}]}',
     b'{"keys": [{"kty": "RSA", "kid": "k1", "n": "AQ", "e": "AQAB"}]}'],
    ids=range(9),
)  # fmt: skip
def test_15_whatever_an_issuer_publishes_is_a_503_or_no_key(answer: bytes) -> None:
    clock, idp = Clock(), Idp()
    idp.answer = answer
    keys = ForeignKeys(f"{IDP}/keys", idp, clock)
    with suppress(Unavailable):
        assert keys.get("k1") is None


def test_15_a_stack_that_cannot_know_whom_to_trust_trusts_nobody() -> None:
    assert foreign_issuers("") == ()
    for wrong in ("{", '[{"issuer": "x"}]', SETTING.replace("https://idp.example/keys", "http://idp.example/keys")):
        with pytest.raises((ValueError, KeyError)):
            foreign_issuers(wrong)
    with pytest.raises(ValueError, match="root"):
        foreign_issuers(SETTING.replace("billing:read", "root"))
