"""Which types of events a text names."""

from collections.abc import Iterable

from billing.domain.kernel.event_types import EventType

EVERYTHING = "*"
_REST = ".*"


def is_pattern(text: str) -> bool:
    """Whether a text names events: all (``*``), those about one kind of object (``invoice.*``), or one type.

    A type that is not in the catalogue is none, and ``invoic.*`` neither: it would wait for ever.
    """
    if text == EVERYTHING:
        return True
    if text.endswith(_REST):
        return any(each.value.startswith(text[:-1]) for each in EventType)
    return any(text == each.value for each in EventType)


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of the patterns names a type.

    >>> matches(["invoice.*"], "invoice.paid"), matches(["invoice.*"], "invoice_item.created")
    (True, False)
    """
    return any(
        each in (EVERYTHING, event_type) or (each.endswith(_REST) and event_type.startswith(each[:-1]))
        for each in patterns
    )
