"""When an account is paid out by itself, or that it never is (``manual``)."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import errors

Json = dict[str, Any]

INTERVALS = {
    "daily": (),
    "manual": (),
    "weekly": ("weekly_anchor", "weekly_payout_days"),
    "monthly": ("monthly_anchor", "monthly_payout_days"),
}
SHORTEST_DELAY_DAYS = 2
LONGEST_DELAY_DAYS = 31


def change(current: Json, sent: Json) -> Json:
    """A payout schedule with what was sent: an anchor belongs to its interval, and goes with it.

    Raises:
        InvalidRequestError: an anchor of another interval, none where one is needed, or a number out of range.
    """
    param = "settings[payouts][schedule]"
    schedule = current | sent
    allowed = INTERVALS[schedule["interval"]]
    for names in INTERVALS.values():
        for name in names:
            if name in sent and name not in allowed:
                message = f"`{name}` does not belong to the interval {schedule['interval']}."
                raise errors.InvalidRequestError(message, param=f"{param}[{name}]")
    if allowed and not any(name in schedule for name in allowed):
        raise errors.missing(f"{param}[{allowed[0]}]")
    if schedule["delay_days"] == "minimum":
        schedule["delay_days"] = SHORTEST_DELAY_DAYS
    if not SHORTEST_DELAY_DAYS <= schedule["delay_days"] <= LONGEST_DELAY_DAYS:
        message = f"delay_days must be between {SHORTEST_DELAY_DAYS} and {LONGEST_DELAY_DAYS}."
        raise errors.InvalidRequestError(message, param=f"{param}[delay_days]")
    if not 1 <= schedule.get("monthly_anchor", 1) <= LONGEST_DELAY_DAYS:
        raise errors.InvalidRequestError("monthly_anchor must be between 1 and 31.", param=f"{param}[monthly_anchor]")
    return {name: schedule[name] for name in ("delay_days", "interval", *allowed) if name in schedule}
