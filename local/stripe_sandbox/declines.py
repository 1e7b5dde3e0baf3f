"""How a card is refused: the 402, and what the charge's outcome says of it.

``advice_code`` is what the issuer lets a merchant do next (https://docs.stripe.com/declines/card, "Retrying issuer
declines"): ``try_again_later``, ``confirm_card_data`` (ask the holder for it again) or ``do_not_try_again``, after
which a network fines whoever tries that card again. What Radar blocks never reached an issuer, so it has no advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox.errors import CardError

Json = dict[str, Any]

LATER, CONFIRM, NEVER = "try_again_later", "confirm_card_data", "do_not_try_again"
ADVICE = (LATER, CONFIRM, NEVER)
BLOCKED = "fraudulent"
"""The decline code of what Radar blocks."""

_DECLINED = "Your card was declined."


@dataclass(frozen=True)
class Decline:
    """One way to be refused.

    Args:
        code: Stripe's error code.
        decline_code: the issuer's reason; None where the code says it all.
        message: for people.
        advice: what the issuer lets a merchant do next, where it says so.
        network: the network's own code.
        param: the parameter that Stripe names.
    """

    code: str = "card_declined"
    decline_code: str | None = None
    message: str = _DECLINED
    advice: str | None = LATER
    network: str | None = None
    param: str | None = None


def _declined(
    decline_code: str, advice: str | None = LATER, network: str | None = None, message: str = _DECLINED
) -> Decline:
    return Decline("card_declined", decline_code, message, advice, network)


DECLINES: dict[str, Decline] = {
    "generic_decline": _declined("generic_decline", network="01"),
    "insufficient_funds": _declined("insufficient_funds", network="51", message="Your card has insufficient funds."),
    "lost_card": _declined("lost_card", NEVER, "41"),
    "stolen_card": _declined("stolen_card", NEVER, "43"),
    "pickup_card": _declined("pickup_card", NEVER, "04"),
    "card_velocity_exceeded": _declined(
        "card_velocity_exceeded", network="65", message="Your card was declined: too many charges."
    ),
    "do_not_honor": _declined("do_not_honor", network="05"),
    "do_not_try_again": _declined("do_not_try_again", NEVER),
    "transaction_not_allowed": _declined(
        "transaction_not_allowed", NEVER, "57", "Your card does not support this type of purchase."
    ),
    "revocation_of_authorization": _declined("revocation_of_authorization", NEVER, "R1"),
    BLOCKED: _declined(BLOCKED, None),
    "expired_card": Decline("expired_card", None, "Your card has expired.", CONFIRM, "54", "exp_month"),
    "incorrect_cvc": Decline("incorrect_cvc", None, "Your card's security code is incorrect.", CONFIRM, "82", "cvc"),
    "processing_error": Decline("processing_error", None, "An error occurred while processing your card."),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        None,
        "1A",
    ),
}


def failure(decline: str, extra: Json, advice: str | None = None) -> CardError:
    """The 402 of a refused card.

    Args:
        decline: key of DECLINES.
        extra: further fields of the error, such as ``charge``.
        advice: the issuer's, in place of the usual one.
    """
    found = DECLINES[decline]
    said = {
        "advice_code": advice or found.advice,
        "decline_code": found.decline_code,
        "network_decline_code": found.network,
    }
    more = {name: value for name, value in said.items() if value is not None} | extra
    return CardError(found.message, code=found.code, param=found.param, extra=more)


def outcome(error: Json) -> Json:
    """What the failed charge's ``outcome`` says of a refusal, beside the risk.

    Args:
        error: the error object of ``failure``.
    """
    said = {
        "advice_code": error.get("advice_code"),
        "network_advice_code": None,
        "network_decline_code": error.get("network_decline_code"),
    }
    if error.get("decline_code") == BLOCKED:
        return said | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": RISKS["highest"],
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return said | {
        "network_status": "declined_by_network",
        "reason": error.get("decline_code", error["code"]),
        "seller_message": "The bank did not authorize this payment.",
        "type": "issuer_declined",
    }


RISKS = {"normal": 20, "elevated": 69, "highest": 94}
"""Risk levels, and a score of each: Radar calls 65 and more elevated, 75 and more highest."""
