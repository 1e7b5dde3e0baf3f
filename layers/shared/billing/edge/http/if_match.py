"""``ETag`` and ``If-Match`` (RFC 9110, 8.8.3 and 13.1.1): an entity's tag is its version, ``"5"``.

It is a strong tag of the entity, and not of the response's bytes: ``meta`` differs from one answer to the next.
"""

import re

from billing.domain.kernel.errors import ValidationFailed

HEADER = "if-match"
_MOST_TAGS = 20
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\U0010ffff]*)"')
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


def tag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def versions(header: str) -> frozenset[int] | None:
    """The versions that an ``If-Match`` header names; None where any will do (``*``).

    A weak tag, and one that is no version, match nothing.

    Raises:
        ValidationFailed: it is no list of entity tags.
    """
    if header.strip() == "*":
        return None
    found = []
    for part in header.split(",", _MOST_TAGS):
        match = _TAG.fullmatch(part.strip())
        if match is None:
            raise ValidationFailed.of("If-Match", "must_be_an_etag", 'If-Match is an ETag, with its quotes: "5"')
        if not match[1] and _VERSION.fullmatch(match[2]):
            found.append(int(match[2]))
    return frozenset(found)
