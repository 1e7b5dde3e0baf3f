"""What reports are made of: folds over records that come in the order in which they were posted."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.ledger import LedgerEntry

S = TypeVar("S")
R_contra = TypeVar("R_contra", contravariant=True)
ABOUT_DOCUMENTS = frozenset({"invoice_finalized", "invoice_voided", "credit_noted"})
"""The kinds of entries that come with a document."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry of the journal with the document that it is about.

    Args:
        document: the invoice that was finalized or voided, or the credit note; None for any other entry, or where only
            entries were asked for.
    """

    entry: LedgerEntry
    document: Invoice | CreditNote | None = None


class Fold(Protocol[S, R_contra]):
    """Adds records up to a state, one after the other; the state of a finished month is kept.

    ``add`` changes the state in place, and may rely on the order of posting, and on nothing else: no clock, no
    chance, so that a month that is folded again gives the same state.
    """

    @property
    def name(self) -> str:
        """Names what is kept: never two folds by one name."""

    @property
    def version(self) -> int:
        """Goes up with every change of what the state means: what was kept under another one is not read again."""

    @property
    def with_documents(self) -> bool:
        """Whether it needs ``Posted.document``."""

    def empty(self) -> S:
        """The state before the first record."""

    def add(self, state: S, record: R_contra) -> None:
        """Take a record into the state."""

    def dump(self, state: S) -> Any:
        """The state as JSON."""

    def read(self, dumped: Any) -> S:
        """The state that ``dump`` gave as JSON."""
