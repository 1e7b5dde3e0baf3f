"""Issue 11, number 25: which attempt makes another one by the same method useless."""

from dataclasses import replace

import pytest

from billing.domain.payments.payment import Payment, PaymentError, PaymentStatus
from tests.support.invoices import payment

HARD = PaymentError("payment.declined", "The card was declined.", "do_not_honor", final=True)
REFUSED = replace(payment(4999, status=PaymentStatus.FAILED), payment_method_id="pm_1", error=HARD)


def test_a_hard_decline_refuses_its_own_method() -> None:
    assert REFUSED.refused_for_good("pm_1")


@pytest.mark.parametrize("method_id", ["pm_2", None])
def test_it_says_nothing_of_another_method_or_of_none(method_id: str | None) -> None:
    assert not REFUSED.refused_for_good(method_id)
    assert not replace(REFUSED, payment_method_id=None).refused_for_good(method_id)


@pytest.mark.parametrize(
    "payment",
    [
        replace(REFUSED, error=replace(HARD, final=False)),
        replace(REFUSED, error=None),
        replace(REFUSED, status=PaymentStatus.SUCCEEDED, error=None),
        replace(REFUSED, status=PaymentStatus.CANCELED),
        replace(REFUSED, status=PaymentStatus.PENDING, error=None),
    ],
)
def test_what_is_soft_or_no_refusal_says_nothing(payment: Payment) -> None:
    assert not payment.refused_for_good("pm_1")
