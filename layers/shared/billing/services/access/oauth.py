"""What the OAuth endpoints are asked and answer, apart from HTTP and from the library that knows the protocol."""

from dataclasses import dataclass, field
from typing import Any

TEXTS = {
    "invalid_request": "The request lacks a parameter, has one twice, or has one that is not understood.",
    "invalid_client": "The client is unknown, or did not authenticate as it has to.",
    "invalid_grant": "The code or the refresh token is not good: unknown, expired, used, revoked, or another client's.",
    "unauthorized_client": "The client may not use this grant.",
    "unsupported_grant_type": "There is no such grant type.",
    "unsupported_response_type": "There is no such response type.",
    "invalid_scope": "A scope is unknown, or more than may be had here.",
    "access_denied": "The user did not allow it.",
    "login_required": "Nobody is signed in, and no page may ask.",
    "interaction_required": "The user has something to do first, and no page may ask for it.",
    "temporarily_unavailable": "Too many requests, or something that this depends on is down. Try again.",
    "server_error": "Something failed on our side.",
}
"""Every error with its text. None repeats what was sent: an answer is no place for a stranger's words."""


class OAuthError(Exception):
    """An error of RFC 6749; whatever is staged is committed all the same, such as the end of a grant."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error if error in TEXTS else "invalid_request"


@dataclass(frozen=True, slots=True)
class OAuthAnswer:
    """An answer: its body is JSON."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    basic: bool = False
    """Whether the client tried to authenticate by HTTP Basic, and is to be told so."""

    @classmethod
    def of(cls, error: str, basic: bool = False) -> "OAuthAnswer":
        """The answer for an error."""
        known = error if error in TEXTS else "invalid_request"
        status = {"invalid_client": 401, "temporarily_unavailable": 503, "server_error": 500}.get(known, 400)
        return cls(status, {"error": known, "error_description": TEXTS[known]}, basic and status == 401)
