"""The erasure of a customer's personal data: what is done in which order, and what the law wants kept for how long."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

KEPT_YEARS = 10
"""From the end of the year in which a document was issued (docs/decisions/0051-erasure.md)."""


class Step(StrEnum):
    """What an erasure does next; each is repeatable, and a turn of it does one page."""

    METHODS = "methods"
    SUBSCRIPTIONS = "subscriptions"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    ORDERS = "orders"
    INVOICES = "invoices"
    USAGE = "usage"
    COPIES = "copies"
    PROCESSOR = "processor"
    WAIT = "wait"
    DOCUMENTS = "documents"
    DONE = "done"


STEPS = tuple(Step)


@dataclass(frozen=True, slots=True)
class Erasure:
    """How far an erasure is.

    Args:
        step: what is done next.
        cursor: where in it; opaque.
        copy: which of the kinds of copies is looked through, counted from 0.
        newest_document_at: when the newest of the customer's documents that have a number was issued; while they go, of
            those that are kept still.
        erased_at: when all was gone but documents that have to be kept.
        documents_until: until when those are kept; None where there are none.
    """

    step: Step = Step.METHODS
    cursor: str | None = None
    copy: int = 0
    newest_document_at: datetime | None = None
    erased_at: datetime | None = None
    documents_until: datetime | None = None


def following(step: Step) -> Step:
    """The step after a step."""
    return STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)]


def kept_until(issued_at: datetime) -> datetime:
    """Until when a document is kept: one of 3 May 2026 until the end of 2036 (UTC)."""
    return datetime(issued_at.astimezone(UTC).year + KEPT_YEARS + 1, 1, 1, tzinfo=UTC)
