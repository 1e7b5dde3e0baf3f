"""Compressed answers: API Gateway's HTTP APIs compress nothing, and a page of 100 invoices has 184 KB.

What is stored for a replay is the text; it is compressed on its way out, each time, and byte-equal once decoded.
"""

import base64
import re
import zlib
from collections.abc import Sequence
from typing import Any

FROM_BYTES = 1_024
"""Less than that is one packet either way; base64 and gzip's own 18 bytes would eat up what is saved."""
_LEVEL = 6
"""100 invoices of two lines, 184 KB: 9.0 KB in 0.19 ms at level 1, 7.2 KB in 0.52 ms at 6, 6.9 KB in 1.06 ms at 9."""
_GZIP = 31
"""zlib's window of 32 KB, with gzip's header; without a time in it, so that equal texts have equal bytes."""
_TEXT = re.compile(r"application/(json|xml)|text/")
_ALIASES = {"x-gzip": "gzip"}
_CODING = re.compile(r"\s*([a-z*-]+)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE)


def best_coding(header: str | None, offered: Sequence[str]) -> str | None:
    """The coding that an Accept-Encoding header wants most, and at least as much as the plain text (RFC 9110, 12.5.3).

    Args:
        offered: what there is, the smallest first: among equals that is taken.
    """
    wanted: dict[str, float] = {}
    for part in (header or "").split(","):
        found = _CODING.fullmatch(part)
        if found is not None:
            wanted[_ALIASES.get(found[1].lower(), found[1].lower())] = float(found[2] or 1)
    weights = {each: wanted.get(each, wanted.get("*", 0.0)) for each in offered}
    best = max(offered, key=lambda each: weights[each])
    return best if weights[best] > 0 and weights[best] >= wanted.get("identity", 0.0) else None


def accepts_gzip(header: str | None) -> bool:
    """Whether an Accept-Encoding header wants gzip at least as much as the plain text."""
    return best_coding(header, ["gzip"]) is not None


def compressed(answer: dict[str, Any], accept_encoding: str | None) -> dict[str, Any]:
    """A Lambda's answer as its reader takes it: compressed, where it is a text of some length and that is wanted.

    Args:
        answer: of payload format 2.0, with ``headers``.
    """
    content_type = _header(answer, "content-type")
    if not _TEXT.match(content_type) or _header(answer, "content-encoding"):
        return answer
    answer["headers"]["Vary"] = "Accept-Encoding"
    body = answer.get("body") or ""
    plain = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    if len(plain) < FROM_BYTES or not accepts_gzip(accept_encoding):
        return answer
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    packed = packer.compress(plain) + packer.flush()
    answer["headers"]["Content-Encoding"] = "gzip"
    return answer | {"body": base64.b64encode(packed).decode(), "isBase64Encoded": True}


def _header(answer: dict[str, Any], name: str) -> str:
    return next((str(value) for each, value in answer["headers"].items() if each.lower() == name), "")
