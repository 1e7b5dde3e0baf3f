"""What a payer's page says of a document, in its language: finished texts, none of them markup."""

from dataclasses import dataclass
from typing import Protocol

from billing.services.invoicing.documents import InvoiceDocument


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line: its cells are under the headers, but the first of those."""

    description: str
    details: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """A sum; ``weight`` is plain, strong or grand."""

    label: str
    value: str
    weight: str


@dataclass(frozen=True, slots=True)
class DocumentContents:
    """A document.

    Args:
        facts: pairs of a label and a value, as on paper.
        transfer: how it is paid by transfer; nothing where nobody said.
        remarks: what the law wants said.
    """

    title: str
    headline: str | None
    facts: tuple[tuple[str, str], ...]
    headers: tuple[str, ...]
    lines: tuple[LineRow, ...]
    totals: tuple[TotalRow, ...]
    transfer: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


class Writer(Protocol):
    """Writes what is printed on documents."""

    def contents(self, document: InvoiceDocument) -> DocumentContents:
        """What an invoice says, in its own language.

        Raises:
            ZoneInfoNotFoundError: the document's time zone does not exist.
        """
