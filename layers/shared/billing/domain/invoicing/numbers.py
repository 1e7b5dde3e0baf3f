"""That a number was given to a document: what keeps two documents from ever having the same one.

And what a number is claimed for until then. Whoever does the same work again, after a crash, has to arrive at the same
name, or the number that was claimed before stays without a document: a name says nothing of when, nor of how often
what it is about was written.
"""

from dataclasses import dataclass
from typing import ClassVar

from billing.domain.invoicing.invoice import Invoice
from billing.domain.subscriptions.subscription import Subscription


@dataclass(frozen=True, slots=True)
class IssuedNumber:
    """A number of a series with the document that has it; written once, in the transaction that issues the document.

    Args:
        id: the number's place in its series (``number_id``).
        claim: what it was claimed for, hashed: a name may have a client's key in it, which is not kept for ever.
    """

    entity_name: ClassVar[str] = "IssuedNumber"

    id: str
    tenant_id: str
    document_id: str
    claim: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """Where a series stands.

    Args:
        next_number: after all that were ever claimed.
        waiting: numbers before it that are no document's: they are somebody's claims, or the next ones' to be given.
    """

    next_number: int
    waiting: frozenset[int]


def number_id(series_id: str, number: int) -> str:
    """The id of a series's number.

    >>> number_id("invoice", 42)
    'number#invoice#42'
    """
    return f"number#{series_id}#{number}"


def next_invoice_of(subscription: Subscription) -> str:
    """What the number of a subscription's next invoice is claimed for: there is one after each."""
    return f"{subscription.id}>{subscription.latest_invoice_id}"


def next_credit_note_on(invoice: Invoice) -> str:
    """What the number of the next credit note on an invoice is claimed for: each leaves less of it to credit."""
    return f"{invoice.id}-{invoice.creditable.micros}"
