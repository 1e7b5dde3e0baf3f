"""The real gateway, pointed at the Stripe sandbox, with the credentials that Secrets Manager would give."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.integrations.stripe.balance_transactions import StripeBalanceTransactions
from billing.integrations.stripe.circuit_breaker import CircuitBreaker
from billing.integrations.stripe.connect import ConnectGateway
from billing.integrations.stripe.gateway import StripeGateway
from billing.integrations.stripe.secrets import SecretReader

API_KEY = "sk_test_gateway01"
_ids = count(1)


class _Secrets:
    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - botocore's name
        return {"SecretString": json.dumps({"api_key": self._api_key, "webhook_secrets": ["whsec_1"]})}


def gateway_to(
    url: str,
    api_key: str = API_KEY,
    pause: Callable[[float], None] = lambda seconds: None,
    breaker: CircuitBreaker | None = None,
    timeout_s: float = 5.0,
    left_s: Callable[[], float] = lambda: 60.0,
) -> StripeGateway:
    """A gateway that talks to a sandbox, with a circuit of its own."""
    secrets = SecretReader(lambda: _Secrets(api_key), "stripe", 60)
    return StripeGateway(secrets, url, timeout_s, pause, breaker or CircuitBreaker(time.monotonic), left_s)


def connect_gateway_to(url: str, api_key: str = API_KEY, platform_country: str = "US") -> ConnectGateway:
    """A Connect gateway that talks to a sandbox, with a circuit of its own."""
    secrets = SecretReader(lambda: _Secrets(api_key), "stripe", 60)
    breaker = CircuitBreaker(time.monotonic)
    return ConnectGateway(secrets, url, 5.0, lambda seconds: None, breaker, lambda: 60.0, platform_country)


def balance_transactions_at(url: str, api_key: str = API_KEY) -> StripeBalanceTransactions:
    """The lister of a sandbox's balance transactions."""
    secrets = SecretReader(lambda: _Secrets(api_key), "stripe", 60)
    breaker = CircuitBreaker(time.monotonic)
    return StripeBalanceTransactions(secrets, url, 5.0, lambda seconds: None, breaker, lambda: 60.0)


def pending_payment(stripe_customer_id: str, method: str, amount: Money, **changes: Any) -> Payment:
    """A payment that nobody has sent yet, under an id and a key of its own."""
    number = next(_ids)
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": f"pay_{number}",
        "tenant_id": "ten_1",
        "customer_id": "cus_1",
        "amount": amount,
        "status": PaymentStatus.PENDING,
        "attempt": 1,
        "idempotency_key": f"key-{number}",
        "stripe_customer_id": stripe_customer_id,
        "payment_method_id": method,
        "off_session": True,
        "created_at": now,
        "submitted_at": now,
    }
    return Payment(**values | changes)
