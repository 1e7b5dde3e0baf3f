"""How a charge that did not go through is answered: the error of its reason, with what a payer may know of it."""

from billing.domain.kernel.card_limits import Unchargeable, not_chargeable
from billing.domain.kernel.errors import (
    AuthenticationRequired,
    BillingError,
    Detail,
    InsufficientFunds,
    PaymentDeclined,
    PaymentMethodInvalid,
    Unavailable,
)
from billing.domain.payments.payment import NOT_CHARGEABLE, Payment, PaymentError, PaymentStatus

_SEND_AGAIN_S = 10
"""A key whose request ended without an answer can be used again after that long (``idempotency_lease_s``)."""


def refusal(error: PaymentError, *details: Detail) -> BillingError:
    """The error of a card that was declined.

    Args:
        details: what is to be said beside the decline code.
    """
    told = (Detail("declineCode", error.decline_code or "generic_decline"), *details)
    for kind in (InsufficientFunds, AuthenticationRequired, PaymentMethodInvalid):
        if kind.code == error.code:
            return kind(error.message, told)
    return PaymentDeclined(error.message, told)


def not_sent(payment: Payment | None) -> BillingError | None:
    """The error for a charge that Stripe refused without doing anything; None where that is not so."""
    if payment is None or not payment.never_sent:
        return None
    message = "The card processor cannot be asked just now, and nothing was charged"
    return Unavailable(message, (Detail("paymentId", payment.id),), retry_after_s=_SEND_AGAIN_S)


def failure(payment: Payment, client_secret: str | None) -> BillingError | None:
    """The error that the payer's side gets for a charge that did not go through; None for one that did.

    What was written stays written: this is the answer, not a rollback.

    Args:
        client_secret: with it the payer may go on, where the bank wants authentication.
    """
    if payment.status is PaymentStatus.PENDING:
        return Unavailable("The card processor gave no answer; the payment will be looked up", retry_after_s=30)
    if payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
        return None
    unsent = not_sent(payment)
    if unsent is not None:
        return unsent
    error = payment.error or PaymentError("payment.declined", "The payment did not go through.")
    if error.code == NOT_CHARGEABLE:
        return not_chargeable(payment.amount, Unchargeable(error.decline_code or Unchargeable.TOO_LARGE))
    details = [Detail("paymentId", payment.id)]
    if error.code == AuthenticationRequired.code and client_secret is not None:
        details += [
            Detail("paymentIntentId", payment.stripe_payment_intent_id or ""),
            Detail("clientSecret", client_secret),
        ]
    return refusal(error, *details)
