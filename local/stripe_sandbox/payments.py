"""An attempt to pay a PaymentIntent: authentication, the charge, and what becomes of the intent."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import cards, declines, disputes, fraud, ledger
from local.stripe_sandbox.context import Context, token
from local.stripe_sandbox.errors import ApiError, CardError
from local.stripe_sandbox.store import Record

Json = dict[str, Any]


ERROR_3DS = {cards.ALWAYS_ERROR, cards.ON_REQUEST_ERROR}
"""Cards whose bank does not answer the question that comes before 3D Secure."""


def needs_authentication(method: Record, *, off_session: bool, requested: bool = False) -> bool:
    """Whether this card asks its holder for 3D Secure now.

    Args:
        requested: the merchant asks for it (``request_three_d_secure``), which a card may not need.
    """
    auth = method.hidden["auth"]
    if auth in {cards.ON_REQUEST, cards.ON_REQUEST_ERROR}:
        return requested and not off_session
    if auth == cards.ALWAYS_ERROR:
        return True
    if auth == cards.UNLESS_SET_UP:
        return not (off_session and method.hidden["set_up"])
    if auth == cards.ALREADY_SET_UP:
        return not off_session
    return bool(auth == cards.ALWAYS)


def next_action(intent: Json, return_url: str | None) -> Json:
    """How the payer gets to the 3D Secure page (the control API stands in for the payer)."""
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?intent={intent['id']}"
    if return_url:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}


def attempt(
    context: Context,
    intent: Json,
    method: Record,
    *,
    off_session: bool,
    return_url: str | None = None,
    error_on_requires_action: bool = False,
) -> Json:
    """Confirm the intent with the payment method.

    Raises:
        CardError: the card was refused; the failed charge and the intent's new state are to be committed.
    """
    intent |= {"payment_method": method.body["id"], "last_payment_error": None, "next_action": None}
    asked = intent["payment_method_options"]["card"].get("request_three_d_secure")
    if needs_authentication(method, off_session=off_session, requested=asked in {"any", "challenge"}):
        if method.hidden["auth"] in ERROR_3DS:
            raise _refuse(context, intent, method, decline_of_3ds_error(method))
        if off_session or error_on_requires_action:
            raise _refuse(context, intent, method, "authentication_required")
        intent |= {"status": "requires_action", "next_action": next_action(intent, return_url)}
        context.save(intent)
        context.emit("payment_intent.requires_action", intent)
        return intent
    return charge(context, intent, method)


def decline_of_3ds_error(method: Record) -> str:
    """Why a payment fails whose 3D Secure could not even begin: the bank insists on it, or we did."""
    return "generic_decline" if method.hidden["auth"] == cards.ALWAYS_ERROR else "processing_error"


def charge(context: Context, intent: Json, method: Record) -> Json:
    """Charge the card, after any authentication.

    Raises:
        CardError: as ``attempt``.
    """
    if method.hidden["decline"]:
        raise _refuse(context, intent, method, method.hidden["decline"])
    intent["next_action"] = None
    made = _new_charge(context, intent, method)
    manual = intent["capture_method"] == "manual"
    made |= {"paid": True, "status": "succeeded", "captured": not manual}
    made["amount_captured"] = 0 if manual else made["amount"]
    if not manual:
        made["balance_transaction"] = ledger.settle_charge(
            context, made, made["amount"], bypass_pending=method.hidden["bypass_pending"]
        )
    context.insert(made)
    intent |= {"latest_charge": made["id"], "status": "requires_capture" if manual else "succeeded"}
    intent["amount_capturable" if manual else "amount_received"] = intent["amount"]
    context.save(intent)
    _keep_method(context, intent, method)
    context.emit("charge.succeeded", made)
    if not manual:
        _follow_up(context, made, method)
    context.emit("payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent)
    return intent


def capture(context: Context, intent: Json, amount: int) -> Json:
    """Take an authorized amount, or a part of it; the rest is released."""
    record = context.get("charge", intent["latest_charge"], "charge")
    made = record.body
    released = made["amount"] - amount
    made |= {"captured": True, "amount_captured": amount, "amount_refunded": released}
    made["balance_transaction"] = ledger.settle_charge(context, made, amount, bypass_pending=False)
    context.save(made)
    intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    context.save(intent)
    context.emit("charge.captured", made)
    _follow_up(context, made, context.get("payment_method", made["payment_method"], "id"))
    context.emit("payment_intent.succeeded", intent)
    return intent


def _follow_up(context: Context, made: Json, method: Record) -> None:
    """What a test card brings upon a charge whose money was taken."""
    disputes.raised_by_card(context, made, method.hidden)
    if method.hidden.get("fraud_warning"):
        fraud.warn(context, made)


def fail_authentication(context: Context, intent: Json, method: Record) -> Json:
    """The payer did not authenticate."""
    message = "We are unable to authenticate your payment method. Choose another one and try again."
    failure = CardError(message, code="payment_intent_authentication_failure")
    failure.error["type"] = "invalid_request_error"
    _record_failure(context, intent, method, failure)
    return intent


def _refuse(context: Context, intent: Json, method: Record, decline: str) -> CardError:
    made = _new_charge(context, intent, method)
    failure = declines.failure(decline, {"charge": made["id"]}, method.hidden.get("advice"))
    error = failure.error
    made["outcome"] |= declines.outcome(error)
    made |= {"status": "failed", "failure_code": error["code"], "failure_message": error["message"]}
    context.insert(made)
    context.emit("charge.failed", made)
    intent["latest_charge"] = made["id"]
    _record_failure(context, intent, method, failure)
    return failure


def _record_failure(context: Context, intent: Json, method: Record, failure: CardError) -> None:
    """Stripe takes the refused payment method off the intent and shows it in the error."""
    context.save(method.body, method.hidden | {"used": True})
    failure.error["payment_method"] = dict(method.body)
    intent |= {
        "last_payment_error": dict(failure.error),
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    context.save(intent)
    context.emit("payment_intent.payment_failed", intent)
    failure.error["payment_intent"] = dict(intent)


def _keep_method(context: Context, intent: Json, method: Record) -> None:
    """A used card is spent, unless it is (or is to be) its customer's."""
    hidden = method.hidden | {"used": True}
    if intent["setup_future_usage"] == "off_session":
        hidden["set_up"] = True
    context.save(method.body, hidden)
    if intent["setup_future_usage"] and intent["customer"] and method.body["customer"] is None:
        attach_after_use(context, method.body, intent["customer"])


def attach_after_use(context: Context, body: Json, customer: str) -> None:
    """Attach the card that an intent has just proven."""
    body["customer"] = customer
    context.save(body)
    context.emit("payment_method.attached", body)


def _new_charge(context: Context, intent: Json, method: Record) -> Json:
    card = method.body["card"]
    shown = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    details = {name: card[name] for name in shown} | {
        "amount_authorized": intent["amount"],
        "installments": None,
        "mandate": None,
        "network": card["brand"],
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
    copied = (
        "amount",
        "currency",
        "customer",
        "description",
        "receipt_email",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_group",
    )
    return (
        blank_charge(context)
        | {name: intent[name] for name in copied}
        | {
            "billing_details": method.body["billing_details"],
            "calculated_statement_descriptor": "STRIPE SANDBOX",
            "metadata": dict(intent["metadata"]),
            "payment_intent": intent["id"],
            "payment_method": method.body["id"],
            "outcome": untroubled(method.hidden.get("risk", "normal")),
            "payment_method_details": {"type": "card", "card": details},
        }
    )


def untroubled(risk: str = "normal") -> Json:
    """The outcome of a charge that nothing was held against."""
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": risk,
        "risk_score": declines.RISKS[risk],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def blank_charge(context: Context) -> Json:
    """A charge of nothing and nobody yet, with all its fields."""
    empty = (
        "application",
        "application_fee",
        "application_fee_amount",
        "balance_transaction",
        "calculated_statement_descriptor",
        "customer",
        "description",
        "failure_balance_transaction",
        "failure_code",
        "failure_message",
        "on_behalf_of",
        "payment_intent",
        "payment_method",
        "receipt_email",
        "receipt_number",
        "receipt_url",
        "review",
        "shipping",
        "source_transfer",
        "statement_descriptor",
        "statement_descriptor_suffix",
        "transfer_data",
        "transfer_group",
    )
    return dict.fromkeys(empty) | {
        "id": f"ch_3{token(23)}",
        "object": "charge",
        "amount": 0,
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": False,
        "created": context.now,
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "outcome": untroubled(),
        "paid": False,
        "refunded": False,
        "status": "pending",
    }


def method_of(context: Context, intent: Json) -> Record:
    """The payment method of an intent that waits for its payer.

    Raises:
        ApiError: it waits for nobody.
    """
    if intent["status"] != "requires_action":
        raise ApiError(f"{intent['id']} does not wait for authentication: it is {intent['status']}.")
    return context.get("payment_method", intent["payment_method"], "payment_method")
