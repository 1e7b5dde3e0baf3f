"""Reads what a browser or a client sends: forms, queries, cookies. Whatever it is, it is read or refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from billing.domain.kernel.errors import ValidationFailed
from billing.edge.http.body import raw_body
from billing.services.access.oauth import OAuthError

_FORM = "application/x-www-form-urlencoded"
_LARGEST = 16 * 1024
_MOST_FIELDS = 40
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffd]")


@dataclass(frozen=True, slots=True)
class FormRequest:
    """A request as its handler sees it.

    Args:
        headers: by lower-case name.
        ip: the address that the gateway saw; what headers say of one is not looked at.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query_text: str
    ip: str | None
    cookies: Mapping[str, str]
    _event: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "FormRequest":
        """From API Gateway's event (payload 2.0)."""
        http = event["requestContext"]["http"]
        headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        return cls(
            method=str(http["method"]).upper(),
            path=str(event["rawPath"]),
            headers=headers,
            query_text=event.get("rawQueryString") or "",
            ip=http.get("sourceIp"),
            cookies=_cookies(event.get("cookies") or headers.get("cookie", "").split(";")),
            _event=event,
        )

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters.

        Raises:
            OAuthError: one of them is there twice, or is no text.
        """
        return _parameters(self.query_text)

    def form(self) -> dict[str, str]:
        """The body's parameters.

        Raises:
            OAuthError: the body is no form, or one of them is there twice or is no text; or the query has some, which
                would stand in logs.
        """
        if self.query_text:
            raise OAuthError("invalid_request")
        message = Message()
        message["content-type"] = re.sub(r"[\r\n]", " ", self.headers.get("content-type", ""))
        coded = self.headers.get("content-encoding", "").strip().lower() not in ("", "identity")
        if coded or message.get_content_type() != _FORM:
            raise OAuthError("invalid_request")
        try:
            body = raw_body(dict(self._event))
            text = body.decode() if len(body) <= _LARGEST else None
        except (ValidationFailed, UnicodeError):
            text = None
        if text is None:
            raise OAuthError("invalid_request")
        return _parameters(text)


def _parameters(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (ValueError, UnicodeError):
        raise OAuthError("invalid_request") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise OAuthError("invalid_request")
    if any(CONTROL.search(name) or CONTROL.search(value) for name, value in pairs):
        raise OAuthError("invalid_request")
    return {name: value for name, value in pairs if value}  # without a value it counts as left out (RFC 6749, 3.1)


def _cookies(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in texts:
        name, is_one, value = each.strip().partition("=")
        if is_one:
            found.setdefault(name, value)
    return found
