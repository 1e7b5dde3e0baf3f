"""Payouts: money leaves an account for its bank, and comes back when the bank does not take it.

::

    pending -> in_transit -> paid          failed: from any of the three, for a bank may send it back days later
       |
       +---> canceled (nothing that the schedule made)

A reversal is a payout of a negative amount; when the original fails before it was paid, its reversal is canceled.
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import banks, connect, countries, ledger, money
from local.stripe_sandbox.context import Context, changed, token
from local.stripe_sandbox.errors import ApiError, InvalidRequestError, no_such

Json = dict[str, Any]

_DAY_S = 86_400
_ARRIVES_AFTER_DAYS = 2
_REVERSIBLE_IN, _REVERSIBLE_DAYS = {"US", "CA"}, 90
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
    if status == "failed" and payout["amount"] > 0:
        connect.bank_failed(context, payout["destination"])
        _cancel_reversal(context, payout)
    if status in {"failed", "canceled"}:
        kind = "payout_failure" if status == "failed" else "payout_cancel"
        # What was on its way to the balance leaves it where it was: a reversal's money, before it has settled.
        made = context.get("balance_transaction", payout["balance_transaction"], "id").body
        on = max(made["available_on"], context.now)
        line = ledger.settle(context, payout, kind, payout["amount"], available_on=on, description="STRIPE PAYOUT")
        payout["failure_balance_transaction"] = line["id"]
    if status == "failed":
        code = failure_code or "could_not_process"
        payout |= {"failure_code": code, "failure_message": FAILURES[code]}
    if payout["automatic"] and status == "paid":
        payout["reconciliation_status"] = "completed"
    context.save(payout)
    context.emit("payout.updated" if status == "in_transit" else f"payout.{status}", payout, changed(before, payout))
    if payout["automatic"] and status == "paid":
        context.emit("payout.reconciliation_completed", payout)
    return payout


def _cancel_reversal(context: Context, payout: Json) -> None:
    """What comes back by itself need not be fetched."""
    reversal = context.find("payout", payout["reversed_by"]) if payout["reversed_by"] else None
    if reversal and reversal.body["status"] == "pending":
        step(context, reversal.body, "canceled")


def check_amount(amount: int, currency: str) -> None:
    """Refuse what no bank takes.

    Raises:
        InvalidRequestError: no whole unit where there is no other, or too little.
    """
    money.check_step(amount, currency, payout=True)
    least = countries.LEAST_PAYOUT.get(currency, 1)
    if amount < least:
        message = f"Amount must be no less than {money.show(least, currency)}."
        raise InvalidRequestError(message, code="amount_too_small", param="amount")


def require_reversible(context: Context, payout: Json) -> None:
    """Refuse to fetch back what cannot be fetched.

    Raises:
        ApiError: not in transit or paid, reversed or a reversal already, longer ago than 90 days, or not of a bank in
            the US or Canada of an account whose losses the platform bears.
    """
    if payout["reversed_by"] or payout["original_payout"]:
        raise ApiError(f"Payout {payout['id']} cannot be reversed again.")
    if payout["status"] not in {"in_transit", "paid"}:
        message = f"Payout {payout['id']} is {payout['status']}: only one in transit or paid can be reversed."
        raise ApiError(message)
    record = context.store.find(context.platform, "account", context.account)
    account = record.body if record else None
    if account is None or account["controller"]["losses"]["payments"] != "application":
        raise ApiError(f"Payout {payout['id']} is of no connected account whose losses the platform bears.")
    if account["country"] not in _REVERSIBLE_IN:
        message = (
            f"Payout {payout['id']} went to a bank in {account['country']}: only US and Canadian ones can be debited."
        )
        raise ApiError(message)
    if payout["arrival_date"] <= context.now - _REVERSIBLE_DAYS * _DAY_S:
        raise ApiError(f"Payout {payout['id']} arrived more than {_REVERSIBLE_DAYS} days ago.")


def require_allowed(context: Context) -> None:
    """Refuse a payout before onboarding, while it is held back or paused, and while a bank waits to be updated.

    Raises:
        ApiError: ``payouts_not_allowed``.
    """
    record = context.store.find(context.platform, "account", context.account)
    if record is not None and not record.body["payouts_enabled"]:
        message = "Payouts have been disabled on the connected account. See its `requirements`."
        raise ApiError(message, code="payouts_not_allowed")


def bank_for(context: Context, currency: str, wanted: str | None = None) -> str:
    """The bank account that a payout of the context's account goes to; the platform has one in every currency.

    Args:
        wanted: the one that the caller named.

    Raises:
        ApiError: there is none in this currency, it is not the account's, or it has sent a payout back.
    """
    record = context.store.find(context.platform, "account", context.account)
    if record is None:
        own = f"ba_1{context.account.removeprefix('acct_1')}"
        if wanted not in {None, own}:
            raise no_such("external account", str(wanted), "destination", status=400)
        return own
    account = record.body
    bank = banks.get(account, wanted, "destination", status=400) if wanted else banks.default_for(account, currency)
    if bank is None or bank["currency"] != currency:
        raise ApiError(f"Sorry, you don't have any external accounts in that currency ({currency}).", param="currency")
    if bank["status"] == "errored":
        message = "The bank account provided cannot be used for payouts. A different bank account must be used."
        raise ApiError(message, code="bank_account_unusable", param="destination")
    return str(bank["id"])


def by_bank(context: Context, payout: Json) -> str | None:
    """The failure code that the bank of a payout answers with; None where it takes the money."""
    record = context.store.find(context.platform, "account", context.account)
    code: str | None = record.hidden.get("banks", {}).get(payout["destination"]) if record else None
    return code


def by_schedule(context: Context, currency: str, amount: int | None, keep: int) -> Json:
    """The payout that the account's schedule makes: of all that is available in whole units, or of an amount.

    Args:
        keep: what is to stay in the balance.

    Raises:
        ApiError: there is not as much, or payouts are held back.
    """
    require_allowed(context)
    there = ledger.sums(context).get((currency, True), 0)
    paid = money.whole(there - keep, currency) if amount is None else amount
    if paid < 1:
        raise ApiError(f"{context.account} has nothing to pay out in {currency}.", code="balance_insufficient")
    ledger.require_available(context, paid, currency, "payout")
    check_amount(paid, currency)
    bank = bank_for(context, currency)
    automatic = {"automatic": True, "destination": bank, "reconciliation_status": "in_progress"}
    payout = pay_out(context, paid, currency, automatic)
    if amount is None:
        ledger.claim(context, currency, payout["id"])
    return payout
