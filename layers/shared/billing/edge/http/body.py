"""Request bodies: at most 1 MiB of strict JSON. Anything else is refused before other code sees it."""

import base64
import json
from binascii import Error as BadBase64
from hashlib import sha256
from typing import Any, NoReturn

from billing.domain.kernel.errors import BodyTooLarge, ValidationFailed


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


def fingerprint(method: str, path: str, query: str, value: Any) -> str:
    """A digest that is the same for two requests that mean the same, however their JSON is spelled."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(f"{method}\n{path}\n{query}\n{canonical}".encode()).hexdigest()


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
