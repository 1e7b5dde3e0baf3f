"""The published keys of a foreign issuer (RFC 7517), read over HTTPS and kept.

kept for 10 minutes; for 24 hours where the issuer does not answer
a kid that is not among them: read again, once in 30 seconds, however many tokens name one
2 seconds and 256 KB at most; redirects are not followed
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import urllib3
from jose.backends.base import Key

from billing.domain.kernel.errors import Unavailable
from billing.integrations import jwt

_log = logging.getLogger(__name__)
_FRESH, _STALE, _AGAIN = timedelta(minutes=10), timedelta(hours=24), timedelta(seconds=30)
_TIMEOUT_S = 2.0
_LARGEST = 256 * 1024
_MOST_KEYS = 32


class ForeignKeys:
    """An issuer's keys by their names.

    Args:
        fetch: gives the text of a key set; raises OSError or ValueError.
    """

    def __init__(self, url: str, fetch: Callable[[str], bytes], clock: Callable[[], datetime]) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None

    def get(self, kid: str) -> Key | None:
        """The key of a name; None where the issuer has none.

        Raises:
            Unavailable: the issuer does not answer, and what is known of it is too old.
        """
        now = self._clock()
        age = now - self._read_at if self._read_at is not None else None
        is_fresh = age is not None and timedelta() <= age < _FRESH
        if (not is_fresh or kid not in self._keys) and self._may_try(now):
            self._read(now)
            age = now - self._read_at if self._read_at is not None else None
        if age is None or age >= _STALE:
            raise Unavailable("The keys of the token's issuer cannot be read", retry_after_s=30)
        return self._keys.get(kid)

    def _may_try(self, now: datetime) -> bool:
        return self._tried_at is None or not timedelta() <= now - self._tried_at < _AGAIN

    def _read(self, now: datetime) -> None:
        self._tried_at = now
        try:
            keys = _keys_in(self._fetch(self._url))
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("an issuer's keys cannot be read", extra={"kind": type(error).__name__})
            return
        self._keys, self._read_at = keys, now


def fetched(url: str) -> bytes:
    """What an issuer answers.

    Raises:
        OSError: it cannot be reached, or answers with another status than 200.
        ValueError: it answers with too much.
    """
    try:
        with urllib3.PoolManager(num_pools=1) as pool:
            answer = pool.request("GET", url, timeout=_TIMEOUT_S, retries=False, redirect=False, preload_content=False)
            if answer.status != 200:
                raise OSError(f"status {answer.status}")
            body: bytes = answer.read(_LARGEST + 1)
    except urllib3.exceptions.HTTPError as error:
        raise OSError("no answer") from error
    if len(body) > _LARGEST:
        raise ValueError("too large")
    return body


def _keys_in(text: bytes) -> dict[str, Key]:
    document: Any = json.loads(text)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no key set")
    found: dict[str, Key] = {}
    for each in listed[:_MOST_KEYS]:
        if not isinstance(each, dict) or each.get("kty") != "RSA" or each.get("use", "sig") != "sig":
            continue
        kid, modulus, exponent = each.get("kid"), each.get("n"), each.get("e")
        if isinstance(kid, str) and isinstance(modulus, str) and isinstance(exponent, str):
            try:
                found[kid] = jwt.public_key(modulus, exponent)
            except ValueError:  # one bad key does not cost the others
                continue
    return found
