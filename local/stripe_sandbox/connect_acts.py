"""What happens to connected accounts beside the API: holders, banks, reviews, losses, pauses; for the control API."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from local.stripe_sandbox import banks, connect, ledger, money, payouts
from local.stripe_sandbox.acts import act
from local.stripe_sandbox.context import Context, token
from local.stripe_sandbox.errors import ApiError
from local.stripe_sandbox.resources import balance_settings

Json = dict[str, Any]

_TEXT = (str, type(None))


@act(
    "accounts/{id}/onboard",
    "account",
    charges_enabled=bool,
    payouts_enabled=bool,
    capabilities=dict,
    currently_due=list,
    disabled_reason=_TEXT,
    external_account=dict,
)
def onboard(context: Context, account: Json, body: Json) -> Json:
    """The holder of a connected account goes through onboarding, or Stripe reviews the account again."""
    return connect.review(context, account, body)


@act("accounts/{id}/require", "account", currently_due=list, past_due=bool)
def require(context: Context, account: Json, body: Json) -> Json:
    """Stripe wants to know more; once the deadline has passed, the account can do nothing until it is told.

    Raises:
        ValueError: nothing is asked for.
    """
    due = body.get("currently_due") or []
    if not due:
        raise ValueError("currently_due names what is wanted")
    if not body.get("past_due", False):
        return connect.review(context, account, {"currently_due": due})
    return _held_back(context, account, "requirements.past_due", due)


@act("accounts/{id}/disable", "account", reason=str)
def disable(context: Context, account: Json, body: Json) -> Json:
    """Stripe holds an account back.

    Raises:
        ValueError: no such reason.
    """
    return _held_back(context, account, body.get("reason", "under_review"), [])


def _held_back(context: Context, account: Json, reason: str, due: list[str]) -> Json:
    held = {
        "charges_enabled": False,
        "payouts_enabled": False,
        "capabilities": dict.fromkeys(account["capabilities"], "inactive"),
        "currently_due": due,
        "disabled_reason": reason,
    }
    return connect.review(context, account, held)


@act("accounts/{id}/pause", "account", payouts=bool, payments=bool)
def pause(context: Context, account: Json, body: Json) -> Json:
    """The platform pauses payouts (none is made, none moves) or payments (nothing can be sent there), or resumes them.

    Raises:
        ApiError: it does not bear the account's losses.
    """
    if account["controller"]["losses"]["payments"] != "application":
        raise ApiError(f"The platform does not bear the losses of {account['id']}.")
    record, before = connect.record_of(context, account["id"]), dict(account)
    record.hidden["paused"] = record.hidden.get("paused", {}) | body
    connect.save(context, account, record.hidden, before)
    return account


@act("accounts/{id}/deauthorize", "account")
def deauthorize(context: Context, account: Json, _: Json) -> Json:
    """The holder disconnects the account from the platform."""
    connect.deauthorize(context, account)
    return {"id": account["id"], "deauthorized": True}


@act("accounts/{id}/replace_bank", "account", account_number=str, routing_number=str, country=str, currency=str)
def replace_bank(context: Context, account: Json, body: Json) -> Json:
    """The holder names another bank in the dashboard, by default one that takes payouts."""
    record, before = connect.record_of(context, account["id"]), dict(account)
    bank = banks.replace(account, record.hidden, banks.usual(account, body))
    connect.save(context, account, record.hidden, before)
    return bank


@act("accounts/{id}/debit", "account", amount=int, currency=str, description=str)
def debit(context: Context, account: Json, body: Json) -> Json:
    """Stripe takes money off a connected account, such as for a dispute of a charge of its own; below zero, too.

    Raises:
        ValueError: not a positive amount.
    """
    amount, currency = body.get("amount", 0), _currency(account, body)
    if amount < 1:
        raise ValueError("amount must be positive")
    source = {"id": f"adj_1{token(23)}", "currency": currency}
    description = body.get("description", "Adjustment")
    return ledger.settle(context.on(account["id"]), source, "adjustment", -amount, description=description)


@act("accounts/{id}/write_off", "account", currency=str)
def write_off(context: Context, account: Json, body: Json) -> Json:
    """The 180 days of a negative balance are over: the platform pays what its reserve held for the account.

    Raises:
        ApiError: nothing is reserved.
    """
    currency = _currency(account, body)
    owed = ledger.reserved(context, currency, account["id"])
    if owed < 1:
        raise ApiError(f"Nothing is reserved for {account['id']} in {currency}.")
    source = {"id": f"adj_1{token(23)}", "currency": currency}
    kind = "connect_collection_transfer"
    ledger.settle(context, source, kind, -owed, description=f"Negative balance of {account['id']}")
    return ledger.settle(context.on(account["id"]), source, kind, owed, description="Negative balance paid")


@act("accounts/{id}/exchange_rate", "account", source=str, target=str, rate=str)
def exchange_rate(context: Context, account: Json, body: Json) -> Json:
    """From now on this account converts ``source`` at ``rate`` units of ``target``.

    Raises:
        ValueError: not a positive number.
    """
    pair = [money.check_currency(str(body.get(name))) for name in ("source", "target")]
    try:
        positive = Decimal(body.get("rate", "0")) > 0
    except InvalidOperation:
        positive = False
    if not positive:
        raise ValueError("rate must be a positive number, as text")
    record = connect.record_of(context, account["id"])
    record.hidden["rates"] = record.hidden.get("rates", {}) | {":".join(pair): body["rate"]}
    context.save(account, record.hidden)
    return {"id": account["id"], "rates": record.hidden["rates"]}


@act("accounts/{id}/pay_out", "account", currency=str, amount=int)
def pay_out(context: Context, account: Json, body: Json) -> Json:
    """The schedule pays out of itself: by default all that is available in the account's currency, in whole units.

    Raises:
        ApiError: the schedule is manual, there is not as much, or payouts are held back.
    """
    return balance_settings.pay_out(context.on(account["id"]), _currency(account, body), body.get("amount"))


@act("payouts/{id}/finish", "payout", status=str, failure_code=str)
def finish_payout(context: Context, payout: Json, body: Json) -> Json:
    """The bank's word on a payout; without a ``status``, what its test number says.

    ``failed`` after ``paid`` is a bank that sends it back; ``canceled`` is the end of ten days' pause.

    Raises:
        ValueError: no such status or failure code.
        ApiError: it cannot get there from where it is, or payouts are paused.
    """
    by_bank = payouts.by_bank(context, payout)
    status = body.get("status", "failed" if by_bank else "paid")
    code = body.get("failure_code", by_bank)
    statuses = ("in_transit", "paid", "failed", "canceled")
    if status not in statuses or code not in {None, *payouts.FAILURES}:
        raise ValueError(f"status is one of {', '.join(statuses)}; failure_code one of {', '.join(payouts.FAILURES)}")
    record = context.store.find(context.platform, "account", context.account)
    paused = bool(record and record.hidden.get("paused", {}).get("payouts"))
    if paused and payout["status"] == "pending" and status != "canceled":
        raise ApiError(f"Payout {payout['id']} waits: payouts of {context.account} are paused.")
    return payouts.step(context, payout, status, code if status == "failed" else None)


def _currency(account: Json, body: Json) -> str:
    return money.check_currency(str(body.get("currency", account["default_currency"])))
