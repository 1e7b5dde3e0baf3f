"""The fonts of printed documents: where their files are, which letters they have, and whose Han characters are drawn.

Typst reads the files itself. What is known here beside it is the letters, because a PDF/A must not hold one that no
font has: Typst would refuse the whole document, so `text` puts the replacement character there before.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FontSource:
    """A font file inside an installed package; the family is the name that Typst knows it by."""

    family: str
    package: str
    file: str


_LATIN = FontSource("Noto Sans", "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf")
_CJK = FontSource("Noto Sans CJK SC", "noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc")
_SOURCES = (
    _LATIN,
    FontSource("Noto Sans Hebrew", "pylopdf_fonts_he", "NotoSansHebrew-Variable.ttf"),
    FontSource("Noto Sans Arabic", "fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
    FontSource("Noto Sans Thai", "fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf"),
    _CJK,
)
_FIRST_CJK = 0x1100  # Hangul Jamo; below it the CJK font holds nothing of its own, and it is a big file to open

HAN_REGIONS = {"ja": "JP", "ko": "KR", "zh": "SC", "zh-TW": "TC", "zh-HK": "HK"}
"""One file with five faces: the same Han character is drawn a little differently in each country."""


def families(region: str) -> list[str]:
    """Families in the order in which Typst is to try them, with the Han characters of a region."""
    return [*(each.family for each in _SOURCES if each is not _CJK), f"Noto Sans CJK {HAN_REGIONS[region]}"]


@cache
def path_of(source: FontSource) -> Path | None:
    """The file of a font; None where its package is not installed."""
    spec = find_spec(source.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / source.file
        if path.exists():
            return path
    return None


def folders() -> list[str]:
    """The folders that hold the fonts; RuntimeError where the layer was built without the first of them."""
    if path_of(_LATIN) is None:
        raise RuntimeError(f"the PDF layer lacks the package {_LATIN.package}: build it from layers/pdf")
    return [str(path.parent) for each in _SOURCES if (path := path_of(each)) is not None]


@cache
def has(char: str) -> bool:
    """Tell whether any font can draw the character."""
    code = ord(char)
    sources = _SOURCES if code >= _FIRST_CJK else (each for each in _SOURCES if each is not _CJK)
    return any(code in _letters(source) for source in sources)


class _Letters:
    """The characters of a font's `cmap`, as ranges that do not overlap."""

    def __init__(self, ranges: Iterator[tuple[int, int]]) -> None:
        self._firsts, self._lasts = array("L"), array("L")
        for first, last in ranges:
            self._firsts.append(first)
            self._lasts.append(last)

    def __contains__(self, code: int) -> bool:
        index = bisect_right(self._firsts, code) - 1
        return index >= 0 and code <= self._lasts[index]


@cache
def _letters(source: FontSource) -> _Letters:
    path = path_of(source)
    if path is None:
        return _Letters(iter(()))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as font:
        return _Letters(_ranges(_cmap(font)))


def _cmap(font: mmap.mmap) -> bytes:
    """The font's table of characters; of a collection its first face's: all faces of ours have the same letters."""
    start = struct.unpack_from(">L", font, 12)[0] if font[:4] == b"ttcf" else 0
    (count,) = struct.unpack_from(">H", font, start + 4)
    for index in range(count):
        tag, _, offset, length = struct.unpack_from(">4sLLL", font, start + 12 + 16 * index)
        if tag == b"cmap":
            return font[offset : offset + length]
    raise RuntimeError("a font of the PDF layer has no table of characters")


def _ranges(table: bytes) -> Iterator[tuple[int, int]]:
    """First and last character of each range: of format 12 where the font has one, else of format 4 (OpenType)."""
    (count,) = struct.unpack_from(">H", table, 2)
    offsets = [struct.unpack_from(">HHL", table, 4 + 8 * index)[2] for index in range(count)]
    formats = {struct.unpack_from(">H", table, offset)[0]: offset for offset in offsets}
    if 12 in formats:
        start = formats[12]
        (groups,) = struct.unpack_from(">L", table, start + 12)
        for first, last, glyph in struct.iter_unpack(">LLL", table[start + 16 : start + 16 + 12 * groups]):
            yield (first if glyph else first + 1), last
    elif 4 in formats:
        yield from _short_ranges(table[formats[4] :])


def _short_ranges(table: bytes) -> Iterator[tuple[int, int]]:
    """The ranges of format 4: each is drawn by adding to the character's number, or by a list of glyphs."""
    (double,) = struct.unpack_from(">H", table, 6)
    count = double // 2
    lasts = struct.unpack_from(f">{count}H", table, 14)
    firsts = struct.unpack_from(f">{count}H", table, 16 + double)
    offsets_at = 16 + 3 * double
    offsets = struct.unpack_from(f">{count}H", table, offsets_at)
    for index, (first, last, offset) in enumerate(zip(firsts, lasts, offsets, strict=True)):
        if first == 0xFFFF:
            continue
        if offset == 0:
            yield first, last
            continue
        at = offsets_at + 2 * index + offset
        glyphs = struct.unpack_from(f">{last - first + 1}H", table, at)
        yield from ((code, code) for code, glyph in zip(range(first, last + 1), glyphs, strict=True) if glyph)


def region_of_locale(locale: str) -> str:
    """The Han region of a language tag; simplified Chinese where the language has none."""
    tag = locale.replace("_", "-")
    language = tag.split("-")[0].lower()
    if language in ("ja", "ko"):
        return language
    if tag.startswith("zh-HK") or "Hant-HK" in tag:
        return "zh-HK"
    return "zh-TW" if tag.startswith(("zh-TW", "zh-Hant", "zh-MO")) else "zh"
