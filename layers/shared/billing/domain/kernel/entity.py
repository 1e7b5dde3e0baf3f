"""What every stored entity has: a name that outlives its class's."""

import re
from typing import ClassVar, Protocol


class Entity(Protocol):
    """Something that is stored under an id.

    ``entity_name`` is what it is called in answers (in words: ``CreditNote`` -> ``No credit note cn_1``), in the place
    under which its personal data is sealed, and in what a list's cursor is bound to. So it never changes, however its
    class comes to be called.
    """

    entity_name: ClassVar[str]


def in_words(kind: type[Entity]) -> str:
    """What callers read of a kind of entity: ``PaymentMethod`` -> ``payment method``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.entity_name).lower()
