"""Payouts: money leaves an account for its bank, and comes back when the bank does not take it.

::

    pending -> in_transit -> paid          failed: from any of the three, for a bank may send it back days later
       |
       +---> canceled
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import ledger
from local.stripe_sandbox.context import Context, changed, token
from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

_DAY_S = 86_400
_ARRIVES_AFTER_DAYS = 2
_STEPS = {
    "in_transit": {"pending"},
    "paid": {"pending", "in_transit"},
    "failed": {"pending", "in_transit", "paid"},
    "canceled": {"pending"},
}
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account does not allow payouts.",
    "could_not_process": "The bank could not process this payout.",
    "debit_not_authorized": "Debit transactions are not approved on this bank account.",
    "declined": "The bank has declined this payout.",
    "incorrect_account_holder_name": "The name of the account holder is not the one that the bank has.",
    "insufficient_funds": "The account has insufficient funds to cover the payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "invalid_currency": "The bank account cannot take this currency.",
    "no_account": "The bank account could not be found.",
}


def pay_out(context: Context, amount: int, currency: str, fields: Json) -> Json:
    """A new payout, which takes its amount off the balance at once; a reversal's amount is negative.

    Args:
        fields: what the caller says about it, such as ``description``, ``metadata`` and ``destination``.
    """
    day = context.now // _DAY_S
    payout: Json = {
        "id": f"po_1{token(23)}",
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": (day + _ARRIVES_AFTER_DAYS) * _DAY_S,
        "automatic": False,
        "balance_transaction": None,
        "created": context.now,
        "currency": currency,
        "description": None,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }
    payout |= fields
    # Money that comes back from the bank takes its days, too.
    line = ledger.settle(context, payout, "payout", -amount, available=amount > 0, description="STRIPE PAYOUT")
    payout["balance_transaction"] = line["id"]
    context.insert(payout)
    context.emit("payout.created", payout)
    return payout


def step(context: Context, payout: Json, status: str, failure_code: str | None = None) -> Json:
    """The payout gets further, or back.

    Raises:
        ApiError: it cannot get there from where it is.
    """
    if payout["status"] not in _STEPS[status]:
        raise ApiError(f"Payout {payout['id']} is {payout['status']}: it cannot become {status}.")
    before = dict(payout)
    payout["status"] = status
    if status in {"failed", "canceled"}:
        kind = "payout_failure" if status == "failed" else "payout_cancel"
        line = ledger.settle(context, payout, kind, payout["amount"], description="STRIPE PAYOUT")
        payout["failure_balance_transaction"] = line["id"]
    if status == "failed":
        code = failure_code or "could_not_process"
        payout |= {"failure_code": code, "failure_message": FAILURES[code]}
    if payout["automatic"] and status == "paid":
        payout["reconciliation_status"] = "completed"
    context.save(payout)
    context.emit("payout.updated" if status == "in_transit" else f"payout.{status}", payout, changed(before, payout))
    return payout


def bank_of(context: Context) -> str:
    """The bank account that payouts of the context's account go to.

    Raises:
        ApiError: ``payouts_not_allowed``, before onboarding or while Stripe holds payouts back.
    """
    record = context.store.find(context.platform, "account", context.account)
    if record is None:
        return f"ba_1{context.account.removeprefix('acct_1')}"
    if not record.body["payouts_enabled"]:
        message = "Payouts have been disabled on the connected account. See its `requirements`."
        raise ApiError(message, code="payouts_not_allowed")
    banks = record.body["external_accounts"]["data"]
    return str(banks[0]["id"])
