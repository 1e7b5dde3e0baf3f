"""Payments: Stripe's word is taken once; what is final stays so, whatever comes late or twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import (
    AUTHENTICATION_REQUIRED,
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    attempt_id,
    with_result,
)

LAW = settings(deadline=None)  # a busy machine is no broken law
AT = datetime(2026, 11, 21, 22, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
DECLINED = PaymentError("payment.declined", "The card was declined.", "generic_decline")
PENDING = Payment(
    id="pay_1",
    tenant_id="ten_1",
    customer_id="cus_1",
    amount=Money(4_999_000, "USD"),
    status=PaymentStatus.PENDING,
    attempt=1,
    idempotency_key="k",
    stripe_customer_id="cus_s",
    payment_method_id="pm_1",
    off_session=False,
    created_at=AT,
    submitted_at=AT,
    due=Due("00", LATER),
)
FINAL = [PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELED]
OPEN = [PaymentStatus.PENDING, PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION]
RESULTS = st.builds(
    ChargeResult, st.sampled_from(PaymentStatus), st.sampled_from([None, "pi_1"]), st.sampled_from([None, DECLINED])
)


UNAUTHENTICATED = PaymentError(AUTHENTICATION_REQUIRED, "Confirm it.", "authentication_required", final=True)
CENTS = st.integers(0, 9999).map(lambda minor: Money.from_minor(minor, "USD"))
TAKEN = st.dictionaries(st.sampled_from("abc"), CENTS, max_size=3)


def told(payment: Payment, status: PaymentStatus, intent: str | None = "pi_1") -> Payment:
    return with_result(payment, ChargeResult(status, intent), LATER, SettledBy.WEBHOOK, "evt_1")


@LAW
@given(st.sampled_from(FINAL), RESULTS)
def test_a_final_payment_stays_as_it_is_unless_stripe_holds_the_money_after_all(
    status: PaymentStatus, result: ChargeResult
) -> None:
    settled = told(PENDING, status)
    after = with_result(settled, result, LATER, SettledBy.SWEEP)
    if result.status is PaymentStatus.SUCCEEDED and status is not PaymentStatus.SUCCEEDED:
        assert (after.status, after.settled_by) == (PaymentStatus.SUCCEEDED, SettledBy.SWEEP)
    else:
        assert after is settled


@LAW
@given(st.lists(RESULTS, max_size=6))
def test_the_order_of_news_does_not_matter_where_money_came(news: list[ChargeResult]) -> None:
    payment = PENDING
    for result in news:
        payment = with_result(payment, result, LATER, SettledBy.WEBHOOK)
    finals = [result.status for result in news if result.status.is_final]
    assert payment.status.is_final is bool(finals)
    if PaymentStatus.SUCCEEDED in finals:
        assert payment.status is PaymentStatus.SUCCEEDED
    elif finals:
        assert payment.status is finals[0]


@LAW
@given(RESULTS)
def test_the_same_news_twice_is_the_same_payment(result: ChargeResult) -> None:
    once = with_result(PENDING, result, LATER, SettledBy.WEBHOOK)
    twice = with_result(once, result, LATER, SettledBy.SWEEP)
    assert twice == once


def certainty(payment: Payment) -> int:
    """How much of it is decided: nothing, that it did not go through, that the money is there."""
    return 2 if payment.status is PaymentStatus.SUCCEEDED else int(payment.status.is_final)


@LAW
@given(st.lists(st.tuples(RESULTS, st.sampled_from(["pi_1", "pi_2"])), max_size=8))
def test_news_only_ever_decide_more(news: list[tuple[ChargeResult, str]]) -> None:
    """Whatever comes, in whatever order, also of an intent that a crash left behind."""
    payment = PENDING
    for result, intent in news:
        named = replace(result, intent_id=intent if result.intent_id else None)
        after = with_result(payment, named, LATER, SettledBy.WEBHOOK)
        assert certainty(after) >= certainty(payment)
        assert (after.due is None) is after.status.is_final
        assert (after.settled_at is not None) is after.status.is_final
        if payment.status is PaymentStatus.SUCCEEDED:
            assert after is payment
        payment = after


# What is left of it


@LAW
@given(st.sampled_from(PaymentStatus), TAKEN, TAKEN)
def test_what_is_left_to_refund_is_never_below_zero_nor_above_the_amount(
    status: PaymentStatus, refunds: dict[str, Money], disputed: dict[str, Money]
) -> None:
    payment = replace(PENDING, status=status, refunds=refunds, disputed=disputed)
    zero = Money.zero("USD")
    assert zero <= payment.refundable <= payment.amount
    if status is not PaymentStatus.SUCCEEDED or disputed:
        assert payment.refundable == zero
    elif payment.amount_refunded <= payment.amount:
        assert payment.refundable + payment.amount_refunded == payment.amount


# Whose turn it is


@pytest.mark.parametrize(
    ("status", "off_session", "error", "theirs"),
    [
        (PaymentStatus.REQUIRES_PAYMENT_METHOD, False, None, True),
        (PaymentStatus.REQUIRES_ACTION, False, None, True),
        (PaymentStatus.FAILED, False, DECLINED, True),
        (PaymentStatus.FAILED, True, DECLINED, False),
        (PaymentStatus.FAILED, True, UNAUTHENTICATED, True),
        (PaymentStatus.PENDING, False, None, False),
        (PaymentStatus.PROCESSING, False, None, False),
        (PaymentStatus.SUCCEEDED, False, None, False),
        (PaymentStatus.CANCELED, False, None, False),
    ],
)
def test_what_somebody_with_the_secret_could_still_pay(
    status: PaymentStatus, off_session: bool, error: PaymentError | None, theirs: bool
) -> None:
    payment = replace(PENDING, status=status, off_session=off_session, error=error, stripe_payment_intent_id="pi_1")
    assert payment.in_the_payers_hands is theirs
    assert replace(payment, stripe_payment_intent_id=None).in_the_payers_hands is False
    result = ChargeResult(status, "pi_1", error, "pi_1_secret_2")
    wants_the_payer = status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.REQUIRES_PAYMENT_METHOD)
    assert result.next_secret == ("pi_1_secret_2" if wants_the_payer or error is UNAUTHENTICATED else None)


@pytest.mark.parametrize("status", FINAL)
def test_who_settled_it_and_when_is_written_down(status: PaymentStatus) -> None:
    settled = told(PENDING, status)
    assert (settled.settled_by, settled.settled_event_id, settled.settled_at) == (SettledBy.WEBHOOK, "evt_1", LATER)
    assert settled.due is None


@pytest.mark.parametrize("status", OPEN)
def test_what_is_not_final_is_not_settled(status: PaymentStatus) -> None:
    told_so = told(PENDING, status)
    assert (told_so.settled_by, told_so.settled_event_id, told_so.settled_at) == (None, None, None)


def test_a_payment_that_waits_for_its_payer_is_looked_up_too() -> None:
    """Hours may pass until the payer has authenticated; the webhook tells."""
    assert told(PENDING, PaymentStatus.REQUIRES_ACTION).due is not None


def test_a_payment_under_way_keeps_its_alarm() -> None:
    assert told(PENDING, PaymentStatus.PROCESSING).due == PENDING.due


def test_an_answer_without_an_id_does_not_forget_the_intent() -> None:
    processing = told(PENDING, PaymentStatus.PROCESSING, "pi_1")
    assert told(processing, PaymentStatus.FAILED, None).stripe_payment_intent_id == "pi_1"


def test_silence_is_no_news() -> None:
    assert with_result(PENDING, ChargeResult(PaymentStatus.PENDING, None), LATER, SettledBy.REQUEST) is PENDING


def test_the_amount_and_the_key_never_change() -> None:
    settled = told(PENDING, PaymentStatus.SUCCEEDED)
    assert (
        replace(
            settled,
            status=PENDING.status,
            stripe_payment_intent_id=None,
            settled_by=None,
            settled_event_id=None,
            settled_at=None,
            due=PENDING.due,
        )
        == PENDING
    )


def test_each_attempt_has_an_id_of_its_own_and_a_retry_has_the_same() -> None:
    ids = [attempt_id("in_1", AT, n) for n in (1, 2, 1)]
    assert ids[0] == ids[2] != ids[1]
