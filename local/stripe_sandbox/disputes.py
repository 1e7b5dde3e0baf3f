"""What becomes of a disputed charge: the withdrawal, the bank's decision, the money's way back.

::

    warning_needs_response -> warning_under_review -> warning_closed       an inquiry: no money moves
             |                        |
             +------- escalate -------+
                          v
                   needs_response -> under_review -> won (reinstated) or lost

Statuses, lines of the balance and the order of the events are those that Stripe's test mode shows; there a card's
dispute comes half a second after its charge, here with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox import fraud, ledger, refunding
from local.stripe_sandbox.context import Context, changed, token
from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

# Every reason with the code of Visa's that the dispute carries, where one belongs to it.
REASONS: dict[str, str | None] = {
    "bank_cannot_process": None,
    "check_returned": None,
    "credit_not_processed": "13.7",
    "customer_initiated": None,
    "debit_not_authorized": None,
    "duplicate": "12.6.1",
    "fraudulent": "10.4",
    "general": None,
    "incorrect_account_details": None,
    "insufficient_funds": None,
    "noncompliant": None,
    "product_not_received": "13.1",
    "product_unacceptable": "13.3",
    "subscription_canceled": "13.2",
    "unrecognized": "10.4",
}
CLOSED = {"won", "lost", "warning_closed", "prevented"}
_NEEDS_RESPONSE = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
_INQUIRY = {"warning_needs_response", "warning_under_review"}

# Taken for each dispute, and kept when it is won.
_FEE = 1500
_DAY_S = 86_400
_ANSWER_WITHIN_DAYS = 8

FILES = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
_TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)


# What enhanced evidence still lacks, when a dispute begins that admits it.
_ELIGIBILITY: dict[str, Json] = {
    "visa_compelling_evidence_3": {
        "required_actions": [
            "missing_customer_identifiers",
            "missing_disputed_transaction_description",
            "missing_merchandise_or_services",
            "missing_prior_undisputed_transaction_description",
            "missing_prior_undisputed_transactions",
        ],
        "status": "requires_action",
    },
    "visa_compliance": {"status": "requires_fee_acknowledgement"},
}


@dataclass(frozen=True)
class Case:
    """What kind of dispute it is.

    Args:
        type: ``chargeback``, ``compliance`` or ``inquiry``.
        eligible: the kind of enhanced evidence that it admits.
    """

    type: str = "chargeback"
    eligible: str | None = None

    @property
    def is_inquiry(self) -> bool:
        """Whether it takes no money yet."""
        return self.type == "inquiry"


def raised_by_card(context: Context, charge: Json, behaviour: Json) -> None:
    """The disputes that a ``create...Dispute`` card brings upon its charge, each of its part.

    Of 49.99, two are about 24.99 and 25.00: together never more than the charge.
    """
    reason = behaviour.get("dispute")
    if not reason:
        return
    case = Case(behaviour.get("case_type", "chargeback"), behaviour.get("eligible"))
    total = charge["amount_captured"]
    parts = min(behaviour.get("disputes", 1), total)
    for part in range(parts):
        amount = total * (part + 1) // parts - total * part // parts
        open_against(context, charge, reason=reason, amount=amount, case=case)


def open_against(context: Context, charge: Json, *, reason: str, amount: int, case: Case) -> Json:
    """A new dispute of a paid charge; an inquiry takes no money yet.

    Args:
        amount: disputed, in the smallest unit of the charge's currency.
        case: what kind it is.

    Raises:
        ApiError: there is nothing to dispute, or it is disputed already.
    """
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise ApiError(f"Charge {charge['id']} took no money that could be disputed.")
    if not 1 <= amount <= charge["amount_captured"]:
        raise ApiError(f"The disputed amount must be between 1 and {charge['amount_captured']}.", param="amount")
    held = sum(each["amount"] for each in _of(context, charge) if each["status"] not in {"won", "warning_closed"})
    if held + amount > charge["amount_captured"]:
        raise ApiError(f"Charge {charge['id']} is disputed already.")
    dispute = _new(context, charge, reason, amount, case)
    context.insert(dispute)
    charge["disputed"] = True
    context.save(charge)
    fraud.settle(context, charge)
    if case.is_inquiry:
        context.emit("charge.dispute.created", dispute)
        return dispute
    refunding.fail_pending(context, charge)
    _move(context, dispute, -amount)
    context.emit("charge.dispute.created", dispute)
    context.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def submit(context: Context, dispute: Json, before: Json) -> Json:
    """Hand the evidence to the bank; three texts of Stripe's test mode decide the dispute at once.

    Returns:
        The dispute as the answer shows it: under review, for the decision comes after it.
    """
    dispute["status"] = _NEEDS_RESPONSE[dispute["status"]]
    details = dispute["evidence_details"]
    dispute["evidence_details"] = details | {"submission_count": details["submission_count"] + 1}
    context.save(dispute)
    context.emit("charge.dispute.updated", dispute, changed(before, dispute))
    answer = dict(dispute)
    text = dispute["evidence"]["uncategorized_text"]
    if text == "escalate_inquiry_evidence" and dispute["status"] in _INQUIRY:
        escalate(context, dispute)
    elif text in {"winning_evidence", "losing_evidence"}:
        if dispute["status"] in _INQUIRY:
            close(context, dispute, "warning_closed")
        else:
            close(context, dispute, "won" if text == "winning_evidence" else "lost")
    return answer


def close(context: Context, dispute: Json, status: str) -> Json:
    """The bank has decided, or the inquiry is over.

    Args:
        status: ``won`` or ``lost``; of an inquiry ``warning_closed``.

    Raises:
        ApiError: it is closed already, or this is no way for it to end.
    """
    require_open(dispute)
    possible = {"warning_closed"} if dispute["status"] in _INQUIRY else {"won", "lost"}
    if status not in possible:
        options = " or ".join(sorted(possible))
        raise ApiError(f"Dispute {dispute['id']} is {dispute['status']}: it can end as {options}.")
    dispute |= {"status": status, "is_charge_refundable": status != "lost"}
    if status == "won":
        _move(context, dispute, dispute["amount"])
        context.emit("charge.dispute.funds_reinstated", dispute)
    context.save(dispute)
    context.emit("charge.dispute.closed", dispute)
    return dispute


def escalate(context: Context, dispute: Json) -> Json:
    """An inquiry becomes a chargeback: now the money goes.

    Raises:
        ApiError: it is no open inquiry.
    """
    if dispute["status"] not in _INQUIRY:
        raise ApiError(f"Dispute {dispute['id']} is {dispute['status']}: only an open inquiry can be escalated.")
    before = dict(dispute)
    refunding.fail_pending(context, context.get("charge", dispute["charge"], "charge").body)
    card = dispute["payment_method_details"]["card"]
    card = card | {"case_type": "chargeback", "network_reason_code": REASONS[dispute["reason"]]}
    dispute |= {
        "status": "needs_response",
        "is_charge_refundable": False,
        "payment_method_details": {"type": "card", "card": card},
        "evidence_details": dispute["evidence_details"] | {"due_by": _due_by(context)},
    }
    _move(context, dispute, -dispute["amount"])
    context.emit("charge.dispute.updated", dispute, changed(before, dispute))
    context.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def require_open(dispute: Json) -> None:
    """Refuse what comes too late.

    Raises:
        ApiError: it is closed.
    """
    if dispute["status"] in CLOSED:
        raise ApiError("This dispute is already closed")


def require_refundable(context: Context, charge: Json) -> None:
    """Refuse a refund that would pay the customer twice.

    Raises:
        ApiError: ``charge_disputed``, while a chargeback is open or when it was lost.
    """
    if charge["disputed"] and not all(dispute["is_charge_refundable"] for dispute in _of(context, charge)):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")


def close_refunded_inquiries(context: Context, charge: Json) -> None:
    """A full refund answers an inquiry: nothing is left to be charged back."""
    if charge["refunded"] and charge["disputed"]:
        for dispute in _of(context, charge):
            if dispute["status"] in _INQUIRY:
                close(context, dispute, "warning_closed")


def _of(context: Context, charge: Json) -> list[Json]:
    return context.store.page(context.account, "dispute", {"charge": charge["id"]}, limit=100)[0]


def _move(context: Context, dispute: Json, amount: int) -> None:
    """Take the disputed amount with the fee, or give it back without."""
    withdrawal = amount < 0
    word = "withdrawal" if withdrawal else "reversal"
    fees = [ledger.fee_detail(_FEE, dispute["currency"], "Dispute fee")] if withdrawal else []
    line = ledger.settle(
        context,
        dispute,
        "adjustment",
        amount,
        fees=fees,
        category="dispute" if withdrawal else "dispute_reversal",
        description=f"Chargeback {word} for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], line]
    context.save(dispute)


def _due_by(context: Context) -> int:
    """The last second of the day (UTC) on which evidence is taken."""
    return (context.now // _DAY_S + _ANSWER_WITHIN_DAYS + 1) * _DAY_S - 1


def _new(context: Context, charge: Json, reason: str, amount: int, case: Case) -> Json:
    inquiry = case.is_inquiry
    card = {
        "brand": charge["payment_method_details"]["card"]["brand"],
        "case_type": case.type,
        "network_reason_code": "10" if inquiry else REASONS[reason],
    }
    eligible = [case.eligible] if case.eligible else []
    return {
        "id": f"du_1{token(23)}",
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": context.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": eligible,
        "evidence": dict.fromkeys(sorted((*_TEXTS, *FILES))) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": _due_by(context),
            "enhanced_eligibility": {kind: _ELIGIBILITY[kind] for kind in eligible},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"type": "card", "card": card},
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
