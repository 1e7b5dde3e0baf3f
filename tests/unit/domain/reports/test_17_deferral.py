"""Issue 17: what is recognised and what is deferred add up to the ledger's revenue, at any instant."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.domain.kernel.money import Money
from billing.domain.reports.deferral import Deferrals, Moved, Owner, Schedule, instant
from billing.domain.reports.fold import Posted
from billing.domain.reports.recognised_months import RecognitionFold, grouped
from billing.domain.reports.recognition import BY, Figures, month
from billing.domain.reports.span import Month
from tests.support.billed import FIRST, Books, histories, line
from tests.support.engine import on

ZONE = "America/Los_Angeles"
_INSTANTS = st.integers(0, 500 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def folded(posted: Iterable[Posted], at: datetime) -> Deferrals:
    state = Deferrals()
    for each in posted:
        for _ in state.post(each):
            pass
    for _ in state.advance(at):
        pass
    return state


def deferred(state: Deferrals) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, each, rest in state.deferred():
        found[each.owner.currency] = found.get(each.owner.currency, 0) + rest
    return {currency: rest for currency, rest in found.items() if rest}


def total(state: Deferrals) -> dict[str, int]:
    rest = deferred(state)
    sums = {each: state.recognised.get(each, 0) + rest.get(each, 0) for each in state.recognised.keys() | rest.keys()}
    return {currency: sum_ for currency, sum_ in sums.items() if sum_}


def by_month(books: Books, first: str, until: str, zone: str = "UTC") -> dict[str, Figures]:
    """The months' figures in US dollars."""
    each, last, found = Month.of(on(first), "UTC"), Month.of(on(until), "UTC"), {}
    state = folded(books.before(each.begin(zone)), each.begin(zone))
    while each <= last:
        posted = books.between(each.begin(zone), each.following.begin(zone))
        of_all = month(state, posted, each.following.begin(zone), lambda _, owner: (owner.currency,))
        found[str(each)] = of_all.get(("USD",), Figures())
        each = each.following
    return found


def amounts(found: dict[str, Figures]) -> list[tuple[int, ...]]:
    return [each.amounts for each in found.values()]


def recognised(books: Books, first: str, until: str) -> list[int]:
    return [each.amounts[2] for each in by_month(books, first, until).values()]


# Worked examples


def test_stripe_a_month_from_15_january() -> None:
    books = Books()
    books.bill(on("2027-01-15"), [line(usd(3_100), "2027-01-15", "2027-02-15")])
    assert recognised(books, "2027-01-01", "2027-02-01") == [1_700_000, 1_400_000]


def test_stripe_a_year() -> None:
    books = Books()
    books.bill(on("2027-01-01"), [line(usd(36_500), "2027-01-01", "2028-01-01")])
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert recognised(books, "2027-01-01", "2027-12-01") == [each * 100_000 for each in days]


def test_stripe_120_days_from_noon() -> None:
    books = Books()
    books.bill(on("2027-06-15T12:00"), [line(usd(12_000), "2027-06-15T12:00", "2027-10-13T12:00")])
    assert recognised(books, "2027-06-01", "2027-10-01") == [1_550_000, 3_100_000, 3_100_000, 3_000_000, 1_250_000]


def test_a_year_of_1552_50_from_a_second_of_november() -> None:
    books, begin, end = Books(), "2026-11-29T08:44:42", "2027-11-29T08:44:42"
    books.bill(on(begin), [line(usd(207_000), begin, end, off=51_750)])
    found = recognised(books, "2026-11-01", "2027-11-01")
    assert found[:4] == [695_701, 13_185_616, 13_185_617, 11_909_589]
    assert (found[-1], sum(found)) == (12_064_573, 155_250_000)


def test_an_upgrade_that_is_billed_in_the_month_after_catches_up() -> None:
    books = Books()
    books.bill(on("2027-01-01"), [line(usd(10_000), "2027-01-01", "2027-02-01")])
    books.bill(
        on("2027-02-01"),
        [
            line(usd(-5_000), "2027-01-16T12:00", "2027-02-01"),
            line(usd(20_000), "2027-01-16T12:00", "2027-02-01"),
            line(usd(40_000), "2027-02-01", "2027-03-01"),
        ],
    )
    found = by_month(books, "2027-01-01", "2027-02-01")
    assert found["2027-01"].amounts == (0, 10_000_000, 10_000_000, 0, 0, 0)
    assert found["2027-02"].amounts == (0, 55_000_000, 55_000_000, 15_000_000, 0, 0)


def test_usage_is_earned_when_it_is_billed_and_what_is_of_earlier_months_is_caught_up() -> None:
    books = Books()
    books.bill(on("2027-02-16"), [line(usd(3_100), "2027-01-16", "2027-02-16", usage=True)])
    assert by_month(books, "2027-02-01", "2027-02-01")["2027-02"].amounts == (0, 3_100_000, 3_100_000, 1_600_000, 0, 0)


def test_what_has_no_period_is_earned_at_once() -> None:
    books = Books()
    books.bill(on("2027-02-16"), [line(usd(3_100))])
    assert by_month(books, "2027-02-01", "2027-02-01")["2027-02"].amounts == (0, 3_100_000, 3_100_000, 0, 0, 0)


def test_a_credit_takes_what_is_deferred_first() -> None:
    books = Books()
    invoice = books.bill(on("2027-01-01"), [line(usd(36_500), "2027-01-01", "2028-01-01")])
    books.credit(on("2027-04-01"), invoice.id, usd(13_750), f"{invoice.id}-1")  # half of the 275 days that are left
    found = by_month(books, "2027-03-01", "2027-12-01")
    assert found["2027-04"].amounts == (27_500_000, -13_750_000, 1_500_000, 0, 0, 12_250_000)
    assert found["2027-12"].amounts == (1_550_000, 0, 1_550_000, 0, 0, 0)


def test_a_credit_of_more_than_is_deferred_reverses_revenue() -> None:
    books = Books()
    invoice = books.bill(on("2027-01-01"), [line(usd(36_500), "2027-01-01", "2028-01-01")])
    books.credit(on("2027-04-01"), invoice.id, usd(30_000))
    found = by_month(books, "2027-04-01", "2027-05-01")
    assert found["2027-04"].amounts == (27_500_000, -30_000_000, -2_500_000, 0, -2_500_000, 0)
    assert found["2027-05"].amounts == (0, 0, 0, 0, 0, 0)


def test_a_void_reverses_all() -> None:
    books = Books()
    invoice = books.bill(on("2027-01-01"), [line(usd(36_500), "2027-01-01", "2028-01-01", tax=19)])
    books.void(on("2027-01-11"), invoice.id)
    found = by_month(books, "2027-01-01", "2027-02-01")
    assert found["2027-01"].amounts == (0, 0, 0, 0, -1_000_000, 0)
    assert found["2027-02"].amounts == (0, 0, 0, 0, 0, 0)


def test_a_bad_debt_is_no_less_revenue() -> None:
    books = Books()
    invoice = books.bill(on("2027-01-01"), [line(usd(36_500), "2027-01-01", "2028-01-01")])
    books.give_up(on("2027-02-01"), invoice.id)
    assert recognised(books, "2027-02-01", "2027-03-01") == [2_800_000, 3_100_000]


def test_lines_that_come_to_nothing_together_still_move_what_is_earned_when() -> None:
    books = Books()
    books.bill(on("2027-01-01"), [line(usd(3_100), "2027-01-01", "2027-02-01")])
    books.bill(
        on("2027-01-11"),
        [line(usd(-2_100), "2027-01-11", "2027-02-01"), line(usd(2_100), "2027-02-01", "2027-03-01")],
    )
    assert recognised(books, "2027-01-01", "2027-02-01") == [1_000_000, 2_100_000]


def test_a_credit_that_comes_before_its_invoice_of_the_same_instant() -> None:
    """Entries of one instant come by their ids, which say nothing of what was first."""
    books, at = Books(), on("2027-01-01")
    invoice = books.bill(at, [line(usd(36_500), "2027-01-01", "2028-01-01"), line(usd(1_000))])
    books.credit(at, invoice.id, usd(18_250), f"{invoice.id}-1")
    in_order = amounts(by_month(books, "2027-01-01", "2027-02-01"))
    books.posted.reverse()
    assert amounts(by_month(books, "2027-01-01", "2027-02-01")) == in_order
    assert in_order[1][2] == 1_400_000


def test_a_void_that_comes_before_its_invoice_of_the_same_instant() -> None:
    books, at = Books(), on("2027-01-01")
    invoice = books.bill(at, [line(usd(36_500), "2027-01-01", "2028-01-01"), line(usd(1_000))])
    books.void(at, invoice.id)
    in_order = amounts(by_month(books, "2027-01-01", "2027-02-01"))
    books.posted.reverse()
    assert amounts(by_month(books, "2027-01-01", "2027-02-01")) == in_order
    assert in_order[0] == (0, 0, 0, 0, -1_000_000, 0)  # the line that was earned at once


def test_half_a_micro_unit_goes_to_the_even_one() -> None:
    schedule = Schedule(Owner("USD", None, None, None), 0, 0, 0, 2_000, 1_000)
    credit = Schedule(Owner("USD", None, None, None), 0, 0, 0, 2_000, -1_000)
    assert [schedule.earned(at) for at in (1, 2, 3, 5)] == [0, 1, 2, 2]
    assert [credit.earned(at) for at in (1, 2, 3, 5)] == [0, -1, -2, -2]


# Laws


@given(histories(), _INSTANTS)
def test_recognised_and_deferred_are_the_ledgers_revenue_at_any_instant(books: Books, at: datetime) -> None:
    assert total(folded(books.before(at), at)) == books.revenue(at)


@given(histories(), _INSTANTS)
def test_what_was_billed_is_earned_by_the_second_line_by_line(books: Books, at: datetime) -> None:
    """Another way to the same: each line by itself, with fractions, where nothing was credited."""
    books.posted = [each for each in books.posted if each.entry.kind == "invoice_finalized"]
    wanted: dict[str, int] = {}
    for each in books.before(at):
        assert each.document is not None
        for of in books.invoices[each.document.id].lines:
            share = Fraction(1)
            if of.period is not None and of.usage is None:
                whole = Fraction(instant(of.period.end) - instant(of.period.start))
                share = min(max((instant(at) - instant(of.period.start)) / whole, Fraction(0)), Fraction(1))
            wanted[of.amount.currency] = wanted.get(of.amount.currency, 0) + round(of.net.micros * share)
    found = folded(books.before(at), at).recognised
    assert {each: sum_ for each, sum_ in found.items() if sum_} == {each: sum_ for each, sum_ in wanted.items() if sum_}


@given(histories(), st.integers(0, 30), _INSTANTS)
def test_a_state_that_was_kept_goes_on_as_if_it_had_not_been(books: Books, after: int, at: datetime) -> None:
    fold = RecognitionFold(ZONE)
    states = [fold.empty(), fold.empty()]
    for n, each in enumerate(books.posted):
        if n == after:
            states[0] = fold.read(json.loads(json.dumps(fold.dump(states[0]))))
        for state in states:
            fold.add(state, each)
    one, other = (json.dumps(fold.dump(state)) for state in states)
    assert one == other
    end = max([at, *(each.entry.posted_at + timedelta(seconds=1) for each in books.posted)])
    amounts = [
        [(m, {g: f.amounts for g, f in found.items()}) for m, found in fold.until(state, end)] for state in states
    ]
    assert amounts[0] == amounts[1]


@given(histories(), st.sampled_from(["", "plan", "component"]))
def test_the_months_of_the_fold_are_those_that_are_made_one_by_one(books: Books, by: str) -> None:
    assume(books.posted)
    fold, end = RecognitionFold(ZONE), Month(2029, 7).begin(ZONE)
    whole = fold.empty()
    for each in books.posted:
        fold.add(whole, each)
    kept = {of: grouped(found, by) for of, found in fold.until(whole, end)}
    of, state = Month.of(books.posted[0].entry.posted_at, ZONE), folded([], FIRST - timedelta(days=40))
    for _ in state.advance(of.begin(ZONE)):
        pass
    while of.begin(ZONE) < end:
        posted = books.between(of.begin(ZONE), of.following.begin(ZONE))
        alone = month(state, posted, of.following.begin(ZONE), lambda _, owner: BY[by][1](owner))
        assert {g: f.amounts for g, f in kept.pop(of).items()} == {g: f.amounts for g, f in alone.items()}
        of = of.following
    assert not kept


@given(histories(), _INSTANTS)
def test_the_order_of_what_is_posted_at_one_instant_makes_no_difference(books: Books, at: datetime) -> None:
    turned = [
        each
        for _, group in groupby(books.posted, key=lambda posted: posted.entry.posted_at)
        for each in reversed(list(group))
    ]
    one, other = folded(books.before(at), at), folded([e for e in turned if e.entry.posted_at < at], at)
    assert total(one) == total(other)
    sizes = {c: abs(deferred(one).get(c, 0) - deferred(other).get(c, 0)) for c in one.recognised}
    assert all(size <= 5 * len(books.posted) for size in sizes.values())  # micro-units, of rounding


@given(histories())
def test_months_in_a_zone_west_of_utc_telescope_to_the_ledger(books: Books) -> None:
    each = Month.of(FIRST, ZONE)
    state = folded([], each.begin(ZONE))
    deferred_before: dict[str | None, int] = {}
    while each < Month(2030, 4):
        begin, end = each.begin(ZONE), each.following.begin(ZONE)
        found = month(state, books.between(begin, end), end, lambda _, owner: (owner.currency,))
        for (currency,), figures in found.items():
            begins, billed, earned, _, _, ends = figures.amounts
            assert begins == deferred_before.get(currency, 0)
            assert begins + billed - earned == ends
        deferred_before = {currency: figures.ends_with for (currency,), figures in found.items()}
        assert total(state) == books.revenue(end)
        each = each.following
    assert not any(deferred_before.values())


@given(histories(), st.integers(0, 14))
def test_a_month_is_the_same_whether_it_is_asked_for_alone_or_in_a_row(books: Books, after: int) -> None:
    each, found = Month.of(FIRST, ZONE), {}
    state = folded([], each.begin(ZONE))
    for _ in range(16):
        posted = books.between(each.begin(ZONE), each.following.begin(ZONE))
        found[each] = month(state, posted, each.following.begin(ZONE), lambda line_id, owner: (line_id, *owner))
        each = each.following
    alone = list(found)[after]
    state = folded(books.before(alone.begin(ZONE)), alone.begin(ZONE))
    posted = books.between(alone.begin(ZONE), alone.following.begin(ZONE))
    again = month(state, posted, alone.following.begin(ZONE), lambda line_id, owner: (line_id, *owner))
    assert again == found[alone]


@given(histories())
def test_catching_up_is_of_the_time_before_the_month(books: Books) -> None:
    """What was billed in a month for its own time, or for later, is never caught up."""
    state = Deferrals()
    for each in books.posted:
        begin = Month.of(each.entry.posted_at, ZONE).begin(ZONE)
        if state.until < instant(begin):
            list(state.advance(begin))
        moved: list[Moved] = list(state.post(each))
        assert all(not it.catch_up or it.begins < instant(begin) for it in moved)
        assert all(abs(it.catch_up) <= abs(it.billed) for it in moved)


def test_what_is_over_is_forgotten() -> None:
    books, fold = Books(), RecognitionFold(ZONE)
    state = fold.empty()
    for n in range(24):
        begin = datetime(2027 + n // 12, n % 12 + 1, 1, tzinfo=UTC)
        books.bill(begin, [line(usd(1_000), begin, begin + timedelta(days=28))])
        fold.add(state, books.posted[-1])
    assert len(fold.dump(state)["deferrals"]["open"]) <= 2
