"""The tax provider's signature on an incoming webhook.

``Tax-Signature: t=<unix seconds>,v1=<hex>``, where v1 is the HMAC-SHA256 of ``t.body`` under one of the secrets; a
header may carry several v1, as a sender does during a rotation.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from billing.domain.kernel.errors import WebhookRejected
from billing.integrations.signed_event import event_of
from billing.integrations.tax.secrets import TaxSecretReader

_MOST_SIGNATURES = 10


class TaxSignatureCheck:
    """Accepts a body that one of the secrets signed within the last five minutes.

    Args:
        secrets: both secrets are tried during a rotation; if neither fits they are read again, once.
        tolerance_s: how far a timestamp may be from now, on either side.
        clock_s: Unix time.
    """

    def __init__(self, secrets: TaxSecretReader, tolerance_s: int, clock_s: Callable[[], float]) -> None:
        self._secrets = secrets
        self._tolerance_s = tolerance_s
        self._clock_s = clock_s

    def event(self, body: str, header: str) -> dict[str, Any]:
        """The event of a body that is really the sender's.

        Args:
            body: as it came over the wire.
            header: the ``Tax-Signature`` header.

        Raises:
            WebhookRejected: a bad signature, an old timestamp, or a body that is no event.
        """
        stamp, signatures = _parsed(header)
        if not self._is_recent(stamp) or not (
            self._is_signed(stamp, body, signatures, fresh=False)
            or self._is_signed(stamp, body, signatures, fresh=True)
        ):
            raise WebhookRejected("The signature does not fit, or it is too old")
        return event_of(body)

    def _is_recent(self, stamp: str) -> bool:
        # Twelve digits are enough for 30,000 years, and int() of a megabyte of digits takes long.
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            return False
        return abs(self._clock_s() - int(stamp)) <= self._tolerance_s

    def _is_signed(self, stamp: str, body: str, signatures: list[str], fresh: bool) -> bool:
        signed = f"{stamp}.{body}".encode()
        good = False
        for secret in self._secrets.get(fresh=fresh).webhook_secrets:
            if not secret:
                continue  # a secret that was never filled in signs nothing
            expected = hmac.new(secret.encode(), signed, sha256).hexdigest().encode()
            for signature in signatures:
                good |= hmac.compare_digest(expected, signature.encode())
        return good


def _parsed(header: str) -> tuple[str, list[str]]:
    """The timestamp (empty where there is none, or more than one) and the signatures of scheme v1."""
    parts = [part.strip().partition("=") for part in header.split(",")[: _MOST_SIGNATURES + 1]]
    stamps = [value for name, _, value in parts if name == "t"]
    return stamps[0] if len(stamps) == 1 else "", [value for name, _, value in parts if name == "v1"]
