"""Stripe as a ``services.ports.CardProcessor``. Whatever else the product knows of Stripe's API stands here.

For each call: slow or dropped -> one more try under the same key, then ``OutcomeUnknown`` where money may have
moved and ``Unavailable`` where not; a twin at work (409) -> its answer is waited for; happened twice -> the same
key makes it once; failed -> a definite result.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import stripe
from stripe import StripeClient

from billing.domain.currencies import charge_step, minor_digits
from billing.domain.customer import CardDisplay, Customer
from billing.domain.errors import PaymentMethodInvalid, Unavailable
from billing.domain.money import Money
from billing.domain.payment import ChargeResult, Payment, PaymentError, PaymentStatus
from billing.domain.refund import Refund, RefundResult, RefundStatus
from billing.providers.stripe_secrets import SecretReader
from billing.services.ports import AttachedMethod, OutcomeUnknown

T = TypeVar("T")

_STATUS = {
    "requires_payment_method": PaymentStatus.FAILED,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "requires_capture": PaymentStatus.PROCESSING,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}
_REFUND_STATUS = {"succeeded": RefundStatus.SUCCEEDED, "failed": RefundStatus.FAILED, "canceled": RefundStatus.FAILED}
_REFUND_REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
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
    "authentication_required": "payment.authentication_required",
}
_LOOK_BACK_S = 300
_TWIN_TRIES = 6
_TWIN_PAUSE_S = 0.3


class StripeGateway:
    """Calls Stripe with the stack's API key.

    Args:
        secrets: reads the API key, so that a rotated one is picked up.
        api_base: Stripe's address, or the sandbox's.
        timeout_s: how long one try may take.
    """

    def __init__(self, secrets: SecretReader, api_base: str, timeout_s: float, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._secrets = secrets
        self._api_base = api_base
        self._timeout_s = timeout_s
        self._clients: dict[str, StripeClient] = {}

    def ensure_customer(self, customer: Customer, key: str) -> str:
        if customer.stripe_customer_id:
            return customer.stripe_customer_id
        # No name and no email: the card processor does not need them, so it does not get them.
        params: Any = {"metadata": {"tenant_id": customer.tenant_id, "customer_id": customer.id}}
        made = self._call(lambda: self._client().v1.customers.create(params, {"idempotency_key": key}))
        return made.id

    def attach(self, payment_method_id: str, processor_customer_id: str, key: str) -> AttachedMethod:
        params: Any = {"customer": processor_customer_id}
        methods = self._client().v1.payment_methods
        try:
            attached = self._call(lambda: methods.attach(payment_method_id, params, {"idempotency_key": key}))
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            raise PaymentMethodInvalid(f"The payment method {payment_method_id} cannot be used") from error
        return _method(attached)

    def charge(self, payment: Payment) -> ChargeResult:
        params: Any = {
            "amount": stripe_amount(payment.amount),
            "currency": payment.amount.currency.lower(),
            "customer": payment.stripe_customer_id,
            "payment_method": payment.payment_method_id,
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "off_session": payment.off_session,
            "metadata": _metadata(payment),
        }
        options: Any = {"idempotency_key": payment.idempotency_key}
        try:
            return _result(self._client().v1.payment_intents.create(params, options))
        except stripe.CardError as error:
            return _declined(error)
        except (
            stripe.APIConnectionError,
            stripe.RateLimitError,
            stripe.IdempotencyError,
            stripe.APIError,
        ) as error:
            raise OutcomeUnknown(type(error).__name__) from error
        except stripe.InvalidRequestError as error:
            # Refused before anything was made: nothing was charged, and the same request never will be.
            return ChargeResult(PaymentStatus.FAILED, None, _refused(error))
        except stripe.StripeError as error:  # our credentials, most likely: the attempt waits until they are mended
            raise OutcomeUnknown(type(error).__name__) from error

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        assert payment.stripe_payment_intent_id is not None
        intent_id = payment.stripe_payment_intent_id
        options: Any = {"idempotency_key": f"{payment.tenant_id}:cancel:{payment.id}"}
        try:
            return _result(self._call(lambda: self._client().v1.payment_intents.cancel(intent_id, {}, options)))
        except stripe.InvalidRequestError:
            # It is canceled already, or it succeeded meanwhile: what it is now is what counts.
            return self.retrieve_charge(intent_id)[0]

    def find_charge(self, payment: Payment) -> ChargeResult | None:
        if payment.stripe_payment_intent_id:
            return self.retrieve_charge(payment.stripe_payment_intent_id)[0]
        since = int(payment.submitted_at.timestamp()) - _LOOK_BACK_S
        params: Any = {"customer": payment.stripe_customer_id, "created": {"gte": since}, "limit": 100}

        def search() -> ChargeResult | None:
            page = self._client().v1.payment_intents.list(params)
            ours = (intent for intent in page.auto_paging_iter() if _ids(intent).get("payment_id") == payment.id)
            intent = next(ours, None)
            return _result(intent) if intent is not None else None

        return self._call(search)

    def retrieve_charge(self, intent_id: str) -> tuple[ChargeResult, dict[str, str]]:
        intent = self._call(lambda: self._client().v1.payment_intents.retrieve(intent_id))
        return _result(intent), _ids(intent)

    def refund(self, refund: Refund) -> RefundResult:
        params: Any = {
            "payment_intent": refund.stripe_payment_intent_id,
            "amount": stripe_amount(refund.amount),
            "metadata": _refund_metadata(refund),
        }
        if refund.reason in _REFUND_REASONS:  # Stripe knows these three; the tenant's own words stay here
            params["reason"] = refund.reason
        options: Any = {"idempotency_key": refund.idempotency_key}
        try:
            return _refund_result(self._client().v1.refunds.create(params, options))
        except (stripe.IdempotencyError, stripe.RateLimitError) as error:
            raise OutcomeUnknown(type(error).__name__) from error
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            # Refused before anything was made, such as more than is left of the charge: it never will be made.
            return RefundResult(RefundStatus.FAILED, None, error.code or "refused")
        except stripe.StripeError as error:  # no answer, or our credentials: the refund waits until they are mended
            raise OutcomeUnknown(type(error).__name__) from error

    def find_refund(self, refund: Refund) -> RefundResult | None:
        if refund.stripe_refund_id:
            return self.retrieve_refund(refund.stripe_refund_id)[0]
        params: Any = {"payment_intent": refund.stripe_payment_intent_id, "limit": 100}

        def search() -> RefundResult | None:
            page = self._client().v1.refunds.list(params)
            ours = (each for each in page.auto_paging_iter() if _ids(each).get("refund_id") == refund.id)
            found = next(ours, None)
            return _refund_result(found) if found is not None else None

        return self._call(search)

    def retrieve_refund(self, stripe_refund_id: str) -> tuple[RefundResult, dict[str, str]]:
        found = self._call(lambda: self._client().v1.refunds.retrieve(stripe_refund_id))
        return _refund_result(found), _ids(found)

    def _client(self) -> StripeClient:
        api_key = self._secrets.get().api_key
        client = self._clients.get(api_key)
        if client is None:
            client = StripeClient(
                api_key,
                base_addresses={"api": self._api_base},
                http_client=stripe.RequestsClient(timeout=(2.0, self._timeout_s)),
                max_network_retries=1,
            )
            self._clients = {api_key: client}
        return client

    def _call(self, call: Callable[[], T]) -> T:
        """A call that moves no money. A twin under the same key is let finish: then its answer is ours."""
        for attempt in range(_TWIN_TRIES):
            try:
                return call()
            except (stripe.InvalidRequestError, stripe.CardError):
                raise
            except stripe.StripeError as error:
                if error.http_status != 409 or attempt == _TWIN_TRIES - 1:
                    raise Unavailable("The card processor does not answer", retry_after_s=5) from error
            self._pause(_TWIN_PAUSE_S)
        raise AssertionError("unreachable")


_STRIPE_DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe counts otherwise than ISO 4217 (docs.stripe.com/currencies): ISK and UGX with two decimals that are
00, ariary whole."""


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


def _metadata(payment: Payment) -> dict[str, str]:
    """How a webhook finds its way back; ids only."""
    found = {
        "tenant_id": payment.tenant_id,
        "payment_id": payment.id,
        "customer_id": payment.customer_id,
        "invoice_id": payment.invoice_id,
        "subscription_id": payment.subscription_id,
        "test_clock_id": payment.test_clock_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _refund_metadata(refund: Refund) -> dict[str, str]:
    found = {
        "tenant_id": refund.tenant_id,
        "refund_id": refund.id,
        "payment_id": refund.payment_id,
        "customer_id": refund.customer_id,
        "test_clock_id": refund.test_clock_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _ids(made: Any) -> dict[str, str]:
    """The metadata of a PaymentIntent or a refund: what was put there, where it is one of ours."""
    return dict(made.metadata.to_dict()) if made.metadata else {}


def _refund_result(refund: Any) -> RefundResult:
    status = _REFUND_STATUS.get(refund.status, RefundStatus.PENDING)
    reason = getattr(refund, "failure_reason", None) or refund.status
    return RefundResult(status, refund.id, reason if status is RefundStatus.FAILED else None)


def _result(intent: Any) -> ChargeResult:
    status = _STATUS.get(intent.status, PaymentStatus.PROCESSING)
    error = None
    if status is PaymentStatus.FAILED and intent.last_payment_error:
        # Stripe leaves out what does not apply: a payer who failed to authenticate gave no decline code.
        found = intent.last_payment_error
        error = _payment_error(found, getattr(found, "code", None))
    secret = intent.client_secret if status is PaymentStatus.REQUIRES_ACTION else None
    return ChargeResult(status, intent.id, error, secret)


def _declined(error: stripe.CardError) -> ChargeResult:
    intent = getattr(error.error, "payment_intent", None)
    return ChargeResult(PaymentStatus.FAILED, intent.id if intent else None, _payment_error(error.error, error.code))


def _refused(error: stripe.InvalidRequestError) -> PaymentError:
    if error.param == "payment_method" or error.code == "resource_missing":
        return PaymentError("validation.payment_method.invalid", "The payment method cannot be used.", final=True)
    return PaymentError("payment.declined", "The card processor refused the payment.", error.code)


def _payment_error(found: Any, code: str | None) -> PaymentError:
    """What a card error says; the bank's advice, where it gives one, may be final though the code is not."""
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


def _method(attached: Any) -> AttachedMethod:
    card = attached.card
    display = CardDisplay(card.brand, card.last4, card.exp_month, card.exp_year) if card else None
    return AttachedMethod(attached.id, attached.type, display)
