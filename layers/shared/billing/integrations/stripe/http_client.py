"""The HTTP client under the Stripe SDK: no request while the circuit is open, none that outlives the invocation."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import requests
import stripe

from billing.domain.kernel.errors import Unavailable
from billing.integrations.http_session import HttpSession
from billing.integrations.stripe.circuit_breaker import CircuitBreaker

_log = logging.getLogger(__name__)
_CONNECT_S = 2.0
_LEAST_S = 1.0
_RETRY_AFTER_S = 5
_UNAUTHENTICATED = 401
_FORBIDDEN = 403
_CONFLICT = 409
_TOO_MANY_REQUESTS = 429
_LOCK_TIMEOUT = "lock_timeout"
_NOT_CONNECTED = "account_invalid"


def require_time(left_s: float) -> None:
    """Check that there is time for a request.

    Args:
        left_s: how long it may be waited for.

    Raises:
        Unavailable: there is too little.
    """
    if left_s < _LEAST_S:
        raise Unavailable("The card processor is too slow", retry_after_s=_RETRY_AFTER_S)


class GuardedClient(stripe.RequestsClient):
    """A request with its retries counts once at the circuit breaker, as an answer or as a failure.

    Failures are: no connection, no answer in time, 429, 5xx. Anything else counts as an answer, a decline and a 404
    too. The exception is a 409 after a try without an answer: Stripe is still working on that try, so it is slow.

    What Stripe turns away (401, 403, 429) it does not do, for it looks at the key and at its rate before anything else
    (docs.stripe.com/error-low-level, "Content errors"). Where that was the answer to every try, nothing was done, and
    that is worth knowing. Where an earlier try of the same request got no answer, it may have been done all the same.
    A 403 that is about an account connected to ours (it is not, or not any more) is an answer like others.

    Args:
        api_base: ``https://api.stripe.com``, or a stand-in's.
        read_s: how long one try may wait for its answer.
        left_s: how long it may be waited for before the invocation ends.
    """

    def __init__(self, api_base: str, breaker: CircuitBreaker, read_s: float, left_s: Callable[[], float]) -> None:
        super().__init__(session=_Session(api_base, read_s, left_s))
        self._breaker = breaker
        self._left_s = left_s
        self._lost_a_try = False
        self._may_be_done = False
        self._locked = False

    def request_with_retries(self, *args: Any, **kwargs: Any) -> tuple[str, int, Mapping[str, str]]:
        """One request of the SDK.

        Raises:
            Unavailable: the circuit is open, there is no time, or Stripe turned it away; nothing was done.
            stripe.APIConnectionError: no try brought an answer.
        """
        require_time(self._left_s())
        self._breaker.check()
        self._lost_a_try = self._may_be_done = self._locked = False
        try:
            answer = super().request_with_retries(*args, **kwargs)
        except stripe.APIConnectionError:
            self._breaker.failed()
            raise
        status = answer[1]
        self._locked = status == _TOO_MANY_REQUESTS and _LOCK_TIMEOUT in str(answer[0])
        if status >= 500 or status == _TOO_MANY_REQUESTS or (status == _CONFLICT and self._lost_a_try):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        if status in (_UNAUTHENTICATED, _FORBIDDEN) and not _about_account(answer):
            _log.critical("stripe refuses our key", extra={"http_status": status})
        if not self._may_be_done and _turned_away(answer):
            raise Unavailable("The card processor does not take requests just now", retry_after_s=_RETRY_AFTER_S)
        return answer

    @property
    def may_be_done(self) -> bool:
        """Whether a try of the last request may have been carried out, whatever the answer to the last try was."""
        return self._may_be_done

    @property
    def waited_for_a_lock(self) -> bool:
        """Whether the last request did nothing because it waited in vain for a lock (a 429).

        That is so where a call changes one thing in one step, as a transfer does; a charge may have begun.
        """
        return self._locked and not self._may_be_done

    # The SDK's own RequestsClient narrows its base class's signature in the same way.
    def request(self, *args: Any, **kwargs: Any) -> tuple[bytes, int, Mapping[str, str]]:  # type: ignore[override]
        """One try.

        Raises:
            stripe.APIConnectionError: it brought no answer.
        """
        try:
            answer = super().request(*args, **kwargs)
        except stripe.APIConnectionError:
            self._lost_a_try = self._may_be_done = True
            raise
        self._may_be_done = self._may_be_done or answer[1] >= 500 or answer[1] == _CONFLICT
        return answer


def _turned_away(answer: tuple[str, int, Mapping[str, str]]) -> bool:
    """Whether Stripe refused to look at a request. Who waited for a lock in vain (a 429, too) had begun."""
    body, status, _ = answer
    if status == _TOO_MANY_REQUESTS:
        return _LOCK_TIMEOUT not in str(body)
    return status in (_UNAUTHENTICATED, _FORBIDDEN) and not _about_account(answer)


def _about_account(answer: tuple[str, int, Mapping[str, str]]) -> bool:
    """Whether it is not our key that Stripe refuses, but its access to one connected account."""
    return answer[1] == _FORBIDDEN and _NOT_CONNECTED in str(answer[0])


class _Session(HttpSession):
    """Waits 2 s for a connection and ``read_s`` for an answer, or less if the invocation ends before that."""

    def __init__(self, api_base: str, read_s: float, left_s: Callable[[], float]) -> None:
        super().__init__(api_base)
        self._read_s = read_s
        self._left_s = left_s

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        # 8 s are left: 2 s and 6 s, and if they pass there is no second try.
        left_s = self._left_s()
        if left_s < _LEAST_S:
            raise requests.Timeout("no time is left for another try")
        connect_s = min(_CONNECT_S, left_s / 2)
        return super().request(*args, **kwargs | {"timeout": (connect_s, min(self._read_s, left_s - connect_s))})
