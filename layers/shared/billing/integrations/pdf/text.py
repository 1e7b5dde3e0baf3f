"""From a string to glyphs on lines: cleaning, fallback between fonts, direction, shaping, breaking.

Text never passes through a markup language, so `<b>&amp;` in a company's name is six plus five ordinary
characters.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from unicodedata import category, combining, normalize

from billing.integrations.pdf.bidi import base_level, levels, visual_order
from billing.integrations.pdf.fonts import Face, face_for, han_region, hb, main_face

# Joiners and variation selectors have no look of their own: they stay with the letter before them.
_JOINERS = frozenset("\u200c\u200d") | {chr(code) for code in range(0xFE00, 0xFE10)}
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
_NO_LINE_START = frozenset(
    "!%),.:;?]}¢°’”‰′″℃、。々〉》」』】〕〗ぁぃぅぇぉっゃゅょァィゥェォッャュョー！％），．：；？］｝"
)
_NO_LINE_END = frozenset("([{£¥‘“〈《「『【〔〖（［｛￥")
# Where the script changes in code order, as far as one font may hold both sides of the border.
_SCRIPT_STARTS = (0, 0x370, 0x400, 0x530, 0x590, 0x900, 0x980, 0x1100, 0x1200, 0x1D00, 0x1F00, 0x2000, 0x2E80)
_SCRIPTS = ("Latn", "Grek", "Cyrl", "", "", "Deva", "", "Hang", "", "Latn", "Grek", "", "Hani")


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph, measured in thousandths of the type size."""

    id: int
    advance: float
    x_offset: float
    y_offset: float
    cluster: int  # index in the line's text of the first character it stands for
    text: str  # what its cluster says; empty on the further glyphs of a cluster


@dataclass(frozen=True, slots=True)
class GlyphRun:
    """Glyphs of one font in drawing order."""

    face: Face
    glyphs: tuple[Glyph, ...]

    @property
    def width(self) -> float:
        """The run's width in thousandths of the type size."""
        return sum(glyph.advance for glyph in self.glyphs)


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line ready to be drawn, from left to right; measures in thousandths of the type size.

    `offset` moves the lines of a right-to-left paragraph to a common right edge.
    """

    runs: tuple[GlyphRun, ...]
    width: float
    offset: float = 0.0


class Typesetter:
    """Sets text of one document; lines that repeat (labels, currencies, plan names) are shaped once."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._lines: dict[tuple[str, bool, int], ShapedLine] = {}

    def line(self, text: str, bold: bool = False) -> ShapedLine:
        """Shape text as one line, whatever its length."""
        cleaned = clean(text).replace("\n", " ")
        return self._shaped(cleaned, bold, base_level(cleaned))

    def joined(self, parts: Sequence[str], bold: bool = False) -> ShapedLine:
        """Shape each part on its own, so that an Arabic date does not swap places with its neighbour."""
        lines = [self.line(part, bold) for part in parts]
        return ShapedLine(tuple(run for line in lines for run in line.runs), sum(line.width for line in lines))

    def wrap(self, text: str, width: float, bold: bool = False) -> list[ShapedLine]:
        """Break text into lines of at most `width` thousandths; line feeds in it are kept."""
        lines: list[ShapedLine] = []
        for paragraph in clean(text).split("\n"):
            base = base_level(paragraph)
            whole = self._shaped(paragraph, bold, base)
            if whole.width <= width:
                lines.append(whole)
                continue
            parts = _break(paragraph, _advances(whole, len(paragraph)), width)
            block = [self._shaped(part, bold, base) for part in parts]
            edge = max(line.width for line in block)
            lines += [replace(line, offset=edge - line.width) for line in block] if base else block
        return lines

    def _shaped(self, text: str, bold: bool, base: int) -> ShapedLine:
        key = (text, bold, base)
        line = self._lines.get(key)
        if line is None:
            runs = tuple(_shape_runs(text, bold, base, han_region(text, self._region)))
            line = self._lines[key] = ShapedLine(runs, sum(run.width for run in runs))
        return line


def clean(text: str) -> str:
    """Make user text printable: composed letters, no control characters, no direction overrides.

    Overrides and isolates (U+202A-202E, U+2066-2069) are dropped because they let one name show as another.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(_printable(char) for char in normalize("NFC", lines))


def _printable(char: str) -> str:
    if char.isascii():
        return char if (char >= " " and char != "\x7f") or char == "\n" else " "
    if char in _DIRECTION_MARKS or char in _JOINERS:
        return char
    kind = category(char)
    if kind == "Cf":
        return ""
    if kind == "Cs":
        return "\ufffd"
    return " " if kind == "Cc" else char


def _shape_runs(text: str, bold: bool, base: int, region: str) -> Iterator[GlyphRun]:
    faces = _faces(text, bold, region)
    embedding = levels(text, base)
    scripts = _scripts(text)
    spans: list[tuple[int, int]] = []
    start = 0
    for _, group in groupby(range(len(text)), key=lambda i: (embedding[i], id(faces[i]), scripts[i])):
        end = start + len(list(group))
        spans.append((start, end))
        start = end
    for index in visual_order([embedding[start] for start, _ in spans]):
        start, end = spans[index]
        yield _shape(text[start:end], faces[start], embedding[start] % 2 == 1, start, bold)


def _scripts(text: str) -> list[str]:
    """The script of each character; spaces, digits and signs go with the letters before them.

    HarfBuzz shapes a run by the rules of one script: after a Latin letter, Devanagari would not form its
    conjuncts.
    """
    scripts: list[str] = []
    for char in text:
        own = _SCRIPTS[bisect(_SCRIPT_STARTS, ord(char)) - 1] if char.isalpha() else ""
        scripts.append(own or (scripts[-1] if scripts else ""))
    return scripts


def _faces(text: str, bold: bool, region: str) -> list[Face | None]:
    """The font of each character; marks, joiners and spaces keep to the letter before them."""
    faces: list[Face | None] = []
    for char in text:
        face = face_for(char, bold, region)
        before = faces[-1] if faces else None
        if before is not None and (char in _JOINERS or (_belongs_to_neighbour(char) and before.has(char))):
            face = before
        faces.append(face)
    return faces


def _belongs_to_neighbour(char: str) -> bool:
    """Marks, and spaces: a phrase of one font stays one run, which viewers copy in reading order."""
    return char == " " or combining(char) != 0


def _shape(text: str, face: Face | None, right_to_left: bool, start: int, bold: bool) -> GlyphRun:
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if right_to_left else "ltr"
    drawn = face or main_face(bold)
    # Ligatures of Latin letters are left out: "fi" as two letters is found by every search in every viewer.
    hb.shape(drawn.hb_font, buffer, {"liga": _script_needs_ligatures(text), "kern": True})
    carriers = _carriers(buffer)
    clusters = sorted(carriers)
    says = {at: text[at:end] for at, end in zip(clusters, [*clusters[1:], len(text)], strict=True)}
    scale = drawn.scale
    glyphs: list[Glyph] = []
    for index, (info, position) in enumerate(zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)):
        measures = (position.x_advance * scale, position.x_offset * scale, position.y_offset * scale)
        said = says[info.cluster] if carriers[info.cluster] == index else ""
        glyphs.append(Glyph(info.codepoint, *measures, start + info.cluster, said))
    return GlyphRun(drawn, tuple(glyphs))


def _carriers(buffer: Any) -> dict[int, int]:
    """For each cluster the index of its widest glyph: the letter rather than its dots and accents."""
    carriers: dict[int, int] = {}
    widths = [position.x_advance for position in buffer.glyph_positions]
    for index, info in enumerate(buffer.glyph_infos):
        best = carriers.get(info.cluster)
        if best is None or widths[index] > widths[best]:
            carriers[info.cluster] = index
    return carriers


def _script_needs_ligatures(text: str) -> bool:
    return any(char > "\u0530" for char in text)


def _advances(line: ShapedLine, length: int) -> list[float]:
    """The width of each character; a cluster's stands on its first one, so that the others follow it."""
    widths = [0.0] * length
    for run in line.runs:
        for glyph in run.glyphs:
            widths[glyph.cluster] += glyph.advance
    return widths


def _break(text: str, widths: list[float], limit: float) -> Iterator[str]:
    """Greedy breaks: at spaces, after hyphens, between Han characters; inside a word if it must be."""
    start, candidate, used, since = 0, 0, 0.0, 0.0
    for index, char in enumerate(text):
        if index > start and _may_break(text, index):
            candidate, since = index, 0.0
        # A space may hang over the margin: the line's end swallows it.
        if used + widths[index] > limit and char != " " and index > start:
            if candidate <= start:
                if not widths[index]:
                    continue
                candidate, since = index, 0.0
            yield text[start:candidate].rstrip(" ")
            start, used = candidate, since
        used += widths[index]
        since += widths[index]
    yield text[start:].rstrip(" ")


def _may_break(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if after in _NO_LINE_START or before in _NO_LINE_END or combining(after) or after in _JOINERS:
        return False
    if before == " ":
        return after != " "
    if before in "-\u2010\u2013/":
        return after.isalpha()
    return _is_ideographic(before) or _is_ideographic(after) if after != " " else False


def _is_ideographic(char: str) -> bool:
    code = ord(char)
    # Kana, Han, full-width forms; not Hangul, which is written with spaces.
    return 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFF60 or code >= 0x20000
