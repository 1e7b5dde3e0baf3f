"""Stripe's API key and webhook secrets, from one Secrets Manager secret: ``{"api_key", "webhook_secrets": [..]}``.

Two webhook secrets are there while one is being rotated; both are accepted (contract B section 6).
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.errors import Unavailable

_FRESH_ENOUGH_S = 10


@dataclass(frozen=True, slots=True)
class StripeSecrets:
    """The secrets. Not for any log: the representation hides them."""

    api_key: str
    webhook_secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return "StripeSecrets(...)"


class SecretReader:
    """Reads the secret, and again after a while, so that a rotation needs no deployment."""

    def __init__(self, client: Callable[[], Any], secret_id: str, cache_s: int) -> None:
        self._client = client
        self._secret_id = secret_id
        self._cache_s = cache_s
        self._cached: tuple[float, StripeSecrets] | None = None

    def get(self, fresh: bool = False) -> StripeSecrets:
        """The secrets.

        Args:
            fresh: read them now, whatever is cached (a signature did not fit: perhaps a new secret signed it).

        Raises:
            Unavailable: they cannot be read, or the secret was never filled in.
        """
        # Forged signatures may not turn into a call to Secrets Manager each.
        keep_s = _FRESH_ENOUGH_S if fresh else self._cache_s
        if self._cached and time.monotonic() - self._cached[0] < keep_s:
            return self._cached[1]
        try:
            text = self._client().get_secret_value(SecretId=self._secret_id)["SecretString"]
            values = json.loads(text)
            secrets = StripeSecrets(str(values["api_key"]), tuple(values["webhook_secrets"]))
        except (ClientError, BotoCoreError, ValueError, KeyError, TypeError) as error:
            raise Unavailable("Stripe's credentials cannot be read", retry_after_s=5) from error
        self._cached = (time.monotonic(), secrets)
        return secrets
