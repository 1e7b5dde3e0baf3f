"""Printed documents: an invoice, a credit note or a statement in, the bytes of a PDF out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from billing.integrations.pdf.contents import Contents
from billing.integrations.pdf.statement import StatementContents
from billing.integrations.pdf.typesetter import Typesetter, with_logo
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.marketplace.statements import StatementDocument

_INVOICE, _CREDIT_NOTE, _STATEMENT = "invoice", "credit_note", "statement"
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
    """Renders documents; what holds for all of them is with ``Typesetter``.

    The function that prints does nothing else, so what every document needs is there from its import on: Typst, Babel,
    the index of the fonts, and the compilers of all templates.

    Raises:
        RuntimeError: the fonts of layers/pdf are not installed.
    """

    def __init__(self) -> None:
        self.typesetter = Typesetter((_INVOICE, _CREDIT_NOTE, _STATEMENT))

    def render_invoice(self, document: InvoiceDocument, attachments: Sequence[Attachment] = ()) -> bytes:
        """Render an invoice or a credit note.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        template, gathered, made_at = _gathered(document)
        gathered["attachments"] = [_attached(each) for each in attachments]
        return self._pdf(template, gathered, made_at)

    def render_statement(self, document: StatementDocument) -> bytes:
        """Render a payout's statement, with all its lines.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
        return self._pdf(*_gathered(document))

    def pictures(self, document: InvoiceDocument | StatementDocument, dots_per_inch: int = 110) -> list[bytes]:
        """The same pages as PNG, for documentation."""
        template, gathered, _ = _gathered(document)
        return self.typesetter.pictures(template, gathered, dots_per_inch)

    def _pdf(self, template: str, gathered: dict[str, Any], made_at: datetime) -> bytes:
        return self.typesetter.pdf(template, gathered, made_at, len(gathered["lines"]["rows"]))


def _gathered(document: InvoiceDocument | StatementDocument) -> tuple[str, dict[str, Any], datetime]:
    """The template of a document, what it is to lay out, and when that was made."""
    if isinstance(document, StatementDocument):
        said, template = StatementContents(document).gathered(), _STATEMENT
        made_at = document.statement.payout.created_at
    else:
        contents = Contents(document)
        said, template = contents.gathered(), _CREDIT_NOTE if contents.is_credit_note else _INVOICE
        made_at = document.issued_at or _UNDATED
    return template, with_logo(said, document.branding.logo), made_at


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
