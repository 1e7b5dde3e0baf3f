"""A tenant's logo, vetted before it is drawn: it is small, and loads, runs and multiplies nothing."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

from billing.domain.kernel.images import DRAWN, JPEG, MOST_PIXELS, PNG, png_size

MOST_BYTES = 512 * 1024

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_TAG = re.compile(r"<(?!!--)/?\s*([^\s/>]*)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_METADATA = re.compile(r"<metadata\b.*?</metadata>", re.DOTALL)
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*\?>")
_SVG_PREFIX = re.compile(r"xmlns:([^\s=]+)\s*=\s*[\"']\s*http://www\.w3\.org/2000/svg")
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
_REFERENCE = re.compile(r"href\s*=\s*[\"']\s*(?!#)|url\(\s*[\"']?\s*(?![#\"'\s])|@import", re.IGNORECASE)


def drawable(logo: bytes) -> dict[str, Any] | None:
    """The logo as the template takes it: its format, and its bytes or its text; None for what is not to be drawn."""
    if not 0 < len(logo) <= MOST_BYTES:
        return None
    size = png_size(logo) if logo.startswith(PNG) else _jpeg_size(logo) if logo.startswith(JPEG) else None
    if size is not None:
        kind = "png" if logo.startswith(PNG) else "jpg"
        return {"format": kind, "data": list(logo)} if 0 < size[0] * size[1] <= MOST_PIXELS else None
    text = _svg_text(logo)
    return None if text is None else {"format": "svg", "data": text}


def _jpeg_size(logo: bytes) -> tuple[int, int] | None:
    """Width and height from the frame's header, the first segment that is none of pictures' other data."""
    for marker, start in _jpeg_segments(logo):
        if marker in _JPEG_SIZES and start + 9 <= len(logo):
            height, width = struct.unpack_from(">HH", logo, start + 5)
            return width, height
    return None


def _jpeg_segments(logo: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while at + 4 <= len(logo) and logo[at] == 0xFF:
        yield logo[at + 1], at
        at += 2 + int(struct.unpack_from(">H", logo, at + 2)[0])


def _svg_text(logo: bytes) -> str | None:
    try:
        text = logo.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    text = _METADATA.sub("", _COMMENT.sub("", _DECLARATION.sub("", text)))
    elements = set(_elements(text))
    hides = _ENTITY.search(text) or "\\" in text  # escapes of XML and CSS, in which a reference would not be seen
    if "svg" not in elements or not elements <= DRAWN or hides or _REFERENCE.search(text):
        return None
    return text


def _elements(text: str) -> Iterator[str]:
    """The names of SVG's elements. Those of other namespaces (an editor's notes) are not drawn, and left out."""
    ours = set(_SVG_PREFIX.findall(text))
    for tag in _TAG.findall(text):
        prefix, _, local = tag.rpartition(":")
        if not prefix or prefix in ours:
            yield local
