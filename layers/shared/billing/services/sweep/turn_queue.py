"""What is due in a shard, as a turn finds it, in the order of working: tenants in turns, each by time.

A tenant with a million renewals of midnight is not to keep another one's hundred waiting until they are done. With
seven items of A and two of B: a1 ... a5, b1, b2, a6, a7. Five in a row, because what is read ahead for a tenant's
invoices is their numbers, too, in one call (``read_ahead``). Where A's fill the page of the index, B's are behind them:
they are looked for once a turn. On a test clock, which is one tenant's, time is the order.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice, zip_longest

from billing.services.clocks.due_index import DueIndex, DueItem, DuePage

_OUTCOMES = frozenset({"payment", "refund"})
"""What Stripe was asked and did not answer: its payer waits for it, so on the wall clock nothing comes before it."""
IN_A_ROW = 5
"""So many items of a tenant are taken before the next tenant's."""
_BUSY = 10
"""A tenant with so many items in a page of the index may have any number behind it."""
_INDEX_LAG_S = 1.0


@dataclass(slots=True)
class TurnQueue:
    """A queue of due items that takes each entry of the index once.

    Args:
        on_test_clock: time is the order, and nothing else: all of it is one tenant's.
    """

    on_test_clock: bool
    _by_tenant: dict[str, list[DueItem]] = field(default_factory=dict)
    _outcomes: list[DueItem] = field(default_factory=list)
    _seen: set[DueItem] = field(default_factory=set)
    _taken_in_a_row: int = 0

    def __len__(self) -> int:
        return len(self._outcomes) + sum(map(len, self._by_tenant.values()))

    def add(self, items: Iterable[DueItem]) -> None:
        """Take what the index shows, but for what it has shown before: it may lag behind the tables."""
        for item in items:
            if item not in self._seen:
                self._seen.add(item)
                self.put(item)

    def add_known(self, item: DueItem) -> None:
        """Take an item that the index may not show yet, or later."""
        self._seen.add(item)
        self.put(item)

    def put(self, item: DueItem) -> None:
        """Take an item, also one that was taken up before."""
        if item.kind in _OUTCOMES and not self.on_test_clock:
            heapq.heappush(self._outcomes, item)
        else:
            heapq.heappush(self._by_tenant.setdefault(item.tenant_id, []), item)

    def first(self) -> DueItem:
        """The item that has been due for longest."""
        return min(heap[0] for heap in (self._outcomes, *self._by_tenant.values()) if heap)

    def take(self) -> DueItem:
        """The next item: an unknown outcome, else the first of the tenant whose turn it is."""
        if self._outcomes:
            return heapq.heappop(self._outcomes)
        tenant_id, heap = next(iter(self._by_tenant.items()))
        item = heapq.heappop(heap)
        self._taken_in_a_row += 1
        if not heap or self._taken_in_a_row == IN_A_ROW:
            self._end_turn_of(tenant_id)
        return item

    def _end_turn_of(self, tenant_id: str) -> None:
        heap = self._by_tenant.pop(tenant_id)
        if heap:
            self._by_tenant[tenant_id] = heap
        self._taken_in_a_row = 0

    def upcoming(self, kind: str, most: int) -> list[DueItem]:
        """The next items of a kind, as they will be taken."""
        rows = (
            _in_rows(heapq.nsmallest(most, heap), 0 if nth else self._taken_in_a_row)
            for nth, heap in enumerate(islice(self._by_tenant.values(), most))
        )
        in_turns = chain.from_iterable(chain.from_iterable(zip_longest(*rows, fillvalue=())))
        return list(islice((each for each in in_turns if each.kind == kind), most))


def _in_rows(items: Sequence[DueItem], taken: int) -> list[Sequence[DueItem]]:
    """A tenant's items as its turns bring them; of the first one, some were taken before."""
    starts = [0, *range(IN_A_ROW - taken, len(items), IN_A_ROW)]
    return [items[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


@dataclass(slots=True)
class TurnItems:
    """What is due in a shard until a time, looked up as a turn comes to it.

    Args:
        until: what is due later is another turn's.
        pause: sleeps.
    """

    index: DueIndex
    shard: str
    until: datetime
    pause: Callable[[float], None]
    queue: TurnQueue
    _complete_until: datetime | None = None
    _cut: frozenset[str] = frozenset()

    def more(self) -> bool:
        """Whether there is something to take from the queue; looks into the index where that is needed to know."""
        if self.queue.on_test_clock:
            self._look_by_time()
        elif not self.queue:
            self._look_by_turns()
        return len(self.queue) > 0

    def _look_by_time(self) -> None:
        known = len(self.queue)
        if known and self._complete_until is not None and self.queue.first().at <= self._complete_until:
            return
        # The index showed one page: what lies between its end and the first item comes before that.
        self._look()
        if known and len(self.queue) == known:
            self._complete_until = self.until
        if not self.queue:
            # An item made a moment ago may not be in the index yet, and a clock that is ready is not looked at again.
            self.pause(_INDEX_LAG_S)
            self._look()

    def _look_by_turns(self) -> None:
        """The first time at all kinds, then at those of which a page was full: of the others, there is no more."""
        if self._complete_until is not None:
            if self._cut:
                self._look(self._cut)
            return
        page = self._look()
        full = Counter(item.tenant_id for item in page.items if item.kind in page.cut)
        busy = {tenant_id for tenant_id, items in full.items() if items >= _BUSY}
        if busy:
            self.queue.add(self.index.behind(self.shard, self.until, page.cut, busy))

    def _look(self, kinds: Collection[str] | None = None) -> DuePage:
        page = self.index.due(self.shard, self.until, kinds)
        self.queue.add(page.items)
        self._complete_until, self._cut = page.complete_until, page.cut
        return page
