"""Request bodies: one JSON object of at most 1 MiB. Anything else is refused before other code sees it."""

import base64
import json
from binascii import Error as BadBase64
from collections.abc import Mapping
from email.message import Message
from hashlib import sha256
from typing import Any, NoReturn

from billing.domain.kernel.errors import BodyTooLarge, ValidationFailed

_JSON = "application/json"
_CHARSETS = {"utf-8", "utf8", "us-ascii"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()


class JsonNumber(float):
    """A JSON number with a fraction, which remembers how it was written.

    As a float, 999999999999.000000001 is 999999999999.0; as a text it is what the caller wrote.
    """

    literal: str

    def __new__(cls, literal: str) -> "JsonNumber":
        number = super().__new__(cls, literal)
        number.literal = literal
        return number

    def __str__(self) -> str:
        return self.literal


def raw_body(event: dict[str, Any]) -> bytes:
    """The body's bytes as the caller sent them."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except BadBase64:
            raise ValidationFailed.of("body", "invalid_base64") from None
    return str(body).encode(errors="surrogatepass")  # half a surrogate pair is no UTF-8: ``parse`` will say so


def check_form(headers: Mapping[str, str]) -> None:
    """A body's headers must say that it is JSON in UTF-8 (RFC 8259, 8.1), or nothing at all.

    Media types and charsets are compared without regard to case (RFC 9110, 8.3). No coding is undone: API Gateway hands
    a compressed body on as a text in which most of its bytes are lost.

    Args:
        headers: by lower-case name.

    Raises:
        ValidationFailed: another media type, charset or coding.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise ValidationFailed.of("Content-Encoding", "must_not_be_encoded", "A body is taken as it is, not compressed")
    said = headers.get("content-type", "").strip()
    if said.lower() in ("", _JSON):  # nearly always
        return
    message = Message()
    message["content-type"] = said.replace("\r", " ").replace("\n", " ")
    if message.get_content_type() != _JSON:
        raise ValidationFailed.of("Content-Type", "must_be_application_json")
    charset = message.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.strip().lower() not in _CHARSETS:
        raise ValidationFailed.of("Content-Type", "charset_must_be_utf_8")


def parse_object(body: bytes, max_bytes: int, max_depth: int) -> dict[str, Any]:
    """The object that a JSON body is; see ``parse``.

    Raises:
        BodyTooLarge, ValidationFailed: see ``parse``; or it is a number, a text, an array, true, false or null. Of an
            array Powertools would take the first element, and drop the others in silence. Or U+FFFD is in it, as it is
            and not as an escape: API Gateway puts one where there was no UTF-8, and what the caller meant is lost.
    """
    value = parse(body, max_bytes, max_depth)
    if _REPLACEMENT in body:
        raise ValidationFailed.of("body", "invalid_utf_8", "The body is not UTF-8, or what it was made from was not")
    if not isinstance(value, dict):
        raise ValidationFailed.of("body", "must_be_an_object", "The body must be a JSON object")
    return value


def parse(body: bytes, max_bytes: int, max_depth: int) -> Any:
    """The value of a JSON body (RFC 8259).

    Args:
        max_bytes: of the body as sent.
        max_depth: how deep arrays and objects may be nested.

    Raises:
        BodyTooLarge: too many bytes.
        ValidationFailed: not JSON, not UTF-8, NaN or Infinity, a field named twice, or nested too deep.
    """
    if len(body) > max_bytes:
        raise BodyTooLarge(f"The body has {len(body)} bytes; at most {max_bytes} are taken")
    try:
        # Decoded here: on bytes the json module would take UTF-16 and UTF-32 as well, which RFC 8259 does not.
        value = json.loads(
            body.decode(),
            parse_float=JsonNumber,
            parse_constant=_no_constant,
            object_pairs_hook=_no_duplicates,
        )
    except RecursionError:
        raise ValidationFailed.of("body", "nested_too_deep") from None
    except ValueError:  # also UnicodeDecodeError, and integers of thousands of digits
        raise ValidationFailed.of("body", "invalid_json", "The body is not JSON") from None
    # Few brackets cannot nest deep: the walk is only for bodies that might.
    if body.count(b"[") + body.count(b"{") > max_depth and _deeper_than(value, max_depth):
        raise ValidationFailed.of("body", "nested_too_deep")
    return value


def fingerprint(method: str, path: str, query: str, value: Any, expected: str = "") -> str:
    """What makes two requests under one Idempotency-Key the same. The spelling of the JSON does not matter.

    Args:
        expected: the ``If-Match`` header; empty where there is none.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    condition = f"\nIf-Match: {expected}" if expected else ""
    return sha256(f"{method}\n{path}\n{query}\n{canonical}{condition}".encode(errors="surrogatepass")).hexdigest()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationFailed.of(twice, "duplicate_field")
    return found


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True
