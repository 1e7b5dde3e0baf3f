"""Access tokens as JSON Web Tokens (RFC 9068): signed by KMS, verified by rules that python-jose leaves open.

The only module that imports jose. It takes a token without ``exp``, ``aud`` or ``sub``, with ``crit``, or with an
``iat`` of next year, tries every key of a set, and parses a header of any depth before it looks at the signature. So:
what a token may look like is checked here before jose sees it, the one key that ``kid`` names is given to it, and the
claims are checked here after it. Whatever goes wrong with a token is the caller's 401, and never an error of ours.
"""

import base64
import json
import re
from binascii import Error as BadBase64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from jose import jwk, jws
from jose.backends.base import Key
from jose.exceptions import JOSEError

from billing.domain.kernel.errors import Unauthenticated, Unavailable

ALGORITHM = "RS256"
ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LONGEST_TOKEN = 4096
_LONGEST_HEADER = 512
_LONGEST_LIFE_S = 3600
_LEEWAY_S = 30
_AHEAD_S = 60
"""How far in the future a token may have been issued: clocks differ."""
_LONGEST_TEXT = 256
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_REFUSED_HEADERS = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip"})
"""What would have a token say how it is to be verified, or that it is to be read in another way."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken.

    Args:
        name: exactly what ``iss`` has to be.
        audience: what ``aud`` has to be or contain.
        types: what ``typ`` may be, in lower case.
        key_of: gives the key that a ``kid`` names; None where there is none.
    """

    name: str
    audience: str
    key_of: Callable[[str], Key | None]
    types: frozenset[str] = ACCESS_TOKEN_TYPES


class KmsKey(Key):  # type: ignore[misc]
    """A private key in KMS, as jose sees keys.

    KMS gets the digest: a message may have 4,096 bytes, and the role may sign digests only.

    Args:
        kms: gives botocore's KMS client.
        key_id: ARN of an RSA key for signatures.
    """

    def __init__(self, kms: Callable[[], Any], key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    def sign(self, msg: bytes) -> bytes:
        """The signature, RSASSA-PKCS1-v1_5: the same for the same message."""
        answer = self._kms().sign(
            KeyId=self._key_id,
            Message=sha256(msg).digest(),
            MessageType="DIGEST",
            SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
        )
        signature: bytes = answer["Signature"]
        return signature


def public_key(modulus: str, exponent: str) -> Key:
    """The key that verifies, from the members ``n`` and ``e`` of a JWK.

    Raises:
        ValueError: they are not those of an RSA key of at least 2,048 bits.
    """
    try:
        made: Key = jwk.construct({"kty": "RSA", "n": modulus, "e": exponent}, ALGORITHM)
        bits = int.from_bytes(_decoded(modulus), "big").bit_length()
    except (JOSEError, ValueError, TypeError, KeyError) as error:
        raise ValueError("not an RSA key") from error
    if not 2048 <= bits <= 4096:  # a longer one would cost every call
        raise ValueError("not an RSA key of 2,048 to 4,096 bits")
    return made


def public_members(der: bytes) -> tuple[str, str]:
    """``n`` and ``e`` of a public key as KMS gives it (SubjectPublicKeyInfo)."""
    key = load_der_public_key(der)
    assert isinstance(key, RSAPublicKey)
    numbers = key.public_numbers()
    return _encoded(numbers.n), _encoded(numbers.e)


def thumbprint(modulus: str, exponent: str) -> str:
    """The key's name, made of itself (RFC 7638)."""
    members = json.dumps({"e": exponent, "kty": "RSA", "n": modulus}, separators=(",", ":"))
    return base64.urlsafe_b64encode(sha256(members.encode()).digest()).rstrip(b"=").decode()


def sign(claims: Mapping[str, Any], kid: str, key: Key) -> str:
    """An access token.

    Raises:
        Unavailable: the key service does not answer.
    """
    try:
        made: str = jws.sign(dict(claims), key, headers={"typ": "at+jwt", "kid": kid}, algorithm=ALGORITHM)
    except JOSEError as error:
        cause = error.__context__
        if isinstance(cause, ClientError | BotoCoreError):
            raise Unavailable("The key service does not answer", retry_after_s=2) from error
        raise
    return made


def issuer_of(token: str) -> str | None:
    """Who says to have issued a token: nothing else is believed of it before it is verified."""
    match = _SHAPE.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if match is None:
        return None
    try:
        claimed = _object(_decoded(match[2])).get("iss")
    except (ValueError, RecursionError):
        return None
    return claimed if isinstance(claimed, str) else None


def verify(token: str, issuer: Issuer, now: datetime) -> dict[str, Any]:
    """The claims of a token of this issuer.

    Raises:
        Unauthenticated: it is not one, is too old, or is not meant for us; which of them, nobody is told.
        Unavailable: the issuer's keys cannot be had.
    """
    try:
        return _verified(token, issuer, int(now.timestamp()))
    except (Unauthenticated, Unavailable):
        raise
    except Exception:  # noqa: BLE001 - strangers choose these bytes; whatever they break is their 401
        raise _refused() from None


def _verified(token: str, issuer: Issuer, now_s: int) -> dict[str, Any]:
    match = _SHAPE.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if match is None or len(match[1]) > _LONGEST_HEADER * 4 // 3:
        raise _refused()
    header = _object(_decoded(match[1]))
    kid, kind = header.get("kid"), header.get("typ")
    if header.get("alg") != ALGORITHM or _REFUSED_HEADERS & header.keys():
        raise _refused()
    if not isinstance(kind, str) or kind.lower() not in issuer.types:
        raise _refused()
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_TEXT:
        raise _refused()
    key = issuer.key_of(kid)
    if key is None:
        raise _refused()
    claims = _object(jws.verify(token, key, [ALGORITHM]))
    _check(claims, issuer, now_s)
    return claims


def _check(claims: dict[str, Any], issuer: Issuer, now_s: int) -> None:
    audience = claims.get("aud")
    meant_for = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer.name or issuer.audience not in meant_for:
        raise _refused()
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if expires + _LEEWAY_S <= now_s or issued > now_s + _AHEAD_S or not 0 < expires - issued <= _LONGEST_LIFE_S:
        raise _refused()
    if "nbf" in claims and _seconds(claims, "nbf") > now_s + _LEEWAY_S:
        raise _refused()
    for name in ("sub", "jti"):
        value = claims.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
            raise _refused()
    if not isinstance(claims.get("scope"), str):
        raise _refused()


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or value < 0:  # True is an int, 1e3 is none
        raise _refused()
    return value


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object that says nothing twice.

    Raises:
        ValueError: it is none.
    """
    value = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError("a name is there twice")
        made[name] = value
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except BadBase64 as error:
        raise ValueError("not base64url") from error


def _encoded(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid")
