"""Stripe's API key and webhook secrets, from one Secrets Manager secret:
``{"api_key", "webhook_secrets": [..], "connect_webhook_secrets": [..]}``.

While a webhook secret is being rotated there are two; both are accepted. The endpoint of connected accounts has secrets
of its own, and what one endpoint's secret signed is not accepted at the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.integrations.aws.secret_reader import CachedSecret


@dataclass(frozen=True, slots=True)
class StripeSecrets:
    """The secrets. Not for any log: the representation hides them."""

    api_key: str
    webhook_secrets: tuple[str, ...]
    connect_webhook_secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "StripeSecrets(...)"


class SecretReader(CachedSecret[StripeSecrets]):
    """Reads Stripe's secret."""

    def __init__(self, client: Callable[[], Any], secret_id: str, cache_s: int) -> None:
        super().__init__(client, secret_id, cache_s, _parsed, "Stripe's")


def _parsed(values: Any) -> StripeSecrets:
    connect = values.get("connect_webhook_secrets", [])  # a stack without a marketplace has none
    return StripeSecrets(str(values["api_key"]), tuple(values["webhook_secrets"]), tuple(connect))
