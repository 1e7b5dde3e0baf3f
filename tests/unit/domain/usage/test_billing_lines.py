"""The lines that bill usage: filters and groups, discounts, taxes and currencies."""

from dataclasses import replace

import pytest

from billing.domain.catalog.meter import Aggregation
from billing.domain.catalog.plan import TaxBehavior
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.subscriptions.subscription import SubscriptionState
from tests.support.engine import amount, flat, metered, nets, on, percent, plan, running
from tests.support.june import CENT, END, JUNE, LATE, START, calls, renewed, said
from tests.support.usage import UsageBook, meter, reading, span_on

# Filters and groups


def test_cells_fall_to_the_components_and_groups_that_ask_for_them() -> None:
    sold = plan(
        calls(key="europe", filters={"region": ("eu", "uk")}, unit_amount=2 * CENT),
        calls(key="rest", filters={"region": ("us", "")}, group_by=("region", "tier")),
        calls(key="pro", filters={"tier": ("pro",)}, unit_amount=5 * CENT),
    )
    book, before = UsageBook.of(meter(dimensions=("region", "tier"))), running(sold, START)
    cells = [("eu", "pro", 1), ("uk", "", 10), ("us", "pro", 100), ("us", "", 1000), ("", "pro", 3), ("mars", "x", 9)]
    lines = book.close(before, sold, END, *(reading(JUNE, q, region, tier) for region, tier, q in cells)).lines
    assert [(line.description, line.amount.minor, line.dimensions) for line in lines] == [
        ("Basic: europe", 22, {}),
        ("Basic: rest (-, pro)", 3, {"region": "", "tier": "pro"}),
        ("Basic: rest (us, -)", 1000, {"region": "us", "tier": ""}),
        ("Basic: rest (us, pro)", 100, {"region": "us", "tier": "pro"}),
        ("Basic: pro", 520, {}),
    ]


def test_each_group_has_its_own_free_units_and_minimum() -> None:
    sold = plan(calls(group_by=("region",), free_units=100, minimum=30 * MICROS_PER_MINOR))
    book, before = UsageBook.of(meter(dimensions=("region",))), running(sold, START)
    lines = book.close(before, sold, END, reading(JUNE, 150, "eu"), reading(JUNE, 90, "us")).lines
    assert said(lines) == [("calls", 50, "150"), ("calls", 30, "90")]
    assert book.close(renewed(before, sold), sold, on("2025-08-01")).lines == ()  # a group that nobody used is none


def test_of_the_largest_value_a_group_has_its_own() -> None:
    sold = plan(calls(group_by=("region",)), calls(key="all"))
    book = UsageBook.of(meter(aggregation=Aggregation.MAX, dimensions=("region", "host")))
    cells = [("eu", "a", 5), ("eu", "b", 8), ("us", "a", 6)]
    lines = book.close(running(sold, START), sold, END, *(reading(JUNE, q, *cell) for *cell, q in cells)).lines
    assert said(lines) == [("calls", 8, "8"), ("calls", 6, "6"), ("all", 8, "8")]


# Discounts


def test_late_usage_has_the_discount_of_its_own_period() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(10, 1))
    assert nets(book.close(before, sold, END, reading(JUNE, 500)).lines) == [450]
    after = renewed(before, sold)
    assert after.discount is None
    assert nets(book.close(after, sold, LATE, reading(JUNE, 100)).lines) == [90]
    july = span_on(after, LATE)
    other = replace(after, discount=percent(50, name="LATER").applied())
    lines = book.close(other, sold, LATE, reading(JUNE, 100), reading(july, 100)).lines
    assert nets(lines) == [90, 50]
    assert [each.coupon_id for line in lines for each in line.discounts] == ["SALE", "LATER"]


def test_a_period_without_a_discount_gets_none_when_its_usage_comes_late() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    book.close(before, sold, END)
    after = replace(renewed(before, sold), discount=percent(50).applied())
    assert nets(book.close(after, sold, LATE, reading(JUNE, 100)).lines) == [100]


def test_what_was_used_before_a_pause_that_outlasts_the_period_has_the_discount_that_the_pause_found() -> None:
    """Dunning pauses without a closing: nothing is known of June when it runs again."""
    sold, book = plan(calls()), UsageBook.of()
    paused = replace(running(sold, START, discount=percent(10)), state=SubscriptionState.PAUSED)
    assert nets(book.close(paused, sold, on("2025-08-10"), reading(JUNE, 100)).lines) == [90]
    assert nets(book.close(renewed(paused, sold), sold, on("2025-08-11"), reading(JUNE, 100)).lines) == [90]


def test_an_amount_off_is_off_the_usage_once_and_only_where_nothing_is_billed_in_advance() -> None:
    sold, book = plan(calls(), calls(key="again")), UsageBook.of()
    before = running(sold, START, discount=amount(1000))
    assert nets(book.close(before, sold, on("2025-06-10"), reading(JUNE, 100)).lines) == [100, 100]
    lines = book.close(before, sold, END, reading(JUNE, 900)).lines
    assert [line.discount.minor for line in lines] == [500, 500]
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, 900)).lines) == [900, 900]
    ahead = plan(calls(), flat(1000))
    before = running(ahead, START, discount=amount(1000))
    assert nets(UsageBook.of().close(before, ahead, END, reading(JUNE, 900)).lines) == [900]


def test_an_amount_off_is_never_more_than_what_is_charged_beside_a_credit() -> None:
    sold = plan(calls(filters={"region": ("eu",)}), calls(key="us", filters={"region": ("us",)}))
    book = UsageBook.of(meter(dimensions=("region",)))
    before = running(sold, START, discount=amount(1000))
    book.close(before, sold, on("2025-06-10"), reading(JUNE, 300, "eu"))
    lines = book.close(before, sold, END, reading(JUNE, -100, "eu"), reading(JUNE, 400, "us")).lines
    assert sorted((line.amount.minor, line.taxable.minor) for line in lines) == [(-100, -100), (400, 0)]


# Taxes and currencies


@pytest.mark.parametrize("behavior", TaxBehavior)
def test_a_line_says_whether_its_tax_is_in_it(behavior: TaxBehavior) -> None:
    sold = plan(calls(), tax_behavior=behavior)
    (line,) = UsageBook.of().close(running(sold, START), sold, END, reading(JUNE, 5)).lines
    assert line.tax_inclusive is (behavior is TaxBehavior.INCLUSIVE)


@pytest.mark.parametrize(
    ("currency", "quantity", "minor"),
    [("JPY", "1.49", 1), ("JPY", "1.5", 2), ("USD", "1.49", 1), ("KWD", "14.9", 10), ("KWD", "15", 20)],
)
def test_what_is_billed_can_be_charged(currency: str, quantity: str, minor: int) -> None:
    """A minor unit a call; dinars are charged to two of their three decimals."""
    sold = plan(metered(1, minimum=0), currency=currency)
    (line,) = UsageBook.of().close(running(sold, START), sold, END, reading(JUNE, quantity)).lines
    assert (line.amount, line.unit_amount) == (Money.from_minor(minor, currency), 1000)
