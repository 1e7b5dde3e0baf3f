"""Corrections: what a period remembers of its lines, and what is given back from them."""

from dataclasses import replace
from decimal import Decimal

from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxAmount
from billing.domain.usage.period import forgiven, invoiced
from tests.support.engine import nets, on, percent, plan, running
from tests.support.june import CENT, END, JUNE, LATE, START, calls, renewed, said
from tests.support.usage import UsageBook, reading


def test_a_correction_gives_back_net_of_the_discount_that_the_charge_had() -> None:
    sold, book = plan(calls()), UsageBook.of()
    half = running(sold, START, discount=percent(50))
    assert nets(book.close(half, sold, on("2025-06-10"), reading(JUNE, 1000)).lines) == [500]
    (line,) = book.close(replace(half, discount=None), sold, on("2025-06-12"), reading(JUNE, -400)).lines
    assert (line.amount.minor, line.discounts, line.quantity) == (-200, (), Decimal(-400))


def on_invoice(book: UsageBook, line: InvoiceLine, number: int, *taxes: TaxAmount) -> InvoiceLine:
    """A line as it stands on an invoice, noted in its period."""
    final = replace(line, id=f"in_{number}-1", taxes=taxes)
    book.periods = {key: invoiced(each, [final]) for key, each in book.periods.items()}
    return final


def forgive(book: UsageBook, line: InvoiceLine, minor: int) -> None:
    """Something was taken off a line: void, or credited."""
    taken = {line.id: Money.from_minor(minor, line.amount.currency)}
    book.periods = {key: forgiven(each, [line], taken) for key, each in book.periods.items()}


def test_a_correction_gives_back_from_the_lines_that_billed_it_the_latest_first_with_their_taxes() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(50))
    (first,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 1000)).lines
    on_invoice(book, first, 1, TaxAmount("VAT", Decimal(20), Money.from_minor(100, "USD")))
    (second,) = book.close(replace(before, discount=None), sold, END, reading(JUNE, 300)).lines
    on_invoice(book, second, 2)
    later, earlier = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -700)).lines
    assert (later.credits, later.amount.minor, later.quantity, later.taxes) == ("in_2-1", -300, Decimal(-700), ())
    # 400 of 1,000 at half their price, and 40 % of their tax.
    assert (earlier.credits, earlier.amount.minor, earlier.quantity) == ("in_1-1", -200, None)
    assert [tax.amount.minor for tax in earlier.taxes] == [-40]
    (rest,) = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -600)).lines
    assert (rest.credits, rest.amount.minor, [tax.amount.minor for tax in rest.taxes]) == ("in_1-1", -300, [-60])


def test_nothing_is_given_back_of_what_nobody_paid() -> None:
    """A void invoice of 10.00; then 400 of the 1,000 are taken back, and 700 come late."""
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START, discount=percent(50))
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 1000)
    (period,) = book.periods.values()
    assert [(each.billed, each.forgiven) for each in period.charges] == [(0, 1000 * CENT)]
    after = replace(renewed(before, sold), discount=None)
    assert said(book.close(after, sold, LATE, reading(JUNE, -400)).lines) == [("calls", 0, "-400")]
    assert said(book.close(after, sold, LATE, reading(JUNE, 700)).lines) == [("calls", 700, "700")]


def test_half_a_line_that_was_credited_is_not_given_back_once_more() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 600)
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines) == [-400]


def test_what_is_credited_comes_off_a_correction_of_the_same_first() -> None:
    """100.00 paid; a credit note for 30 units too many; then the 30 are taken back: nothing more is owed."""
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, on_invoice(book, line, 1), 300)
    after = renewed(before, sold)
    assert nets(book.close(after, sold, LATE, reading(JUNE, -300)).lines) == [0]
    assert nets(book.close(after, sold, LATE, reading(JUNE, -100)).lines) == [-100]


def test_a_draft_that_is_void_was_never_owed() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, END, reading(JUNE, 1000)).lines
    forgive(book, replace(line, id="in_1-1"), 1000)  # its lines were not noted: it was never final
    assert nets(book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines) == [0]


def test_what_is_left_of_a_line_that_was_corrected_before_it_was_on_an_invoice_is_known_with_its_taxes() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (line,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 1000)).lines
    book.close(before, sold, on("2025-06-12"), reading(JUNE, -400))
    on_invoice(book, line, 1, TaxAmount("VAT", Decimal(20), Money.from_minor(200, "USD")))
    (credit,) = book.close(before, sold, END, reading(JUNE, -600)).lines
    assert (credit.credits, credit.amount.minor, [tax.amount.minor for tax in credit.taxes]) == ("in_1-1", -600, [-120])


def test_of_lines_that_say_the_same_each_is_known_by_its_own_closing() -> None:
    sold, book = plan(calls()), UsageBook.of()
    before = running(sold, START)
    (one,) = book.close(before, sold, on("2025-06-10"), reading(JUNE, 500)).lines
    (other,) = book.close(replace(before, usage_slot=1), sold, on("2025-06-10"), reading(JUNE, 500)).lines
    first = on_invoice(book, one, 1)
    on_invoice(book, other, 2)
    forgive(book, first, 500)
    late = book.close(renewed(before, sold), sold, LATE, reading(JUNE, -1000)).lines
    assert [(line.credits, line.amount.minor) for line in late] == [("in_2-1", -500)]
