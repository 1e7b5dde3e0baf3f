"""What people and banks do beside the API, as a test asks for it through the control API.

The payer pays in the browser and answers 3D Secure; a colleague refunds in the dashboard; the bank finishes a
refund, raises a dispute and decides it, takes a payout or sends it back; a provider goes through onboarding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox import cards, checkout, declines, disputes, payments, refunding
from local.stripe_sandbox.context import Context, changed
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.registry import Call
from local.stripe_sandbox.resources import checkout_sessions, payment_intents, payment_methods, refunds, setup_intents

Json = dict[str, Any]
Run = Callable[[Context, Json, Json], Json]

_AUTH = (None, cards.ALWAYS, cards.UNLESS_SET_UP, cards.ALREADY_SET_UP)
_RETURN_URL = "https://payer.example/return"


@dataclass(frozen=True)
class Act:
    """One call of the control API about one object.

    Args:
        kind: type of the object that the path names.
        run: does it and returns the answer; a refusal that is a fact (a decline) is committed.
        fields: names of the body's fields, and the type that each has.
    """

    kind: str
    run: Run
    fields: dict[str, type | tuple[type, ...]]

    def check(self, body: Json) -> None:
        """Refuse a body that this call cannot mean.

        Raises:
            ValueError: an unknown field, or one of another type.
        """
        unknown = body.keys() - self.fields.keys()
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(self.fields)}")
        for name, value in body.items():
            is_number = self.fields[name] is int
            if not isinstance(value, self.fields[name]) or (is_number and isinstance(value, bool)):
                raise ValueError(f"{name} has the wrong type")


ACTS: dict[str, Act] = {}


def act(path: str, kind: str, **fields: Any) -> Callable[[Run], Run]:
    """Register a function for ``POST /_sandbox/{path}``."""

    def register(run: Run) -> Run:
        ACTS[path] = Act(kind, run, fields)
        return run

    return register


@act("payment_intents/{id}/pay", "payment_intent", payment_method=str, client_secret=str, return_url=str)
def pay(context: Context, intent: Json, body: Json) -> Json:
    """The payer confirms in the browser, as Stripe.js does: on session, with the intent's client secret.

    Raises:
        ApiError: as the API's confirm; a decline is a 402 and stays.
    """
    if intent["confirmation_method"] == "manual":
        raise ApiError("This PaymentIntent's confirmation_method is manual: only its server can confirm it.")
    return payment_intents.confirm(_as_browser(context, intent, body))


@act("setup_intents/{id}/complete", "setup_intent", payment_method=str, client_secret=str, return_url=str)
def complete(context: Context, intent: Json, body: Json) -> Json:
    """The payer saves a card in the browser, as Stripe.js does.

    Raises:
        ApiError: as the API's confirm; a decline is a 402 and stays.
    """
    return setup_intents.confirm(_as_browser(context, intent, body))


@act("checkout/sessions/{id}/pay", "checkout.session", payment_method=str)
def submit_checkout(context: Context, session: Json, body: Json) -> Json:
    """The payer submits the page of a Checkout Session.

    Raises:
        ApiError: it is over; a decline is a 402 and stays, and the page can be submitted again.
    """
    return checkout.submit(context, session, body.get("payment_method", "pm_card_visa"))


@act("checkout/sessions/{id}/authenticate", "checkout.session", succeed=bool)
def authenticate_checkout(context: Context, session: Json, body: Json) -> Json:
    """The payer of a Checkout Session answers 3D Secure."""
    return checkout.authenticate(context, session, succeed=body.get("succeed", True))


@act("checkout/sessions/{id}/expire", "checkout.session")
def expire_checkout(context: Context, session: Json, _: Json) -> Json:
    """The day of a Checkout Session is over."""
    return checkout_sessions.end(context, session) if session["status"] == "open" else session


def _as_browser(context: Context, intent: Json, body: Json) -> Call:
    params = {"client_secret": intent["client_secret"], "return_url": _RETURN_URL} | body
    return Call(context, {"intent": intent["id"]}, params, "")


@act("payment_intents/{id}/authenticate", "payment_intent", succeed=bool)
def authenticate_payment(context: Context, intent: Json, body: Json) -> Json:
    """The payer on the 3D Secure page; a decline after that shows in the intent."""
    run = payments.charge if body.get("succeed", True) else payments.fail_authentication
    return _authenticated(context, intent, run)


@act("setup_intents/{id}/authenticate", "setup_intent", succeed=bool)
def authenticate_setup(context: Context, intent: Json, body: Json) -> Json:
    """As for a payment."""
    run = setup_intents.succeed if body.get("succeed", True) else setup_intents.fail_authentication
    return _authenticated(context, intent, run)


def _authenticated(context: Context, intent: Json, run: Callable[..., Json]) -> Json:
    method = payments.method_of(context, intent)
    try:
        return run(context, intent, method)
    except ApiError as failure:
        if not failure.commits:
            raise
        return context.get(intent["object"], intent["id"], "id").body


@act(
    "payment_methods/{id}/behaviour",
    "payment_method",
    decline=(str, type(None)),
    advice=(str, type(None)),
    auth=(str, type(None)),
)
def change_behaviour(context: Context, method: Json, body: Json) -> Json:
    """What this card does from now on.

    Raises:
        ValueError: no such decline code, advice or rule.
    """
    if body.get("decline") not in {None, *declines.DECLINES} or body.get("auth") not in _AUTH:
        raise ValueError(f"decline is null or one of {', '.join(declines.DECLINES)}; auth is one of {_AUTH}")
    if body.get("advice") not in {None, *declines.ADVICE}:
        raise ValueError(f"advice is null or one of {', '.join(declines.ADVICE)}")
    hidden = context.get("payment_method", method["id"], "id").hidden | {"advice": None} | body | {"attaches": True}
    context.save(method, hidden)
    return {"id": method["id"], "advice": hidden.get("advice"), **{name: hidden[name] for name in ("decline", "auth")}}


@act("payment_methods/{id}/renew", "payment_method", exp_month=int, exp_year=int, last4=str)
def renew(context: Context, method: Json, body: Json) -> Json:
    """The bank sent the holder a new card, and the card network told Stripe.

    Raises:
        ApiError: it is nobody's, so the network keeps nothing of it up to date.
    """
    if method["customer"] is None:
        raise ApiError(f"{method['id']} is attached to no customer.")
    before = dict(method)
    method["card"] = method["card"] | body
    context.save(method)
    context.emit("payment_method.automatically_updated", method, changed(before, method))
    return method


@act("payment_methods/{id}/detach", "payment_method")
def detach(context: Context, method: Json, body: Json) -> Json:
    """Somebody removes the card in the dashboard."""
    return payment_methods.detach(Call(context, {"payment_method": method["id"]}, body, ""))


@act("payment_intents/{id}/refund", "payment_intent", amount=int, reason=str)
def refund(context: Context, intent: Json, body: Json) -> Json:
    """Somebody refunds in the dashboard: with no metadata and no idempotency key of the product's.

    Raises:
        ApiError: as the API's.
    """
    return refunds.create(Call(context, {}, {"payment_intent": intent["id"]} | body, ""))


@act("refunds/{id}/finish", "refund", succeed=bool)
def finish_refund(context: Context, refund: Json, body: Json) -> Json:
    """The bank's answer to a refund."""
    return refunding.finish(context, refund, succeed=body.get("succeed", True))


@act("charges/{id}/dispute", "charge", reason=str, amount=int, inquiry=bool)
def dispute(context: Context, charge: Json, body: Json) -> Json:
    """The cardholder disputes; by default all that was not refunded.

    Raises:
        ValueError: no such reason.
        ApiError: there is nothing to dispute, or it is disputed already.
    """
    reason = body.get("reason", "fraudulent")
    if reason not in disputes.REASONS:
        raise ValueError(f"reason is one of {', '.join(disputes.REASONS)}")
    # A partial capture counts what it released as refunded; a charge refunded in full can be disputed all the same.
    remaining = charge["amount"] - charge["amount_refunded"]
    amount = body.get("amount", remaining or charge["amount_captured"])
    return disputes.open_against(context, charge, reason=reason, amount=amount, case=_case(body))


def _case(body: Json) -> disputes.Case:
    return disputes.Case("inquiry" if body.get("inquiry") else "chargeback")


@act("disputes/{id}/close", "dispute", status=str)
def close_dispute(context: Context, dispute: Json, body: Json) -> Json:
    """The bank decides: ``won``, ``lost``; of an inquiry ``warning_closed``."""
    return disputes.close(context, dispute, body.get("status", "lost"))


@act("disputes/{id}/escalate", "dispute")
def escalate_dispute(context: Context, dispute: Json, _: Json) -> Json:
    """An inquiry becomes a chargeback."""
    return disputes.escalate(context, dispute)
