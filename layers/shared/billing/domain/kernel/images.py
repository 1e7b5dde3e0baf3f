"""Pictures that people send to be printed: what they really are, and whether they can be drawn.

A picture is looked at by what is in it, not by what it is called. An SVG is XML that a browser or a renderer follows;
one is taken only if it is nothing but shapes and colours: it runs nothing, loads nothing, declares no entities, and
hides nothing in escapes. The renderer looks at the
same list again, by its own means; what is taken here, it draws.
"""

import re
import struct
from enum import StrEnum
from xml.parsers import expat

MOST_PIXELS = 4_000_000
"""A picture of 2,000 by 2,000 points takes 16 MB when it is unpacked."""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_SVG = "http://www.w3.org/2000/svg"
_XLINK, _XML = "http://www.w3.org/1999/xlink", "http://www.w3.org/XML/1998/namespace"
DRAWN = frozenset(
    (
        *("svg", "g", "defs", "title", "desc", "style", "metadata"),
        *("path", "rect", "circle", "ellipse", "line", "polyline", "polygon"),
        *("linearGradient", "radialGradient", "stop", "clipPath"),
    )
)
"""What a picture of lines and colours needs. Not `use` and `pattern` (ten within each other are a billion shapes),
`image` and `foreignObject` (they load), `script`, `text` (its font would be another one), filters and masks."""
_OUTSIDE = re.compile(r"url\(\s*['\"]?\s*(?!#)|@import|expression\s*\(|javascript:", re.IGNORECASE)
_HIDING = re.compile(rb"\\|&(?!(?:amp|lt|gt|quot|apos);)")
"""Escapes of CSS and of XML, in which any of the others could hide."""


class ImageType(StrEnum):
    PNG = "image/png"
    JPEG = "image/jpeg"
    SVG = "image/svg+xml"


class CannotDraw(ValueError):
    """A picture of a known kind that is too large, or an SVG of more than shapes."""


def image_type(content: bytes) -> ImageType | None:
    """What a file is; None for anything else than these.

    Raises:
        CannotDraw: it is one, and nobody should draw it.
    """
    if content.startswith(PNG):
        size = png_size(content)
        if size is None:
            return None
        width, height = size
        if not 0 < width * height <= MOST_PIXELS:
            raise CannotDraw(f"{width} by {height} points")
        return ImageType.PNG
    if content.startswith(JPEG):
        return ImageType.JPEG
    return ImageType.SVG if _is_svg(content) else None


def png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG in points; None where it ends before it says them."""
    return struct.unpack_from(">LL", content, 16) if len(content) >= 24 else None


def _is_svg(content: bytes) -> bool:
    reader = _SvgReader()
    try:
        content.decode()
        reader.read(content)
    except (expat.ExpatError, UnicodeDecodeError):
        return False
    if reader.is_svg and _HIDING.search(content):
        raise CannotDraw("an escape")
    return reader.is_svg


class _SvgReader:
    """Reads an XML text once, from begin to end; nothing of it is kept but the text of a style."""

    def __init__(self) -> None:
        self.is_svg = False
        self._begun = False
        self._style: list[str] | None = None

    def read(self, content: bytes) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse  # entities are declared there: "billion laughs"
        parser.ProcessingInstructionHandler = self._refuse  # such as xml-stylesheet
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(content, True)

    def _refuse(self, *_: object) -> None:
        raise CannotDraw("a document type or a processing instruction")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._begun:
            self._begun, self.is_svg = True, (namespace, local) == (_SVG, "svg")
        # An editor's notes are elements of another namespace, and drawn by nobody.
        if namespace == _SVG and local not in DRAWN:
            raise CannotDraw(f"the element {local}")
        if local == "style":
            self._style = []
        for attribute, value in attributes.items():
            of, _, plain = attribute.rpartition(" ")
            if of in ("", _XLINK, _XML):
                self._check(plain.lower(), value)

    @staticmethod
    def _check(attribute: str, value: str) -> None:
        refers = attribute in ("href", "src") and not value.strip().startswith("#")
        # With another base, "#logo" is a reference to another file.
        if attribute.startswith("on") or attribute == "base" or refers or _OUTSIDE.search(value):
            raise CannotDraw(f"the attribute {attribute}")

    def _end(self, name: str) -> None:
        if self._style is not None and name.rpartition(" ")[2] == "style":
            if _OUTSIDE.search("".join(self._style)):
                raise CannotDraw("a style that refers to something outside")
            self._style = None

    def _text(self, text: str) -> None:
        if self._style is not None:
            self._style.append(text)
