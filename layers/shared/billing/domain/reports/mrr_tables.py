"""The tables of MRR: its movements by day or month, and each of them; retention; cohorts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.reports.mrr import PLAN_IN, PLAN_OUT, MrrBook, MrrChange, MrrKind, Totals, Window, ratio
from billing.domain.reports.span import Month, Span, midnight
from billing.domain.reports.table import Column, Kind, Row, summed

MRR_COLUMNS = (
    Column("from", Kind.DATE, "The first day of the row"),
    Column("to", Kind.DATE, "The first day that is not in it any more"),
    Column("currency", Kind.TEXT),
    Column("start", Kind.AMOUNT, "The MRR at its begin"),
    summed("new", Kind.AMOUNT, "Of customers who never had any before"),
    summed("reactivation", Kind.AMOUNT, "Of customers who came back"),
    summed("expansion", Kind.AMOUNT, "More of customers who have some; also a second subscription"),
    summed("contraction", Kind.AMOUNT, "Less of customers who keep some; also one of two subscriptions that ended"),
    summed("paused", Kind.AMOUNT, "Of subscriptions that were paused"),
    summed("resumed", Kind.AMOUNT, "Of subscriptions that were resumed, as they are now"),
    summed("churnVoluntary", Kind.AMOUNT, "Of customers who have none any more, because they wanted it so"),
    summed("churnInvoluntary", Kind.AMOUNT, "Of customers who have none any more, because they did not pay"),
    summed("currencyIn", Kind.AMOUNT, "Of subscriptions that came from another currency"),
    summed("currencyOut", Kind.AMOUNT, "Of subscriptions that went to another currency"),
    summed("opening", Kind.AMOUNT, "Of subscriptions that are older than the record of movements"),
    Column("end", Kind.AMOUNT, "The MRR at its end: start and all movements"),
    Column("mrrAfterAllDiscounts", Kind.AMOUNT, "At its end, less discounts that hold for some periods only"),
    Column("mrrAtRisk", Kind.AMOUNT, "At its end, of subscriptions with an unpaid invoice; part of it"),
    Column("scheduledChurn", Kind.AMOUNT, "At its end, of subscriptions that end with their period; part of it"),
    Column("trialMrr", Kind.AMOUNT, "At its end, of trials; no part of it"),
    Column("trialNotConverted", Kind.AMOUNT, "At its end, of trials that are over and unpaid; no part of it"),
    Column("customersStart", Kind.INTEGER, "Customers with MRR at its begin"),
    summed("customersNew", Kind.INTEGER, "Customers who came to have MRR for the first time"),
    summed("customersReturned", Kind.INTEGER, "Customers who came to have MRR again"),
    summed("customersChurned", Kind.INTEGER, "Customers who churned"),
    summed("customersPaused", Kind.INTEGER, "Customers who have none any more for another reason: a pause"),
    Column("customersEnd", Kind.INTEGER, "Customers with MRR at its end"),
)
_END = next(n for n, each in enumerate(MRR_COLUMNS) if each.name == "end")
MRR_PLAN_COLUMNS = (
    *MRR_COLUMNS[:3],
    Column("planId", Kind.TEXT),
    *MRR_COLUMNS[3:_END],
    Column("planIn", Kind.AMOUNT, "Of subscriptions that came from other plans, what they kept of their MRR"),
    Column("planOut", Kind.AMOUNT, "The same of subscriptions that went to other plans, below zero"),
    *(each for each in MRR_COLUMNS[_END:] if each.kind is Kind.AMOUNT),
)
"""By plan; a customer may be on two of them, so there are no numbers of customers. Every column sums to the one of the
total, and ``planIn`` and ``planOut`` to nothing."""
RETENTION_COLUMNS = (
    Column("from", Kind.DATE, "The first day of the month, or of the twelve months"),
    Column("to", Kind.DATE, "The first day that is not in it any more"),
    Column("currency", Kind.TEXT),
    Column("customersStart", Kind.INTEGER, "Customers with MRR at its begin"),
    Column("customersChurned", Kind.INTEGER, "Of those, who churned in it"),
    Column("churnRate", Kind.DECIMAL, "customersChurned / customersStart; nothing where there were none"),
    Column("start", Kind.AMOUNT, "The MRR at its begin"),
    Column("lost", Kind.AMOUNT, "What those customers lost of it: contraction, churn, and pauses that last"),
    Column("grown", Kind.AMOUNT, "What they lost and gained, together: expansion, resumed and reactivation too"),
    Column("grossRetention", Kind.DECIMAL, "(start - lost) / start"),
    Column("netRetention", Kind.DECIMAL, "(start + grown) / start"),
)
COHORT_COLUMNS = (
    Column("cohort", Kind.TEXT, "The month in which its customers first had MRR"),
    Column("currency", Kind.TEXT),
    Column("month", Kind.INTEGER, "Months since then; 0 is the end of the first one"),
    Column("customers", Kind.INTEGER, "Those of them with MRR at its end"),
    Column("mrr", Kind.AMOUNT, "Their MRR at its end"),
    Column("customersShare", Kind.DECIMAL, "Of those at the end of month 0"),
    Column("mrrShare", Kind.DECIMAL, "Of that at the end of month 0"),
)
MOVEMENT_COLUMNS = (
    Column("at", Kind.TIME, "When; on a test clock, its time"),
    Column("customerId", Kind.TEXT),
    Column("subscriptionId", Kind.TEXT),
    Column("planId", Kind.TEXT, "The plan that it has since"),
    Column("cause", Kind.TEXT, "What happened to the subscription"),
    Column("kind", Kind.TEXT, "What that was for its customer; nothing where the MRR stays what it was"),
    Column("currency", Kind.TEXT),
    summed("amount", Kind.AMOUNT, "The difference"),
    Column("customerMrr", Kind.AMOUNT, "The customer's MRR after it"),
    Column("subscriptionMrr", Kind.AMOUNT, "The subscription's MRR after it"),
)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a row: [first, until)."""

    first: date
    until: date

    def window(self, zone: str) -> Window:
        """What happens in them."""
        return Window(midnight(self.first, zone), midnight(self.until, zone))


def days_of(span: Span, *, by_day: bool) -> Iterator[Days]:
    """The rows of a span: each day, or each month's part of it."""
    first = span.first
    while first < span.until:
        ends = first + timedelta(days=1) if by_day else Month(first.year, first.month).following.first
        yield Days(first, min(ends, span.until))
        first = ends


def months_of(span: Span, *, by_year: bool) -> Iterator[Days]:
    """Each month of a span, whole; or the twelve months that end with it."""
    for month in span.months:
        year = month.following
        begins = Month(year.year - 1, year.number) if by_year else month
        yield Days(begins.first, month.following.first)


def mrr_rows(days: Days, window: Window) -> Iterator[Row]:
    """A row for each currency that anybody ever had a price in."""
    for currency in sorted(window.end_sums):
        start, end = window.start_sums.get(currency, Totals()), window.end_sums[currency]
        period = window.period(currency)
        moved = (period.moved.get(kind, 0) for kind in MrrKind)
        yield (
            days.first,
            days.until,
            currency,
            *(Money(each, currency) for each in (start.mrr, *moved, *_at_end(end))),
            *(start.customers, period.joined, period.returned, period.churned, period.paused, end.customers),
        )


def mrr_plan_rows(days: Days, window: Window) -> Iterator[Row]:
    """A row for each currency and plan of which there is something to tell."""
    for currency, plan_id in sorted(window.end_plans):
        start, end = window.start_plans.get((currency, plan_id), Totals()), window.end_plans[currency, plan_id]
        own = window.period(currency).plans.get(plan_id, {})
        moved = (own.get(name, 0) for name in (*(kind.value for kind in MrrKind), PLAN_IN, PLAN_OUT))
        amounts = (start.mrr, *moved, *_at_end(end))
        if any(amounts):
            yield (days.first, days.until, currency, plan_id, *(Money(each, currency) for each in amounts))


def _at_end(end: Totals) -> tuple[int, ...]:
    return end.mrr, end.after_discounts, end.at_risk, end.scheduled_churn, end.trial, end.not_converted


def retention_rows(days: Days, window: Window) -> Iterator[Row]:
    """A row for each currency that anybody ever had a price in."""
    for currency in sorted(window.end_sums):
        period = window.period(currency)
        yield (
            days.first,
            days.until,
            currency,
            period.start.customers,
            period.churned_of_start,
            period.churn_rate,
            Money(period.start.mrr, currency),
            Money(period.lost_of_start, currency),
            Money(period.grown_of_start, currency),
            period.gross_retention,
            period.net_retention,
        )


def retention_together(row: Sequence[Any]) -> Row:
    """A row that was added up of several, with the rates of all of them."""
    first, until, currency, customers, churned, _, start, lost, grown, _, _ = row
    gross, net = (ratio(start.micros + each, start.micros) for each in (-lost.micros, grown.micros))
    return (first, until, currency, customers, churned, ratio(churned, customers), start, lost, grown, gross, net)


Cell = tuple[int, int]
"""Customers, and their MRR in micro-units."""


def cohort_cells(book: MrrBook, span: Span) -> dict[tuple[Month, str], Cell]:
    """The cohorts that began in a span, as they are now: customers with MRR, and what they have."""
    found: dict[tuple[Month, str], Cell] = {}
    for (currency, _), each in book.customers.items():
        if each.first_at is None or not span.begin <= each.first_at < span.end:
            continue
        key = Month.of(each.first_at, span.zone), currency
        customers, mrr = found.get(key, (0, 0))
        found[key] = customers + (each.mrr != 0), mrr + each.mrr
    return found


def cohort_rows(ends: Sequence[tuple[Month, dict[tuple[Month, str], Cell]]]) -> Iterator[Row]:
    """Each cohort, month after month.

    Args:
        ends: the cells at the end of each month, in order.
    """
    cohorts = sorted({key for _, cells in ends for key in cells})
    for began, currency in cohorts:
        yield from _cohort(str(began), currency, [cells[began, currency] for month, cells in ends if month >= began])


def cohort_together(rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
    """A cohort out of several tables' rows of it: what is left of all its customers."""
    sums: dict[int, Cell] = {}
    for _, _, n, customers, mrr, *_ in rows:
        before, micros = sums.get(n, (0, 0))
        sums[n] = before + customers, micros + mrr.micros
    began, currency = rows[0][:2]
    return _cohort(began, currency, [sums[n] for n in sorted(sums)])


def _cohort(began: str, currency: str, own: Sequence[Cell]) -> Iterator[Row]:
    base_customers, base_mrr = own[0]
    for n, (customers, mrr) in enumerate(own):
        shares = ratio(customers, base_customers), ratio(mrr, base_mrr)
        yield began, currency, n, customers, Money(mrr, currency), *shares


def movement_row(change: MrrChange) -> Row:
    """A change for people."""
    movement, currency = change.movement, change.currency
    own = movement.after.figures.mrr
    return (
        movement.at,
        movement.customer_id,
        movement.subscription_id,
        movement.after.plan_id,
        movement.cause.value,
        change.kind.value if change.kind is not None else None,
        currency,
        Money(change.amount, currency),
        Money(change.after, currency),
        own if own.currency == currency else Money.zero(currency),
    )
