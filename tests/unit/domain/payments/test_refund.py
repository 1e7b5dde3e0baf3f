"""Refunds: Stripe's word is taken once; the bank alone may send back what had arrived; the books follow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.payments.refund import (
    Refund,
    RefundResult,
    RefundStatus,
    entries_for,
    taken_from_balance,
    with_result,
)
from tests.support.invoices import accounts

LAW = settings(deadline=None)  # a busy machine is no broken law
AT = datetime(2026, 11, 21, 22, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
TEN = Money(1_000_000, "USD")
PENDING = Refund(
    id="re_1",
    tenant_id="ten_1",
    customer_id="cus_1",
    payment_id="pay_1",
    invoice_id="in_1",
    credit_note_id="cn_1",
    amount=TEN,
    status=RefundStatus.PENDING,
    reason="requested_by_customer",
    idempotency_key="k",
    stripe_payment_intent_id="pi_1",
    created_at=AT,
    submitted_at=AT,
    due=Due("00", LATER),
)
SENT = RefundResult(RefundStatus.PENDING, "re_s")
SUCCEEDED = RefundResult(RefundStatus.SUCCEEDED, "re_s")
RETURNED = RefundResult(RefundStatus.FAILED, "re_s", "expired_or_canceled_card")
REFUSED = RefundResult(RefundStatus.FAILED, None, "charge_already_refunded")
SILENCE = RefundResult(RefundStatus.PENDING, None)
NEWS = st.sampled_from([SENT, SUCCEEDED, RETURNED, REFUSED, SILENCE])
PLAIN = replace(PENDING, credit_note_id=None, invoice_id=None)
OF_BALANCE = replace(PENDING, credit_note_id=None, from_balance=True)


def told(*news: RefundResult) -> Refund:
    refund = PENDING
    for result in news:
        refund = with_result(refund, result, LATER)
    return refund


def booked(news: list[RefundResult], refund: Refund = PENDING) -> list[LedgerEntry]:
    """The entries that a sequence of news leads to."""
    entries: list[LedgerEntry] = []
    for result in news:
        after = with_result(refund, result, LATER)
        entries += entries_for(refund, after, LATER)
        refund = after
    return entries


def test_silence_is_no_news() -> None:
    assert told(SILENCE) is PENDING


def test_a_refund_on_its_way_has_its_id_and_keeps_its_alarm() -> None:
    assert told(SENT) == replace(PENDING, stripe_refund_id="re_s")


@pytest.mark.parametrize("result", [SUCCEEDED, RETURNED, REFUSED], ids=["succeeded", "returned", "refused"])
def test_an_outcome_is_written_down_and_the_alarm_goes_out(result: RefundResult) -> None:
    settled = told(SENT, result)
    assert (settled.status, settled.failure_reason) == (result.status, result.failure_reason)
    assert (settled.stripe_refund_id, settled.settled_at, settled.due) == ("re_s", LATER, None)


def test_the_bank_may_send_back_what_had_arrived() -> None:
    """docs.stripe.com/refunds, failed refunds: up to 30 days later."""
    returned = told(SUCCEEDED, RETURNED)
    assert (returned.status, returned.failure_reason) == (RefundStatus.FAILED, "expired_or_canceled_card")


def test_a_refused_resend_does_not_undo_what_arrived() -> None:
    succeeded = told(SUCCEEDED)
    assert with_result(succeeded, REFUSED, LATER) is succeeded


@LAW
@given(NEWS)
def test_what_failed_stays_failed(result: RefundResult) -> None:
    for failed in (told(REFUSED), told(SUCCEEDED, RETURNED)):
        assert with_result(failed, result, LATER) is failed


@LAW
@given(st.lists(NEWS, max_size=6))
def test_the_same_news_twice_changes_nothing(news: list[RefundResult]) -> None:
    once = told(*news)
    for result in news[-1:]:
        assert with_result(once, result, LATER) is once


@LAW
@given(st.lists(NEWS, max_size=6), st.sampled_from([PENDING, PLAIN, OF_BALANCE]))
def test_the_books_hold_the_refund_exactly_while_it_is_paid(news: list[RefundResult], refund: Refund) -> None:
    entries = booked(news, refund)
    cash = [posting.amount for entry in entries for posting in entry.postings if posting.account is Account.CASH]
    assert sum_money(cash, "USD") == (-TEN if told(*news).status is RefundStatus.SUCCEEDED else Money.zero("USD"))
    assert len({entry.id for entry in entries}) == len(entries)


@LAW
@given(st.lists(NEWS, max_size=6))
def test_who_is_refunded_without_a_credit_note_owes_nothing_and_is_owed_nothing(news: list[RefundResult]) -> None:
    """$10.00 back: Dr refunds 10.00, Cr cash 10.00; the bank returns it: nothing is left of either."""
    paid = told(*news).status is RefundStatus.SUCCEEDED
    expected = {Account.REFUNDS: 1000, Account.CASH: -1000} if paid else {}
    assert accounts(booked(news, PLAIN)) == expected


@LAW
@given(st.lists(NEWS, max_size=6))
def test_what_the_balance_paid_out_is_in_it_again_when_it_did_not_arrive(news: list[RefundResult]) -> None:
    taken = [taken_from_balance(OF_BALANCE, TEN, AT)]
    after = told(*news)
    if after.status is RefundStatus.FAILED:
        taken.append(taken_from_balance(OF_BALANCE, -TEN, LATER))
    books = accounts([*taken, *booked(news, OF_BALANCE)])
    assert (
        books
        == {
            RefundStatus.SUCCEEDED: {Account.CUSTOMER_BALANCE: 1000, Account.CASH: -1000},
            RefundStatus.PENDING: {Account.CUSTOMER_BALANCE: 1000, Account.RECEIVABLE: -1000},
            RefundStatus.FAILED: {},
        }[after.status]
    )
    assert len({entry.id for entry in taken}) == len(taken)


def test_a_refund_is_receivable_against_cash_and_its_return_the_reverse() -> None:
    paid, returned = booked([SUCCEEDED, RETURNED])
    assert [(p.account, p.amount, p.party) for p in paid.postings] == [
        (Account.RECEIVABLE, TEN, "cus_1"),
        (Account.CASH, -TEN, None),
    ]
    assert [(p.account, p.amount) for p in returned.postings] == [(p.account, -p.amount) for p in paid.postings]
    assert {(e.source_id, e.kind) for e in (paid, returned)} == {("re_1", "refund_paid"), ("re_1", "refund_returned")}


@pytest.mark.parametrize("micros", [0, -1000])
def test_nothing_is_no_refund(micros: int) -> None:
    wrong: dict[str, Any] = {"amount": Money(micros, "USD")}
    with pytest.raises(ValueError, match="above zero"):
        replace(PENDING, **wrong)
