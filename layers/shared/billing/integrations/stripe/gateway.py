"""Stripe as a ``services.payments.processor.CardProcessor``: the calls. ``objects`` translates what they return.

For each call: slow or dropped -> one more try under the same key, then ``OutcomeUnknown`` if money may have moved, else
``Unavailable``; the same request under way elsewhere (409) -> wait for its answer; sent twice -> the key makes it
happen once; failed -> a definite result.
"""

from typing import Any, TypeVar

import stripe

from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import PaymentMethodInvalid, Unavailable
from billing.domain.payments.payment import ChargeResult, Payment, PaymentStatus
from billing.domain.payments.refund import Refund, RefundResult, RefundStatus
from billing.integrations.stripe.calls import MISSING
from billing.integrations.stripe.checkout import WITH_CHARGE, StripeCheckout
from billing.integrations.stripe.objects import (
    METHOD_INVALID,
    REFUND_REASONS,
    SeenDispute,
    SeenMethod,
    SeenRefund,
    charge_result,
    customer_on_file,
    decline_of,
    declined,
    ids_of,
    intent_metadata,
    metadata_of,
    method_of,
    not_made,
    opened_intent,
    refund_metadata,
    refund_result,
    refused,
    seen_dispute,
    seen_method,
    seen_refund,
    stripe_amount,
)
from billing.services.payments.processor import (
    AttachedMethod,
    CardDeclined,
    CustomerOnFile,
    GoneBack,
    IntentRequest,
    OpenedIntent,
    OutcomeUnknown,
    References,
)

T = TypeVar("T")

# What answers are made of. The SDK imports each kind when it meets the first one: that would be in a request.
_OBJECTS = (
    stripe.Customer, stripe.PaymentMethod, stripe.PaymentIntent, stripe.SetupIntent, stripe.Charge, stripe.Refund,
    stripe.Dispute, stripe.BalanceTransaction, stripe.checkout.Session,
)  # fmt: skip
_WITH_LINES = ["balance_transaction", "failure_balance_transaction"]
_LOOK_BACK_S = 300


class StripeGateway(StripeCheckout):
    """Charges, refunds and saves cards; see ``StripeCalls`` for the arguments."""

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
            attached = self._about_customer(
                processor_customer_id, lambda: methods.attach(payment_method_id, params, {"idempotency_key": key})
            )
        except stripe.CardError as error:
            # The bank is asked about a card when it is attached (docs.stripe.com/testing, "Declined payments").
            raise CardDeclined(decline_of(error)) from error
        except stripe.InvalidRequestError as error:
            raise PaymentMethodInvalid(f"The payment method {payment_method_id} cannot be used") from error
        return method_of(attached)

    def detach(self, payment_method_id: str, key: str) -> None:
        methods = self._client().v1.payment_methods
        try:
            self._call(lambda: methods.detach(payment_method_id, {}, {"idempotency_key": key}))
        except stripe.InvalidRequestError:
            found = self.retrieve_method(payment_method_id)
            if found is None:
                raise self._unknown_here(payment_method_id) from None
            if found.on_file.processor_customer_id is not None:
                raise  # it is not detached, so the error was about something else

    def forget_customer(self, processor_customer_id: str, key: str) -> None:
        customers = self._client().v1.customers
        try:
            self._call(lambda: customers.delete(processor_customer_id, {}, {"idempotency_key": key}))
        except stripe.InvalidRequestError as error:
            # Deleted before: then its stub is still there. With a key of another account there would be nothing.
            found = self._retrieved(processor_customer_id, lambda: customers.retrieve(processor_customer_id))
            if not getattr(found, "deleted", False):
                raise Unavailable("The card processor did not delete a customer", retry_after_s=60) from error

    def open_setup(self, processor_customer_id: str, references: References, key: str) -> OpenedIntent:
        params: Any = {
            "customer": processor_customer_id,
            "usage": "off_session",
            "allowed_payment_method_types": ["card"],
            "metadata": metadata_of(references),
        }
        options: Any = {"idempotency_key": key}
        made = self._about_customer(
            processor_customer_id, lambda: self._client().v1.setup_intents.create(params, options)
        )
        return opened_intent(made)

    def open_intent(self, request: IntentRequest) -> OpenedIntent:
        params: Any = {
            "amount": stripe_amount(request.amount),
            "currency": request.amount.currency.lower(),
            "customer": request.processor_customer_id,
            "allowed_payment_method_types": ["card"],
            "metadata": intent_metadata(request.references),
        }
        if request.save_method:
            params["setup_future_usage"] = "off_session"
        options: Any = {"idempotency_key": request.key}
        try:
            made = self._about_customer(
                request.processor_customer_id, lambda: self._client().v1.payment_intents.create(params, options)
            )
        except stripe.InvalidRequestError as error:
            raise not_made(error) from error
        return opened_intent(made)

    def retrieve_customer(self, processor_customer_id: str) -> dict[str, str]:
        """Our ids of a customer; empty where it is gone."""
        found = self._customer(processor_customer_id)
        return {} if getattr(found, "deleted", False) else ids_of(found)

    def customer_on_file(self, processor_customer_id: str) -> CustomerOnFile | None:
        customers = self._client().v1.customers

        def read() -> CustomerOnFile | None:
            found = customers.retrieve(processor_customer_id)
            if getattr(found, "deleted", False):
                return None
            cards = customers.payment_methods.list(processor_customer_id, {"type": "card", "limit": 100})
            return customer_on_file(found, cards.data)

        try:
            return self._call(read)
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None

    def claim_customer(self, processor_customer_id: str, references: References) -> dict[str, str] | None:
        # Without a key: it does the same each time, and under a key the answer would be the metadata of the first time.
        params: Any = {"metadata": metadata_of(references)}
        customers = self._client().v1.customers
        try:
            return ids_of(self._call(lambda: customers.update(processor_customer_id, params)))
        except stripe.InvalidRequestError:
            return None  # deleted a moment ago, or it has as many keys as Stripe allows

    def retrieve_method(self, payment_method_id: str) -> SeenMethod | None:
        """A payment method as it is now; None where there is none with this id."""
        methods = self._client().v1.payment_methods
        try:
            found = self._call(lambda: methods.retrieve(payment_method_id, {"expand": ["customer"]}))
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            return None
        return seen_method(found)

    def charge(self, payment: Payment) -> ChargeResult:
        params: Any = {
            "amount": stripe_amount(payment.amount),
            "currency": payment.amount.currency.lower(),
            "customer": payment.stripe_customer_id,
            "payment_method": payment.payment_method_id,
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "off_session": payment.off_session,
            "metadata": intent_metadata(References.of(payment)),
            "expand": WITH_CHARGE,
        }
        options: Any = {"idempotency_key": payment.idempotency_key}
        try:
            return charge_result(self._client().v1.payment_intents.create(params, options))
        except stripe.CardError as error:
            return declined(error)
        except (
            stripe.APIConnectionError,
            stripe.RateLimitError,
            stripe.IdempotencyError,
            stripe.APIError,
        ) as error:
            raise OutcomeUnknown(type(error).__name__) from error
        except stripe.InvalidRequestError as error:
            # Refused before anything was made: nothing was charged, and the same request never would be.
            if error.code == MISSING and self._is_deleted(payment.stripe_customer_id):
                return ChargeResult(PaymentStatus.FAILED, None, METHOD_INVALID)  # its methods went with it
            if error.code == MISSING and error.param != "payment_method":
                raise self._unknown_here(str(error.param)) from error
            return ChargeResult(PaymentStatus.FAILED, None, refused(error))
        except stripe.StripeError as error:
            # Probably our credentials, after a try that Stripe may have carried out.
            raise OutcomeUnknown(type(error).__name__) from error

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        if payment.checkout_session_id is not None:
            return self.expire_checkout(payment.checkout_session_id)
        assert payment.stripe_payment_intent_id is not None
        intent_id = payment.stripe_payment_intent_id
        # Without a key: canceling twice is harmless, and under a key today's refusal would be repeated tomorrow.
        try:
            intents = self._client().v1.payment_intents
            return charge_result(self._call(lambda: intents.cancel(intent_id, {"expand": WITH_CHARGE})))
        except stripe.InvalidRequestError:
            # It is canceled already, or it succeeded meanwhile: its present state counts.
            return self.retrieve_charge(intent_id)[0]

    def find_charge(self, payment: Payment) -> ChargeResult | None:
        if payment.checkout_session_id is not None:
            return self.checkout_state(payment.checkout_session_id).result
        if payment.stripe_payment_intent_id:
            return self.retrieve_charge(payment.stripe_payment_intent_id)[0]
        since = int(payment.submitted_at.timestamp()) - _LOOK_BACK_S
        params: Any = {
            "customer": payment.stripe_customer_id,
            "created": {"gte": since},
            "limit": 100,
            "expand": [f"data.{each}" for each in WITH_CHARGE],
        }

        def search() -> ChargeResult | None:
            page = self._client().v1.payment_intents.list(params)
            ours = [each for each in page.auto_paging_iter() if ids_of(each).get("payment_id") == payment.id]
            # A crash may have left an intent that nobody could pay beside the one that was charged.
            tried = (each for each in ours if each.status != "requires_payment_method" or each.last_payment_error)
            found = next(tried, None)
            return charge_result(found) if found is not None else None

        result = self._retrieved(payment.stripe_customer_id, search)
        if result is None:
            self._customer(payment.stripe_customer_id)  # under another account's key, nothing is ever found
        return result

    def charge_state(self, intent_id: str) -> ChargeResult:
        return self.retrieve_charge(intent_id)[0]

    def retrieve_charge(self, intent_id: str) -> tuple[ChargeResult, dict[str, str]]:
        """The present state of a PaymentIntent, and our ids of it."""
        intents = self._client().v1.payment_intents
        intent = self._retrieved(intent_id, lambda: intents.retrieve(intent_id, {"expand": WITH_CHARGE}))
        return charge_result(intent), ids_of(intent)

    def retrieve_intent_id(self, charge_id: str) -> str | None:
        """The PaymentIntent of a charge; None where somebody charged without one, which we never do."""
        charges = self._client().v1.charges
        intent = self._retrieved(charge_id, lambda: charges.retrieve(charge_id)).payment_intent
        return intent if intent is None or isinstance(intent, str) else intent.id

    def refund(self, refund: Refund) -> RefundResult:
        params: Any = {
            "payment_intent": refund.stripe_payment_intent_id,
            "amount": stripe_amount(refund.amount),
            "metadata": refund_metadata(refund),
            "expand": _WITH_LINES,
        }
        if refund.reason in REFUND_REASONS:  # Stripe knows these three; the tenant's own words stay here
            params["reason"] = refund.reason
        options: Any = {"idempotency_key": refund.idempotency_key}
        try:
            return refund_result(self._client().v1.refunds.create(params, options))
        except (stripe.IdempotencyError, stripe.RateLimitError) as error:
            raise OutcomeUnknown(type(error).__name__) from error
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            if error.code == MISSING:
                raise OutcomeUnknown("resource_missing") from self._unknown_here(refund.stripe_payment_intent_id)
            # Refused before anything was made, such as more than is left of the charge: it never would be made.
            return RefundResult(RefundStatus.FAILED, None, error.code or "refused")
        except (stripe.StripeError, Unavailable) as error:
            # No answer, our credentials, or the circuit is open: the refund is recorded, and is tried again later.
            raise OutcomeUnknown(type(error).__name__) from error

    def find_refund(self, refund: Refund) -> RefundResult | None:
        if refund.stripe_refund_id:
            return self.retrieve_refund(refund.stripe_refund_id).refund.result
        params: Any = {
            "payment_intent": refund.stripe_payment_intent_id,
            "limit": 100,
            "expand": [f"data.{each}" for each in _WITH_LINES],
        }

        def search() -> RefundResult | None:
            page = self._client().v1.refunds.list(params)
            ours = (each for each in page.auto_paging_iter() if ids_of(each).get("refund_id") == refund.id)
            found = next(ours, None)
            return refund_result(found) if found is not None else None

        result = self._retrieved(refund.stripe_payment_intent_id, search)
        if result is None:
            self.charge_state(refund.stripe_payment_intent_id)  # under another account's key, nothing is ever found
        return result

    def gone_back(self, intent_id: str) -> GoneBack:
        params: Any = {"payment_intent": intent_id, "limit": 100, "expand": ["data.payment_intent"]}
        lines = [f"data.{each}" for each in _WITH_LINES]

        def search() -> tuple[list[SeenRefund], list[SeenDispute]]:
            v1 = self._client().v1
            with_lines = params | {"expand": params["expand"] + lines}
            refunds = [seen_refund(each) for each in v1.refunds.list(with_lines).auto_paging_iter()]
            return refunds, [seen_dispute(each) for each in v1.disputes.list(params).auto_paging_iter()]

        refunds, disputes = self._retrieved(intent_id, search)
        if not refunds and not disputes:
            self.charge_state(intent_id)  # under another account's key, nothing is ever found
        return GoneBack(
            ours={each.ids["refund_id"]: each.refund.result for each in refunds if "refund_id" in each.ids},
            others=tuple(each.refund for each in refunds if "refund_id" not in each.ids),
            disputes=tuple(each.snapshot for each in disputes),
        )

    def retrieve_refund(self, stripe_refund_id: str) -> SeenRefund:
        """The present state of a refund, and whose it is."""
        params: Any = {"expand": ["payment_intent", *_WITH_LINES]}
        refunds = self._client().v1.refunds
        return seen_refund(self._retrieved(stripe_refund_id, lambda: refunds.retrieve(stripe_refund_id, params)))

    def retrieve_dispute(self, stripe_dispute_id: str) -> SeenDispute:
        """The present state of a dispute, and whose it is."""
        params: Any = {"expand": ["payment_intent"]}
        disputes = self._client().v1.disputes
        return seen_dispute(self._retrieved(stripe_dispute_id, lambda: disputes.retrieve(stripe_dispute_id, params)))
