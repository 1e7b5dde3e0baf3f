"""Monthly recurring revenue: what each movement was for its customer, and the sums of a period.

A movement says what happened to one subscription. What that is for the customer (new, expansion, churn) depends on the
customer's other subscriptions, so it is found out here, in the order of time, and no item of a customer's is written at
each change. Definitions: docs/decisions/0054. For every period and currency, exactly:

    start + new + reactivation + expansion + contraction + paused + resumed + churn + currency + opening = end

By plan the same holds with what came from other plans, and went to them. A customer who goes from 50.00 on one plan to
70.00 on another has an expansion of 20.00, on the plan that it has since, to which 50.00 came; back again it is a
contraction of 20.00, on the plan that it leaves, from which 50.00 went. So each column of all plans sums to the one of
the total.
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
PLAN_IN, PLAN_OUT = "planIn", "planOut"
_SUMS = ("mrr", "after_discounts", "at_risk", "trial", "not_converted", "scheduled_churn")


@dataclass(frozen=True, slots=True)
class MrrChange:
    """A movement, as it was for its customer; in one currency.

    Args:
        kind: None where the MRR stays what it was: a trial began, an invoice is past due.
        amount: micro-units, signed.
        before, after: the customer's MRR in micro-units.
        first_at: when the customer first had any; None if it has not yet.
        of_plans: the same by plan: a plan, the kind or ``PLAN_IN`` and ``PLAN_OUT``, and signed micro-units.
    """

    movement: MrrMovement
    currency: str
    kind: MrrKind | None
    amount: int
    before: int
    after: int
    first_at: datetime | None
    of_plans: tuple[tuple[str, str, int], ...] = ()


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
    """Where everything stands after some movements: each customer by currency, and the sums.

    Args:
        plans: the sums by currency and plan; a customer may be on two, so they count none.
    """

    customers: dict[tuple[str, str], OfCustomer] = field(default_factory=dict)
    totals: dict[str, Totals] = field(default_factory=dict)
    plans: dict[tuple[str, str], Totals] = field(default_factory=dict)

    def take(self, movement: MrrMovement) -> tuple[MrrChange, ...]:
        """Enter a movement, and say what it was: one change, or two where its currency changed."""
        currencies = dict.fromkeys(each.currency for each in (movement.before, movement.after) if each is not None)
        return tuple(self._changed(movement, currency) for currency in currencies)

    def sums(self) -> dict[str, Totals]:
        """The sums as they are now, by currency."""
        return {currency: replace(each) for currency, each in self.totals.items()}

    def sums_of_plans(self) -> dict[tuple[str, str], Totals]:
        """The same by currency and plan."""
        return {key: replace(each) for key, each in self.plans.items()}

    def _changed(self, movement: MrrMovement, currency: str) -> MrrChange:
        totals = self.totals.setdefault(currency, Totals())
        amount = 0
        for mrr, sign in ((movement.before, -1), (movement.after, 1)):
            if mrr is not None and mrr.currency == currency:
                totals.add(mrr, sign)
                self.plans.setdefault((currency, mrr.plan_id), Totals()).add(mrr, sign)
                amount += sign * mrr.sums[0]
        customer = self.customers.setdefault((currency, movement.customer_id), OfCustomer())
        before, after = customer.mrr, customer.mrr + amount
        kind = _kind(movement.cause, amount, before, after, customer.first_at is not None) if amount else None
        customer.mrr = after
        if after and customer.first_at is None:
            customer.first_at = movement.at
        totals.customers += (after != 0) - (before != 0)
        of_plans = tuple(_of_plans(movement, currency, kind))
        return MrrChange(movement, currency, kind, amount, before, after, customer.first_at, of_plans)


def _of_plans(movement: MrrMovement, currency: str, kind: MrrKind | None) -> Iterator[tuple[str, str, int]]:
    """What a movement is for plans: what goes from one to another, and the rest on the plan that loses or gains it."""
    one, other = (each if each is not None and each.currency == currency else None for each in _sides(movement))
    had, has = (each.sums[0] if each is not None else 0 for each in (one, other))
    moved = min(had, has)
    if one is not None and other is not None and one.plan_id != other.plan_id and moved:
        yield one.plan_id, PLAN_OUT, -moved
        yield other.plan_id, PLAN_IN, moved
    for each, amount in ((one, moved - had), (other, has - moved)):
        if each is not None and kind is not None and amount:
            yield each.plan_id, kind.value, amount


def _sides(movement: MrrMovement) -> tuple[Mrr | None, Mrr]:
    return movement.before, movement.after


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
    version = 2
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
            "plans": [[*key, *astuple(each)] for key, each in state.plans.items()],
        }

    def read(self, dumped: Any) -> MrrBook:
        """From JSON."""
        customers = {
            (currency, customer_id): OfCustomer(mrr, parse_time(first_at) if first_at else None)
            for currency, customer_id, mrr, first_at in dumped["customers"]
        }
        totals = {currency: Totals(*sums) for currency, sums in dumped["totals"].items()}
        plans = {(currency, plan_id): Totals(*sums) for currency, plan_id, *sums in dumped["plans"]}
        return MrrBook(customers, totals, plans)


@dataclass(slots=True)
class Touched:
    """A customer of whom something changed in a period.

    Args:
        start: what it had at the period's begin.
        lost, gained: what it lost (contraction, churn, a pause) and gained again of that, both above zero.
        churned: it did at some time in the period.
        paused: what its subscriptions lost by pauses that began in the period, and last.
    """

    start: int
    lost: int = 0
    gained: int = 0
    churned: bool = False
    paused: dict[str, int] = field(default_factory=dict)

    def move(self, subscription_id: str, kind: MrrKind, amount: int) -> None:
        """Take what a subscription lost or gained.

        A pause is a loss while it lasts: what is resumed of one that began in the period was never lost to it.
        """
        if amount < 0 and kind is not MrrKind.CURRENCY_OUT:
            self.lost -= amount
        if kind is MrrKind.PAUSED:
            self.paused[subscription_id] = self.paused.get(subscription_id, 0) - amount
        if amount > 0 and kind is not MrrKind.CURRENCY_IN:
            again = min(amount, self.paused.get(subscription_id, 0)) if kind is MrrKind.RESUMED else 0
            if again:
                self.paused[subscription_id] -= again
            self.lost -= again
            self.gained += amount - again
        self.churned = self.churned or kind in CHURN


@dataclass(slots=True)
class MrrPeriod:
    """What happened in a period, in one currency.

    Args:
        start: the sums at its begin.
        moved: by kind, signed micro-units.
        joined: customers who came to have MRR for the first time; ``returned`` again; ``churned``; ``paused`` who have
            none for another reason than that they left.
        plans: by plan, what moved, as ``MrrChange.of_plans`` calls it.
    """

    start: Totals
    moved: dict[MrrKind, int] = field(default_factory=dict)
    joined: int = 0
    returned: int = 0
    churned: int = 0
    paused: int = 0
    touched: dict[str, Touched] = field(default_factory=dict)
    plans: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, change: MrrChange) -> None:
        """Take a change that happened in it."""
        for plan_id, name, micros in change.of_plans:
            of_plan = self.plans.setdefault(plan_id, {})
            of_plan[name] = of_plan.get(name, 0) + micros
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
        customer.move(change.movement.subscription_id, kind, amount)

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
        """What those who had MRR at the begin lost of it: contraction, churn, and pauses that last.

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
        start_sums, end_sums: at its begin and at its end, by currency; ``start_plans``, ``end_plans`` by plan, too.
    """

    begin: datetime
    end: datetime
    start_sums: dict[str, Totals] = field(default_factory=dict)
    end_sums: dict[str, Totals] = field(default_factory=dict)
    start_plans: dict[tuple[str, str], Totals] = field(default_factory=dict)
    end_plans: dict[tuple[str, str], Totals] = field(default_factory=dict)
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
                over.end_sums, over.end_plans = book.sums(), book.sums_of_plans()
                yield over
            elif waiting and (at is None or waiting[0].begin <= at):
                begun = waiting.popleft()
                begun.start_sums, begun.start_plans = book.sums(), book.sums_of_plans()
                running.append(begun)
            else:
                break
        if movement is not None:
            for change in book.take(movement):
                for each in running:
                    each.period(change.currency).add(change)
