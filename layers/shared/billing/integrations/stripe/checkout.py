"""Stripe's Checkout: pages of its own on which a payer pays, or saves a card; no number of a card comes here.

A session of a payment has no PaymentIntent until its payer submits the page, and then one whose metadata are ours: what
becomes of it comes by the same webhooks as any other. Nobody can cancel that intent; the session is expired instead,
which Stripe refuses once the payer has paid. Of the two, it lets exactly one happen.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import stripe

from billing.domain.payments.payment import ChargeResult, PaymentStatus
from billing.integrations.stripe.calls import StripeCalls
from billing.integrations.stripe.objects import charge_result, intent_metadata, metadata_of, not_made, stripe_amount
from billing.services.payments.processor import Checkout, CheckoutRequest, Page, References

WITH_CHARGE = ["latest_charge.balance_transaction"]
_WITH_INTENT = [f"payment_intent.{each}" for each in WITH_CHARGE]
_LOCALES = frozenset(
    (
        *("bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu"),
        *("id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl"),
        *("sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW"),
    )
)
"""The languages of Stripe's pages; in any other, the browser decides."""


class StripeCheckout(StripeCalls):
    """Opens, looks at and expires sessions."""

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """A page on which a payer pays."""
        price = {
            "currency": request.amount.currency.lower(),
            "unit_amount": stripe_amount(request.amount),
            "product_data": {"name": request.description},
        }
        params: Any = {
            "mode": "payment",
            "customer": request.processor_customer_id,
            "allowed_payment_method_types": ["card"],
            "line_items": [{"quantity": 1, "price_data": price}],
            "payment_intent_data": {"metadata": intent_metadata(request.references)},
            "metadata": metadata_of(request.references),
            **_looks(request.page),
        }
        try:
            return checkout_of(self._opened(request.processor_customer_id, params, request.key))
        except stripe.InvalidRequestError as error:
            raise not_made(error) from error

    def open_card_page(self, processor_customer_id: str, references: References, page: Page, key: str) -> str:
        """The address of a page on which a payer saves a card."""
        params: Any = {
            "mode": "setup",
            "customer": processor_customer_id,
            "allowed_payment_method_types": ["card"],
            "setup_intent_data": {"metadata": metadata_of(references)},
            "metadata": metadata_of(references),
            **_looks(page),
        }
        url: str = self._opened(processor_customer_id, params, key).url
        return url

    def checkout_state(self, session_id: str) -> Checkout:
        """The present state of a session."""
        sessions = self._client().v1.checkout.sessions
        return checkout_of(self._retrieved(session_id, lambda: sessions.retrieve(session_id, {"expand": _WITH_INTENT})))

    def expire_checkout(self, session_id: str) -> ChargeResult:
        """End a session, so that nobody can complete it any more: canceled, or paid where the payer was faster."""
        sessions = self._client().v1.checkout.sessions
        # Without a key: under one, today's refusal would be repeated tomorrow.
        # It may be over already, or complete: its present state counts.
        with suppress(stripe.InvalidRequestError):
            self._call(lambda: sessions.expire(session_id))
        return self.checkout_state(session_id).result

    def _opened(self, customer_id: str, params: Any, key: str) -> Any:
        sessions = self._client().v1.checkout.sessions
        return self._about_customer(customer_id, lambda: sessions.create(params, {"idempotency_key": key}))


def checkout_of(session: Any) -> Checkout:
    """A session, whose PaymentIntent is expanded where there is one."""
    is_open = session.status == "open"
    return Checkout(session.id, session.url if is_open else None, _result(session, is_open))


def _result(session: Any, is_open: bool) -> ChargeResult:
    intent = session.payment_intent
    if intent is None:
        status = PaymentStatus.REQUIRES_PAYMENT_METHOD if is_open else PaymentStatus.CANCELED
        return ChargeResult(status, None)
    # Nobody but Stripe's page can confirm it, so its secret is of no use to anybody.
    result = replace(charge_result(intent), client_secret=None)
    taken = (PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING)
    if session.status == "expired" and result.status not in taken:
        return ChargeResult(PaymentStatus.CANCELED, intent.id)
    return result


def _looks(page: Page) -> dict[str, str]:
    language = page.locale.split("-", maxsplit=1)[0]
    locale = next((each for each in (page.locale, language) if each in _LOCALES), "auto")
    return {"success_url": page.done_url, "cancel_url": page.back_url, "locale": locale}
