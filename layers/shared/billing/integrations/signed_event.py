"""The signature header and the JSON of an incoming webhook, whoever sends it.

``t=<unix seconds>,v1=<hex>``, where v1 is an HMAC-SHA256; a header may carry several v1, as a sender does during a
rotation, and signatures of schemes that are not looked at.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.domain.kernel.errors import WebhookRejected

_MOST_PARTS = 11
# Twelve digits are enough for 30,000 years, and int() of a megabyte of digits takes long.
_STAMP = re.compile(r"[0-9]{1,12}")
_HMAC_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """A signature header, read: plain ASCII in the sender's own form, so that no comparison can trip over it."""

    stamp: str
    """Unix seconds, as they were signed."""
    signatures: tuple[str, ...]

    @classmethod
    def read(cls, header: str) -> "SignatureHeader":
        """The timestamp and the signatures of scheme v1.

        Raises:
            WebhookRejected: not exactly one timestamp, or no signature that could be one.
        """
        parts = [part.strip().partition("=") for part in header.split(",", _MOST_PARTS)[:_MOST_PARTS]]
        stamps = [value for name, _, value in parts if name == "t"]
        signatures = tuple(value for name, _, value in parts if name == "v1" and _HMAC_SHA256.fullmatch(value))
        if len(stamps) != 1 or _STAMP.fullmatch(stamps[0]) is None or not signatures:
            raise WebhookRejected("The signature does not fit, or it is too old")
        return cls(stamps[0], signatures)

    def __str__(self) -> str:
        return ",".join([f"t={self.stamp}", *(f"v1={each}" for each in self.signatures)])


def event_of(body: str) -> dict[str, Any]:
    """The event: an object with a text ``id`` and an object ``data``; numbers with a fraction come as decimals.

    Raises:
        WebhookRejected: the body is no event.
    """
    try:
        event = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise WebhookRejected("The body is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("data"), dict):
        raise WebhookRejected("The body is not an event")
    return event
