"""Signed requests: ``X-Signature: t=1795298460,v1=HEX`` (or ``v2=HEX``), HMAC-SHA256 under the key's signing secret.

    v1 signs   t.METHOD.path?query.BODY          BODY: the SHA-256 of the body, in hexadecimal digits
    v2 signs   v2, t, METHOD, path?query, BODY, Idempotency-Key, x-user-id, X-API-Version: one a line

The path is as it was called (``/api/v1/...`` or ``/v1/...``); without a query there is no ``?``. A header that is not
there is an empty line. ``t`` is Unix time, at most five minutes from ours. Each signature is accepted once; where both
are sent, both have to be right, and both count as used.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from billing.domain.kernel.errors import Unauthenticated

HEADER = "x-signature"
WINDOW_S = 300
_PARTS = re.compile(r"t=(?P<t>[0-9]{1,12})(?:,v1=(?P<v1>[0-9a-f]{64}))?(?:,v2=(?P<v2>[0-9a-f]{64}))?")
_COVERED = ("idempotency-key", "x-user-id", "x-api-version")


@dataclass(frozen=True, slots=True)
class Signed:
    """What is signed of a request."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    def v1(self, t: str) -> str:
        """The text that ``v1`` signs."""
        return f"{t}.{self.method}.{self._target}.{sha256(self.body).hexdigest()}"

    def v2(self, t: str) -> str:
        """The text that ``v2`` signs."""
        covered = (self.headers.get(name, "") for name in _COVERED)
        return "\n".join(("v2", t, self.method, self._target, sha256(self.body).hexdigest(), *covered))

    @property
    def _target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def sign(secret: str, text: str) -> str:
    """The signature of a text, in hexadecimal digits."""
    return hmac.new(secret.encode(), text.encode(errors="surrogatepass"), sha256).hexdigest()


def check(request: Signed, secret: str, now: float) -> tuple[tuple[str, ...], int]:
    """The signatures of a request, all of them right, and until when they have to be remembered (Unix).

    Args:
        now: Unix time.

    Raises:
        Unauthenticated: there is none, it is too old or too new, or wrong.
    """
    parts = _PARTS.fullmatch(request.headers.get(HEADER, "").replace(" ", ""))
    if parts is None or not (parts["v1"] or parts["v2"]):
        raise Unauthenticated("This key signs its requests: X-Signature: t=UNIX,v1=HEX is required")
    t = parts["t"]
    if abs(now - int(t)) > WINDOW_S:
        raise Unauthenticated("The signature is not of the last five minutes")
    given = {text: parts[name] for name, text in (("v1", request.v1(t)), ("v2", request.v2(t))) if parts[name]}
    if not all(hmac.compare_digest(sign(secret, text), signature) for text, signature in given.items()):
        raise Unauthenticated("The signature is wrong")
    return tuple(given.values()), int(t) + 2 * WINDOW_S
