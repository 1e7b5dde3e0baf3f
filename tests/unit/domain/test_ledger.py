"""The ledger: every entry balances, or it does not exist."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.money import CurrencyMismatch, Money, sum_money
from billing.domain.ledger import (
    Account,
    LedgerEntry,
    Posting,
    Receivable,
    balance_used,
    credit_applied,
    credit_noted,
    dispute_moved,
    given_back,
    invoice_finalized,
    payment_received,
    refund_paid,
    refund_returned,
    sold,
    written_off,
)  # fmt: skip

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=60, deadline=None)
AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
ANY = st.integers(-(10**9), 10**9).map(lambda minor: Money.from_minor(minor, "USD"))
PAID = st.integers(1, 10**9).map(lambda minor: Money.from_minor(minor, "USD"))
ACCOUNTS = st.sampled_from(Account)
DEBT = Receivable("cus_1", "in_1", "clk_1")


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def total(entry: LedgerEntry) -> Money:
    return sum_money((posting.amount for posting in entry.postings), "USD")


def sum_by_account(*entries: LedgerEntry) -> dict[Account, int]:
    """What entries come to, in minor units; accounts that come to nothing are left out."""
    found: dict[Account, int] = {}
    for posting in (posting for entry in entries for posting in entry.postings):
        found[posting.account] = found.get(posting.account, 0) + posting.amount.minor
    return {account: minor for account, minor in found.items() if minor}


def lines(entry: LedgerEntry | None) -> list[tuple[Account, int, str | None]]:
    assert entry is not None
    return [(posting.account, posting.amount.minor, posting.party) for posting in entry.postings]


# The entry


@LAW
@given(st.lists(st.tuples(ACCOUNTS, ANY), min_size=1, max_size=6), ACCOUNTS)
def test_an_entry_is_made_exactly_when_it_balances(rows: list[tuple[Account, Money]], last: Account) -> None:
    postings = [Posting(account, amount) for account, amount in rows]
    rest = -sum_money((amount for _, amount in rows), "USD")
    entry = LedgerEntry("le_1", "adjustment", "in_1", AT, (*postings, Posting(last, rest)))
    assert total(entry).is_zero
    with pytest.raises(ValueError, match="entry le_1 does not balance"):
        LedgerEntry("le_1", "adjustment", "in_1", AT, (*postings, Posting(last, rest + usd(1))))


@pytest.mark.parametrize("count", [0, 1])
def test_an_entry_has_two_sides(count: int) -> None:
    with pytest.raises(ValueError, match="at least two postings"):
        LedgerEntry("le_1", "adjustment", "in_1", AT, (Posting(Account.CASH, usd(0)),) * count)


def test_an_entry_has_one_currency() -> None:
    postings = (Posting(Account.CASH, usd(5)), Posting(Account.RECEIVABLE, Money.from_minor(-5, "EUR")))
    with pytest.raises(CurrencyMismatch):
        LedgerEntry("le_1", "adjustment", "in_1", AT, postings)


def test_an_entry_is_posted_in_utc() -> None:
    postings = (Posting(Account.CASH, usd(5)), Posting(Account.RECEIVABLE, usd(-5)))
    with pytest.raises(ValueError, match="posted_at must be an aware datetime in UTC"):
        LedgerEntry("le_1", "adjustment", "in_1", datetime(2026, 1, 31), postings)


# A finalized invoice


def test_an_invoice_is_owed_earned_and_taxed() -> None:
    entry = invoice_finalized("le_1", "in_1", DEBT, usd(1000), usd(200), AT)
    assert entry is not None
    assert (entry.id, entry.kind, entry.source_id, entry.posted_at) == (
        "le_1",
        "invoice_finalized",
        "in_1",
        AT,
    )
    assert lines(entry) == [
        (Account.RECEIVABLE, 1200, "cus_1"),
        (Account.REVENUE, -1000, None),
        (Account.TAX_PAYABLE, -200, None),
    ]


def test_an_untaxed_invoice_has_no_tax_posting() -> None:
    entry = invoice_finalized("le_1", "in_1", DEBT, usd(1000), usd(0), AT)
    assert lines(entry) == [(Account.RECEIVABLE, 1000, "cus_1"), (Account.REVENUE, -1000, None)]


def test_an_invoice_of_nothing_is_not_posted() -> None:
    assert invoice_finalized("le_1", "in_1", DEBT, usd(0), usd(0), AT) is None


def test_tax_that_a_credit_cancels_is_still_owed() -> None:
    # An untaxed credit of 12.00 beside a taxed 10.00 at 20 %: the customer owes nothing, the tenant owes tax.
    entry = invoice_finalized("le_1", "in_1", DEBT, usd(-200), usd(200), AT)
    assert lines(entry) == [(Account.REVENUE, 200, None), (Account.TAX_PAYABLE, -200, None)]


@LAW
@given(ANY, ANY)
def test_finalizing_balances_and_posts_no_zero(net: Money, tax: Money) -> None:
    entry = invoice_finalized("le_1", "in_1", DEBT, net, tax, AT)
    if entry is None:
        assert net.is_zero
        assert tax.is_zero
        return
    assert total(entry).is_zero
    assert not any(posting.amount.is_zero for posting in entry.postings)
    by_account = {posting.account: posting.amount for posting in entry.postings}
    assert by_account.get(Account.RECEIVABLE, usd(0)) == net + tax
    assert by_account.get(Account.REVENUE, usd(0)) == -net


def test_net_and_tax_have_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        invoice_finalized("le_1", "in_1", DEBT, usd(10), Money.from_minor(2, "EUR"), AT)


# A payment


@LAW
@given(PAID)
def test_a_payment_is_in_cash_and_no_longer_owed(amount: Money) -> None:
    entry = payment_received("le_2", "py_1", DEBT, amount, AT)
    assert (entry.kind, entry.source_id) == ("payment_received", "py_1")
    assert lines(entry) == [
        (Account.CASH, amount.minor, None),
        (Account.RECEIVABLE, -amount.minor, "cus_1"),
    ]


@pytest.mark.parametrize("minor", [0, -1])
def test_a_payment_is_above_zero(minor: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        payment_received("le_2", "py_1", DEBT, usd(minor), AT)


@LAW
@given(PAID, PAID)
def test_paying_an_invoice_settles_the_receivable(net: Money, tax: Money) -> None:
    invoiced = invoice_finalized("le_1", "in_1", DEBT, net, tax, AT)
    assert invoiced is not None
    paid = payment_received("le_2", "py_1", DEBT, net + tax, AT)
    owed = [p.amount for p in invoiced.postings + paid.postings if p.account is Account.RECEIVABLE]
    assert sum_money(owed, "USD").is_zero


# The customer's balance


@LAW
@given(ANY.filter(lambda amount: not amount.is_zero))
def test_a_balance_pays_what_is_owed_and_below_zero_it_is_paid_into(amount: Money) -> None:
    entry = balance_used("le_3", "in_1", DEBT, amount, AT)
    assert (entry.kind, entry.source_id) == ("balance_used", "in_1")
    assert lines(entry) == [
        (Account.CUSTOMER_BALANCE, amount.minor, "cus_1"),
        (Account.RECEIVABLE, -amount.minor, "cus_1"),
    ]


# A credit note


def test_a_credit_note_takes_back_what_was_earned_and_taxed() -> None:
    entry = credit_noted("le_4", "cn_1", DEBT, usd(1000), usd(200), AT)
    assert (entry.kind, entry.source_id) == ("credit_noted", "cn_1")
    assert lines(entry) == [
        (Account.REVENUE, 1000, None),
        (Account.TAX_PAYABLE, 200, None),
        (Account.RECEIVABLE, -1200, "cus_1"),
    ]


@LAW
@given(PAID, PAID)
def test_a_credit_note_over_all_of_an_invoice_leaves_nothing_of_it(net: Money, tax: Money) -> None:
    invoiced = invoice_finalized("le_1", "in_1", DEBT, net, tax, AT)
    assert invoiced is not None
    noted = credit_noted("le_4", "cn_1", DEBT, net, tax, AT)
    assert sum_by_account(invoiced, noted) == {}


# Bad debt


def test_what_nobody_will_pay_is_written_off_and_brought_back() -> None:
    off = written_off("le_5", "in_1", DEBT, usd(700), AT)
    assert lines(off) == [(Account.BAD_DEBT, 700, None), (Account.RECEIVABLE, -700, "cus_1")]
    assert sum_by_account(off, written_off("le_6", "in_1", DEBT, usd(-700), AT)) == {}


# Refunds


@LAW
@given(PAID)
def test_a_refund_is_no_longer_in_cash_and_comes_back_when_the_bank_returns_it(amount: Money) -> None:
    paid_out = refund_paid("le_7", "re_1", DEBT, amount, AT)
    assert (paid_out.kind, paid_out.source_id) == ("refund_paid", "re_1")
    assert lines(paid_out) == [(Account.RECEIVABLE, amount.minor, "cus_1"), (Account.CASH, -amount.minor, None)]
    returned = refund_returned("le_8", "re_1", DEBT, amount, AT)
    assert (returned.kind, returned.id) == ("refund_returned", "le_8")
    assert sum_by_account(paid_out, returned) == {}


@pytest.mark.parametrize("minor", [0, -1])
def test_a_refund_is_above_zero(minor: int) -> None:
    for post in (refund_paid, refund_returned):
        with pytest.raises(ValueError, match="above zero"):
            post("le_7", "re_1", DEBT, usd(minor), AT)


@LAW
@given(PAID)
def test_an_invoice_that_is_paid_credited_and_refunded_leaves_nothing_in_the_books(net: Money) -> None:
    invoiced = invoice_finalized("le_1", "in_1", DEBT, net, usd(0), AT)
    assert invoiced is not None
    assert not sum_by_account(
        invoiced,
        payment_received("le_2", "py_1", DEBT, net, AT),
        credit_noted("le_4", "cn_1", DEBT, net, usd(0), AT),
        refund_paid("le_7", "re_1", DEBT, net, AT),
    )


# Sales without an invoice, and what is given back of them


def test_a_sale_is_earned_and_owed_until_its_payment_comes() -> None:
    entry = sold("le_9", "pay_1", DEBT, usd(2000), AT)
    assert (entry.kind, entry.source_id) == ("sold", "pay_1")
    assert lines(entry) == [(Account.RECEIVABLE, 2000, "cus_1"), (Account.REVENUE, -2000, None)]
    paid = payment_received("le_2", "pay_1", DEBT, usd(2000), AT)
    assert sum_by_account(entry, paid) == {Account.REVENUE: -2000, Account.CASH: 2000}


@LAW
@given(PAID)
def test_a_sale_that_is_refunded_leaves_what_was_sold_and_what_was_given_back(amount: Money) -> None:
    refund = ("re_1", DEBT, amount, AT)
    story = [
        sold("le_9", "pay_1", DEBT, amount, AT),
        payment_received("le_2", "pay_1", DEBT, amount, AT),
        refund_paid("le_7", *refund),
        given_back("le_10", *refund),
    ]
    assert sum_by_account(*story) == {Account.REVENUE: -amount.minor, Account.REFUNDS: amount.minor}
    returned = [refund_returned("le_8", *refund), given_back("le_11", "re_1", DEBT, -amount, AT)]
    assert sum_by_account(*story, *returned) == sum_by_account(*story[:2])


# Credits


def test_what_one_invoice_gives_another_goes_by_way_of_the_balance_and_leaves_it_as_it_was() -> None:
    """-50.00 takes 30.00 off 100.00: 70.00 and -20.00 are left."""
    giver, taker = Receivable("cus_1", "in_1", None), Receivable("cus_1", "in_2", None)
    given_ = credit_applied("le_13", "in_1", giver, usd(-3000), AT)
    taken = credit_applied("le_14", "in_2", taker, usd(3000), AT)
    assert lines(given_) == [(Account.CUSTOMER_BALANCE, -3000, "cus_1"), (Account.RECEIVABLE, 3000, "cus_1")]
    assert (taken.kind, taken.source_id, taken.invoice_id) == ("credit_applied", "in_2", "in_2")
    assert sum_by_account(given_, taken) == {}


# Disputes


@LAW
@given(PAID)
def test_what_a_dispute_holds_comes_back_or_is_bad_debt(amount: Money) -> None:
    nothing = usd(0)
    held = dispute_moved("le_12", "dp_1", DEBT, amount, nothing, AT)
    assert (held.kind, held.source_id) == ("dispute_moved", "dp_1")
    assert lines(held) == [(Account.DISPUTES, amount.minor, "cus_1"), (Account.CASH, -amount.minor, None)]
    won = dispute_moved("le_13", "dp_1", DEBT, -amount, nothing, AT)
    assert sum_by_account(held, won) == {}
    lost = dispute_moved("le_13", "dp_1", DEBT, -amount, amount, AT)
    assert lines(lost) == [(Account.DISPUTES, -amount.minor, "cus_1"), (Account.BAD_DEBT, amount.minor, "cus_1")]
    assert sum_by_account(held, lost) == {Account.BAD_DEBT: amount.minor, Account.CASH: -amount.minor}


@LAW
@given(PAID, PAID)
def test_every_kind_of_entry_balances(amount: Money, tax: Money) -> None:
    entries = (
        invoice_finalized("le_1", "in_1", DEBT, amount, tax, AT),
        payment_received("le_2", "py_1", DEBT, amount, AT),
        balance_used("le_3", "in_1", DEBT, -amount, AT),
        credit_noted("le_4", "cn_1", DEBT, amount, tax, AT),
        written_off("le_5", "in_1", DEBT, amount, AT),
        refund_paid("le_7", "re_1", DEBT, amount, AT),
        refund_returned("le_8", "re_1", DEBT, amount, AT),
        sold("le_9", "pay_1", DEBT, amount, AT),
        given_back("le_10", "re_1", DEBT, amount, AT),
        dispute_moved("le_12", "dp_1", DEBT, amount, tax, AT),
        credit_applied("le_13", "in_1", DEBT, amount, AT),
    )
    assert all(entry is not None and total(entry).is_zero for entry in entries)
    assert {(each.invoice_id, each.test_clock_id) for each in entries if each} == {("in_1", "clk_1")}
