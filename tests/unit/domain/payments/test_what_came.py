"""What a payment brought, held against what was asked for; and attempts that were never sent (issue 11: 13, 14, 15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import (
    NOT_SENT,
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    Taken,
    sent_again,
    with_facts,
    with_result,
)
from tests.unit.domain.payments.test_payment import AT, LATER, PENDING

ASKED = Money(20_000_000, "USD")
DUE = Due("07", AT + timedelta(minutes=3))
FAILED, SUCCEEDED = PaymentStatus.FAILED, PaymentStatus.SUCCEEDED


def paid(amount: Money, **facts: object) -> Payment:
    payment = replace(PENDING, amount=ASKED)
    return with_result(payment, came(amount, **facts), LATER, SettledBy.WEBHOOK, "evt_1")


def came(amount: Money, **facts: object) -> ChargeResult:
    return ChargeResult(SUCCEEDED, "pi_1", taken=Taken(amount, "ch_1", **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "otherwise", "foreign"),
    [
        (ASKED, False, False),
        (Money(100_000, "USD"), True, False),
        (Money(30_000_000, "USD"), True, False),
        (Money(20_000_000, "JPY"), True, True),
    ],
)
def test_what_came_is_the_payments_amount(amount: Money, otherwise: bool, foreign: bool) -> None:
    payment = paid(amount)
    assert (payment.amount, payment.asked) == (amount, ASKED if otherwise else None)
    assert (payment.amount_differs, payment.in_another_currency) == (otherwise, foreign)
    assert (payment.refundable, payment.still_here) == (amount, amount)


def test_where_stripe_says_nothing_of_the_amount_it_is_what_was_asked_for() -> None:
    payment = with_result(replace(PENDING, amount=ASKED), ChargeResult(SUCCEEDED, "pi_1"), LATER, SettledBy.SWEEP)
    assert (payment.amount, payment.asked, payment.taken) == (ASKED, None, None)


def test_of_a_payment_is_here_what_nobody_has_got_back_and_nobody_has_too_much() -> None:
    """Of 200.00: 50.00 refunded, 20.00 disputed, 30.00 too much and the customer's: 100.00."""
    payment = replace(
        paid(ASKED),
        refunds={"re_1": Money(5_000_000, "USD")},
        disputed={"dp_1": Money(2_000_000, "USD")},
        excess=Money(3_000_000, "USD"),
    )
    assert payment.still_here == Money(10_000_000, "USD")
    assert replace(payment, disputed={"dp_1": ASKED}).still_here == Money.zero("USD")


def test_what_stripe_says_later_of_a_charge_is_filled_in_once() -> None:
    line = {
        "balance_transaction_id": "txn_1",
        "fee": Money(88_000, "USD"),
        "available_on": datetime(2027, 1, 1, tzinfo=UTC),
    }
    payment = paid(ASKED)
    filled = with_facts(payment, came(ASKED, **line))
    assert filled == replace(payment, taken=Taken(ASKED, "ch_1", **line))  # type: ignore[arg-type]
    assert with_facts(filled, came(ASKED, **(line | {"balance_transaction_id": "txn_2"}))) is filled
    assert with_facts(payment, came(ASKED)) is payment
    assert with_facts(payment, replace(came(ASKED, **line), intent_id="pi_2")) is payment
    assert with_facts(PENDING, came(PENDING.amount, **line)) is PENDING


def test_what_was_never_sent_may_be_sent_under_its_own_key() -> None:
    payment = with_result(PENDING, ChargeResult(PaymentStatus.CANCELED, None, NOT_SENT), LATER, SettledBy.REQUEST)
    assert (payment.never_sent, payment.due, payment.settled_at) == (True, None, LATER)
    again = sent_again(payment, DUE)
    assert again == replace(PENDING, due=DUE)
    assert not again.never_sent
    assert with_result(again, ChargeResult(FAILED, "pi_1"), LATER, SettledBy.REQUEST).status is FAILED


def test_should_a_twin_have_sent_it_money_is_money() -> None:
    payment = with_result(PENDING, ChargeResult(PaymentStatus.CANCELED, None, NOT_SENT), LATER, SettledBy.REQUEST)
    assert with_result(payment, came(PENDING.amount), LATER, SettledBy.WEBHOOK).status is SUCCEEDED


@pytest.mark.parametrize("status", PaymentStatus)
def test_nothing_else_is_sent_again(status: PaymentStatus) -> None:
    why = PaymentError("payment.declined", "The charge never reached the card processor.", "not_sent")
    with pytest.raises(InvalidState):
        sent_again(replace(PENDING, status=status, error=why), DUE)


@pytest.mark.parametrize(
    ("known", "told", "counts"),
    [(None, None, True), (None, "pi_1", True), ("pi_1", None, True), ("pi_1", "pi_1", True), ("pi_1", "pi_2", False)],
)
@pytest.mark.parametrize("status", [PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.PROCESSING])
def test_issue_11_14_of_another_intent_no_word_counts_but_money(
    status: PaymentStatus, known: str | None, told: str | None, counts: bool
) -> None:
    """An intent that a crash left behind says nothing; an answer without an id (a refusal) is about this attempt."""
    payment = replace(PENDING, status=PaymentStatus.REQUIRES_ACTION, stripe_payment_intent_id=known)
    after = with_result(payment, ChargeResult(status, told), LATER, SettledBy.WEBHOOK)
    assert (after.status is status) is counts
    assert (after is payment) is not counts
    assert with_result(payment, ChargeResult(SUCCEEDED, told), LATER, SettledBy.WEBHOOK).status is SUCCEEDED
