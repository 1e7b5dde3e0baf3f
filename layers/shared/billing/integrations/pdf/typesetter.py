"""Sets documents by Typst: a template, and what it is to lay out as JSON, in; the bytes of a PDF out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from unicodedata import category

from typst import Compiler, Fonts, TypstError

from billing.integrations.pdf.fonts import folders
from billing.integrations.pdf.logos import drawable
from billing.integrations.pdf.text import REPLACEMENT

_log = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).with_name("templates")
_STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
_MOST_TRIES = 5
_NOT_DRAWN = re.compile(r'the text `"(.*?)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
_COMPILATIONS_KEPT = 10
_MOST_LINES_KEPT = 1_500


class Typesetter:
    """Sets documents as tagged PDF/A-3a and PDF/UA-1 (A4).

    The same content gives the same bytes. Any Unicode text may be in it: a letter that no font of the layer has is
    shown as U+FFFD. A logo that cannot be drawn is left out. Threads may share a typesetter; they take turns.

    Args:
        templates: those whose compilers are there from the beginning; any other is made when it is first used.

    Raises:
        RuntimeError: the fonts of layers/pdf are not installed.
    """

    def __init__(self, templates: Sequence[str]) -> None:
        self._lock = Lock()
        self.lines_kept = 0
        for template in templates:
            _compiler(template)

    def pictures(self, template: str, gathered: dict[str, Any], dots_per_inch: int) -> list[bytes]:
        """The pages as PNG, for documentation."""
        with self._lock:
            made = _compiler(template).compile(
                format="png", ppi=dots_per_inch, sys_inputs={"data": json.dumps(gathered)}
            )
        assert made is not None
        return [made] if isinstance(made, bytes) else made

    def pdf(self, template: str, gathered: dict[str, Any], made_at: datetime, lines: int) -> bytes:
        """The PDF, without what keeps it from being one. An error may quote the document, so that it is not logged.

        Args:
            gathered: what the template lays out; ``with_logo`` has seen it.
            made_at: as its file says.
            lines: so many lines of an invoice take as much memory.
        """
        for _ in range(_MOST_TRIES):
            try:
                return self._compile(template, gathered, made_at, lines)
            except TypstError as failure:
                letters = _undrawn(failure)
                if letters:
                    _log.warning("letters that no font draws together are left out", extra={"letters": len(letters)})
                    gathered = _without(gathered, letters) | {"attachments": gathered["attachments"]}
                elif gathered["logo"] is not None:
                    _log.warning("a logo cannot be drawn", extra={"format": gathered["logo"]["format"]})
                    gathered = gathered | {"logo": None}
                else:
                    break
        # Somebody waits for an invoice: better one that is not archival than none.
        _log.error("a document is not archival", extra={"template": template})
        return self._compile(template, gathered | {"logo": None}, made_at, lines, archival=False)

    def _compile(
        self, template: str, gathered: dict[str, Any], made_at: datetime, lines: int, *, archival: bool = True
    ) -> bytes:
        with self._lock:
            self._forget_some(lines)
            made = _compiler(template).compile(
                format="pdf",
                sys_inputs={"data": json.dumps(gathered)},
                pdf_standards=list(_STANDARDS) if archival else [],
                timestamp=int(made_at.timestamp()),
            )
        assert isinstance(made, bytes)
        return made

    def _forget_some(self, lines: int) -> None:
        """Keep the memory of a warm worker small.

        Typst remembers what it laid out for the next ten compilations, about 80 KB a line: ten invoices of 500 lines
        would be 400 MB. Ten compilations of nothing make it forget.
        """
        if self.lines_kept + lines > _MOST_LINES_KEPT and self.lines_kept:
            for _ in range(_COMPILATIONS_KEPT + 1):
                _nothing().compile(b"", format="svg")
            self.lines_kept = 0
        self.lines_kept += lines


def with_logo(gathered: dict[str, Any], logo: bytes | None) -> dict[str, Any]:
    """What a document says, with a logo that can be drawn, and no attachments yet."""
    shown = drawable(logo) if logo else None
    if logo and shown is None:
        _log.warning("a logo is not one that can be drawn", extra={"bytes": len(logo)})
    return gathered | {"logo": shown, "attachments": []}


def _undrawn(failure: TypstError) -> frozenset[str]:
    """The letters that Typst names as those that break the standard: marks on a letter of another font, as a rule."""
    said = "".join(_NOT_DRAWN.findall(f"{failure.message}\n{failure.diagnostic}"))
    return frozenset(char for char in _ESCAPE.sub(lambda match: chr(int(match[1], 16)), said) if not char.isascii())


def _without(value: Any, letters: frozenset[str]) -> Any:
    """The same JSON with other strings: a mark goes, a letter becomes U+FFFD."""
    if isinstance(value, str):
        return value.translate({ord(char): "" if category(char)[0] in "MC" else REPLACEMENT for char in letters})
    if isinstance(value, list):
        return [_without(each, letters) for each in value]
    if isinstance(value, dict):
        return {key: _without(each, letters) for key, each in value.items()}
    return value


@cache
def _fonts() -> Fonts:
    """The layer's fonts alone: what a machine has besides must not change a document."""
    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders())


@cache
def _compiler(template: str) -> Compiler:
    """The compiler of a template; a warm one has read template and fonts already."""
    path = _TEMPLATES / f"{template}.typ"
    return Compiler(str(path), root=str(_TEMPLATES), font_paths=_fonts(), ignore_system_fonts=True)


@cache
def _nothing() -> Compiler:
    """A compiler of the empty document."""
    return Compiler(b"", font_paths=_fonts(), ignore_system_fonts=True)
