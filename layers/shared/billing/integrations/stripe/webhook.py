"""Stripe's signature on an incoming webhook (docs.stripe.com/webhooks/signature)."""

import time
from collections.abc import Callable
from typing import Any

import stripe

from billing.domain.kernel.errors import WebhookRejected
from billing.integrations.signed_event import SignatureHeader, event_of
from billing.integrations.stripe.secrets import SecretReader, StripeSecrets


class SignatureCheck:
    """Accepts a body that one of the stack's secrets signed within the last five minutes; stripe's own code compares.

    Args:
        secrets: both secrets are tried during a rotation; if neither fits they are read again, once.
        tolerance_s: how old a timestamp may be.
        of_endpoint: the secrets of the endpoint that is called, and of no other.
    """

    def __init__(
        self,
        secrets: SecretReader,
        tolerance_s: int,
        of_endpoint: Callable[[StripeSecrets], tuple[str, ...]] = lambda secrets: secrets.webhook_secrets,
    ) -> None:
        self._secrets = secrets
        self._of_endpoint = of_endpoint
        self._tolerance_s = tolerance_s

    def event(self, body: str, header: str) -> dict[str, Any]:
        """The event of a body that is really Stripe's.

        Args:
            body: as it came over the wire.
            header: the ``Stripe-Signature`` header.

        Raises:
            WebhookRejected: a bad signature, an old timestamp, or a body that is no event.
        """
        read = SignatureHeader.read(header)
        if not (self._signed(body, read, fresh=False) or self._signed(body, read, fresh=True)):
            raise WebhookRejected("The signature does not fit, or it is too old")
        return event_of(body)

    def _signed(self, body: str, header: SignatureHeader, fresh: bool) -> bool:
        for secret in self._of_endpoint(self._secrets.get(fresh=fresh)):
            try:
                stripe.WebhookSignature.verify_header(body, str(header), secret, self._tolerance_s)
            except stripe.SignatureVerificationError:
                continue
            # Stripe's code looks at the past only; the window is as wide on the other side. By the clock that it uses.
            return int(header.stamp) <= time.time() + self._tolerance_s
        return False
