"""What goes wrong, with the status and body that Stripe answers with.

::

    ApiError                     status, code, param
      +-- InvalidRequestError    refused before the operation began: Stripe keeps no idempotent result of it
      +-- CardError (402)        its effects stay (a failed charge, the intent's new state): it commits

Messages are the sandbox's own words; ``type``, ``code``, ``param`` and ``decline_code`` are Stripe's
(https://docs.stripe.com/error-codes), for those are what a caller may act on.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DOC_URL = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """An error answer of the API.

    Args:
        message: for people.
        status: HTTP status.
        code: Stripe's error code, where it has one.
        param: the parameter at fault.
        type: Stripe's error type.
        extra: further fields of the error object, such as ``payment_intent``.
    """

    commits = False
    stored = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: Json = {"message": message, "type": type}
        if code:
            self.error |= {"code": code, "doc_url": DOC_URL + code.replace("_", "-")}
        if param:
            self.error["param"] = param
        self.error |= extra or {}

    def body(self) -> Json:
        """The JSON document of the answer."""
        return {"error": self.error}


class InvalidRequestError(ApiError):
    """The request has the wrong shape; nothing was executed, so a corrected request may reuse its key."""

    stored = False


class CardError(ApiError):
    """The card was refused. The attempt is a fact, so its effects are committed with the answer."""

    commits = True

    def __init__(self, message: str, *, code: str, extra: Json | None = None, param: str | None = None) -> None:
        super().__init__(message, status=402, code=code, type="card_error", extra=extra, param=param)


def no_such(noun: str, object_id: str, param: str, *, status: int = 404) -> ApiError:
    """An id that this account does not know: 404 for the path's own, 400 for one in the body."""
    return ApiError(f"No such {noun}: '{object_id}'", status=status, code="resource_missing", param=param)


def account_invalid(account: str) -> InvalidRequestError:
    """An account that is not connected to this platform, or does not exist: Stripe does not say which."""
    message = f"The provided key does not have access to account '{account}' (or that account does not exist)."
    return InvalidRequestError(message, status=403, code="account_invalid")


def missing(param: str) -> InvalidRequestError:
    """A required parameter is not there."""
    return InvalidRequestError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> InvalidRequestError:
    """A parameter that the operation does not have."""
    return InvalidRequestError(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def exclusive(param: str, other: str) -> InvalidRequestError:
    """Two parameters that may not be sent together."""
    return InvalidRequestError(
        f"You may only specify one of these parameters: {param}, {other}.",
        code="parameters_exclusive",
        param=param,
    )


def not_served(param: str) -> InvalidRequestError:
    """Stripe knows the parameter, the sandbox does not act on it: say so rather than ignore it silently."""
    return InvalidRequestError(f"The Stripe sandbox does not serve the parameter '{param}' yet.", param=param)


def unrecognized_url(method: str, path: str) -> InvalidRequestError:
    """No such operation."""
    return InvalidRequestError(f"Unrecognized request URL ({method}: {path}).", status=404)


def unexpected_state(noun: str, obj: Json, doing: str) -> ApiError:
    """An intent in a state that does not allow the operation; the error carries it, as in Stripe."""
    message = f"You cannot {doing} this {noun} because it has a status of {obj['status']}."
    key = obj["object"]
    return ApiError(message, code=f"{key}_unexpected_state", extra={key: obj})
