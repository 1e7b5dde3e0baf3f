"""The fonts of printed documents: which one has a letter, and how HarfBuzz sets it.

A font file is mapped into memory when the first letter needs it (an English invoice needs one file, which `PdfRenderer`
opens at import, and reads a few pages of it), and stays open for the next document of a warm worker. Which glyphs a
document uses is noted per document by `embedding`, never here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# uharfbuzz ships no types; loading it by name keeps `mypy --strict` whole without an override.
hb: Any = import_module("uharfbuzz")

_REGULAR_WEIGHT = 400
_BOLD_WEIGHT = 600


@dataclass(frozen=True, slots=True)
class FontSource:
    """A font file inside an installed package; `weights` says whether the file has a weight axis."""

    name: str
    package: str
    file: str
    index: int = 0
    weights: bool = True


_LATIN = FontSource("NotoSans", "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf")
_HEBREW = FontSource("NotoSansHebrew", "pylopdf_fonts_he", "NotoSansHebrew-Variable.ttf")
_ARABIC = FontSource("NotoSansArabic", "fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf")
_THAI = FontSource("NotoSansThai", "fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf")


def _cjk(suffix: str, index: int) -> FontSource:
    return FontSource(f"NotoSansCJK{suffix}", "noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc", index, weights=False)


# One file with five faces: the same Han character is drawn a little differently in each country.
_CJK = {
    "ja": _cjk("jp", 0),
    "ko": _cjk("kr", 1),
    "zh": _cjk("sc", 2),
    "zh-TW": _cjk("tc", 3),
    "zh-HK": _cjk("hk", 4),
}

# Blocks beyond Noto Sans (Latin, Greek, Cyrillic, Vietnamese, Devanagari): first, last, source.
_BLOCKS: tuple[tuple[int, int, FontSource], ...] = (
    (0x0590, 0x05FF, _HEBREW),
    (0xFB1D, 0xFB4F, _HEBREW),
    (0x0600, 0x06FF, _ARABIC),
    (0x0750, 0x077F, _ARABIC),
    (0x08A0, 0x08FF, _ARABIC),
    (0xFB50, 0xFDFF, _ARABIC),
    (0xFE70, 0xFEFF, _ARABIC),
    (0x0E00, 0x0E7F, _THAI),
)


class Face:
    """One font at one weight. Measures are in thousandths of the type size."""

    def __init__(self, source: FontSource, path: Path, bold: bool) -> None:
        self.source = source
        self.hb_face = hb.Face(_mapped(path), source.index)
        self.hb_font = hb.Font(self.hb_face)
        self.weight = (_BOLD_WEIGHT if bold else _REGULAR_WEIGHT) if source.weights else None
        # Noto CJK comes in one weight (another one costs 20 MB): bold is drawn with a thin outline.
        self.outlined = bold and not source.weights
        if self.weight is not None:
            self.hb_font.set_variations({"wght": self.weight})
        self.scale = 1000 / self.hb_face.upem
        self._advances: dict[int, int] = {}

    @property
    def name(self) -> str:
        """PostScript name, one per weight: "NotoSans-600"."""
        return f"{self.source.name}-{self.weight}" if self.weight else self.source.name

    def has(self, char: str) -> bool:
        """Tell whether the font can draw the character."""
        return self.hb_font.get_nominal_glyph(ord(char)) is not None

    def advance(self, glyph: int) -> int:
        """The glyph's own width, before kerning, in whole thousandths as PDF's width table holds it."""
        width = self._advances.get(glyph)
        if width is None:
            width = self._advances[glyph] = round(self.hb_font.get_glyph_h_advance(glyph) * self.scale)
        return width

    def box(self) -> tuple[int, int, int, int]:
        """The bounding box of all glyphs (head table, xMin to yMax)."""
        left, bottom, right, top = struct.unpack(">4h", self.hb_face.reference_table("head").data[36:44])
        scale = self.scale
        return round(left * scale), round(bottom * scale), round(right * scale), round(top * scale)


@cache
def _mapped(path: Path) -> Any:
    return hb.Blob.from_file_path(str(path))


@cache
def _face(source: FontSource, bold: bool) -> Face | None:
    spec = find_spec(source.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / source.file
        if path.exists():
            return Face(source, path, bold)
    return None


def main_face(bold: bool) -> Face:
    """The font of everything that needs no other; RuntimeError where the layer was built without it."""
    face = _face(_LATIN, bold)
    if face is None:
        raise RuntimeError(f"the PDF layer lacks the package {_LATIN.package}: build it from layers/pdf")
    return face


@cache
def face_for(char: str, bold: bool, region: str) -> Face | None:
    """The first font that has the character; None where no font does (a box is drawn then)."""
    for source in _candidates(ord(char), region):
        face = _face(source, bold)
        if face is not None and face.has(char):
            return face
    return None


def _candidates(code: int, region: str) -> Iterable[FontSource]:
    yield _LATIN
    for first, last, source in _BLOCKS:
        if first <= code <= last:
            yield source
            return
    if code >= 0x1100:  # Hangul Jamo is the first CJK block; below it the CJK font holds nothing of its own.
        yield _CJK[region]


def han_region(text: str, default: str) -> str:
    """Whose Han characters to draw: kana tell Japanese, Hangul tells Korean, else the document's locale."""
    for char in text:
        code = ord(char)
        if 0x3040 <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF or 0xFF66 <= code <= 0xFF9D:
            return "ja"
        if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF:
            return "ko"
    return default


def region_of_locale(locale: str) -> str:
    """The Han region of a language tag; simplified Chinese where the language has none."""
    tag = locale.replace("_", "-")
    language = tag.split("-")[0].lower()
    if language in ("ja", "ko"):
        return language
    if tag.startswith("zh-HK") or "Hant-HK" in tag:
        return "zh-HK"
    return "zh-TW" if tag.startswith(("zh-TW", "zh-Hant", "zh-MO")) else "zh"
