"""An item of the alarm clock's, loaded by who works it: nothing is done that is not due (any more)."""

from datetime import datetime
from typing import Protocol, TypeVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.entity import Entity
from billing.services.kernel.work import Ref, Work


class DueEntity(Entity, Protocol):
    """An entity with an alarm."""

    @property
    def due(self) -> Due | None:
        """When it is worked on next; None for never."""


D = TypeVar("D", bound=DueEntity)


def load_due(work: Work, kind: type[D], item_id: str, now: datetime) -> tuple[D | None, Due | None]:
    """The item and its alarm, where it has rung; else no item, and when it is due next.

    The index may lag, and another turn may have been faster: what is not due by now is left alone.

    Args:
        now: the wall clock's time, or the test clock's.
    """
    ref = Ref(kind, work.tenant.id, item_id)
    item = work.load(ref).get(ref)
    if item is None or item.due is None or item.due.at > now:
        return None, item.due if item is not None else None
    return item, item.due
