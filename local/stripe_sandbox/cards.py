"""The test cards, and how each behaves (https://docs.stripe.com/testing).

A card that is declined when it is charged is declined when it is attached, too, as in Stripe;
``chargeCustomerFail`` is the one that attaches and then declines. What Radar does with a risky card depends on the
account's settings; those here are Stripe's defaults: the highest risk and a failed CVC are blocked, a failed postal
code and an elevated risk are not. ``tests/contract/stripe_test_methods.json`` is the documented list.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

Json = dict[str, Any]

# When a cardholder has to authenticate: always; unless the card was set up for later; on-session alone; only where
# the merchant asks for it. Of the last two, the bank does not answer the question whether the card takes part.
ALWAYS, UNLESS_SET_UP, ALREADY_SET_UP = "always", "unless_set_up", "already_set_up"
ON_REQUEST, ALWAYS_ERROR, ON_REQUEST_ERROR = "on_request", "always_error", "on_request_error"

_SHOWN = {"last4", "brand", "country", "funding", "cobrand", "cvc", "three_d_secure"}


@dataclass(frozen=True)
class TestCard:
    """A test card.

    Args:
        last4, brand, country, funding: what is shown of it.
        cobrand: the second network of a co-branded card.
        cvc, zip, line1: results of the checks; those of the address only where an address is known.
        three_d_secure: whether the card can take part in it.
        decline: key of ``declines.DECLINES`` when a charge is refused.
        attaches: whether a card that declines can be attached all the same.
        auth: when 3D Secure is needed.
        risk: Radar's risk level.
        refund: the first status of a refund, ``succeeded`` or ``pending``.
        refund_ends: what becomes of the refund later, where that is not its first status.
        bypass_pending: whether a charge goes straight to the available balance.
        dispute: the reason of the dispute that follows its charges, where there is one.
        disputes: how many there are, each of a part of the charge.
        case_type: ``chargeback``, ``compliance``, or ``inquiry``, which takes no money yet.
        eligible: the kind of enhanced evidence that the dispute admits.
        fraud_warning: whether the issuer reports its charges as fraud, without a dispute.
    """

    last4: str = "4242"
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    cobrand: str | None = None
    cvc: str = "pass"
    zip: str = "pass"
    line1: str = "pass"
    three_d_secure: bool = True
    decline: str | None = None
    attaches: bool = True
    auth: str | None = None
    risk: str = "normal"
    refund: str = "succeeded"
    refund_ends: str | None = None
    bypass_pending: bool = False
    dispute: str | None = None
    disputes: int = 1
    case_type: str = "chargeback"
    eligible: str | None = None
    fraud_warning: bool = False

    def behaviour(self) -> Json:
        """What the sandbox remembers about the card beside its payment method."""
        return {name: value for name, value in asdict(self).items() if name not in _SHOWN}


def _declining(last4: str, decline: str, *, attaches: bool = False) -> TestCard:
    return TestCard(last4=last4, decline=decline, attaches=attaches)


_BRANDS = {
    "visa": TestCard(),
    "visa_debit": TestCard("5556", funding="debit"),
    "mastercard": TestCard("4444", "mastercard"),
    "mastercard_debit": TestCard("8210", "mastercard", funding="debit"),
    "mastercard_prepaid": TestCard("5100", "mastercard", funding="prepaid"),
    "amex": TestCard("8431", "amex"),
    "discover": TestCard("1117", "discover"),
    "diners": TestCard("0004", "diners"),
    "jcb": TestCard("0505", "jcb", country="JP"),
    "unionpay": TestCard("0005", "unionpay", country="CN"),
    "visa_cartesBancaires": TestCard("1001", country="FR", cobrand="cartes_bancaires"),
    "mastercard_cartesBancaires": TestCard("1001", "mastercard", "FR", cobrand="cartes_bancaires"),
    "visa_debit_eftposAuCoBranded": TestCard("0001", "visa", "AU", "debit", "eftpos_au"),
    "mastercard_debit_eftposAuCoBranded": TestCard("0080", "mastercard", "AU", "debit", "eftpos_au"),
    "debit_visaFsaProductCode": TestCard("0072", funding="debit"),
    "debit_visaHsaProductCode": TestCard("0072", funding="debit"),
    "mastercard_debit_mastercardFsaProductCode": TestCard("8897", "mastercard", funding="debit"),
}

_LAST4_BY_COUNTRY = (
    "us 4242 ar 0021 br 0002 ca 0000 cl 0001 co 0003 cr 0005 ec 0000 mx 8001 pa 0000 py 0066 pe 0068 uy 0003"
    " ae 0001 at 0008 be 0004 bg 0000 by 0005 hr 0009 cy 0008 cz 0002 dk 0001 ee 0009 fi 0001 fr 0003 de 0016"
    " gi 0005 gr 0030 hu 0005 ie 0005 it 0008 lv 0005 li 0004 lt 0000 lu 0006 mt 0007 nl 0002 no 0007 pl 0005"
    " pt 0007 ro 0001 si 0006 sk 0001 es 0007 se 0008 ch 0009 gb 0000 au 0006 cn 0002 hk 0004 in 0008 jp 0003"
    " my 0002 nz 0008 sg 0003 tw 0008"
)
_COUNTRIES = {
    country: TestCard(last4, country=country.upper())
    for country, last4 in re.findall(r"([a-z]{2}) (\d{4})", _LAST4_BY_COUNTRY)
} | {
    "ae_mastercard": TestCard("0022", "mastercard", "AE"),
    "gb_debit": TestCard("0005", country="GB", funding="debit"),
    "gb_mastercard": TestCard("4449", "mastercard", "GB"),
    "th_credit": TestCard("0003", country="TH"),
    "th_debit": TestCard("0008", country="TH", funding="debit"),
}

_DECLINED = {
    "chargeDeclined": _declining("0002", "generic_decline"),
    "chargeDeclinedInsufficientFunds": _declining("9995", "insufficient_funds"),
    "chargeDeclinedLostCard": _declining("9987", "lost_card"),
    "chargeDeclinedStolenCard": _declining("9979", "stolen_card"),
    "chargeDeclinedExpiredCard": _declining("0069", "expired_card"),
    "chargeDeclinedIncorrectCvc": replace(_declining("0127", "incorrect_cvc"), cvc="fail"),
    "chargeDeclinedProcessingError": _declining("0119", "processing_error"),
    "chargeDeclinedVelocityLimitExceeded": _declining("6975", "card_velocity_exceeded"),
    "chargeDeclinedFraudulent": _declining("0019", "fraudulent"),
    "visa_debit_chargeDeclinedInsufficientFunds": replace(_declining("9995", "insufficient_funds"), funding="debit"),
    "chargeCustomerFail": _declining("0341", "generic_decline", attaches=True),
    "chargeCustomerFailLostCard": _declining("0341", "lost_card", attaches=True),
    "chargeCustomerFailStolenCard": _declining("0341", "stolen_card", attaches=True),
}

_RISKY = {
    "radarBlock": TestCard("0019", decline="fraudulent", risk="highest"),
    "riskLevelHighest": TestCard("4954", decline="fraudulent", risk="highest"),
    "riskLevelElevated": TestCard("9235", risk="elevated"),
    "highFraudDisputeScore": TestCard("0407"),
    "highEfwScore": TestCard("0159"),
    "radarDynamicRiskThreshold": TestCard("1017"),
    "freeTrialAbuseBlock": TestCard("3804"),
    "adaptive3dsChallenge": TestCard("0003"),
    "cvcCheckFail": replace(_declining("0101", "incorrect_cvc"), cvc="fail"),
    "cvcCheckFailElevatedRisk": replace(_declining("7872", "incorrect_cvc"), cvc="fail", risk="elevated"),
    "avsZipFail": TestCard("0036", zip="fail"),
    "avsZipFailElevatedRisk": TestCard("6072", zip="fail", risk="elevated"),
    "avsLine1Fail": TestCard("0028", line1="fail"),
    "avsFail": TestCard("0010", zip="fail", line1="fail"),
    "avsUnchecked": TestCard("0044", zip="unavailable", line1="unavailable"),
}

_AUTHENTICATED = {
    "authenticationRequired": TestCard("3184", auth=ALWAYS),
    "authenticationRequiredOnSetup": TestCard("3155", auth=UNLESS_SET_UP),
    "authenticationRequiredSetupForOffSession": TestCard("0446", auth=ALREADY_SET_UP),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        "3178", auth=ALWAYS, decline="insufficient_funds"
    ),
    "threeDSecure2Required": TestCard("3220", auth=ALWAYS),
    "threeDSecureRequired": TestCard("3063", auth=ALWAYS),
    "threeDSecureRequiredChargeDeclined": TestCard("1629", auth=ALWAYS, decline="generic_decline"),
    "threeDSecureRequiredProcessingError": TestCard("1280", auth=ALWAYS_ERROR),
    "threeDSecureOptional": TestCard("3055", auth=ON_REQUEST),
    "threeDSecureOptionalProcessingError": TestCard("3097", auth=ON_REQUEST_ERROR),
    "threeDSecureNotSupported": TestCard("5556", three_d_secure=False),
    "amex_threeDSecureNotSupported": TestCard("0005", "amex", three_d_secure=False),
}

_AFTERWARDS = {
    "bypassPending": TestCard("0077", bypass_pending=True),
    "bypassPendingInternational": TestCard("0278", country="IE", bypass_pending=True),
    "domesticPricing": TestCard("0093"),
    "createDispute": TestCard("0259", dispute="fraudulent"),
    "createDisputeProductNotReceived": TestCard("2685", dispute="product_not_received"),
    "createDisputeInquiry": TestCard("1976", dispute="fraudulent", case_type="inquiry"),
    "createMultipleDisputes": TestCard("0079", dispute="fraudulent", disputes=2),
    "createCe3EligibleDispute": TestCard("0038", dispute="fraudulent", eligible="visa_compelling_evidence_3"),
    "createComplianceDispute": TestCard(
        "0779", dispute="noncompliant", case_type="compliance", eligible="visa_compliance"
    ),
    "createMastercardComplianceDispute": TestCard("0002", "mastercard", dispute="noncompliant", case_type="compliance"),
    "createAutoRepresentmentEligibleDispute": TestCard("0043", dispute="fraudulent"),
    "createIssuerFraudRecord": TestCard("5423", fraud_warning=True),
    "pendingRefund": TestCard("7726", refund="pending", refund_ends="succeeded"),
    "refundFail": TestCard("5126", refund_ends="failed"),
}

_CARDS: dict[str, TestCard] = _BRANDS | _COUNTRIES | _DECLINED | _RISKY | _AUTHENTICATED | _AFTERWARDS


def card_of(token: str) -> TestCard | None:
    """The card of ``pm_card_...`` or ``tok_...``, with or without the brand that some names carry."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            name = token.removeprefix(prefix)
            return _CARDS.get(name) or _CARDS.get(name.removeprefix("visa_")) or _CARDS.get(name.removeprefix("us_"))
    return None


def fingerprint(card: TestCard) -> str:
    """The same for the same card number, as Stripe's."""
    return hashlib.sha256(f"{card.brand}{card.country}{card.last4}".encode()).hexdigest()[:16]
