"""Issue 17: net billings and collections are sums of the ledger's postings, day by day."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain import ledger
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting, Receivable
from billing.domain.reports.fold import Posted
from billing.domain.reports.revenue import BY, LINES, MONEY, columns, revenue_of
from billing.domain.reports.span import local_day, midnight
from tests.support.billed import FIRST, Books, balance_of, histories, line
from tests.support.engine import on

ZONE = "America/Los_Angeles"
OWED = Receivable("cus_1", "in_1", None)


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def told(posted: list[Posted], per: str = "month", by: str = "", zone: str = "UTC") -> list[dict[str, Any]]:
    """The rows by column; amounts in micro-units."""
    names = [each.name for each in columns(per, by)]
    rows = [dict(zip(names, row, strict=True)) for row in revenue_of(posted, zone, per, by).rows()]
    return [{name: cell.micros if isinstance(cell, Money) else cell for name, cell in row.items()} for row in rows]


def amounts(row: dict[str, Any]) -> dict[str, int]:
    """What of a row is not zero, in minor units."""
    return {name: cell // 1_000 for name, cell in row.items() if isinstance(cell, int) and cell}


def moved(*entries: LedgerEntry | None) -> dict[str, int]:
    (row,) = told([Posted(each) for each in entries if each is not None])
    return amounts(row)


def entry(kind: str, *postings: tuple[Account, int]) -> LedgerEntry:
    return LedgerEntry(
        f"le_{kind}", kind, "s", FIRST, tuple(Posting(account, usd(minor)) for account, minor in postings)
    )


# Worked examples


def test_an_invoice_with_a_discount_and_tax_on_top() -> None:
    books = Books()
    books.bill(on("2027-01-15"), [line(usd(10_000), off=1_000, tax=19)])
    (row,) = told(books.posted)
    assert (row["month"], row["currency"]) == ("2027-01", "USD")
    assert amounts(row) == {
        "gross": 10_000, "discounts": 1_000, "net": 9_000, "tax": 1_710, "netAfterCredits": 9_000, "revenue": 9_000,
    }  # fmt: skip


def test_tax_that_prices_include_is_no_revenue() -> None:
    books = Books()
    books.bill(on("2027-01-15"), [line(usd(11_900), tax=19, inclusive=True)])
    found = amounts(told(books.posted)[0])
    assert (found["gross"], found["taxIncluded"], found["net"], found["tax"]) == (11_900, 1_900, 10_000, 1_900)


def test_a_coupon_of_100_per_cent_is_told() -> None:
    books = Books()
    books.bill(on("2027-01-15"), [line(usd(10_000), off=10_000)])
    assert amounts(told(books.posted)[0]) == {"gross": 10_000, "discounts": 10_000}


def test_credit_notes_and_voids_are_of_their_own_month() -> None:
    books = Books()
    one, other = (books.bill(on("2027-01-15"), [line(usd(10_000), tax=19)]) for _ in range(2))
    books.credit(on("2027-02-15"), one.id, usd(1_190))
    books.void(on("2027-03-15"), other.id)
    assert [amounts(row) for row in told(books.posted)[1:]] == [
        {"creditNotes": 1_000, "creditNotesTax": 190, "netAfterCredits": -1_000, "revenue": -1_000},
        {"voided": 10_000, "voidedTax": 1_900, "netAfterCredits": -10_000, "revenue": -10_000},
    ]


def test_what_is_paid_refunded_and_written_off() -> None:
    received = ledger.payment_received("le_1", "pay_1", OWED, usd(11_900), FIRST)
    assert moved(received) == {"collected": 11_900}
    paid, back = (act("le_2", "re_1", OWED, usd(500), FIRST) for act in (ledger.refund_paid, ledger.refund_returned))
    assert moved(paid) == {"refunded": 500}
    assert moved(back) == {"refunded": -500}
    assert moved(ledger.given_back("le_3", "re_1", OWED, usd(500), FIRST)) == {"refundsWithoutCreditNote": 500}
    assert moved(ledger.written_off("le_4", "in_1", OWED, usd(700), FIRST)) == {"writtenOff": 700}
    assert moved(ledger.written_off("le_5", "in_1", OWED, usd(-700), FIRST)) == {"writtenOff": -700}


def test_a_payment_whose_line_at_stripe_is_not_known_is_collected_once() -> None:
    received = entry("payment_received", (Account.CASH_CLEARING, 900), (Account.RECEIVABLE, -900))
    settled = entry("line_settled", (Account.CASH, 900), (Account.CASH_CLEARING, -900))
    fee = entry("processing_fee", (Account.PROCESSING_FEES, 30), (Account.CASH, -30))
    assert moved(received, settled, fee) == {"collected": 900, "fees": 30}


def test_disputes_are_held_won_back_and_lost() -> None:
    held = entry("dispute_moved", (Account.DISPUTES, 2_000), (Account.CASH, -2_000))
    won = entry("dispute_moved", (Account.DISPUTES, -2_000), (Account.CASH_CLEARING, 2_000))
    lost = entry("dispute_moved", (Account.BAD_DEBT, 2_000), (Account.DISPUTES, -2_000))
    at_once = entry("dispute_moved", (Account.BAD_DEBT, 2_000), (Account.CASH, -2_000))
    assert moved(held) == {"disputed": 2_000}
    assert moved(held, won) == {"disputed": 2_000, "disputesWonBack": 2_000}
    assert moved(held, lost) == {"disputed": 2_000, "disputesLost": 2_000}
    assert moved(at_once) == {"disputed": 2_000, "disputesLost": 2_000}


def test_a_marketplaces_orders_are_apart() -> None:
    sold = entry(
        "order_sold",
        (Account.RECEIVABLE, 11_000),
        (Account.PROMOTIONS, 500),
        (Account.PROVIDER_PENDING, -8_500),
        (Account.COMMISSION_REVENUE, -1_500),
        (Account.REVENUE, -1_000),
        (Account.TAX_PAYABLE, -500),
    )
    assert moved(sold) == {"ownGoods": 1_000, "revenue": 1_000, "commission": 1_500, "promotions": 500}
    assert moved(entry("order_dispute_lost", (Account.PROVIDER_PAYABLE, 900), (Account.DISPUTES, -900))) == {
        "disputesLost": 900
    }


def test_a_sale_without_an_invoice_is_told_apart_and_is_revenue() -> None:
    assert moved(ledger.sold("le_1", "pay_1", OWED, usd(500), FIRST)) == {"sales": 500, "revenue": 500}


def test_what_cannot_be_told_by_a_plan_is_null() -> None:
    books = Books()
    invoice = books.bill(
        FIRST, [line(usd(2_000), plan_id="pro", component="base"), line(usd(1_000), plan_id="team", component="base")]
    )
    books.credit(FIRST, invoice.id, usd(300))
    books.enter(ledger.payment_received("le_1", "pay_1", OWED, usd(2_700), FIRST))
    books.sell(FIRST, usd(900))
    found = told(books.posted, by="plan")
    assert [(row["planId"], row["net"], row["creditNotes"], row["sales"], row["collected"]) for row in found] == [
        (None, 0, 0, 900_000, None), ("pro", 2_000_000, 200_000, 0, None), ("team", 1_000_000, 100_000, 0, None),
    ]  # fmt: skip


def test_by_customer_money_is_told_as_far_as_postings_name_somebody() -> None:
    books = Books()
    books.bill(FIRST, [line(usd(2_000))], "cus_2")
    books.enter(ledger.payment_received("le_1", "pay_1", OWED, usd(2_700), FIRST))
    books.enter(entry("dispute_moved", (Account.DISPUTES, 2_000), (Account.CASH, -2_000)))  # before they named anybody
    books.enter(ledger.dispute_moved("le_2", "dp_1", OWED, usd(700), usd(0), FIRST))
    books.enter(ledger.dispute_moved("le_3", "dp_1", OWED, usd(-700), usd(700), FIRST))
    lost_at_once = replace(OWED, customer_id="cus_2")
    books.enter(ledger.dispute_moved("le_4", "dp_2", lost_at_once, usd(0), usd(300), FIRST))
    found = told(books.posted, by="customer")
    columns = ("customerId", "net", "collected", "disputed", "disputesLost")
    assert [tuple(row[each] for each in columns) for row in found] == [
        (None, 0, 0, 2_000_000, 0),
        ("cus_1", 0, 2_700_000, 700_000, 700_000),
        ("cus_2", 2_000_000, 0, 300_000, 300_000),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["cus_1", "cus_2"]), st.integers(-900, 900), st.integers(-900, 900))))
def test_disputes_by_customer_sum_to_those_of_all_and_to_the_account(moves: list[tuple[str, int, int]]) -> None:
    books = Books()
    for n, (customer_id, held, gone) in enumerate(moves):
        if held or gone:
            whose = Receivable(customer_id, "in_1", None)
            books.enter(ledger.dispute_moved(f"le_{n}", f"dp_{n}", whose, usd(held), usd(gone), FIRST))
    names = ("disputed", "disputesWonBack", "disputesLost")
    by_customer = told(books.posted, by="customer")
    for name in names:
        assert sum(row[name] for row in by_customer) == sum(row[name] for row in told(books.posted))
    for customer_id in ("cus_1", "cus_2"):
        own = [row for row in by_customer if row["customerId"] == customer_id]
        open_ = sum(row["disputed"] - row["disputesWonBack"] - row["disputesLost"] for row in own)
        posted = [posting for each in books.posted for posting in each.entry.postings]
        held_of = [
            each.amount.micros for each in posted if each.account is Account.DISPUTES and each.party == customer_id
        ]
        assert open_ == sum(held_of)


def test_days_are_the_tenants() -> None:
    books = Books()
    books.bill(on("2027-01-01T07:59"), [line(usd(100))])
    books.bill(on("2027-01-01T08:00"), [line(usd(100))])
    assert [str(row["day"]) for row in told(books.posted, "day", zone=ZONE)] == ["2026-12-31", "2027-01-01"]
    assert [row["month"] for row in told(books.posted, zone=ZONE)] == ["2026-12", "2027-01"]


# Laws


@given(histories())
def test_each_day_revenue_is_what_moved_in_the_ledger(books: Books) -> None:
    rows = told(books.posted, "day", zone=ZONE)
    days = {local_day(each.entry.posted_at, ZONE) for each in books.posted}
    for day in days:
        begin, end = midnight(day, ZONE), midnight(day + timedelta(days=1), ZONE)
        of_day = books.between(begin, end)
        mine = [row for row in rows if row["day"] == day]
        found = {row["currency"]: row["revenue"] for row in mine if row["revenue"]}
        assert found == balance_of(Account.REVENUE, of_day, -1)
        tax = {row["currency"]: row["tax"] - row["creditNotesTax"] - row["voidedTax"] for row in mine}
        assert {currency: sum_ for currency, sum_ in tax.items() if sum_} == balance_of(Account.TAX_PAYABLE, of_day, -1)
        assert all(row["net"] == row["gross"] - row["discounts"] - row["taxIncluded"] for row in mine)
        assert all(row["netAfterCredits"] == row["net"] - row["creditNotes"] - row["voided"] for row in mine)


@given(histories(), st.sampled_from([each for each in BY if each]))
def test_parts_sum_to_the_whole(books: Books, by: str) -> None:
    whole, parts = told(books.posted), told(books.posted, by=by)
    exact = {each.name for each in LINES} | BY[by].told
    exact -= {"creditNotesTax"} if by in ("plan", "component") else set()
    for row in whole:
        of_row = [part for part in parts if (part["month"], part["currency"]) == (row["month"], row["currency"])]
        for name in (each.name for each in (*LINES, *MONEY)):
            cells = [part[name] for part in of_row]
            assert sum(cells) == row[name] if name in exact else all(cell is None for cell in cells)


@given(histories())
def test_a_month_is_the_sum_of_its_days(books: Books) -> None:
    days = told(books.posted, "day", zone=ZONE)
    for row in told(books.posted, zone=ZONE):
        of_month = [
            day for day in days if (day["day"].isoformat()[:7], day["currency"]) == (row["month"], row["currency"])
        ]
        for name, cell in row.items():
            if isinstance(cell, int):
                assert cell == sum(day[name] for day in of_month)


def test_a_document_that_is_missing_is_no_zero() -> None:
    books = Books()
    books.bill(FIRST, [line(usd(100))])
    with pytest.raises(ValueError, match="missing"):
        told([replace(each, document=None) for each in books.posted])
