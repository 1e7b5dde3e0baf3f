"""The subset of each font that one document carries: only the glyphs it shows, and what they mean as text."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Protocol

from billing.integrations.pdf.fonts import Face, hb

# Tables that shape text or describe the font to an operating system: the glyphs are placed already.
_DROPPED_TABLES = "GSUB GPOS GDEF BASE STAT name OS/2 cmap post gasp VORG vhea vmtx DSIG meta"
_SYMBOLIC = 4
MISSING = 0  # glyph 0 of every font is the box that stands for a missing letter
_NOTHING = "\u200b"  # a letter's dots say nothing of their own, but need an entry


class Store(Protocol):
    """Where the font objects are written."""

    def add(self, body: str) -> int: ...
    def add_stream(self, data: bytes, entries: str = "") -> int: ...


class EmbeddedFont:
    """The glyphs that a document uses of one font, each under a code that has one meaning as text."""

    def __init__(self, face: Face, label: str) -> None:
        self.face = face
        self.label = label
        self.glyphs: dict[int, int] = {MISSING: MISSING}
        self.meanings: dict[int, str] = {MISSING: "\ufffd"}
        self._codes: dict[tuple[int, str], int] = {}
        self.is_truetype = "glyf" in face.hb_face.table_tags

    def code(self, glyph: int, text: str) -> int:
        """The code of a glyph that says `text`, usually the glyph's number.

        Arabic letters share their strokes (one glyph under b, t and n), and would be copied as the letter
        that came first: so a second meaning gets a second code. A CFF font has one code for a glyph; there,
        letters share nothing.
        """
        code = self._codes.get((glyph, text))
        if code is None:
            taken = glyph in self.glyphs and self.is_truetype and glyph != MISSING
            code = self.face.hb_face.glyph_count + len(self.glyphs) if taken else glyph
            self._codes[glyph, text] = code
            self.glyphs[code] = glyph
            self.meanings.setdefault(code, text or _NOTHING)
        return code


class EmbeddedFonts:
    """Fonts of one document, in the order in which they first appear."""

    def __init__(self) -> None:
        self._fonts: dict[str, EmbeddedFont] = {}

    def font(self, face: Face) -> EmbeddedFont:
        """The document's font for a face."""
        font = self._fonts.get(face.name)
        if font is None:
            font = self._fonts[face.name] = EmbeddedFont(face, f"F{len(self._fonts) + 1}")
        return font

    def write(self, store: Store) -> str:
        """Write all fonts and return the entries of the page's font dictionary."""
        return " ".join(f"/{font.label} {_write_font(store, font)} 0 R" for font in self._fonts.values())


def _write_font(store: Store, font: EmbeddedFont) -> int:
    face = font.face
    codes = sorted(font.glyphs)
    program, renumbered = _subset(face, sorted(set(font.glyphs.values())))
    name = f"{_subset_tag(codes)}+{face.name}"
    if font.is_truetype:
        code_map = _code_map({code: renumbered[glyph] for code, glyph in font.glyphs.items()})
        file = f"/FontFile2 {store.add_stream(program, f'/Length1 {len(program)} ')} 0 R"
        kind = f"/Subtype /CIDFontType2 /CIDToGIDMap {store.add_stream(code_map)} 0 R"
    else:
        # In Noto CJK a glyph's CID is its number, and the subset keeps it.
        file = f"/FontFile3 {store.add_stream(program, '/Subtype /CIDFontType0C ')} 0 R"
        kind = "/Subtype /CIDFontType0"
    left, bottom, right, top = face.box()
    measures = f"/FontBBox [{left} {bottom} {right} {top}] /Ascent {top} /Descent {bottom} /CapHeight 714"
    style = f"/Flags {_SYMBOLIC} /ItalicAngle 0 /StemV {90 if face.weight in (None, 400) else 130}"
    descriptor = store.add(f"<< /Type /FontDescriptor /FontName /{name} {style} {measures} {file} >>")
    widths = " ".join(f"{code} [{face.advance(font.glyphs[code])}]" for code in codes)
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    described = f"{kind} /BaseFont /{name} {system} /FontDescriptor {descriptor} 0 R /W [{widths}]"
    descendant = store.add(f"<< /Type /Font {described} >>")
    unicode_map = store.add_stream(_unicode_map(font.meanings))
    links = f"/DescendantFonts [{descendant} 0 R] /ToUnicode {unicode_map} 0 R"
    return store.add(f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H {links} >>")


def _subset(face: Face, glyphs: list[int]) -> tuple[bytes, dict[int, int]]:
    """The font program with only these glyphs, at one weight; and their old and new numbers."""
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(glyphs)
    flags = hb.SubsetFlags
    wanted.flags = flags.NO_HINTING | flags.NOTDEF_OUTLINE | flags.NO_LAYOUT_CLOSURE
    tags = (tag.ljust(4).encode() for tag in _DROPPED_TABLES.split())
    wanted.drop_table_tag_set.update(int.from_bytes(tag, "big") for tag in tags)
    if face.weight is not None:
        wanted.pin_all_axes_to_default(face.hb_face)
        wanted.pin_axis_location(face.hb_face, "wght", face.weight)
    plan = hb.SubsetPlan(face.hb_face, wanted)
    result: Any = plan.execute()
    program = result.reference_table("CFF ") if "CFF " in face.hb_face.table_tags else result.blob
    return bytes(program.data), dict(plan.old_to_new_glyph_mapping)


def _code_map(glyphs: dict[int, int]) -> bytes:
    table = bytearray(2 * (max(glyphs) + 1))
    for code, glyph in glyphs.items():
        table[2 * code : 2 * code + 2] = glyph.to_bytes(2, "big")
    return bytes(table)


def _subset_tag(glyphs: list[int]) -> str:
    """Six capitals that tell subsets apart (ISO 32000-1, 9.6.4)."""
    digest = sha256(repr(glyphs).encode()).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:6])


def _unicode_map(meanings: dict[int, str]) -> bytes:
    """The ToUnicode map, so that text can be copied and searched."""
    said = [(code, text.encode("utf-16-be").hex().upper()) for code, text in sorted(meanings.items())]
    entries = [f"<{code:04X}> <{text}>" for code, text in said]
    blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{body}\nendcmap CMapName currentdict /CMap defineresource pop end end\n"
    ).encode("ascii")
