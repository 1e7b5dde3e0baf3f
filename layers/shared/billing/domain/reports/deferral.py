"""What was billed and is not earned yet: one schedule for each line of which some time is still to come.

Each line of a final invoice that has a period is earned evenly over it, by the second: its net, which is after
discounts and before tax. What has no period, and usage, is earned when the invoice is final. What was earned of a line
until an instant is rounded to micro-units, half to even; what is earned in a month is the difference of two such sums,
so that the months add up to the line exactly.

    100.00 for January to March, 90 days: 34.44444 until February (31 of 90), 65.55556 until March (59 of 90), 100.00:
    34.44444, 31.11112, 34.44444

A credit note takes off what is still deferred of its line first, and then reverses revenue. What is left is spread
over the time that is left. A void reverses both in the same way.

    120.00 for a year, 40.00 credited after three months: 30.00 earned, 50.00 over the nine months that are left
    120.00 for a year, 100.00 credited then: nothing is deferred any more, and 10.00 of the 30.00 are reversed

A schedule is four numbers and whose it is, and is forgotten once it is over: the state of a tenant with a million
invoices is as long as the list of the lines that run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.lines.line import InvoiceLine
from billing.domain.reports.fold import ABOUT_DOCUMENTS, Posted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant(at: datetime) -> int:
    """A time as microseconds since 1970, which compare and divide exactly."""
    return (at - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The time that ``instant`` was given."""
    return _EPOCH + microseconds * _MICROSECOND


class Owner(NamedTuple):
    """Whose revenue it is: what a report may divide it by."""

    currency: str
    customer_id: str | None
    plan_id: str | None
    component: str | None


class Moved(NamedTuple):
    """What a posting, or time, did to a line; amounts in micro-units.

    Args:
        line_id: the invoice's line; of what is no line, the id of the payment, refund or credit note.
        billed_at: when its invoice was finalized: an ``instant``, as ``begins`` and ``ends``.
        begins, ends: the time that it is for; both zero where nobody knows, or there is none.
        billed: what was posted to revenue.
        earned: what is recognised for the time since the month began.
        catch_up: what is recognised for time before the month in which it was posted.
        taken_back: what of recognised revenue was taken back, below zero.
    """

    line_id: str
    owner: Owner
    billed_at: int
    begins: int
    ends: int
    billed: int
    earned: int
    catch_up: int
    taken_back: int

    @property
    def recognised(self) -> int:
        """All that was recognised."""
        return self.earned + self.catch_up + self.taken_back


@dataclass(slots=True)
class Schedule:
    """What is earned evenly over [start, end): ``amount`` micro-units, below zero for a credit.

    Args:
        begins: when the line's time began; ``start`` is later where a credit note took something off it.
    """

    owner: Owner
    billed_at: int
    begins: int
    start: int
    end: int
    amount: int

    def earned(self, at: int) -> int:
        """What of it is earned until an instant, rounded half to even."""
        if at >= self.end:
            return self.amount
        if at <= self.start:
            return 0
        return _half_even(self.amount * (at - self.start), self.end - self.start)


@dataclass(slots=True)
class Deferrals:
    """All that is deferred, as of what was posted so far.

    Args:
        open: the schedules that run, by the id of the invoice's line.
        until: what was earned before this instant is recognised.
        recognised: by currency, all that ever was.
        early: what was credited of lines whose invoice is posted at the very same instant, and may come after.
        early_at: that instant.
    """

    open: dict[str, Schedule] = field(default_factory=dict)
    until: int = 0
    recognised: dict[str, int] = field(default_factory=dict)
    early: dict[str, int] = field(default_factory=dict)
    early_at: int = 0

    def deferred(self) -> Iterator[tuple[str, Schedule, int]]:
        """Each schedule with what of it is not recognised yet."""
        for line_id, each in self.open.items():
            yield line_id, each, each.amount - each.earned(self.until)

    def advance(self, to: datetime) -> Iterator[Moved]:
        """Recognise what is earned until an instant; schedules that are over are forgotten. To be read to its end."""
        now, over = instant(to), []
        for line_id, each in self.open.items():
            earned = each.earned(now) - each.earned(self.until)
            if each.end <= now:
                over.append(line_id)
            if earned:
                yield self._moved(line_id, each, earned=earned)
        for line_id in over:
            del self.open[line_id]
        self.until = now

    def post(self, record: Posted) -> Iterator[Moved]:
        """Take an entry of the journal, and what it recognises at once. To be read to its end.

        Raises:
            ValueError: its invoice or credit note is missing, so nobody can tell.
        """
        entry, document = record.entry, record.document
        at = instant(entry.posted_at)
        if at > self.early_at:
            self.early.clear()
        if isinstance(document, CreditNote):
            yield from self._credited(document, at)
        elif isinstance(document, Invoice):
            for line in document.lines:
                if line.net.is_zero:
                    continue
                if entry.kind == "invoice_finalized":
                    yield from self._billed(document, line, at)
                else:
                    yield self._take(line.id, _owner(document, line), _finalized(document), line.net.micros, at)
        elif entry.kind in ABOUT_DOCUMENTS:
            raise ValueError(f"entry {entry.id} is about {entry.source_id}, which is missing")
        else:
            yield from self._without_lines(entry, at)

    def _billed(self, invoice: Invoice, line: InvoiceLine, at: int) -> Iterator[Moved]:
        net, owner, period = line.net.micros, _owner(invoice, line), line.period
        early = self.early.pop(line.id, 0)
        if period is None:
            yield self._counted(Moved(line.id, owner, at, 0, 0, net, net, 0, 0))
            return
        begins, ends = instant(period.start), instant(period.end)
        made = Schedule(owner, at, begins, begins, ends, net)
        past = made.earned(self.until)
        if line.usage is not None or ends <= at:
            yield self._counted(Moved(line.id, owner, at, begins, ends, net, net - past, past, 0))
            return
        self.open[line.id] = made
        yield self._moved(line.id, made, billed=net, catch_up=past)
        if early:  # it was taken off revenue before anybody knew that it was deferred
            yield self._take(line.id, owner, at, early, at)
            yield self._counted(Moved(line.id, owner, at, begins, ends, early, 0, 0, early))

    def _credited(self, note: CreditNote, at: int) -> Iterator[Moved]:
        billed_at = at if note.billed_at is None else instant(note.billed_at)
        for each in note.by_line:
            owner = Owner(note.currency, note.customer_id, each.plan_id, each.component)
            yield self._take(each.line_id or note.id, owner, billed_at, each.net.micros, at)

    def _take(self, line_id: str, owner: Owner, billed_at: int, amount: int, at: int) -> Moved:
        """Take an amount off a line: off the rest of its deferral first, then off revenue."""
        schedule = self.open.get(line_id)
        if schedule is None:
            if billed_at == at:
                self.early[line_id] = self.early.get(line_id, 0) + amount
                self.early_at = at
            return self._counted(Moved(line_id, owner, billed_at, 0, 0, -amount, 0, 0, -amount))
        upto = schedule.earned(at)
        earned, rest = upto - schedule.earned(self.until), schedule.amount - upto
        taken = min(amount, max(rest, 0)) if amount > 0 else max(amount, min(rest, 0))
        moved = self._moved(line_id, schedule, billed=-amount, earned=earned, taken_back=taken - amount)
        if rest == taken:
            del self.open[line_id]
        else:
            schedule.start, schedule.amount = max(schedule.start, at), rest - taken
        return moved

    def _without_lines(self, entry: LedgerEntry, at: int) -> Iterator[Moved]:
        """A sale without an invoice, or a return of one: earned, or reversed, when it is posted."""
        revenue = -sum(each.amount.micros for each in entry.postings if each.account is Account.REVENUE)
        if revenue:
            customer = next((each.party for each in entry.postings if each.account is Account.RECEIVABLE), None)
            owner = Owner(entry.postings[0].amount.currency, customer, None, None)
            earned, taken = (revenue, 0) if revenue > 0 else (0, revenue)
            yield self._counted(Moved(entry.source_id, owner, at, 0, 0, revenue, earned, 0, taken))

    def _moved(
        self, line_id: str, of: Schedule, billed: int = 0, earned: int = 0, catch_up: int = 0, taken_back: int = 0
    ) -> Moved:
        return self._counted(
            Moved(line_id, of.owner, of.billed_at, of.begins, of.end, billed, earned, catch_up, taken_back)
        )

    def _counted(self, moved: Moved) -> Moved:
        currency = moved.owner.currency
        self.recognised[currency] = self.recognised.get(currency, 0) + moved.recognised
        return moved


def dump(state: Deferrals) -> Any:
    """As JSON: each owner once, and seven values for a schedule."""
    owners: dict[Owner, int] = {}
    lines = [
        [line_id, owners.setdefault(s.owner, len(owners)), s.billed_at, s.begins, s.start, s.end, s.amount]
        for line_id, s in state.open.items()
    ]
    return {
        "open": lines,
        "owners": [list(each) for each in owners],
        "until": state.until,
        "recognised": state.recognised,
        "early": state.early,
        "earlyAt": state.early_at,
    }


def read(dumped: Any) -> Deferrals:
    """From JSON."""
    owners = [Owner(*each) for each in dumped["owners"]]
    lines = {line_id: Schedule(owners[n], *numbers) for line_id, n, *numbers in dumped["open"]}
    return Deferrals(lines, dumped["until"], dumped["recognised"], dumped["early"], dumped["earlyAt"])


def _half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    above = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return whole + 1 if above else whole


def _owner(invoice: Invoice, line: InvoiceLine) -> Owner:
    return Owner(invoice.currency, invoice.customer_id, line.plan_id, line.component)


def _finalized(invoice: Invoice) -> int:
    assert invoice.finalized_at is not None
    return instant(invoice.finalized_at)
