"""Translates Stripe's objects into ours: amounts, states, declines, owners. Pure; ``gateway`` makes the calls."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import stripe

from billing.domain.customers.customer import CardDisplay
from billing.domain.kernel.card_limits import Unchargeable
from billing.domain.kernel.currencies import charge_step, minor_digits
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.payments.balance_line import BalanceLine
from billing.domain.payments.dispute import DisputeSnapshot, DisputeStatus
from billing.domain.payments.payment import (
    AUTHENTICATION_REQUIRED,
    ChargedCard,
    ChargeResult,
    PaymentError,
    PaymentStatus,
    Taken,
    intent_payment_id,
    not_chargeable,
)
from billing.domain.payments.refund import Refund, RefundResult, RefundStatus
from billing.services.payments.processor import (
    AttachedMethod,
    CustomerOnFile,
    MethodOnFile,
    OpenedIntent,
    References,
    RefundOnFile,
)

_STATUS = {
    "requires_payment_method": PaymentStatus.REQUIRES_PAYMENT_METHOD,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "requires_capture": PaymentStatus.PROCESSING,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}
_REFUND_STATUS = {"succeeded": RefundStatus.SUCCEEDED, "failed": RefundStatus.FAILED, "canceled": RefundStatus.FAILED}
FORM = "form"
"""In the metadata of a PaymentIntent that was made for a form before its payment was written."""
REFUND_REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
# Telling a thief that the card is known to be stolen helps the thief (docs.stripe.com/declines/codes).
_NOT_FOR_THE_PAYER = {
    "fraudulent",
    "lost_card",
    "merchant_blacklist",
    "pickup_card",
    "restricted_card",
    "stolen_card",
}
# What Stripe itself does not try again without a new method (docs.stripe.com/billing/revenue-recovery/smart-retries,
# "hard decline codes"), and what is wrong with the card itself (docs.stripe.com/declines/codes and /error-codes).
_FINAL = {
    *("incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization"),
    *("revocation_of_all_authorizations", "authentication_required", "highest_risk_level", "transaction_not_allowed"),
    *("expired_card", "invalid_account", "invalid_number", "invalid_expiry_month", "invalid_expiry_year"),
    *("card_not_supported", "currency_not_supported", "merchant_blacklist", "stop_payment_order", "do_not_try_again"),
}
_PUBLIC_CODES = {
    "insufficient_funds": "payment.insufficient_funds",
    "authentication_required": AUTHENTICATION_REQUIRED,
}


_STRIPE_DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe departs from ISO 4217 (docs.stripe.com/currencies): ISK and UGX have two decimals, which must be 00;
ariary has none."""


def stripe_amount(amount: Money) -> int:
    """The integer that Stripe wants.

    USD 4999000 micro-units -> 4999; JPY 500000 -> 500; ISK 500000 -> 50000; MGA 10000000 (100.00) -> 100;
    KWD 5120000 -> 5120, whose last digit is 0 because prices are rounded so (``charge_step``).

    Raises:
        ValueError: Stripe cannot charge this amount; it is never rounded here, for then the books would differ.
    """
    if amount.minor % charge_step(amount.currency):
        raise ValueError(f"{amount} is not a multiple of what can be charged")
    digits = minor_digits(amount.currency)
    wanted = _STRIPE_DECIMALS.get(amount.currency, digits)
    stripe_units: int = amount.minor * 10**wanted // 10**digits
    return stripe_units


def money_of(stripe_amount: int, currency: str) -> Money:
    """The amount that Stripe's integer means: 4999 of USD -> 4999000 micro-units; ISK 50000 -> 500000."""
    code = currency.upper()
    digits = minor_digits(code)
    theirs = _STRIPE_DECIMALS.get(code, digits)
    return Money(stripe_amount * 10**digits * MICROS_PER_MINOR // 10**theirs, code)


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """A refund as Stripe has it now, our ids of it, and those of the PaymentIntent that it gives back."""

    refund: RefundOnFile
    ids: dict[str, str]
    payment_ids: dict[str, str]


@dataclass(frozen=True, slots=True)
class SeenDispute:
    """A dispute as Stripe has it now, and our ids of the PaymentIntent that it is about."""

    snapshot: DisputeSnapshot
    payment_ids: dict[str, str]


@dataclass(frozen=True, slots=True)
class SeenMethod:
    """A payment method as Stripe has it now, and our ids of the customer that it is attached to."""

    on_file: MethodOnFile
    owner: dict[str, str]


def metadata_of(references: References) -> dict[str, str]:
    """How a webhook finds its way back from an object of Stripe's; ids only."""
    return {name: value for name, value in asdict(references).items() if value is not None}


def intent_metadata(references: References) -> dict[str, str]:
    """The same for a PaymentIntent, which may be made for a form before its payment is written."""
    return metadata_of(references) | ({} if references.payment_id is not None else {FORM: "one_time"})


def refund_metadata(refund: Refund) -> dict[str, str]:
    """The metadata by which a webhook finds our refund; ids only."""
    found = {
        "tenant_id": refund.tenant_id,
        "refund_id": refund.id,
        "payment_id": refund.payment_id,
        "customer_id": refund.customer_id,
        "test_clock_id": refund.test_clock_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def ids_of(made: Any) -> dict[str, str]:
    """Our ids from the metadata of a Stripe object, if it is ours.

    For a PaymentIntent made for a form, before its payment was written, the payment's id is derived from the intent's.
    """
    found = dict(made.metadata.to_dict()) if getattr(made, "metadata", None) else {}
    if FORM in found and "tenant_id" in found:
        found["payment_id"] = intent_payment_id(found["tenant_id"], made.id, time_of(made.created))
    return found


def time_of(seconds: int) -> datetime:
    """The time of Stripe's Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def opened_intent(intent: Any) -> OpenedIntent:
    """A PaymentIntent or SetupIntent that waits for its payer."""
    return OpenedIntent(intent.id, intent.client_secret, time_of(intent.created))


def seen_refund(refund: Any) -> SeenRefund:
    """A refund, whoever made it; its PaymentIntent is expanded."""
    on_file = RefundOnFile(
        result=refund_result(refund),
        amount=money_of(refund.amount, refund.currency),
        created_at=time_of(refund.created),
        reason=refund.reason,
    )
    return SeenRefund(on_file, ids_of(refund), _ids_of_expanded(refund.payment_intent))


def seen_dispute(dispute: Any) -> SeenDispute:
    """A dispute; its PaymentIntent is expanded.

    Whether money is off the account is in its balance transactions: one takes it, another gives it back. They are in
    the account's own currency, each at the rate of its day, so they are counted and not summed.
    """
    due_by = dispute.evidence_details.due_by
    snapshot = DisputeSnapshot(
        stripe_dispute_id=dispute.id,
        status=_dispute_status(dispute.status),
        amount=money_of(dispute.amount, dispute.currency),
        reason=dispute.reason,
        lines=tuple(_dispute_line(each, dispute) for each in dispute.balance_transactions),
        withdrawn=sum(1 if each.amount < 0 else -1 for each in dispute.balance_transactions) > 0,
        created_at=time_of(dispute.created),
        evidence_due_by=time_of(due_by) if due_by else None,
    )
    return SeenDispute(snapshot, _ids_of_expanded(dispute.payment_intent))


def _dispute_status(status: str) -> DisputeStatus:
    """The dispute's state; an unknown one counts as open, so that a state new at Stripe does not block a dispute."""
    return DisputeStatus(status) if status in set(DisputeStatus) else DisputeStatus.UNDER_REVIEW


def seen_method(method: Any) -> SeenMethod:
    """A payment method; its customer is expanded."""
    owner = method.customer
    is_ours = owner is not None and not getattr(owner, "deleted", False)
    on_file = MethodOnFile(method_of(method), owner.id if owner is not None else None)
    return SeenMethod(on_file, ids_of(owner) if is_ours else {})


def customer_on_file(customer: Any, methods: Sequence[Any]) -> CustomerOnFile:
    """A customer with its cards, as Stripe lists them.

    What was saved by the Sources API (``card_...``) is listed as well; it cannot be detached as a payment method, so it
    is left out.
    """
    default = customer.invoice_settings.default_payment_method
    cards = tuple(method_of(each) for each in methods if each.type == "card" and each.id.startswith("pm_"))
    return CustomerOnFile(
        metadata=ids_of(customer),
        default_method_id=default if default is None or isinstance(default, str) else default.id,
        cards=cards,
    )


def _ids_of_expanded(intent: Any) -> dict[str, str]:
    return ids_of(intent) if intent is not None and not isinstance(intent, str) else {}


def refund_result(refund: Any) -> RefundResult:
    """What became of a refund."""
    status = _REFUND_STATUS.get(refund.status, RefundStatus.PENDING)
    reason = getattr(refund, "failure_reason", None) or refund.status
    lines = tuple(_refund_lines(refund))
    return RefundResult(status, refund.id, reason if status is RefundStatus.FAILED else None, lines)


def _refund_lines(refund: Any) -> Iterator[BalanceLine]:
    """The lines of a refund, which are expanded; the second one is there where its money came back."""
    amount = money_of(refund.amount, refund.currency)
    for name, moved in (("balance_transaction", -amount), ("failure_balance_transaction", amount)):
        line = getattr(refund, name, None)
        if line is not None and not isinstance(line, str):
            yield _line(line, moved)


def _dispute_line(line: Any, dispute: Any) -> BalanceLine:
    amount = money_of(dispute.amount, dispute.currency)
    return _line(line, -amount if line.amount < 0 else amount)


def _line(line: Any, moved: Money) -> BalanceLine:
    """A line of the account; ``moved`` is what it moved in the payer's currency."""
    return BalanceLine(line.id, moved, money_of(line.amount, line.currency), money_of(line.fee, line.currency))


def charge_result(intent: Any) -> ChargeResult:
    """What became of a PaymentIntent. One that needs a method has failed if somebody tried to pay; else it waits."""
    status = _STATUS.get(intent.status, PaymentStatus.PROCESSING)
    error = None
    found = intent.last_payment_error
    if status is PaymentStatus.REQUIRES_PAYMENT_METHOD and found:
        # Stripe leaves out what does not apply: a payer who failed to authenticate gave no decline code.
        status, error = PaymentStatus.FAILED, _payment_error(found, getattr(found, "code", None))
    return ChargeResult(status, intent.id, error, intent.client_secret, _taken(intent), _charged_card(intent))


def _charged_card(intent: Any) -> ChargedCard | None:
    """The card of a PaymentIntent's charge, which is expanded."""
    details = getattr(getattr(intent, "latest_charge", None), "payment_method_details", None)
    card = getattr(details, "card", None)
    brand, last4 = getattr(card, "brand", None), getattr(card, "last4", None)
    return ChargedCard(brand, last4) if brand and last4 else None


def _taken(intent: Any) -> Taken | None:
    """What a PaymentIntent that succeeded took; its charge is expanded, with the line of the balance.

    Stripe captures asynchronously: a charge may be without its line for a moment.
    """
    if intent.status != "succeeded":
        return None
    charge = getattr(intent, "latest_charge", None)
    line = getattr(charge, "balance_transaction", None)
    taken = Taken(money_of(intent.amount_received, intent.currency), getattr(charge, "id", charge))
    if line is None or isinstance(line, str):
        return taken
    return replace(
        taken,
        fee=money_of(line.fee, line.currency),
        balance_transaction_id=line.id,
        available_on=time_of(line.available_on),
        settled=money_of(line.amount, line.currency),
    )


def decline_of(error: stripe.CardError) -> PaymentError:
    """Why a bank declined a card."""
    return _payment_error(error.error, error.code)


def declined(error: stripe.CardError) -> ChargeResult:
    """A card error with its PaymentIntent."""
    intent = getattr(error.error, "payment_intent", None)
    why = decline_of(error)
    if intent is None:
        return ChargeResult(PaymentStatus.FAILED, None, why)
    return ChargeResult(PaymentStatus.FAILED, intent.id, why, intent.client_secret)


_AMOUNT_CODES = {"amount_too_small": Unchargeable.TOO_SMALL, "amount_too_large": Unchargeable.TOO_LARGE}
METHOD_INVALID = PaymentError("validation.payment_method.invalid", "The payment method cannot be used.", final=True)
"""The payment method is not there any more, or was never fit to be charged."""


def unchargeable_of(error: stripe.InvalidRequestError) -> Unchargeable | None:
    """Whether Stripe refused an amount or a currency as such; nothing was made, and no card was asked."""
    if error.param == "currency":
        return Unchargeable.CURRENCY
    return _AMOUNT_CODES.get(error.code or "")


def not_made(error: stripe.InvalidRequestError) -> ValidationFailed:
    """An intent that Stripe refused: an amount below or above what it charges, or a currency that it does not."""
    field = error.param if error.param in ("amount", "currency") else "amount"
    reason = unchargeable_of(error) or error.code or "refused_by_the_card_processor"
    return ValidationFailed.of(field, reason)


def refused(error: stripe.InvalidRequestError) -> PaymentError:
    """A request that made nothing: the payment method's fault, or another one of the request."""
    if error.param == "payment_method":
        return METHOD_INVALID
    reason = unchargeable_of(error)
    if reason is not None:
        return not_chargeable(reason)
    return PaymentError("payment.declined", "The card processor refused the payment.", error.code)


def _payment_error(found: Any, code: str | None) -> PaymentError:
    """The content of a card error; the bank's advice, if there is any, may be final although the code is not."""
    decline_code = getattr(found, "decline_code", None)
    reason = decline_code or code or "generic_decline"
    final = not _FINAL.isdisjoint({code, decline_code, getattr(found, "advice_code", None)})
    if code == "authentication_required":
        reason = code
    shown = "generic_decline" if reason in _NOT_FOR_THE_PAYER else reason
    message = {
        "insufficient_funds": "The card has insufficient funds.",
        "authentication_required": "The bank wants the payer to confirm this payment.",
        "expired_card": "The card has expired.",
        "incorrect_cvc": "The card's security code is incorrect.",
        "processing_error": "The card could not be processed just now.",
    }.get(shown, "The card was declined.")
    return PaymentError(_PUBLIC_CODES.get(shown, "payment.declined"), message, shown, final)


def method_of(attached: Any) -> AttachedMethod:
    """A payment method, and what may be shown of it."""
    card = attached.card
    display = CardDisplay(card.brand, card.last4, card.exp_month, card.exp_year) if card else None
    return AttachedMethod(attached.id, attached.type, display)
