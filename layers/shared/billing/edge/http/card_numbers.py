"""Finds card numbers in a request: in its body, path, query and the headers that are used.

For nearly every request a first look at the raw text shows that there is none; only otherwise is the body parsed.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, unquote_plus

from billing.domain.access.card_numbers import REDACTED, carries, carries_in_id, may_carry, number_carries, plain, shown
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.tax.tax_ids import TaxIdStatus, normalised, tax_id_status

REASON = "card_number_not_accepted"
WHAT_TO_DO = (
    "Card numbers are not accepted. What only looks like one passes with a letter between its digits: "
    "let an id be a UUID, or begin each of its parts with a letter"
)
_HEADERS = {
    "idempotency-key": ("Idempotency-Key", carries_in_id),
    "x-user-id": ("X-User-Id", carries_in_id),
    "x-tenant-id": ("X-Tenant-Id", carries),
    "x-api-version": ("X-API-Version", carries),
}
# What callers mint: fields of bodies and parameters of queries by their names, and the path that ends in such an id.
_MINTED = re.compile(r"(?:order|event|external)_?id|corrects", re.IGNORECASE)
_MINTED_PARAMETERS = re.compile(r"order|external_?id", re.IGNORECASE)
_MINTED_PATH = re.compile(r"(?:/api)?/v1/usage/events/")
_MOST_DECODINGS = 3
# A character in two UTF-16 units, or in one; or another escape: in \\\\u0034 the second backslash begins none.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SHORT_ESCAPES = {
    b"\\" + each[:1]: each[1:] for each in (b'""', b"\\\\", b"//", b"b\b", b"f\f", b"n\n", b"r\r", b"t\t")
}
_DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_TAX_ID = re.compile(r"tax_?id$", re.IGNORECASE)
_THIRTEEN_DIGIT_TAX_IDS = ("JP", "RO")
_EMIRATES_TAX_ID = re.compile(r"100[0-9]{12}")


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its fields, including those that occur twice."""


_Trail = tuple[Any, str | int] | None
"""The path to a value: the trail of its container, and its name or index there; None for the whole body."""


def refusal(fields: Iterable[str]) -> ValidationFailed | None:
    """The error that names every field with a card number; None if there is no such field."""
    details = tuple(Detail(field, REASON) for field in dict.fromkeys(fields))
    if not details:
        return None
    return ValidationFailed(f"{WHAT_TO_DO} ({', '.join(each.field for each in details[:5])})", details)


def in_request(event: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    """The fields of an HTTP event (payload 2.0) that carry a card number, as the caller wrote them.

    Args:
        headers: by lower-case name.
        body: its bytes, decoded if the event has them in base64.
    """
    path, query = event["rawPath"], event.get("rawQueryString") or ""
    parameters: Mapping[str, str] = event.get("queryStringParameters") or {}
    named = {name: headers[name] for name in _HEADERS if name in headers}
    # One look at all of it, where nothing is encoded.
    together = "\n".join((path, query or "&".join((*parameters, *parameters.values())), *named.values()))
    if "%" in together or "+" in together or may_carry(together.encode(errors="replace")):
        for name, value in named.items():
            field, finds = _HEADERS[name]
            if finds(value):
                yield field
        if any(map(carries_in_id if _MINTED_PATH.match(path) else carries, _decoded(path, unquote))):
            yield "path"
        yield from _in_query(query, parameters)
    if body:
        yield from in_body(body)


def in_body(raw: bytes) -> Iterator[str]:
    """The fields of a JSON body that carry a card number; ``body`` if it is not JSON and has one somewhere."""
    unescaped = _ESCAPE.sub(_meant, raw) if b"\\" in raw else raw
    if not may_carry(unescaped):
        return
    try:
        # Every field is checked, and numbers stay texts; other code reports what is wrong with the JSON.
        value = json.loads(
            raw.decode(errors="replace"),
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
            object_pairs_hook=_Pairs,
        )
    except (ValueError, RecursionError):
        if carries(unescaped.decode(errors="replace")):
            yield "body"
        return
    yield from _in_value(value)


def _in_value(body: Any) -> Iterator[str]:
    waiting: list[tuple[_Trail, Any]] = [(None, body)]
    while waiting:
        trail, value = waiting.pop()
        name = trail[1] if trail else None
        if isinstance(value, _Pairs):
            waiting += [((trail, key), child) for key, child in reversed(value)]
            found = False
        elif isinstance(value, list):
            waiting += [((trail, n), child) for n, child in reversed(list(enumerate(value)))]
            found = False
        elif isinstance(value, _Number):
            found = number_carries(value)
        else:
            found = isinstance(value, str) and _text_carries(name, value) and not _is_tax_id(name, value)
        if found or (isinstance(name, str) and carries(name)):
            yield _path(trail)


def _finder(name: str | int | None, minted: re.Pattern[str] = _MINTED) -> Callable[[str], bool]:
    """How a value is looked at, by its name."""
    return carries_in_id if isinstance(name, str) and minted.fullmatch(name) else carries


def _text_carries(name: str | int | None, value: str) -> bool:
    """Whether a text carries one. Quantities may be texts: 5123.456789012346 has a card's digits, but is a decimal."""
    carries = _finder(name)
    return carries(value.partition(".")[0] if _DECIMAL.fullmatch(value) else value)


def _path(trail: _Trail) -> str:
    names: list[str] = []
    while trail is not None:
        trail, name = trail
        names.append(shown(str(name)))
    return ".".join(reversed(names)) or "body"


def _is_tax_id(name: str | int | None, value: str) -> bool:
    """Whether a text is a tax id, in a field for tax ids: 13 digits in Japan and for persons in Romania, 15 in the UAE.

    The Federal Tax Authority's are 100-xxxx-xxxx-xxxx, with no check digit that is published.
    """
    if not isinstance(name, str) or not _TAX_ID.search(name):
        return False
    if _EMIRATES_TAX_ID.fullmatch(normalised("AE", value)):
        return True
    return any(tax_id_status(country, value) is TaxIdStatus.VALID for country in _THIRTEEN_DIGIT_TAX_IDS)


def _in_query(query: str, parameters: Mapping[str, str]) -> Iterator[str]:
    pairs = [part.partition("=")[::2] for part in query.split("&")]
    for name, value in [*pairs, *parameters.items()]:
        names, values = list(_decoded(name, unquote_plus)), _decoded(value, unquote_plus)
        if any(map(carries, names)):
            # Decoded to the end it may be none any more: in 400000000%0006 the last step makes a control character.
            yield REDACTED
        elif any(map(_finder(names[-1], _MINTED_PARAMETERS), values)):
            yield names[-1]


def _decoded(text: str, decode: Any) -> Iterator[str]:
    """A percent-encoded text, and what decoding it once, and again, gives: ``%2534`` is ``%34`` is 4."""
    yield text
    for _ in range(_MOST_DECODINGS):
        later = decode(text)
        if later == text:
            return
        text = later
        yield text


def _meant(escape: re.Match[bytes]) -> bytes:
    return _character(escape[0])


@lru_cache(maxsize=4096)
def _character(escape: bytes) -> bytes:
    r"""The character that an escape in a JSON text stands for: 4 for ``\u0034``; the text itself if it is no escape."""
    if len(escape) == 2:
        return _SHORT_ESCAPES.get(escape, escape)
    units = bytes.fromhex(escape.replace(b"\\u", b"").decode())
    return plain(units.decode("utf-16-be", errors="surrogatepass"))
