"""Issue 17: the laws of MRR's reports, whatever moved: start and movements are the end, which subscriptions sum to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.money import Money
from billing.domain.reports.mrr import MrrBook, MrrFold, MrrKind, Window, filled
from billing.domain.reports.mrr_tables import (
    MRR_COLUMNS,
    MRR_PLAN_COLUMNS,
    cohort_cells,
    cohort_rows,
    days_of,
    months_of,
    mrr_plan_rows,
    mrr_rows,
    retention_rows,
)
from billing.domain.reports.span import Span
from billing.domain.reports.table import Row
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.mrr import MrrMovement, movement, recounted
from billing.domain.subscriptions.recurring import Mrr, MrrStanding
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.subscriptions.subscription import SubscriptionState as S
from billing.domain.tenant import DunningAction
from tests.support.engine import changed, flat, percent, plan, seats, started
from tests.support.moved import BEGIN, Story, stories

ZONES = ("UTC", "America/Los_Angeles", "Pacific/Auckland", "America/Santiago")
_FIGURES = ("mrr", "after_discounts", "at_risk", "scheduled_churn", "trial", "not_converted")
_AT_END = 15  # where the figures at the end begin in a row of MRR


def rows_of(story: Story, span: Span, *, by_day: bool) -> Iterator[tuple[datetime, Row]]:
    """The rows of MRR, each with when it ends."""
    days = list(days_of(span, by_day=by_day))
    windows = [each.window(span.zone) for each in days]
    book = MrrBook()
    for each in (each for each in story.moves if each.at < span.begin):
        book.take(each)
    within = [each for each in story.moves if span.begin <= each.at < span.end]
    for each, window in zip(days, filled(book, windows, within), strict=True):
        for row in mrr_rows(each, window):
            yield window.end, row


def holds(story: Story, span: Span, *, by_day: bool) -> list[Row]:
    """Each row adds up, begins where the one before it ended, and ends at what there is."""
    ends: dict[str, Any] = {}
    found = []
    for end, row in rows_of(story, span, by_day=by_day):
        currency = str(row[2])
        start, *moved = (int(each.micros) for each in row[3:_AT_END] if isinstance(each, Money))
        at_end = [each.micros for each in row[_AT_END : _AT_END + 6] if isinstance(each, Money)]
        own = [each for each in story.at(end).values() if each.currency == currency]
        assert at_end == [sum(getattr(each.figures, name).micros for each in own) for name in _FIGURES]
        assert start + sum(moved) == at_end[0]
        before, new, returned, churned, paused, after = (int(str(each)) for each in row[_AT_END + 6 :])
        assert before + new + returned - churned - paused == after == story.customers_at(end, currency)
        assert ends.get(currency, (start, before)) == (start, before)
        ends[currency] = at_end[0], after
        found.append(row)
    return found


# --- movements of any kind, in any order


@given(stories(), st.sampled_from(ZONES), st.integers(0, 20), st.integers(1, 40))
def test_every_row_adds_up(story: Story, zone: str, skipped: int, days: int) -> None:
    first = date(2028, 2, 24) + timedelta(days=skipped)
    span = Span(first, first + timedelta(days=days), zone)
    holds(story, span, by_day=True)
    holds(story, span, by_day=False)


@given(stories(), st.sampled_from(ZONES))
def test_the_days_of_a_month_sum_to_the_month(story: Story, zone: str) -> None:
    span = Span(date(2028, 2, 1), date(2028, 4, 1), zone)

    def sums(rows: list[Row]) -> dict[tuple[object, int], int]:
        found: dict[tuple[object, int], int] = {}
        for row in rows:
            for n in range(4, _AT_END):
                amount = row[n]
                assert isinstance(amount, Money)
                if amount.micros:
                    found[row[2], n] = found.get((row[2], n), 0) + amount.micros
        return found

    assert sums(holds(story, span, by_day=True)) == sums(holds(story, span, by_day=False))


@given(stories(), st.integers(0, 25))
def test_a_state_that_was_kept_goes_on_as_if_it_had_never_been(story: Story, upto: int) -> None:
    fold, whole = MrrFold(), MrrBook()
    kept = fold.empty()
    for n, each in enumerate(story.moves):
        if n == upto:
            kept = fold.read(fold.dump(kept))
        fold.add(kept, each)
        whole.take(each)
    assert fold.dump(kept) == fold.dump(whole)
    assert kept == whole


@given(stories(("USD",)), st.sampled_from(ZONES), st.booleans())
def test_rates_are_between_nothing_and_all(story: Story, zone: str, by_year: bool) -> None:
    """Gross retention, at most net retention; churn of no more than there were."""
    months = list(months_of(Span(date(2028, 2, 1), date(2028, 5, 1), zone), by_year=by_year))
    windows = [each.window(zone) for each in months]
    for each, window in zip(months, filled(MrrBook(), windows, story.moves), strict=True):
        for row in retention_rows(each, window):
            rate, gross, net = (float(str(share)) if share is not None else None for share in (row[5], row[9], row[10]))
            if gross is not None and net is not None:
                assert 0 <= gross <= 1
                assert any(move.opening for move in story.moves) or gross <= net
            assert rate is None or 0 <= rate <= 1
            assert (rate is None) == (row[3] == 0)


@given(stories(), st.sampled_from(ZONES))
def test_cohorts_together_are_all_there_is(story: Story, zone: str) -> None:
    span = Span(date(2028, 2, 1), date(2028, 6, 1), zone)
    book, ends = MrrBook(), []
    moves = list(story.moves)
    for month in span.months:
        end = month.following.begin(zone)
        while moves and moves[0].at < end:
            book.take(moves.pop(0))
        cells = cohort_cells(book, span)
        for currency, totals in book.totals.items():
            own = [cell for (_, of), cell in cells.items() if of == currency]
            assert sum(customers for customers, _ in own) == totals.customers
            assert sum(mrr for _, mrr in own) == totals.mrr
        ends.append((month, cells))
    for row in cohort_rows(ends):
        if row[2] == 0 and row[3]:
            assert row[5] == 1


@given(stories(), st.sampled_from(ZONES), st.booleans())
def test_plans_together_are_all_there_is_column_by_column(story: Story, zone: str, by_day: bool) -> None:
    """Each plan adds up, begins where it ended, ends at what its subscriptions count for; plans sum to the total."""
    span = Span(date(2028, 2, 24), date(2028, 4, 10), zone)
    days = list(days_of(span, by_day=by_day))
    windows = [each.window(zone) for each in days]
    book, ends = MrrBook(), dict[tuple[str, str], int]()
    for each in (each for each in story.moves if each.at < span.begin):
        book.take(each)
    within = [each for each in story.moves if span.begin <= each.at < span.end]
    for each, window in zip(days, filled(book, windows, within), strict=True):
        sums: Counter[tuple[str, str]] = Counter()
        for row in mrr_plan_rows(each, window):
            currency, plan_id, *amounts = row[2], row[3], *(cell.micros for cell in row[4:] if isinstance(cell, Money))
            start, *moved = amounts[: len(MrrKind) + 3]
            assert start + sum(moved) == amounts[len(MrrKind) + 3]
            key = str(currency), str(plan_id)
            assert ends.pop(key, start) == start
            ends[key] = amounts[len(MrrKind) + 3]
            own = [one for one in story.at(window.end).values() if (one.currency, one.plan_id) == key]
            assert amounts[len(MrrKind) + 3 :] == [
                sum(getattr(one.figures, of).micros for one in own) for of in _FIGURES
            ]
            names = (column.name for column in MRR_PLAN_COLUMNS[4:])
            sums.update({(key[0], name): micros for name, micros in zip(names, amounts, strict=True)})
        for row in mrr_rows(each, window):
            cells = {column.name: cell for column, cell in zip(MRR_COLUMNS, row, strict=True)}
            whole = {name: cell.micros for name, cell in cells.items() if isinstance(cell, Money)}
            assert {name: sums[str(row[2]), name] for name in whole} == whole
            assert sums[str(row[2]), "planIn"] == -sums[str(row[2]), "planOut"]


def test_a_change_of_plan_is_the_customers_and_shows_on_both_plans() -> None:
    story = Story()
    was = Mrr(MrrStanding.COUNTED, Money(50, "USD"), Money(50, "USD"), "basic", BEGIN, counted_since=BEGIN)
    for n, (amount, plan_id) in enumerate([(50, "basic"), (70, "pro"), (50, "basic"), (50, "pro"), (0, "free")]):
        now = replace(was, amount=Money(amount, "USD"), discounted=Money(amount, "USD"), plan_id=plan_id)
        at = BEGIN + timedelta(days=n)
        before = story.latest.get("sub_1")
        story.enter(MrrMovement(f"mrr_{n}", "ten_1", "sub_1", n, "cus_1", at, at, before, now))
    book = MrrBook()
    assert [change.of_plans for move in story.moves for change in book.take(move)] == [
        (("basic", "new", 50),),
        (("basic", "planOut", -50), ("pro", "planIn", 50), ("pro", "expansion", 20)),
        (("pro", "planOut", -50), ("basic", "planIn", 50), ("pro", "contraction", -20)),
        (("basic", "planOut", -50), ("pro", "planIn", 50)),
        (("pro", "churnVoluntary", -50),),
    ]


def _retained(*moves: tuple[str, MrrStanding, int]) -> tuple[object, ...]:
    """Lost, grown, gross and net retention of March, of whom had 50.00 each at its begin."""
    story = Story()
    plain = Mrr(MrrStanding.COUNTED, Money(50, "USD"), Money(50, "USD"), "basic", BEGIN, counted_since=BEGIN)
    for n, (subscription_id, standing, amount) in enumerate(
        [("sub_1", MrrStanding.COUNTED, 50), ("sub_2", MrrStanding.COUNTED, 50), *moves]
    ):
        at = BEGIN if n < 2 else BEGIN + timedelta(days=5 + n)
        now = replace(plain, standing=standing, amount=Money(amount, "USD"), discounted=Money(amount, "USD"))
        before = story.latest.get(subscription_id)
        story.enter(MrrMovement(f"mrr_{n}", "ten_1", subscription_id, n, "cus_1", at, at, before, now))
    (march,) = months_of(Span(date(2028, 3, 1), date(2028, 4, 1), "UTC"), by_year=False)
    book = MrrBook()
    for each in story.moves[:2]:
        book.take(each)
    (window,) = filled(book, [march.window("UTC")], story.moves[2:])
    (row,) = retention_rows(march, window)
    return tuple(cell.micros if isinstance(cell, Money) else cell for cell in row[7:])


def test_a_pause_is_a_loss_while_it_lasts() -> None:
    """What is resumed within the month was never lost; more than that is growth, less is what was lost."""
    paused, counted = MrrStanding.PAUSED, MrrStanding.COUNTED
    half, whole = Decimal("0.5"), Decimal(1)
    assert _retained(("sub_1", paused, 50)) == (50, -50, half, half)
    assert _retained(("sub_1", paused, 50), ("sub_1", counted, 50)) == (0, 0, whole, whole)
    assert _retained(("sub_1", paused, 50), ("sub_1", counted, 70)) == (0, 20, whole, Decimal("1.2"))
    assert _retained(("sub_1", paused, 50), ("sub_1", counted, 20)) == (30, -30, Decimal("0.7"), Decimal("0.7"))
    # What another subscription gains pays for no pause.
    assert _retained(("sub_1", paused, 50), ("sub_2", counted, 100)) == (50, 0, half, whole)
    again = [("sub_1", paused, 50), ("sub_1", counted, 50)] * 2
    assert _retained(*again, ("sub_1", paused, 50)) == (50, -50, half, half)


def test_a_change_of_currency_is_neither_churn_nor_new() -> None:
    story = Story()
    euro = Mrr(MrrStanding.COUNTED, Money(5, "EUR"), Money(5, "EUR"), "basic", BEGIN, counted_since=BEGIN)
    dollar = replace(euro, amount=Money(7, "USD"), discounted=Money(7, "USD"))
    story.enter(MrrMovement("mrr_1", "ten_1", "sub_1", 1, "cus_1", BEGIN, BEGIN, None, euro))
    later = BEGIN + timedelta(days=3)
    story.enter(MrrMovement("mrr_2", "ten_1", "sub_1", 2, "cus_1", later, later, euro, dollar))
    book = MrrBook()
    kinds = [(change.currency, change.kind, change.amount) for move in story.moves for change in book.take(move)]
    assert kinds == [("EUR", MrrKind.NEW, 5), ("EUR", MrrKind.CURRENCY_OUT, -5), ("USD", MrrKind.CURRENCY_IN, 7)]


def test_what_moves_as_a_day_begins_is_of_that_day() -> None:
    story = Story()
    midnight_there = datetime(2028, 2, 29, 8, tzinfo=UTC)  # in Los Angeles
    mrr = Mrr(MrrStanding.COUNTED, Money(5, "USD"), Money(5, "USD"), "basic", midnight_there)
    story.enter(MrrMovement("mrr_1", "ten_1", "sub_1", 1, "cus_1", midnight_there, midnight_there, None, mrr))
    rows = holds(story, Span(date(2028, 2, 28), date(2028, 3, 2), "America/Los_Angeles"), by_day=True)
    assert [(row[0], row[4]) for row in rows] == [
        (date(2028, 2, 29), Money(5, "USD")),
        (date(2028, 3, 1), Money(0, "USD")),
    ]


def test_windows_that_nothing_falls_into_are_there_all_the_same() -> None:
    days = [Window(BEGIN + timedelta(days=n), BEGIN + timedelta(days=n + 1)) for n in range(3)]
    assert list(filled(MrrBook(), days, [])) == days


# --- histories as the engine makes them

PLANS = [
    plan(flat(1000), seats(333), name="Small"),
    plan(flat(4999), seats(250), name="Large"),
    plan(flat(0), seats(777), name="Free"),
    plan(flat(99_900), seats(3), name="Quarter", interval_count=3),
]
COUPONS = [None, percent(25), percent(50, 1), percent(100, 2)]


@dataclass
class Engine:
    """Subscriptions as their owner changes them, saved as the unit of work saves them."""

    story: Story
    now: datetime = BEGIN
    stored: dict[str, Subscription] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)

    def save(self, made: Subscription, before: Subscription | None) -> None:
        version = before.version + 1 if before is not None else 1
        was = before.mrr if before is not None else None
        saved = recounted(replace(made, version=version), was, self.now)
        moved = movement(saved, was, self.now, is_new=before is None)
        self.stored[saved.id] = saved
        if moved is not None:
            self.story.enter(moved)

    def step(self, key: str, what: int, draw: st.DrawFn) -> None:
        before = self.stored.get(key)
        if before is None or before.state is S.CANCELED:
            self._begins(key if before is None else f"{key}+", draw)
            return
        own = PLANS[self.plans[key]]
        while before.state in (S.ACTIVE, S.PAST_DUE, S.TRIALING) and self.now >= before.current_period.end:
            end = before.current_period.end
            made = lifecycle.on_invoice(changes.begin_period(before, own, end).subscription, f"in_{end}")
            made = lifecycle.ended(before, end) if before.cancel_at_period_end else made
            self.save(made, before)
            before = self.stored[key]
        if before.state is not S.CANCELED:
            self._changes(before, what, draw)

    def _begins(self, key: str, draw: st.DrawFn) -> None:
        if key in self.stored:
            return
        n = draw(st.integers(0, len(PLANS) - 1))
        self.plans[key] = n
        trial = draw(st.sampled_from([0, 0, 3]))
        discount = draw(st.sampled_from(COUPONS))
        new = started(PLANS[n], self.now, {"seats": draw(st.integers(0, 9))}, trial, discount=discount)
        new = replace(new, id=key, customer_id=f"cus_{key[4]}")
        if not trial:
            new = lifecycle.on_invoice(changes.first_period(new, PLANS[n]).subscription, f"in_{key}")
        self.save(new, None)

    def _changes(self, before: Subscription, what: int, draw: st.DrawFn) -> None:
        key, own = before.id, PLANS[self.plans[before.id]]
        made = before
        if before.state is S.INCOMPLETE or before.awaits_first_payment:
            made = lifecycle.invoice_paid(before, before.first_invoice_id or "", self.now, "00")
        elif what == 0 and before.state is not S.PAUSED and not before.cancel_at_period_end:
            made = changes.pause(before, own, self.now, None, ProrationBehavior.CREATE_PRORATIONS).subscription
        elif what == 1 and before.state is S.PAUSED and not before.unpaid_invoice_ids:
            made = changes.resume(before, own, self.now).subscription
        elif what == 2:
            made = lifecycle.invoice_unpaid(before, "in_unpaid")
        elif what == 3:
            made = lifecycle.invoice_paid(before, "in_unpaid", self.now, "00")
        elif what == 4:
            made = lifecycle.dunned(before, draw(st.sampled_from(DunningAction)), self.now)
        elif what == 5 and before.state is not S.PAUSED:
            made = lifecycle.cancel(before, self.now, draw(st.booleans()))
        elif what >= 6 and before.state is not S.PAUSED and not before.cancel_at_period_end:
            n = draw(st.sampled_from([self.plans[key], *range(3)]))
            coupon = draw(st.sampled_from(COUPONS))
            wanted = {"seats": draw(st.integers(0, 9))}
            behavior = ProrationBehavior.INVOICE_NOW
            made = changed(before, own, self.now, PLANS[n], wanted, behavior, discount=coupon).subscription
            self.plans[key] = n
        if made is not before:
            self.save(made, before)


@settings(max_examples=60)
@given(st.data(), st.sampled_from(ZONES))
def test_whatever_subscriptions_go_through_the_rows_are_their_sums(data: st.DataObject, zone: str) -> None:
    """Upgrades, pauses, coupons, dunning, ends and renewals of several, over a leap day."""
    engine = Engine(Story())
    for _ in range(data.draw(st.integers(0, 20))):
        engine.now += timedelta(seconds=data.draw(st.integers(0, 6 * 86_400)))
        key = f"sub_{data.draw(st.integers(0, 2))}{data.draw(st.sampled_from('ab'))}"
        engine.step(key, data.draw(st.integers(0, 9)), data.draw)
    until = (engine.now + timedelta(days=2)).date()
    rows = holds(engine.story, Span(date(2028, 2, 24), until, zone), by_day=True)
    now = [each.mrr for each in engine.stored.values() if each.mrr is not None]
    if rows:
        last = rows[-1][_AT_END]
        assert isinstance(last, Money)
        assert last.micros == sum(each.figures.mrr.micros for each in now)
