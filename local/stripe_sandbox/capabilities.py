"""What a connected account may do, as objects of their own.

An account shows its capabilities as ``{name: status}``; when each was asked for is known to the sandbox alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.stripe_sandbox import errors

Json = dict[str, Any]

NAMES = ("card_payments", "transfers")
STATUSES = ("active", "inactive", "pending")


def check_name(name: str) -> str:
    """A capability that the sandbox knows.

    Raises:
        InvalidRequestError: 404, as for any object that is not there.
    """
    if name not in NAMES:
        raise errors.no_such("capability", name, "capability")
    return name


def show(account: Json, hidden: Json, name: str) -> Json:
    """One capability of an account; one that was never asked for is ``unrequested``."""
    status = account["capabilities"].get(name)
    of_account = account["requirements"]
    # The account's own deadlines do not say why a capability is held back, and a capability has no deadline of its own.
    due = of_account["currently_due"] if status else []
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": requirements([], None),
        "requested": status is not None,
        "requested_at": hidden.get("requested_at", {}).get(name) if status else None,
        "requirements": requirements(due, _reason(account, status), of_account["past_due"] if status else ()),
        "status": status or "unrequested",
    }


def request(account: Json, hidden: Json, wanted: dict[str, bool], now: int) -> None:
    """Ask for capabilities, or give them back; one that is asked for waits until the account is reviewed.

    Args:
        wanted: names, and whether each is asked for.
        now: Unix seconds.
    """
    shown, granted = dict(account["capabilities"]), dict(hidden.get("granted", {}))
    requested = dict(hidden.get("requested_at", {}))
    ready = account["details_submitted"] and not account["requirements"]["currently_due"]
    for name, asked in wanted.items():
        if asked and name not in shown:
            shown[name] = granted[name] = "active" if ready else "inactive"
            requested[name] = now
        elif not asked:
            for known in (shown, granted, requested):
                known.pop(name, None)
    account["capabilities"] = shown
    hidden |= {"granted": granted, "requested_at": requested}


def _reason(account: Json, status: str | None) -> str | None:
    """Why a capability is held back, in the words that capabilities have for it."""
    if status != "inactive":
        return None
    reason = str(account["requirements"]["disabled_reason"])
    if not account["details_submitted"]:
        return "pending.onboarding"
    if reason.startswith("rejected."):
        return "rejected.other"
    return {"requirements.past_due": "requirements.fields_needed", "platform_paused": "platform_paused"}.get(
        reason, "other"
    )


def requirements(due: list[str], reason: str | None, past_due: Sequence[str] = ()) -> Json:
    """What Stripe still wants to know: of an account, or for one of its capabilities."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(past_due),
        "pending_verification": [],
    }
