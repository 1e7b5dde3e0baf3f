"""The tax provider's signature on an incoming webhook.

``Tax-Signature: t=<unix seconds>,v1=<hex>``, where v1 is the HMAC-SHA256 of ``t.body`` under one of the secrets.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from billing.domain.kernel.errors import WebhookRejected
from billing.integrations.signed_event import SignatureHeader, event_of
from billing.integrations.tax.secrets import TaxSecretReader


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
        read = SignatureHeader.read(header)
        if not self._is_recent(read) or not (
            self._is_signed(body, read, fresh=False) or self._is_signed(body, read, fresh=True)
        ):
            raise WebhookRejected("The signature does not fit, or it is too old")
        return event_of(body)

    def _is_recent(self, header: SignatureHeader) -> bool:
        return abs(self._clock_s() - int(header.stamp)) <= self._tolerance_s

    def _is_signed(self, body: str, header: SignatureHeader, fresh: bool) -> bool:
        signed = f"{header.stamp}.{body}".encode()
        good = False
        for secret in self._secrets.get(fresh=fresh).webhook_secrets:
            if not secret:
                continue  # a secret that was never filled in signs nothing
            expected = hmac.new(secret.encode(), signed, sha256).hexdigest()
            for signature in header.signatures:
                good |= hmac.compare_digest(expected, signature)
        return good
