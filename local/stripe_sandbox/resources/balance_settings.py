"""How an account's balance is paid out: its schedule, what stays, how long money takes to settle.

A connected account's are its ``settings[payouts]`` in other words, and change with them. The platform has no
account document of its own here, so its settings are kept beside its objects.
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import connect, errors, money, payout_schedule, payouts
from local.stripe_sandbox.context import Context, text_or_none
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_DAYS = {"weekly": "weekly_payout_days", "monthly": "monthly_payout_days"}
_PAYOUTS = ("minimum_balance_by_currency", "schedule", "statement_descriptor")
_KIND = "platform_settings"


@serves("GET /v1/balance_settings", connected=True)
def retrieve(call: Call) -> Json:
    """The settings of the platform's balance, or of a connected account's."""
    settings, hidden, enabled = _load(call.context)
    return _show(settings, hidden, enabled)


@serves("POST /v1/balance_settings", "payments", connected=True)
def update(call: Call) -> Json:
    """Change what was sent."""
    context = call.context
    sent = call.params.get("payments", {})
    settings, hidden, enabled = _load(context)
    before = _show(settings, hidden, enabled)
    settings, hidden = dict(settings), dict(hidden)
    _apply(settings, hidden, sent)
    _keep(context, settings, hidden)
    after = _show(settings, hidden, enabled)
    if after != before:
        context.emit("balance_settings.updated", after, {"payments": before["payments"]})
    return after


def pay_out(context: Context, currency: str, amount: int | None = None) -> Json:
    """What the schedule of the context's account does when its day comes: by default all but what is to stay.

    Args:
        amount: in the smallest unit; None: what is available, down to whole units.

    Raises:
        ApiError: the schedule is manual, there is not as much, or payouts are held back.
    """
    settings, hidden, _ = _load(context)
    if settings["schedule"]["interval"] == "manual":
        raise errors.ApiError(f"{context.account} has a manual schedule: nothing is paid out of itself.")
    keep = int(hidden.get("minimums", {}).get(currency, 0))
    return payouts.by_schedule(context, currency, amount, keep)


def _apply(settings: Json, hidden: Json, sent: Json) -> None:
    paying, timing = sent.get("payouts", {}), sent.get("settlement_timing", {})
    for names, known in ((paying, _PAYOUTS), (timing, ("delay_days_override",))):
        for name in names:
            if name not in known:
                raise errors.not_served(f"payments[{name}]")
    if "debit_negative_balances" in sent:
        settings["debit_negative_balances"] = sent["debit_negative_balances"]
    if "statement_descriptor" in paying:
        settings["statement_descriptor"] = text_or_none(paying["statement_descriptor"])
    schedule = dict(paying.get("schedule", {}))
    if "delay_days_override" in timing:
        override = timing["delay_days_override"]
        hidden["delay_days_override"] = override if override != "" else None
        schedule["delay_days"] = override if override != "" else "minimum"
    if schedule:
        settings["schedule"] = payout_schedule.change(settings["schedule"], schedule)
    if "minimum_balance_by_currency" in paying:
        minimums = paying["minimum_balance_by_currency"]
        named = {} if minimums == "" else hidden.get("minimums", {}) | minimums
        merged = {money.check_currency(currency): amount for currency, amount in named.items()}
        hidden["minimums"] = {currency: amount for currency, amount in merged.items() if amount != ""}


def _load(context: Context) -> tuple[Json, Json, bool]:
    """The settings as an account has them, what the sandbox knows besides, and whether payouts are possible."""
    if context.account != context.platform:
        record = connect.record_of(context.on(context.platform), context.account)
        return record.body["settings"]["payouts"], record.hidden, record.body["payouts_enabled"]
    kept = context.find(_KIND, _own_id(context))
    if kept is None:
        schedule = {"delay_days": payout_schedule.SHORTEST_DELAY_DAYS, "interval": "daily"}
        return {"debit_negative_balances": True, "schedule": schedule, "statement_descriptor": None}, {}, True
    return kept.body["settings"], kept.hidden, True


def _keep(context: Context, settings: Json, hidden: Json) -> None:
    if context.account != context.platform:
        platform = context.on(context.platform)
        account = connect.account_of(platform, context.account)
        before = dict(account)
        account["settings"] = account["settings"] | {"payouts": settings}
        connect.save(platform, account, hidden, before)
        return
    body: Json = {"id": _own_id(context), "object": _KIND, "created": context.now, "settings": settings}
    if context.find(_KIND, body["id"]) is None:
        context.insert(body, hidden)
    else:
        context.save(body, hidden)


def _own_id(context: Context) -> str:
    return f"settings_{context.account}"


def _show(settings: Json, hidden: Json, enabled: bool) -> Json:
    schedule = settings["schedule"]
    shown = {"interval": schedule["interval"]}
    days = _DAYS.get(schedule["interval"])
    if days:
        anchor = schedule.get(days.replace("payout_days", "anchor"))
        shown[days] = schedule.get(days) or [anchor]
    timing = {"delay_days": schedule["delay_days"]}
    if hidden.get("delay_days_override") is not None:
        timing["delay_days_override"] = hidden["delay_days_override"]
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": settings["debit_negative_balances"],
            "payouts": {
                "minimum_balance_by_currency": hidden.get("minimums") or None,
                "schedule": shown,
                "statement_descriptor": settings["statement_descriptor"],
                "status": "enabled" if enabled else "disabled",
            },
            "settlement_timing": timing,
        },
    }
