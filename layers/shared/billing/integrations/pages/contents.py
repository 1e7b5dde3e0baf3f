"""What pages say of documents: the same texts as are printed, without what only paper needs."""

from __future__ import annotations

from typing import Any

from billing.integrations.pdf.contents import Contents
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.payer.contents import DocumentContents, LineRow, TotalRow

_BREAK = "\u200b"
"""Where the typesetter may break a long word. A browser finds such places itself, and what is copied has none."""


class DocumentWriter:
    """A ``services.payer.contents.Writer``."""

    def contents(self, document: InvoiceDocument) -> DocumentContents:
        said = Contents(document).gathered()
        table, pay = said["lines"], said["pay"]
        notes = [said["notes"]["text"]] if said["notes"] else []
        return DocumentContents(
            title=_plain(said["title"]),
            headline=said["headline"],
            facts=_pairs(said["facts"]),
            headers=tuple(table["headers"]),
            lines=tuple(_line(row) for row in table["rows"]),
            totals=tuple(TotalRow(_plain(label), value, weight) for label, value, weight in said["totals"]),
            transfer=_pairs(pay["details"]) if pay and document.how_to_pay and document.how_to_pay.bank else (),
            remarks=tuple(_plain(each) for each in [*said["remarks"], *notes]),
        )


def _line(row: dict[str, Any]) -> LineRow:
    details = [each for each in (row["detail"], *row["steps"]) if each]
    return LineRow(_plain(row["description"]), tuple(map(_plain, details)), tuple(row["cells"]))


def _pairs(rows: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((_plain(label), _plain(value)) for label, value in rows)


def _plain(text: str) -> str:
    return text.replace(_BREAK, "")
