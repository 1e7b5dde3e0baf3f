"""What a payer does on the page of a Checkout Session: submit a card, answer 3D Secure, try again."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import payments
from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.resources import checkout_sessions, payment_methods, setup_intents

Json = dict[str, Any]


def submit(context: Context, session: Json, method: str) -> Json:
    """The payer submits a card; the session, complete unless the card wants 3D Secure first.

    Raises:
        ApiError: the session is over; or the card was refused (402), which stays, and the page can be submitted again.
    """
    _require_open(context, session)
    intent = checkout_sessions.intent_for(context, session)
    card = payment_methods.resolve(context, method, "payment_method")
    if session["mode"] == "payment":
        after = payments.attempt(context, intent, card, off_session=False, return_url=session["url"])
    else:
        after = setup_intents.prove(context, intent, card, {"return_url": session["url"]})
    return checkout_sessions.complete(context, session) if after["status"] == "succeeded" else session


def authenticate(context: Context, session: Json, *, succeed: bool) -> Json:
    """The payer's answer to 3D Secure: the session, complete; or open, for another card.

    Raises:
        ApiError: the session is over, or waits for no answer; or the card was refused afterwards (402).
    """
    _require_open(context, session)
    intent = waiting(context, session)
    if intent is None:
        raise ApiError(f"{session['id']} waits for no authentication.")
    method = payments.method_of(context, intent)
    module: Any = payments if session["mode"] == "payment" else setup_intents
    if not succeed:
        module.fail_authentication(context, intent, method)
        return session
    if session["mode"] == "payment":
        payments.charge(context, intent, method)
    else:
        setup_intents.succeed(context, intent, method)
    return checkout_sessions.complete(context, session)


def waiting(context: Context, session: Json) -> Json | None:
    """The session's intent, where it waits for 3D Secure."""
    if (session["payment_intent"] or session["setup_intent"]) is None:
        return None
    intent = checkout_sessions.intent_for(context, session)
    return intent if intent["status"] == "requires_action" else None


def _require_open(context: Context, session: Json) -> None:
    status = checkout_sessions.current(context, session)["status"]
    if status != "open":
        raise ApiError(f"This Checkout Session is {status}.")
