"""What a unit of work refuses to write, because the use case that staged it is wrong."""

from collections import Counter
from datetime import datetime

MOST_ITEMS = 100
"""DynamoDB: so many items are in a transaction at most."""


class StaleCopy(AssertionError):
    """A copy of an entity was saved over a newer one that this unit had staged: what that changed would be lost.

    The balance is used by an invoice and staged as 5.00; whoever now saves the copy of 20.00 that was loaded before
    makes 15.00 out of nothing. No version condition finds it, for both are in one transaction.
    """

    def __init__(self, place: tuple[type, str, str], given: int, staged: int) -> None:
        super().__init__(f"{place[0].__name__} {place[2]}: version {given} was saved over {staged}, which is staged")


class PostedAtAnotherTime(AssertionError):
    """An entry was to be posted on the wall clock at another time than now: in a month that is over, perhaps.

    A payment of 31 January whose outcome a webhook tells on 2 February is posted on 2 February; otherwise the figures
    of January, which somebody has filed, would change. What is on a test clock is posted in that clock's time.
    """

    def __init__(self, entry_id: str, posted_at: datetime, now: datetime) -> None:
        super().__init__(f"{entry_id} was to be posted at {posted_at}, and it is {now}")


class TransactionTooLarge(AssertionError):
    """A use case staged more than a transaction takes: it has to commit on the way, and go on in the next.

    Args:
        items: the tables of all that was staged, an entry for each item.
    """

    def __init__(self, items: list[str]) -> None:
        counted = ", ".join(f"{count} {name}" for name, count in Counter(items).most_common())
        super().__init__(f"{len(items)} items are more than the {MOST_ITEMS} of a transaction: {counted}")
