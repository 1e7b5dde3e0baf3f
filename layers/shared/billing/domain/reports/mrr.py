"""Monthly recurring revenue: what each movement was for its customer, and the sums of a period.

A movement says what happened to one subscription. What that is for the customer (new, expansion, churn) depends on the
customer's other subscriptions, so it is found out here, in the order of time, and no item of a customer's is written at
each change. Definitions: docs/decisions/0054. For every period and currency, exactly:

    start + new + reactivation + expansion + contraction + paused + resumed + churn + currency + opening = end
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Any

from billing.domain.kernel.times import format_time, parse_time
from billing.domain.subscriptions.mrr import MrrCause, MrrMovement
from billing.domain.subscriptions.recurring import Mrr


class MrrKind(StrEnum):
    """What a movement was for its customer, in one currency."""

    NEW = "new"
    REACTIVATION = "reactivation"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    PAUSED = "paused"
    RESUMED = "resumed"
    CHURN_VOLUNTARY = "churnVoluntary"
    CHURN_INVOLUNTARY = "churnInvoluntary"
    CURRENCY_IN = "currencyIn"
    CURRENCY_OUT = "currencyOut"
    OPENING = "opening"


CHURN = (MrrKind.CHURN_VOLUNTARY, MrrKind.CHURN_INVOLUNTARY)
_JOINING = (MrrKind.NEW, MrrKind.OPENING, MrrKind.CURRENCY_IN)
_SUMS = ("mrr", "after_discounts", "at_risk", "trial", "not_converted", "scheduled_churn")


@dataclass(frozen=True, slots=True)
class MrrChange:
    """A movement, as it was for its customer; in one currency.

    Args:
        kind: None where the MRR stays what it was: a trial began, an invoice is past due.
        amount: micro-units, signed.
        before, after: the customer's MRR in micro-units.
        first_at: when the customer first had any; None if it has not yet.
    """

    movement: MrrMovement
    currency: str
    kind: MrrKind | None
    amount: int
    before: int
    after: int
    first_at: datetime | None


@dataclass(slots=True)
class Totals:
    """Sums in one currency, in micro-units, over all subscriptions as they are.

    Args:
        customers: those with any MRR.
    """

    mrr: int = 0
    after_discounts: int = 0
    at_risk: int = 0
    trial: int = 0
    not_converted: int = 0
    scheduled_churn: int = 0
    customers: int = 0

    def add(self, mrr: Mrr, sign: int) -> None:
        """Take what a subscription adds to each sum, or take it out."""
        for name, micros in zip(_SUMS, mrr.sums, strict=True):
            if micros:
                setattr(self, name, getattr(self, name) + sign * micros)


@dataclass(slots=True)
class OfCustomer:
    """What a customer has in a currency, and since when it first had any."""

    mrr: int = 0
    first_at: datetime | None = None


@dataclass(slots=True)
class MrrBook:
    """Where everything stands after some movements: each customer by currency, and the sums."""

    customers: dict[tuple[str, str], OfCustomer] = field(default_factory=dict)
    totals: dict[str, Totals] = field(default_factory=dict)

    def take(self, movement: MrrMovement) -> tuple[MrrChange, ...]:
        """Enter a movement, and say what it was: one change, or two where its currency changed."""
        currencies = dict.fromkeys(each.currency for each in (movement.before, movement.after) if each is not None)
        return tuple(self._changed(movement, currency) for currency in currencies)

    def sums(self) -> dict[str, Totals]:
        """The sums as they are now, by currency."""
        return {currency: replace(each) for currency, each in self.totals.items()}

    def _changed(self, movement: MrrMovement, currency: str) -> MrrChange:
        totals = self.totals.setdefault(currency, Totals())
        amount = 0
        for mrr, sign in ((movement.before, -1), (movement.after, 1)):
            if mrr is not None and mrr.currency == currency:
                totals.add(mrr, sign)
                amount += sign * mrr.sums[0]
        customer = self.customers.setdefault((currency, movement.customer_id), OfCustomer())
        before, after = customer.mrr, customer.mrr + amount
        kind = _kind(movement.cause, amount, before, after, customer.first_at is not None) if amount else None
        customer.mrr = after
        if after and customer.first_at is None:
            customer.first_at = movement.at
        totals.customers += (after != 0) - (before != 0)
        return MrrChange(movement, currency, kind, amount, before, after, customer.first_at)


def _kind(cause: MrrCause, amount: int, before: int, after: int, had_any: bool) -> MrrKind:
    if cause is MrrCause.OPENING:
        return MrrKind.OPENING
    if cause is MrrCause.CURRENCY:
        return MrrKind.CURRENCY_IN if amount > 0 else MrrKind.CURRENCY_OUT
    if cause is MrrCause.PAUSED:
        return MrrKind.PAUSED
    if cause is MrrCause.RESUMED:
        return MrrKind.RESUMED
    if amount > 0:
        if before:
            return MrrKind.EXPANSION
        return MrrKind.REACTIVATION if had_any else MrrKind.NEW
    if after:
        return MrrKind.CONTRACTION
    return MrrKind.CHURN_INVOLUNTARY if cause is MrrCause.ENDED_INVOLUNTARILY else MrrKind.CHURN_VOLUNTARY


class MrrFold:
    """Enters movements: a fold (see ``domain.reports.fold``) whose records are ``MrrMovement``."""

    name = "mrr"
    version = 1
    with_documents = False

    def empty(self) -> MrrBook:
        """Nobody has anything."""
        return MrrBook()

    def add(self, state: MrrBook, record: MrrMovement) -> None:
        """Enter a movement."""
        state.take(record)

    def dump(self, state: MrrBook) -> Any:
        """As JSON: a customer in about 60 bytes."""
        return {
            "customers": [
                [currency, customer_id, each.mrr, format_time(each.first_at) if each.first_at else None]
                for (currency, customer_id), each in state.customers.items()
            ],
            "totals": {currency: list(astuple(each)) for currency, each in state.totals.items()},
        }

    def read(self, dumped: Any) -> MrrBook:
        """From JSON."""
        customers = {
            (currency, customer_id): OfCustomer(mrr, parse_time(first_at) if first_at else None)
            for currency, customer_id, mrr, first_at in dumped["customers"]
        }
        return MrrBook(customers, {currency: Totals(*sums) for currency, sums in dumped["totals"].items()})


@dataclass(slots=True)
class Touched:
    """A customer of whom something changed in a period.

    Args:
        start: what it had at the period's begin.
        lost, gained: what it lost (contraction, churn, a pause) and gained again of that, both above zero.
        churned: it did at some time in the period.
    """

    start: int
    lost: int = 0
    gained: int = 0
    churned: bool = False


@dataclass(slots=True)
class MrrPeriod:
    """What happened in a period, in one currency.

    Args:
        start: the sums at its begin.
        moved: by kind, signed micro-units.
        joined: customers who came to have MRR for the first time; ``returned`` again; ``churned``; ``paused`` who have
            none for another reason than that they left.
    """

    start: Totals
    moved: dict[MrrKind, int] = field(default_factory=dict)
    joined: int = 0
    returned: int = 0
    churned: int = 0
    paused: int = 0
    touched: dict[str, Touched] = field(default_factory=dict)

    def add(self, change: MrrChange) -> None:
        """Take a change that happened in it."""
        if change.kind is None:
            return
        kind, amount = change.kind, change.amount
        self.moved[kind] = self.moved.get(kind, 0) + amount
        if not change.before:
            self.joined += kind in _JOINING
            self.returned += kind not in _JOINING
        elif not change.after:
            self.churned += kind in CHURN
            self.paused += kind not in CHURN
        customer = self.touched.setdefault(change.movement.customer_id, Touched(change.before))
        customer.lost += -amount if amount < 0 and kind is not MrrKind.CURRENCY_OUT else 0
        customer.gained += amount if amount > 0 and kind is not MrrKind.CURRENCY_IN else 0
        customer.churned = customer.churned or kind in CHURN

    @property
    def churned_of_start(self) -> int:
        """Customers who had MRR at the begin and churned since, whether or not they came back."""
        return sum(1 for each in self.touched.values() if each.start and each.churned)

    @property
    def churn_rate(self) -> Decimal | None:
        """Of the customers with MRR at the begin, the share that churned; None where there were none."""
        return ratio(self.churned_of_start, self.start.customers)

    @property
    def lost_of_start(self) -> int:
        """What those who had MRR at the begin lost of it: contraction, churn and pauses.

        Nobody loses more than it had: 100.00 that became 160.00 and then nothing are a loss of 100.00.
        """
        return sum(min(each.start, each.lost) for each in self.touched.values())

    @property
    def grown_of_start(self) -> int:
        """What those who had MRR at the begin lost and gained, signed."""
        return sum(each.gained - each.lost for each in self.touched.values() if each.start)

    @property
    def gross_retention(self) -> Decimal | None:
        """(start - contraction - churn - paused) / start, of those who had MRR at the begin; None of nothing."""
        return ratio(self.start.mrr - self.lost_of_start, self.start.mrr)

    @property
    def net_retention(self) -> Decimal | None:
        """The same with their expansion, and what they resumed and came back with."""
        return ratio(self.start.mrr + self.grown_of_start, self.start.mrr)


def ratio(part: int, whole: int) -> Decimal | None:
    """A share to six digits; None of nothing."""
    return Decimal(round(Decimal(part) * 1_000_000 / whole)) / 1_000_000 if whole else None


@dataclass(slots=True)
class Window:
    """A stretch of time, with what happens in it by currency.

    Args:
        begin, end: [begin, end).
        start_sums, end_sums: at its begin and at its end, by currency.
    """

    begin: datetime
    end: datetime
    start_sums: dict[str, Totals] = field(default_factory=dict)
    end_sums: dict[str, Totals] = field(default_factory=dict)
    _periods: dict[str, MrrPeriod] = field(default_factory=dict)

    def period(self, currency: str) -> MrrPeriod:
        """What happened in it in a currency."""
        return self._periods.setdefault(currency, MrrPeriod(self.start_sums.get(currency, Totals())))


def filled(book: MrrBook, windows: Iterable[Window], movements: Iterable[MrrMovement]) -> Iterator[Window]:
    """Windows, each as soon as it is over, with what happened in it.

    Args:
        book: before the first window; it goes on with the movements.
        windows: in order of both their begins and their ends; they may overlap.
        movements: from the first window's begin to the last one's end, in order.
    """
    waiting, running = deque(windows), deque[Window]()
    for movement in chain(movements, (None,)):
        at = movement.at if movement is not None else None
        while True:
            if running and (at is None or running[0].end <= at):
                over = running.popleft()
                over.end_sums = book.sums()
                yield over
            elif waiting and (at is None or waiting[0].begin <= at):
                begun = waiting.popleft()
                begun.start_sums = book.sums()
                running.append(begun)
            else:
                break
        if movement is not None:
            for change in book.take(movement):
                for each in running:
                    each.period(change.currency).add(change)
