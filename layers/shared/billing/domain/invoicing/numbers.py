"""That a number was given to a document: what keeps two documents from ever having the same one."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class IssuedNumber:
    """A number of a series with the document that has it; written once, in the transaction that issues the document.

    Args:
        id: the number's place in its series (``number_id``).
    """

    entity_name: ClassVar[str] = "IssuedNumber"

    id: str
    tenant_id: str
    document_id: str
    version: int = 0


def number_id(series_id: str, number: int) -> str:
    """The id of a series's number.

    >>> number_id("invoice", 42)
    'number#invoice#42'
    """
    return f"number#{series_id}#{number}"
