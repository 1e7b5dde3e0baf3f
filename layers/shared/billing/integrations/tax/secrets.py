"""TaxJar's token and the secrets of the tax provider's webhook: ``{"taxjar_token", "webhook_secrets": [..]}``.

It is a secret apart from Stripe's, so that a function that only calculates tax cannot charge cards. While a webhook
secret is being rotated there are two; both are accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.integrations.aws.secret_reader import CachedSecret


@dataclass(frozen=True, slots=True)
class TaxSecrets:
    """The secrets. Not for any log: the representation hides them."""

    taxjar_token: str
    webhook_secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return "TaxSecrets(...)"


class TaxSecretReader(CachedSecret[TaxSecrets]):
    """Reads the tax secret."""

    def __init__(self, client: Callable[[], Any], secret_id: str, cache_s: int) -> None:
        super().__init__(client, secret_id, cache_s, _parsed, "The tax provider's")


def _parsed(values: Any) -> TaxSecrets:
    return TaxSecrets(str(values["taxjar_token"]), tuple(str(each) for each in values["webhook_secrets"]))
