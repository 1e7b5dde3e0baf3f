"""A JSON secret of Secrets Manager, read again from time to time, so that a rotation needs no deployment."""

import json
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.kernel.errors import Unavailable

T = TypeVar("T")
_FRESH_ENOUGH_S = 10


class CachedSecret(Generic[T]):
    """Reads a secret, and again after a while.

    Args:
        parse: turns the secret's JSON value into what it holds; a KeyError, TypeError or ValueError means that the
            secret is not filled in.
        whose: for the error message: ``Stripe's``.
    """

    def __init__(
        self, client: Callable[[], Any], secret_id: str, cache_s: int, parse: Callable[[Any], T], whose: str
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._cache_s = cache_s
        self._parse = parse
        self._whose = whose
        self._cached: tuple[float, T] | None = None

    def get(self, fresh: bool = False) -> T:
        """The content of the secret.

        Args:
            fresh: read it now, even if it is cached (a signature did not match: perhaps a new secret signed it).

        Raises:
            Unavailable: it cannot be read, or was never filled in.
        """
        # A forged signature must not cause a call to Secrets Manager each time.
        keep_s = _FRESH_ENOUGH_S if fresh else self._cache_s
        if self._cached and time.monotonic() - self._cached[0] < keep_s:
            return self._cached[1]
        try:
            text = self._client().get_secret_value(SecretId=self._secret_id)["SecretString"]
            values = self._parse(json.loads(text))
        except (ClientError, BotoCoreError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{self._whose} credentials cannot be read", retry_after_s=5) from error
        self._cached = (time.monotonic(), values)
        return values
