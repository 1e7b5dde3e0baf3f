"""Issue 15: which access tokens are taken; python-jose alone takes nearly all of the refused ones."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.domain.kernel.errors import Unauthenticated, Unavailable
from billing.integrations import jwt

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
ISSUER = "https://billing.example"
Change = Callable[[dict[str, Any]], None]


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Kms:
    """Signs digests as KMS does."""

    def sign(self, **asked: Any) -> dict[str, bytes]:
        digest = asked.pop("Message")
        how = {"MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}
        assert asked == {"KeyId": "arn:key"} | how
        return {"Signature": private_key().sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))}


@cache
def members() -> tuple[str, str]:
    public = private_key().public_key()
    return jwt.public_members(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@cache
def issuer() -> jwt.Issuer:
    key = jwt.public_key(*members())
    return jwt.Issuer(ISSUER, ISSUER, {"k1": key}.get)


def claims(**changes: Any) -> dict[str, Any]:
    made = {
        "iss": ISSUER, "aud": ISSUER, "sub": "usr_1", "tid": "ten_1", "jti": "tok_1", "scope": "billing:read",
        "iat": NOW_S, "exp": NOW_S + 3600, **changes,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not ...}


def token(**changes: Any) -> str:
    return jwt.sign(claims(**changes), "k1", jwt.KmsKey(Kms, "arn:key"))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header: bytes, body: bytes) -> str:
    """Signed as it stands, whatever it says."""
    signed = f"{encoded(header)}.{encoded(body)}"
    return f"{signed}.{encoded(private_key().sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": "k1"}


def with_header(**changes: Any) -> str:
    header = {name: value for name, value in (HEADER | changes).items() if value is not ...}
    return raw(json.dumps(header).encode(), json.dumps(claims()).encode())


def refused(text: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        jwt.verify(text, issuer(), NOW)


def test_15_a_token_that_kms_signed_is_taken_and_is_the_same_each_time() -> None:
    assert jwt.verify(token(), issuer(), NOW) == claims()
    assert token() == token()
    assert jwt.issuer_of(token()) == ISSUER


def test_15_typ_is_that_of_an_access_token() -> None:
    """RFC 9068: an ID token, which is a JWT too, is no access token."""
    assert jwt.verify(with_header(typ="application/AT+JWT"), issuer(), NOW)
    for wrong in ("JWT", "jwt", "", None, ["at+jwt"], ...):
        refused(with_header(typ=wrong))


@pytest.mark.parametrize("name", ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"])
def test_15_a_token_does_not_say_how_it_is_verified(name: str) -> None:
    refused(with_header(**{name: ["exp"]}))
    refused(with_header(**{name: None}))


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS512", "rs256", "PS256", "", None, ["RS256"], 1, ...])
def test_15_only_rs256(alg: Any) -> None:
    refused(with_header(alg=alg))


def test_15_the_public_key_is_no_hmac_secret() -> None:
    """The old confusion: HS256 with the published key as its secret."""
    import hmac

    secret = json.dumps({"kty": "RSA", "n": members()[0], "e": members()[1]}).encode()
    signed = f"{encoded(json.dumps(HEADER | {'alg': 'HS256'}).encode())}.{encoded(json.dumps(claims()).encode())}"
    refused(f"{signed}.{encoded(hmac.new(secret, signed.encode(), sha256).digest())}")


@pytest.mark.parametrize("kid", ["k2", "", None, 1, ["k1"], {"k1": 1}, "k" * 257, ...])
def test_15_one_key_is_named_and_no_other_is_tried(kid: Any) -> None:
    refused(with_header(kid=kid))


@pytest.mark.parametrize(
    "changes",
    [
        {name: value}
        for name in ("exp", "iat", "sub", "jti", "scope", "iss", "aud")
        for value in (..., None, True, "", [], {}, 1.5, "1e400", -1)
        if not (isinstance(value, str) and (name, value) not in {("exp", "1e400"), ("iat", ""), ("sub", "")})
    ],
    ids=str,
)
def test_15_every_claim_is_there_and_of_its_kind(changes: dict[str, Any]) -> None:
    refused(token(**changes))


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"iat": NOW_S - 3629, "exp": NOW_S - 29}, True),
        ({"iat": NOW_S - 3630, "exp": NOW_S - 30}, False),
        ({"iat": NOW_S + 20, "exp": NOW_S + 3620}, True),
        ({"iat": NOW_S + 600, "exp": NOW_S + 4200}, False),
        ({"exp": NOW_S + 3601}, False),
        ({"exp": NOW_S}, False),
        ({"nbf": NOW_S + 30}, True),
        ({"nbf": NOW_S + 31}, False),
        ({"nbf": "now"}, False),
        ({"aud": ["https://other.example", ISSUER]}, True),
        ({"aud": [ISSUER + "/"]}, False),
        ({"iss": ISSUER + "/"}, False),
    ],
    ids=str,
)
def test_15_times_and_whom_it_is_meant_for(changes: dict[str, Any], good: bool) -> None:
    """An issuer's clock may be 20 seconds ahead, not ten minutes."""
    if good:
        assert jwt.verify(token(**changes), issuer(), NOW)
    else:
        refused(token(**changes))


@pytest.mark.parametrize(
    "body",
    [
        b'{"exp":1e400}', b"null", b"[]", b"1", b'"x"', b"", b"\xff", b"{", b"NaN", b"[" * 2000,
        json.dumps(claims()).replace('"sub": "usr_1"', '"sub": "usr_1", "sub": "usr_2"').encode(),
        json.dumps(claims()).replace(str(NOW_S + 3600), "1e400").encode(),
        json.dumps(claims()).replace(str(NOW_S + 3600), "9" * 300).encode(),
    ],
    ids=range(13),
)  # fmt: skip
def test_15_whatever_a_body_says_is_a_401(body: bytes) -> None:
    refused(raw(json.dumps(HEADER).encode(), body))


@pytest.mark.parametrize(
    "header",
    [b"[" * 380, b"null", b"[]", b"\xff\xfe", b'{"alg":"RS256","alg":"RS256","typ":"at+jwt","kid":"k1"}', b"{" * 2000],
    ids=range(6),
)
def test_15_whatever_a_header_says_is_a_401(header: bytes) -> None:
    """A deep header was a RecursionError before any signature was looked at: a 500 for anybody, at 1.3 KB."""
    refused(raw(header, json.dumps(claims()).encode()))


def test_15_neither_long_nor_changed_nor_padded() -> None:
    refused(token(scope="x" * 4096))
    refused(token() + "=")
    refused(token() + "\n")
    refused(" " + token())
    head, body, signature = token().split(".")
    refused(f"{head}.{body}")
    refused(f"{head}.{body}.{signature}.")
    refused(f"{head}.{encoded(json.dumps(claims(scope='billing:admin')).encode())}.{signature}")
    refused(f"{head}.{body}.{signature[:-8]}AAAAAAAA")


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(encoded), st.text("ab.=-_ey", max_size=80)))
@example("..")
@example("\ud800.a.b")
def test_15_any_text_is_a_401(text: str) -> None:
    refused(text)
    assert jwt.issuer_of(text) is None


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_15_any_json_under_a_good_signature_is_a_401_or_claims(data: st.DataObject) -> None:
    """A foreign issuer's key is good, and its claims are anything."""
    anything: Any = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    name = data.draw(st.sampled_from(["exp", "iat", "nbf", "aud", "iss", "sub", "jti", "scope"]))
    body = json.dumps(claims(**{name: data.draw(anything)})).encode()
    with suppress(Unauthenticated):
        jwt.verify(raw(json.dumps(HEADER).encode(), body), issuer(), NOW)


def test_15_thumbprint_is_that_of_rfc_7638() -> None:
    """The example of section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    assert jwt.thumbprint(modulus, "AQAB") == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert jwt.public_key(modulus, "AQAB")


def test_15_a_short_key_is_no_key() -> None:
    for wrong in (encoded(b"\x80" + b"\x01" * 127), "", "!", encoded(b"\xff" * 1025)):
        with pytest.raises(ValueError, match="RSA key"):
            jwt.public_key(wrong, "AQAB")


def test_15_a_key_service_that_does_not_answer_is_a_503() -> None:
    class Down:
        def sign(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Sign")

    with pytest.raises(Unavailable):
        jwt.sign(claims(), "k1", jwt.KmsKey(Down, "arn:key"))


def test_15_the_keys_of_an_issuer_that_cannot_be_had_are_a_503() -> None:
    def down(_: str) -> None:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        jwt.verify(token(), jwt.Issuer(ISSUER, ISSUER, down), NOW)
