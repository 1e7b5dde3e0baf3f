"""Stripe's objects as ours: whose one is, where its money is, and what a payer may read of a decline."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.customers.customer import CardDisplay
from billing.domain.kernel.currencies import charge_step, is_currency
from billing.domain.kernel.money import Money
from billing.domain.payments.dispute import DisputeStatus
from billing.domain.payments.payment import PaymentStatus, intent_payment_id
from billing.domain.payments.refund import RefundStatus
from billing.integrations.stripe.objects import (
    FORM,
    charge_result,
    ids_of,
    money_of,
    seen_dispute,
    seen_method,
    seen_refund,
    stripe_amount,
)
from local.stripe_sandbox.money import CURRENCIES

MADE = 1_795_000_000
AT = datetime.fromtimestamp(MADE, UTC)
OURS = {"tenant_id": "ten_1", "payment_id": "pay_1"}
CODES = sorted(code.upper() for code in CURRENCIES if is_currency(code.upper()))


def of_stripe(kind: Any, **values: Any) -> Any:
    """An object as the SDK makes it of Stripe's JSON; what Stripe leaves out is not there."""
    return kind.construct_from(values, "sk_test_unit0001")


def intent(status: str = "succeeded", **values: Any) -> Any:
    about: dict[str, Any] = {"id": "pi_1", "created": MADE, "metadata": OURS, "client_secret": "pi_1_secret_2"}
    about |= {"last_payment_error": None, "amount_received": 4_999, "currency": "usd", "latest_charge": None}
    return of_stripe(stripe.PaymentIntent, status=status, **(about | values))


def declined(decline_code: str) -> Any:
    """An intent whose payer tried a card."""
    why = {"code": "card_declined", "decline_code": decline_code}
    return intent("requires_payment_method", last_payment_error=why)


# Amounts


@settings(deadline=None)
@given(st.sampled_from(CODES), st.integers(1, 10**6))
def test_what_stripe_was_asked_for_is_what_it_says(currency: str, steps: int) -> None:
    amount = Money.from_minor(steps * charge_step(currency), currency)
    assert money_of(stripe_amount(amount), currency.lower()) == amount


# PaymentIntents


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("requires_payment_method", "requires_payment_method"),
        ("requires_confirmation", "pending"),
        ("requires_action", "requires_action"),
        ("requires_capture", "processing"),
        ("processing", "processing"),
        ("succeeded", "succeeded"),
        ("canceled", "canceled"),
        ("a_state_of_next_year", "processing"),
    ],
)
def test_each_state_of_an_intent_is_one_of_ours(theirs: str, ours: str) -> None:
    result = charge_result(intent(theirs))
    assert (result.status.value, result.intent_id, result.client_secret) == (ours, "pi_1", "pi_1_secret_2")


def test_an_intent_that_somebody_tried_has_failed() -> None:
    result = charge_result(declined("lost_card"))
    assert result.status is PaymentStatus.FAILED
    assert result.error is not None
    assert (result.error.code, result.error.decline_code, result.error.final) == (
        "payment.declined", "generic_decline", True,
    )  # fmt: skip


def test_a_payer_who_failed_to_authenticate_gave_no_decline_code() -> None:
    failed = {"code": "payment_intent_authentication_failure", "type": "invalid_request_error"}
    result = charge_result(intent("requires_payment_method", last_payment_error=failed))
    assert result.error is not None
    assert (result.error.code, result.error.final) == ("payment.declined", False)


@pytest.mark.parametrize("hidden", ["fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card"])
def test_what_helps_a_thief_reads_as_any_decline_to_the_word(hidden: str) -> None:
    """docs.stripe.com/declines/codes: "report as a generic decline"."""
    told, plain = (charge_result(declined(code)) for code in (hidden, "generic_decline"))
    assert told.error is not None
    assert plain.error is not None
    assert (told.error.code, told.error.message, told.error.decline_code) == (
        plain.error.code, plain.error.message, plain.error.decline_code,
    )  # fmt: skip


# Whose it is


def test_the_metadata_says_whose_it_is() -> None:
    assert ids_of(intent()) == OURS
    assert ids_of(intent(metadata={})) == ids_of(of_stripe(stripe.PaymentIntent, id="pi_2")) == {}


def test_a_forms_payment_follows_from_its_intent() -> None:
    """It was made before the payment was written, so its metadata could not name it."""
    form = intent(metadata={"tenant_id": "ten_1", FORM: "true"})
    assert ids_of(form)["payment_id"] == intent_payment_id("ten_1", "pi_1", AT)
    other = intent(metadata={"tenant_id": "ten_1", FORM: "true"}, id="pi_2")
    assert ids_of(other)["payment_id"] != ids_of(form)["payment_id"]


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        (None, (None, {})),
        ({"id": "cus_s", "metadata": {"tenant_id": "ten_1"}}, ("cus_s", {"tenant_id": "ten_1"})),
        ({"id": "cus_s", "deleted": True}, ("cus_s", {})),
    ],
    ids=["detached", "attached", "of a deleted customer"],
)
def test_a_method_is_its_customers(customer: Any, expected: tuple[str | None, dict[str, str]]) -> None:
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    found = seen_method(of_stripe(stripe.PaymentMethod, id="pm_1", type="card", card=card, customer=customer))
    assert (found.on_file.processor_customer_id, found.owner) == expected
    assert found.on_file.method.card == CardDisplay("visa", "4242", 12, 2030)


# Refunds


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        ("pending", RefundStatus.PENDING, None),
        ("requires_action", RefundStatus.PENDING, None),
        ("succeeded", RefundStatus.SUCCEEDED, None),
        ("failed", RefundStatus.FAILED, "lost_or_stolen_card"),
        ("canceled", RefundStatus.FAILED, "canceled"),
    ],
)
def test_a_refund_is_its_payments_whoever_made_it(theirs: str, ours: RefundStatus, reason: str | None) -> None:
    failed = {"failure_reason": reason} if theirs == "failed" else {}
    made = of_stripe(
        stripe.Refund, id="re_s", status=theirs, amount=1999, currency="usd", created=MADE, reason="duplicate",
        metadata={}, payment_intent=intent(), **failed,
    )  # fmt: skip
    found = seen_refund(made)
    result = found.refund.result
    assert (result.status, result.stripe_refund_id, result.failure_reason) == (ours, "re_s", reason)
    assert (found.payment_ids, found.ids, found.refund.amount) == (OURS, {}, Money(1_999_000, "USD"))


# Disputes


def dispute(*moved: int, **values: Any) -> Any:
    """A dispute with lines on the account's balance, in the account's own currency."""
    found = {
        "id": "du_1", "status": "needs_response", "amount": 2000, "currency": "usd", "reason": "fraudulent",
        "created": MADE, "evidence_details": {"due_by": MADE}, "payment_intent": intent(),
        "balance_transactions": [
            {"id": f"txn_{n}", "amount": amount, "currency": "usd", "fee": 0} for n, amount in enumerate(moved)
        ],
    }  # fmt: skip
    return seen_dispute(of_stripe(stripe.Dispute, **(found | values)))


@pytest.mark.parametrize(
    ("moved", "withdrawn"), [((), False), ((-1850,), True), ((-1850, 1790), False), ((-1850, 1790, -1810), True)]
)
def test_where_its_money_is_is_in_the_lines_of_the_balance_whatever_the_rate(
    moved: tuple[int, ...], withdrawn: bool
) -> None:
    """Taken at 18.50 EUR and given back at 17.90 EUR, 20.00 USD are back."""
    found = dispute(*moved)
    assert (found.snapshot.withdrawn, found.snapshot.amount) == (withdrawn, Money(2_000_000, "USD"))
    assert (found.snapshot.created_at, found.snapshot.evidence_due_by, found.payment_ids) == (AT, AT, OURS)


def test_a_dispute_without_a_deadline_or_of_a_charge_without_an_intent() -> None:
    found = dispute(evidence_details={"due_by": None}, payment_intent=None)
    assert (found.snapshot.evidence_due_by, found.payment_ids) == (None, {})


@pytest.mark.parametrize("status", [*DisputeStatus, "a_state_of_next_year"])
def test_a_state_that_nobody_knew_does_not_stop_the_news(status: str) -> None:
    known = status if status in set(DisputeStatus) else DisputeStatus.UNDER_REVIEW
    assert dispute(status=status).snapshot.status == known
