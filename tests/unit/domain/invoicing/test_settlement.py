"""Invoices that are open: paid, overpaid, paid twice, void, given up and paid after all; the books always balance."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, PaymentDeclined, Unavailable
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.payments.payment import PaymentError, PaymentStatus
from billing.services.payments.refusals import failure
from tests.support.invoices import AT, accounts, draft, draft_of, finalized, line, opened, payment

LAW = settings(max_examples=100, deadline=None)
LATER = AT + timedelta(days=3)
AMOUNTS = st.integers(1, 10**6)
I = InvoiceStatus  # noqa: E741 - the states of an invoice


def given_up(*minor: int, balance: int = 0) -> Invoice:
    return settlement.uncollectible(opened(*minor, balance=balance), LATER)[0]


# Charging


@pytest.mark.parametrize("status", [I.DRAFT, I.PAID, I.VOID])
def test_only_what_is_open_or_given_up_is_charged(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        settlement.attempted(replace(opened(1000), status=status), payment(1000))
    assert refused.value.public_code == "invoice.invalid_state"
    assert status in refused.value.message


@pytest.mark.parametrize("status", [I.OPEN, I.UNCOLLECTIBLE])
def test_an_attempt_is_counted(status: InvoiceStatus) -> None:
    after = settlement.attempted(replace(opened(1000), status=status), payment(1000, "pay_3", attempt=3))
    assert (after.status, after.attempt_count, after.latest_payment_id) == (status, 3, "pay_3")


def test_a_failed_charge_leaves_its_reason_and_success_takes_it_away() -> None:
    failed = settlement.payment_failed(opened(1000), payment(1000, status=PaymentStatus.FAILED))
    assert (failed.status, failed.payment_error and failed.payment_error.code) == ("open", "payment.declined")
    assert settlement.paid(failed, payment(failed.total), LATER).invoice.payment_error is None


# How a charge that did not go through is answered


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("payment.declined", 502),
        ("payment.insufficient_funds", 402),
        ("payment.authentication_required", 402),
        ("validation.payment_method.invalid", 400),
        ("a.code.of.next.year", 502),
    ],
)
def test_an_attempt_that_failed_is_answered_with_its_code_and_what_the_payer_may_know(code: str, status: int) -> None:
    error = PaymentError(code, "No.", "do_not_honor", final=True)
    answer = failure(replace(payment(1000, status=PaymentStatus.FAILED), error=error), None)
    assert answer is not None
    assert (answer.status, answer.message) == (status, "No.")
    assert answer.public_code == (code if code != "a.code.of.next.year" else "payment.declined")
    assert [(each.field, each.reason) for each in answer.details] == [
        ("declineCode", "do_not_honor"), ("paymentId", "pay_1"),
    ]  # fmt: skip


def test_who_may_go_on_gets_the_secret_and_nobody_else() -> None:
    for code, told in (("payment.authentication_required", True), ("payment.declined", False)):
        failed = replace(
            payment(1000, status=PaymentStatus.FAILED),
            error=PaymentError(code, "No."),
            stripe_payment_intent_id="pi_1",
        )
        answer = failure(failed, "pi_1_secret_2")
        assert answer is not None
        found = {each.field: each.reason for each in answer.details}
        secret = {"paymentIntentId": "pi_1", "clientSecret": "pi_1_secret_2"}
        assert found == {"declineCode": "generic_decline", "paymentId": "pay_1"} | (secret if told else {})


@pytest.mark.parametrize("status", PaymentStatus)
def test_what_has_no_outcome_asks_for_a_retry_and_what_is_the_payers_turn_is_no_error(status: PaymentStatus) -> None:
    answer = failure(payment(1000, status=status), None)
    if status in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
        assert isinstance(answer, PaymentDeclined)
    elif status is PaymentStatus.PENDING:
        assert isinstance(answer, Unavailable)
        assert answer.retry_after_s == 30
    else:
        assert answer is None


# Money that comes in


@LAW
@given(AMOUNTS, st.integers(0, 10**6), AMOUNTS)
def test_an_invoice_is_paid_when_all_of_it_is_and_the_rest_is_credit(owed: int, held: int, received: int) -> None:
    before = opened(owed, balance=held)
    due = before.amount_due.minor
    result = settlement.paid(before, payment(received), LATER)
    after = result.invoice
    assert after.amount_paid.minor == received
    assert result.excess.minor == max(0, received - due)
    assert after.amount_due.minor == max(0, due - received)
    if before.status is I.OPEN:
        assert (after.status is I.PAID) is (received >= due)
        assert after.paid_at == (LATER if received >= due else None)
    else:
        assert (after.status, after.paid_at) == (I.PAID, AT)
    assert accounts(result.entries) == {
        account: amount
        for account, amount in {
            Account.CASH: received,
            Account.RECEIVABLE: -min(received, due),
            Account.CUSTOMER_BALANCE: -max(0, received - due),
        }.items()
        if amount
    }


def test_a_payment_by_parts() -> None:
    first = settlement.paid(opened(3000), payment(1000), LATER)
    assert (first.invoice.status, first.invoice.amount_due.minor) == (I.OPEN, 2000)
    second = settlement.paid(first.invoice, payment(2000, "pay_2"), LATER)
    assert (second.invoice.status, second.invoice.amount_due.minor, second.excess.minor) == (I.PAID, 0, 0)


def test_who_pays_too_much_has_a_credit() -> None:
    result = settlement.paid(opened(3000), payment(5000), LATER)
    after = result.invoice
    assert (result.excess.minor, after.balance_applied.minor, after.amount_paid.minor) == (2000, -2000, 5000)
    assert (after.status, after.amount_due.minor) == (I.PAID, 0)


def test_who_pays_twice_has_all_of_the_second_as_credit() -> None:
    """An old form and a new card."""
    once = settlement.paid(opened(3000), payment(3000), LATER).invoice
    twice = settlement.paid(once, payment(3000, "pay_2"), LATER + timedelta(days=1))
    assert (twice.excess.minor, twice.invoice.status, twice.invoice.amount_due.minor) == (3000, I.PAID, 0)
    assert twice.invoice.paid_at == LATER
    assert accounts(twice.entries) == {Account.CASH: 3000, Account.CUSTOMER_BALANCE: -3000}


def test_who_pays_what_was_void_has_it_as_credit() -> None:
    void = settlement.void(opened(3000), LATER).invoice
    result = settlement.paid(void, payment(3000), LATER)
    assert (result.excess.minor, result.invoice.status, result.invoice.amount_due.minor) == (3000, I.VOID, 0)
    assert accounts(result.entries) == {Account.CASH: 3000, Account.CUSTOMER_BALANCE: -3000}


def test_a_credit_note_leaves_less_to_pay() -> None:
    noted = replace(opened(3000), amount_credited=Money.from_minor(1000, "USD"))
    assert noted.amount_due.minor == 2000
    result = settlement.paid(noted, payment(3000), LATER)
    assert (result.excess.minor, result.invoice.status, result.invoice.amount_due.minor) == (1000, I.PAID, 0)


def test_nothing_but_the_payment_changes_on_a_finalized_invoice() -> None:
    before = opened(1000)
    after = settlement.paid(before, payment(before.total), LATER).invoice
    assert replace(after, status=before.status, amount_paid=before.amount_paid, paid_at=None) == before


def test_a_payment_is_posted_once() -> None:
    def ids(payment_id: str) -> list[str]:
        return [entry.id for entry in settlement.paid(opened(1000), payment(1500, payment_id), LATER).entries]

    assert ids("pay_1") == ids("pay_1")
    assert len({*ids("pay_1"), *ids("pay_2")}) == 4


# Void


def test_voiding_takes_the_amount_out_of_the_books_again() -> None:
    final = finalized(draft([line(5000, tax=1000)]))
    voided = settlement.void(final.invoice, LATER)
    assert (voided.invoice.status, voided.returned.minor, voided.invoice.amount_due.minor) == (I.VOID, 0, 0)
    assert accounts([*final.entries, *voided.entries]) == {}
    assert not {entry.id for entry in voided.entries} & {entry.id for entry in final.entries}


@LAW
@given(AMOUNTS, st.integers(0, 10**6))
def test_voiding_returns_the_balance_that_was_used(owed: int, held: int) -> None:
    final = finalized(draft_of(owed), held)
    if final.invoice.status is I.PAID:
        with pytest.raises(InvalidState):
            settlement.void(final.invoice, LATER)
        return
    voided = settlement.void(final.invoice, LATER)
    assert voided.returned.minor == held
    assert final.balance.used(-voided.returned).amount.minor == held
    assert (voided.invoice.balance_applied.minor, voided.invoice.amount_due.minor) == (0, 0)
    assert accounts([*final.entries, *voided.entries]) == {}


def test_a_draft_is_voided_without_a_trace_in_the_books() -> None:
    voided = settlement.void(replace(draft_of(5000), due=Due("07", AT)), LATER)
    assert (voided.invoice.status, voided.invoice.number, voided.invoice.due) == (I.VOID, None, None)
    assert (voided.entries, voided.returned.minor) == ((), 0)


@pytest.mark.parametrize("status", [I.PAID, I.VOID, I.UNCOLLECTIBLE])
def test_only_a_draft_or_an_open_invoice_is_voided(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        settlement.void(replace(opened(1000), status=status), LATER)
    assert refused.value.public_code == "invoice.invalid_state"
    assert status in refused.value.message


def test_an_invoice_with_money_on_it_or_a_credit_note_is_not_voided() -> None:
    part = settlement.paid(opened(2000), payment(1000), LATER).invoice
    noted = replace(opened(2000), amount_credited=Money.from_minor(500, "USD"))
    for invoice in (part, noted):
        with pytest.raises(InvalidState, match="open and partly"):
            settlement.void(invoice, LATER)


# Uncollectible, and paid after all


def test_what_is_given_up_is_bad_debt_as_far_as_it_is_still_due() -> None:
    before = settlement.paid(opened(5000, balance=1000), payment(500), LATER).invoice
    after, entry = settlement.uncollectible(replace(before, due=Due("07", AT)), LATER)
    assert (after.status, after.due, after.amount_due.minor) == (I.UNCOLLECTIBLE, None, 3500)
    assert accounts([entry]) == {Account.BAD_DEBT: 3500, Account.RECEIVABLE: -3500}


@pytest.mark.parametrize("status", [s for s in I if s is not I.OPEN])
def test_only_an_open_invoice_is_given_up(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        settlement.uncollectible(replace(opened(1000), status=status), LATER)
    assert refused.value.public_code == "invoice.invalid_state"
    assert status in refused.value.message


def test_who_pays_after_all_takes_the_bad_debt_back() -> None:
    result = settlement.paid(given_up(5000), payment(5000), LATER)
    assert (result.invoice.status, result.invoice.paid_at, result.invoice.amount_due.minor) == (I.PAID, LATER, 0)
    assert accounts(result.entries) == {Account.CASH: 5000, Account.BAD_DEBT: -5000}


def test_who_pays_a_part_after_all_takes_that_part_back() -> None:
    result = settlement.paid(given_up(5000), payment(2000), LATER)
    assert (result.invoice.status, result.invoice.amount_due.minor) == (I.UNCOLLECTIBLE, 3000)
    assert accounts(result.entries) == {Account.CASH: 2000, Account.BAD_DEBT: -2000}


def test_who_pays_too_much_after_all_has_a_credit() -> None:
    result = settlement.paid(given_up(5000), payment(6000), LATER)
    assert (result.invoice.status, result.excess.minor, result.invoice.amount_due.minor) == (I.PAID, 1000, 0)
    assert accounts(result.entries) == {
        Account.CASH: 6000,
        Account.BAD_DEBT: -5000,
        Account.CUSTOMER_BALANCE: -1000,
    }


# The whole life of an invoice


@LAW
@given(
    AMOUNTS,
    st.integers(0, 10**6),
    st.lists(st.sampled_from(["void", "give up"]) | AMOUNTS, max_size=6),
)
def test_whatever_happens_the_books_say_what_is_due(owed: int, held: int, story: Sequence[str | int]) -> None:
    """The receivable is what is still to be paid (nothing, once it is given up), and no entry exists twice."""
    final = finalized(draft([line(owed, tax=owed // 5)]), held)
    invoice, balance = final.invoice, final.balance
    entries: list[LedgerEntry] = list(final.entries)
    for number, event in enumerate(story):
        try:
            if event == "void":
                voided = settlement.void(invoice, LATER)
                invoice, balance = voided.invoice, balance.used(-voided.returned)
                entries += voided.entries
            elif event == "give up":
                invoice, entry = settlement.uncollectible(invoice, LATER)
                entries.append(entry)
            else:
                received = settlement.paid(invoice, payment(int(event), f"pay_{number}"), LATER)
                invoice, balance = received.invoice, balance.used(-received.excess)
                entries += received.entries
        except InvalidState:
            continue
    books = accounts(entries)
    given = invoice.status is I.UNCOLLECTIBLE
    assert books.get(Account.RECEIVABLE, 0) == (0 if given else invoice.amount_due.minor)
    assert books.get(Account.BAD_DEBT, 0) == (invoice.amount_due.minor if given else 0)
    # The customer brought its balance along from before.
    assert -books.get(Account.CUSTOMER_BALANCE, 0) + held == balance.amount.minor
    assert books.get(Account.CASH, 0) == invoice.amount_paid.minor
    assert not invoice.amount_due.is_negative
    assert len({entry.id for entry in entries}) == len(entries)
    assert all(sum_money((p.amount for p in entry.postings), "USD").is_zero for entry in entries)
