"""The hourly comparison of Stripe's account with the ledger, both ways, and of Stripe's balance with what is owed.

A run goes through five phases, page by page; each page is one commit, with the place where the next one begins. So a
crash repeats a page at most, and what a page enters has derived ids and is entered once.

    open      what did not agree before, again
    lines     Stripe's lines since the last run: the entries of each sum to it, or its source is fetched and settled
    deposits  what is in each payout to the bank, as Stripe lists it (``deposits``)
    entries   postings to cash of the hours that are over: Stripe knows the line of each
    owed      what providers are owed, beside Stripe's balance
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.deposits import deposit
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import LostRace, Unauthenticated, Unavailable
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.reconciliation import (
    RECONCILIATION_ID,
    LineStatus,
    Phase,
    ReconciledLine,
    Reconciliation,
    StripeLine,
    judged,
    platform_entries,
)
from billing.domain.tenant import PLATFORM
from billing.services.kernel.due_items import load_due
from billing.services.kernel.failures import NotWrittenYet, described
from billing.services.kernel.work import Query, Ref, Unit, Units, Work
from billing.services.payments.processor_events import ProcessorEvents
from billing.services.reports import deposits
from billing.services.reports.ports import LineReader, OwedIndex, StripeAccount

CASH_PARTS = 4
"""Postings to cash are indexed by their hour and one of so many parts of it."""
_OVERLAP = timedelta(minutes=15)
"""Stripe may write a line a little later than it says, and clocks differ."""
_SETTLES_WITHIN = timedelta(hours=1)
_PAGE = 30
"""Lines of a page: up to three items for each, and a transaction holds 100."""
_PAGES_A_TURN = 60
_ENOUGH_TIME_S = 30.0
_HOUR = timedelta(hours=1)
_log = logging.getLogger(__name__)


def found(work: Work, shard: str) -> None:
    """Have the reconciliation be there, and due: it begins with the first turn of its worker's shard.

    What was there before a stack had it is not looked at: the books of then have no lines to compare.
    """
    ref = Ref(Reconciliation, PLATFORM, RECONCILIATION_ID)
    there = work.load(ref).get(ref)
    if there is None:
        hour = work.now.replace(minute=0, second=0, microsecond=0)
        work.save(Reconciliation(PLATFORM, work.now, work.now - _OVERLAP, hour, due=Due(shard, work.now)))
    elif there.due is None:  # parked: the books are looked at again, however long Stripe was away
        work.save(replace(there, due=Due(shard, work.now)))


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Compares.

    Args:
        reader: finds out what caused a line that is not in the ledger.
        events: settles that, as a webhook would have.
        shard: of the due index, where it waits.
        every: between two runs.
        left_s: the seconds that are left of this invocation.
    """

    units: Units
    stripe: StripeAccount
    reader: LineReader
    events: ProcessorEvents
    owed: OwedIndex
    shard: str
    every: timedelta
    left_s: Callable[[], float]

    def reconcile(self, work: Work, item_id: str, now: datetime) -> Due | None:
        """Go on with a run, or begin one: some pages, each committed on its own.

        Args:
            now: the wall clock's time.

        Returns:
            when it is due next: at once while a run is not at its end.
        """
        state, due = load_due(work, Reconciliation, item_id, now)
        if state is None:
            return due
        for _ in range(_PAGES_A_TURN):
            unit = self.units.begin(PLATFORM)
            state = unit.save(self._page(unit, state, now))
            unit.commit()
            if state.lines_to is None or self.left_s() < _ENOUGH_TIME_S:
                break
        return state.due

    def _page(self, unit: Unit, state: Reconciliation, now: datetime) -> Reconciliation:
        if state.lines_to is None:
            state = replace(state, lines_to=now, phase=Phase.OPEN, place=None, part=0, owed={})
        if state.phase is Phase.OPEN:
            return self._open(unit, state, now)
        if state.phase is Phase.LINES:
            return self._lines(unit, state, now)
        if state.phase is Phase.DEPOSITS:
            more, place = deposits.next_page(unit, self.stripe, state.place, lambda line_id: _books_of(unit, line_id))
            return replace(state, phase=state.phase if more else Phase.ENTRIES, place=place)
        if state.phase is Phase.ENTRIES:
            return self._entries(unit, state, now)
        return self._owed(state, now)

    def _open(self, unit: Unit, state: Reconciliation, now: datetime) -> Reconciliation:
        page = unit.query(Query(ReconciledLine, index="open", value="lines", limit=_PAGE, start=state.place))
        for before in page.items:
            line = before.line or self.stripe.line(before.id)
            self._compare(unit, before.id, line, before, now)
        following = state.phase if page.next_cursor else Phase.LINES
        return replace(state, phase=following, place=page.next_cursor)

    def _lines(self, unit: Unit, state: Reconciliation, now: datetime) -> Reconciliation:
        assert state.lines_to is not None
        page = self.stripe.lines(state.lines_from, state.lines_to, state.place, _PAGE)
        known = _known(unit, {line.id for line in page.lines})
        for line in page.lines:
            before = known.get(line.id)
            # What waits was looked at in this run already; what matched, its entries show once more.
            if before is None or (before.is_open and before.line is None):
                self._compare(unit, line.id, line, before, now)
        following = state.phase if page.next_place else Phase.DEPOSITS
        return replace(state, phase=following, place=page.next_place)

    def _entries(self, unit: Unit, state: Reconciliation, now: datetime) -> Reconciliation:
        assert state.lines_to is not None
        hour = state.entries_from
        if hour + _HOUR + _SETTLES_WITHIN > state.lines_to:
            return replace(state, phase=Phase.OWED, place=None, part=0)
        value = f"{hour:%Y-%m-%dT%H}#{state.part}"
        page = unit.query(Query(LedgerEntry, index="cash", value=value, limit=_PAGE, start=state.place))
        ids = {each.balance_transaction_id for each in page.items if each.balance_transaction_id}
        known = _known(unit, ids)
        for line_id in sorted(ids):
            before = known.get(line_id)
            if before is not None and before.is_open:
                continue  # it was looked at in this run
            # One that matched is looked at once more: an entry too many may have come after the first.
            line = before.line if before is not None else self.stripe.line(line_id)
            self._compare(unit, line_id, line, before, now)
        if page.next_cursor:
            return replace(state, place=page.next_cursor)
        if state.part + 1 < CASH_PARTS:
            return replace(state, place=None, part=state.part + 1)
        return replace(state, place=None, part=0, entries_from=hour + _HOUR)

    def _owed(self, state: Reconciliation, now: datetime) -> Reconciliation:
        page = self.owed.page(state.part, state.place)
        owed = dict(state.owed)
        for currency, amount in page.sums.items():
            owed[currency] = owed.get(currency, Money.zero(currency)) + amount
        state = replace(state, owed=owed, place=page.next_place)
        if page.next_place:
            return state
        if state.part + 1 < self.owed.parts:
            return replace(state, part=state.part + 1)
        return self._ended(replace(state, providers=owed, at_stripe=self.stripe.balance()), now)

    def _ended(self, state: Reconciliation, now: datetime) -> Reconciliation:
        assert state.lines_to is not None
        for currency, amount in state.short.items():
            note = {"currency": currency, "short": str(amount), "owed": str(state.providers[currency])}
            _log.critical("reconciliation: stripe has less than providers are owed", extra=note)
        return replace(
            state,
            lines_from=state.lines_to - _OVERLAP,
            lines_to=None,
            phase=Phase.OPEN,
            place=None,
            part=0,
            owed={},
            finished_at=now,
            due=Due(self.shard, now + self.every),
        )

    def _compare(
        self, unit: Unit, line_id: str, line: StripeLine | None, before: ReconciledLine | None, now: datetime
    ) -> None:
        """Compare a line, enter or heal it where it has no entry, and stage what came of it."""
        cash = _cash(unit, line_id)
        if line is not None and cash != line.net:
            entries = platform_entries(line, PLATFORM, unit.now) if cash is None else ()
            for entry in entries:
                unit.save(entry)
            paid_out = deposit(line, PLATFORM) if entries else None
            if paid_out is not None:
                unit.save(paid_out)
            if entries:
                cash = line.net
            elif self._healed(line):
                cash = _cash(unit, line_id)
        made = unit.save(judged(line_id, PLATFORM, line, cash, before, now))
        if made.status is LineStatus.DIFFERENT:
            _log.critical(
                "reconciliation: stripe and the ledger differ",
                extra={"balance_transaction_id": line_id, "reason": made.reason, "source_id": line and line.source_id},
            )

    def _healed(self, line: StripeLine) -> bool:
        """Settle what caused a line in its own tenant's unit, as a webhook would have."""
        if line.source_id is None:
            return False
        try:
            return self._settled(line, line.source_id)
        except (LostRace, NotWrittenYet, Unauthenticated):
            return False  # another was faster, or it is not there yet, or nobody's: the next run looks again
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one line that cannot be settled must not hide all the others
            _log.error("reconciliation: a line was not settled", extra={"line_id": line.id, **described(error)})
            return False

    def _settled(self, line: StripeLine, source_id: str) -> bool:
        update = self.reader.look_up_source(line.type, source_id)
        if update is None:
            return False
        unit = self.units.begin(update.tenant_id)
        self.events.apply(unit, f"reconciliation:{line.id}", update)
        unit.commit()
        return True


def _known(work: Work, ids: set[str]) -> dict[str, ReconciledLine]:
    refs = [Ref(ReconciledLine, PLATFORM, each) for each in sorted(ids)]
    there = work.load(*refs)
    return {ref.id: line for ref in refs if (line := there.get(ref)) is not None}


def _books_of(work: Work, line_id: str) -> str | None:
    """The tenant in whose books a line is."""
    page = work.query(Query(LedgerEntry, index="transaction", value=line_id, limit=1))
    return page.items[0].tenant_id if page.items else None


def _cash(work: Work, line_id: str) -> Money | None:
    """What ``cash`` has for a line, in whosever books; None where it has nothing.

    A line has an entry and its fee, and no more.
    """
    page = work.query(Query(LedgerEntry, index="transaction", value=line_id, limit=100))
    amounts = [posting.amount for entry in page.items for posting in entry.postings if posting.account is Account.CASH]
    return sum_money(amounts, amounts[0].currency) if amounts else None
