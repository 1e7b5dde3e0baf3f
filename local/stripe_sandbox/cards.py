"""The test cards, and how each behaves (https://docs.stripe.com/testing).

A card that is declined when it is charged is declined when it is attached, too, as in Stripe;
``chargeCustomerFail`` is the one that attaches and then declines.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from local.stripe_sandbox.errors import CardError

Json = dict[str, Any]

# When a cardholder has to authenticate: always; unless the card was set up for later; on-session alone.
ALWAYS, UNLESS_SET_UP, ALREADY_SET_UP = "always", "unless_set_up", "already_set_up"


@dataclass(frozen=True)
class TestCard:
    """A test card.

    Args:
        last4, brand, country, funding: what is shown of it.
        decline: key of DECLINES when a charge is refused.
        attaches: whether a card that declines can be attached all the same.
        auth: when 3D Secure is needed.
        refund: the first status of a refund, ``succeeded`` or ``pending``.
        bypass_pending: whether a charge goes straight to the available balance.
        dispute: the reason of the dispute that follows its charges, where there is one.
        inquiry: whether that dispute is an inquiry, which takes no money yet.
    """

    last4: str = "4242"
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: str | None = None
    attaches: bool = True
    auth: str | None = None
    refund: str = "succeeded"
    bypass_pending: bool = False
    dispute: str | None = None
    inquiry: bool = False

    def behaviour(self) -> Json:
        """What the sandbox remembers about the card beside its payment method."""
        kept = asdict(self)
        return {
            name: kept[name]
            for name in ("decline", "attaches", "auth", "refund", "bypass_pending", "dispute", "inquiry")
        }


# Our key -> Stripe's code, decline code (None: the code says it all), message, advice.
DECLINES: dict[str, tuple[str, str | None, str]] = {
    "generic_decline": ("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": ("card_declined", "stolen_card", "Your card was declined."),
    "card_velocity_exceeded": (
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined: too many charges.",
    ),
    "do_not_honor": ("card_declined", "do_not_honor", "Your card was declined."),
    "fraudulent": ("card_declined", "fraudulent", "Your card was declined."),
    "expired_card": ("expired_card", None, "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", None, "Your card's security code is incorrect."),
    "processing_error": ("processing_error", None, "An error occurred while processing your card."),
    "authentication_required": (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}
_PARAMS = {"expired_card": "exp_month", "incorrect_cvc": "cvc"}


def _declining(last4: str, decline: str, *, attaches: bool = False) -> TestCard:
    return TestCard(last4=last4, decline=decline, attaches=attaches)


_CARDS: dict[str, TestCard] = {
    "visa": TestCard(),
    "visa_debit": TestCard("5556", funding="debit"),
    "mastercard": TestCard("4444", "mastercard"),
    "mastercard_debit": TestCard("8210", "mastercard", funding="debit"),
    "mastercard_prepaid": TestCard("5100", "mastercard", funding="prepaid"),
    "amex": TestCard("8431", "amex"),
    "discover": TestCard("1117", "discover"),
    "diners": TestCard("0004", "diners"),
    "jcb": TestCard("0505", "jcb"),
    "unionpay": TestCard("0005", "unionpay"),
    "us": TestCard(),
    "gb": TestCard("0000", country="GB"),
    "de": TestCard("0016", country="DE"),
    "bypassPending": TestCard("0077", bypass_pending=True),
    "chargeDeclined": _declining("0002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declining("9995", "insufficient_funds"),
    "chargeDeclinedLostCard": _declining("9987", "lost_card"),
    "chargeDeclinedStolenCard": _declining("9979", "stolen_card"),
    "chargeDeclinedExpiredCard": _declining("0069", "expired_card"),
    "chargeDeclinedIncorrectCvc": _declining("0127", "incorrect_cvc"),
    "chargeDeclinedProcessingError": _declining("0119", "processing_error"),
    "chargeDeclinedVelocityLimitExceeded": _declining("6975", "card_velocity_exceeded"),
    "chargeDeclinedFraudulent": _declining("0019", "fraudulent"),
    "radarBlock": TestCard("0019", decline="fraudulent"),
    "chargeCustomerFail": _declining("0341", "generic_decline", attaches=True),
    "authenticationRequired": TestCard("3184", auth=ALWAYS),
    "authenticationRequiredOnSetup": TestCard("3155", auth=UNLESS_SET_UP),
    "authenticationRequiredSetupForOffSession": TestCard("0446", auth=ALREADY_SET_UP),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        "3178", auth=ALWAYS, decline="insufficient_funds"
    ),
    "threeDSecure2Required": TestCard("3220", auth=ALWAYS),
    "threeDSecureRequired": TestCard("3063", auth=ALWAYS),
    "threeDSecureRequiredChargeDeclined": TestCard("1629", auth=ALWAYS, decline="generic_decline"),
    "threeDSecureOptional": TestCard("3055"),
    "threeDSecureNotSupported": TestCard("5556"),
    "createDispute": TestCard("0259", dispute="fraudulent"),
    "createDisputeProductNotReceived": TestCard("2685", dispute="product_not_received"),
    "createDisputeInquiry": TestCard("1976", dispute="fraudulent", inquiry=True),
    "refundFail": TestCard("5126"),
    "pendingRefund": TestCard("7726", refund="pending"),
}


def card_of(token: str) -> TestCard | None:
    """The card of ``pm_card_...`` or ``tok_...``, with or without the brand that some names carry."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            name = token.removeprefix(prefix)
            return _CARDS.get(name) or _CARDS.get(name.removeprefix("visa_")) or _CARDS.get(name.removeprefix("us_"))
    return None


def fingerprint(card: TestCard) -> str:
    """The same for the same card number, as Stripe's."""
    return hashlib.sha256(f"{card.brand}{card.last4}".encode()).hexdigest()[:16]


def failure(decline: str, extra: Json) -> CardError:
    """The 402 of a refused card."""
    code, decline_code, message = DECLINES[decline]
    more = ({"decline_code": decline_code} if decline_code else {}) | extra
    return CardError(message, code=code, param=_PARAMS.get(code), extra=more)
