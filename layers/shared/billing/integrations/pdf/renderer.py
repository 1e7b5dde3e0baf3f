"""Printed documents: an invoice, a credit note or a statement in, the bytes of a PDF out, set by Typst."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from unicodedata import category

from typst import Compiler, Fonts, TypstError

from billing.integrations.pdf.contents import Contents
from billing.integrations.pdf.fonts import folders
from billing.integrations.pdf.logos import drawable
from billing.integrations.pdf.statement import StatementContents
from billing.integrations.pdf.text import REPLACEMENT
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.marketplace.statements import StatementDocument

_log = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).with_name("templates")
_INVOICE, _CREDIT_NOTE, _STATEMENT = "invoice", "credit_note", "statement"
_STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
_MOST_TRIES = 5
_NOT_DRAWN = re.compile(r'the text `"(.*?)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")
_COMPILATIONS_KEPT = 10
_MOST_LINES_KEPT = 1_500
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
"""When a draft was made, as far as its file says: the same draft gives the same bytes."""


class Relationship(StrEnum):
    """What an attached file is to the document (ISO 32000-2, AFRelationship)."""

    ALTERNATIVE = "alternative"
    DATA = "data"
    SOURCE = "source"
    SUPPLEMENT = "supplement"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF: an invoice's XML is Attachment("factur-x.xml", b"...", "text/xml", "Factur-X invoice")."""

    name: str
    content: bytes
    media_type: str
    description: str
    relationship: Relationship = Relationship.ALTERNATIVE


class PdfRenderer:
    """Renders documents as tagged PDF/A-3a and PDF/UA-1 (A4).

    The same document gives the same bytes. Any Unicode text may be in it: a letter that no font of the layer has is
    shown as U+FFFD. A logo that cannot be drawn is left out. Threads may share a renderer; they take turns.

    The function that prints does nothing else, so what every document needs is there from its import on: Typst, Babel,
    the index of the fonts, and the compilers of all templates.

    Raises:
        RuntimeError: the fonts of layers/pdf are not installed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lines_kept = 0
        for template in (_INVOICE, _CREDIT_NOTE, _STATEMENT):
            _compiler(template)

    def render_invoice(self, document: InvoiceDocument, attachments: Sequence[Attachment] = ()) -> bytes:
        """Render an invoice or a credit note.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        template, gathered, made_at = _gathered(document)
        gathered["attachments"] = [_attached(each) for each in attachments]
        return self._compiled(template, gathered, made_at)

    def render_statement(self, document: StatementDocument) -> bytes:
        """Render a payout's statement, with all its lines.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        return self._compiled(*_gathered(document))

    def pictures(self, document: InvoiceDocument | StatementDocument, dots_per_inch: int = 110) -> list[bytes]:
        """The same pages as PNG, for documentation."""
        template, gathered, _ = _gathered(document)
        with self._lock:
            made = _compiler(template).compile(
                format="png", ppi=dots_per_inch, sys_inputs={"data": json.dumps(gathered)}
            )
        assert made is not None
        return [made] if isinstance(made, bytes) else made

    def _compiled(self, template: str, gathered: dict[str, Any], made_at: datetime) -> bytes:
        """The PDF, without what keeps it from being one. An error may quote the document, so that it is not logged."""
        for _ in range(_MOST_TRIES):
            try:
                return self._compile(template, gathered, made_at)
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
        return self._compile(template, gathered | {"logo": None}, made_at, archival=False)

    def _compile(self, template: str, gathered: dict[str, Any], made_at: datetime, archival: bool = True) -> bytes:
        with self._lock:
            self._forget_some(len(gathered["lines"]["rows"]))
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
        if self._lines_kept + lines > _MOST_LINES_KEPT and self._lines_kept:
            for _ in range(_COMPILATIONS_KEPT + 1):
                _nothing().compile(b"", format="svg")
            self._lines_kept = 0
        self._lines_kept += lines


def _gathered(document: InvoiceDocument | StatementDocument) -> tuple[str, dict[str, Any], datetime]:
    """The template of a document, what it is to lay out, and when that was made."""
    if isinstance(document, StatementDocument):
        said, template, made_at = (
            StatementContents(document).gathered(),
            _STATEMENT,
            document.statement.payout.created_at,
        )
    else:
        contents = Contents(document)
        said, template = contents.gathered(), _CREDIT_NOTE if contents.is_credit_note else _INVOICE
        made_at = document.issued_at or _UNDATED
    gathered = said | {"logo": None, "attachments": []}
    if document.branding.logo:
        gathered["logo"] = drawable(document.branding.logo)
        if gathered["logo"] is None:
            _log.warning("a logo is not one that can be drawn", extra={"bytes": len(document.branding.logo)})
    return template, gathered, made_at


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


def _attached(attachment: Attachment) -> dict[str, Any]:
    """A file as JSON: a text where it is one, which Typst reads twenty times faster than a list of bytes."""
    try:
        data: str | list[int] = attachment.content.decode("utf-8")
    except UnicodeDecodeError:
        data = list(attachment.content)
    return {
        "name": attachment.name,
        "data": data,
        "media_type": attachment.media_type,
        "description": attachment.description,
        "relationship": attachment.relationship.value,
    }


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
