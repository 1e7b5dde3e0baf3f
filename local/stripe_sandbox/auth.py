"""Whose request it is: each test key is an account of its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from local.stripe_sandbox.errors import InvalidRequestError

_KEY = re.compile(r"^sk_test_[A-Za-z0-9_]{8,}$")


def account_of(header: str | None) -> str:
    """The account id of an ``Authorization`` header, Bearer or Basic.

    Raises:
        InvalidRequestError: 401.
    """
    key = _key_in(header or "")
    if not key:
        message = "You did not provide an API key. Send it as a Bearer token in the Authorization header."
        raise InvalidRequestError(message, status=401)
    if not _KEY.match(key):
        raise InvalidRequestError(f"Invalid API Key provided: {_masked(key)}", status=401)
    return f"acct_1{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _key_in(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}"
