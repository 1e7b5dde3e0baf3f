"""What every adapter of Stripe has in common: the client, and what an error of its means where no money moves."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import stripe
from stripe import StripeClient

from billing.domain.kernel.errors import IdempotencyKeyReused, Unavailable
from billing.integrations.stripe.circuit_breaker import CircuitBreaker
from billing.integrations.stripe.http_client import GuardedClient, require_time
from billing.integrations.stripe.secrets import SecretReader
from billing.services.payments.processor import CustomerUnknown

T = TypeVar("T")
_log = logging.getLogger(__name__)

MISSING = "resource_missing"
NOT_CONNECTED = "account_invalid"
_BAD_REQUEST = 400
_WRONG_KEY_S = 30
_TWIN_TRIES = 6
_TWIN_PAUSE_S = 0.3


def code_of(error: stripe.StripeError) -> str | None:
    """An error's code; the SDK's class for a 403 leaves it in the body."""
    return error.code or getattr(error.error, "code", None)


class StripeCalls:
    """Calls Stripe with the stack's API key.

    Args:
        secrets: reads the API key, so that a rotated one is picked up.
        api_base: Stripe's address, or the sandbox's.
        timeout_s: how long one try may take.
        breaker: stands before every request.
        left_s: how long Stripe may be waited for before the invocation ends.
    """

    def __init__(
        self,
        secrets: SecretReader,
        api_base: str,
        timeout_s: float,
        pause: Callable[[float], None],
        breaker: CircuitBreaker,
        left_s: Callable[[], float],
    ) -> None:
        self._pause = pause
        self._breaker = breaker
        self._left_s = left_s
        self._secrets = secrets
        self._api_base = api_base
        self._http = GuardedClient(api_base, breaker, timeout_s, left_s)
        self._clients: dict[str, StripeClient] = {}

    def ready(self) -> None:
        """Check that Stripe is worth a try now.

        Raises:
            Unavailable: the circuit is open, or too little time is left.
        """
        self._breaker.ready()
        require_time(self._left_s())

    def _client(self) -> StripeClient:
        api_key = self._secrets.get().api_key
        client = self._clients.get(api_key)
        if client is None:
            client = StripeClient(
                api_key,
                base_addresses={"api": self._api_base},
                http_client=self._http,
                max_network_retries=1,  # two tries; docs/operations.md, "When Stripe is down", has the sum
            )
            self._clients = {api_key: client}
        return client

    def _retrieved(self, object_id: str, call: Callable[[], T]) -> T:
        """The answer to a call about an object that must exist: we made it, or a signed event names it.

        Raises:
            Unavailable: our key's account does not know it.
        """
        try:
            return self._call(call)
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            raise self._unknown_here(object_id) from error

    @staticmethod
    def _unknown_here(object_id: str) -> Unavailable:
        """The error for an object that must exist and is not found: probably the key is another account's."""
        _log.critical("stripe does not know what is ours; a wrong key?", extra={"object_id": object_id})
        return Unavailable("The card processor does not answer for this account", retry_after_s=_WRONG_KEY_S)

    def _call(self, call: Callable[[], T]) -> T:
        """A call that moves no money. If the same request is under way under the same key, wait for its answer.

        Raises:
            stripe.InvalidRequestError, stripe.CardError: Stripe refused it.
            stripe.PermissionError: it is about an account that is not connected to the platform.
            Unavailable: there was no answer.
        """
        for attempt in range(_TWIN_TRIES):
            try:
                return call()
            except (stripe.InvalidRequestError, stripe.CardError):
                raise
            except stripe.PermissionError as error:
                if code_of(error) == NOT_CONNECTED:
                    raise
                raise Unavailable("The card processor does not answer", retry_after_s=5) from error
            except stripe.StripeError as error:
                if isinstance(error, stripe.IdempotencyError) and error.http_status == _BAD_REQUEST:
                    message = "This Idempotency-Key was used for another request, which did not end"
                    raise IdempotencyKeyReused(message) from error
                if error.http_status != 409 or attempt == _TWIN_TRIES - 1:
                    raise Unavailable("The card processor does not answer", retry_after_s=5) from error
            self._pause(_TWIN_PAUSE_S)
        raise AssertionError("unreachable")

    def _about_customer(self, customer_id: str, call: Callable[[], T]) -> T:
        """A call that names a customer.

        Raises:
            CustomerUnknown: somebody deleted it.
            Unavailable: our key's account never had it.
        """
        try:
            return self._call(call)
        except stripe.InvalidRequestError as error:
            if error.code == MISSING and error.param == "customer":
                if self._is_deleted(customer_id):
                    raise CustomerUnknown from error
                raise self._unknown_here(customer_id) from error
            raise

    def _is_deleted(self, customer_id: str) -> bool:
        """Whether a customer of ours was deleted there; Stripe still answers for such a one.

        Raises:
            Unavailable: our key's account never had it.
        """
        return bool(getattr(self._customer(customer_id), "deleted", False))

    def _customer(self, customer_id: str) -> Any:
        return self._retrieved(customer_id, lambda: self._client().v1.customers.retrieve(customer_id))
