"""Early fraud warnings: the issuer reports a charge as fraud, before or without a dispute."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox.context import Context, changed, token

Json = dict[str, Any]

KIND = "radar.early_fraud_warning"


def warn(context: Context, charge: Json) -> Json:
    """The issuer of the card reports the charge."""
    warning = {
        "id": f"issfr_1{token(23)}",
        "object": KIND,
        "actionable": True,
        "charge": charge["id"],
        "created": context.now,
        "fraud_type": "misc",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    context.insert(warning)
    context.emit(f"{KIND}.created", warning)
    return warning


def settle(context: Context, charge: Json) -> None:
    """Nothing is left to be done about a charge that was given back in full, or disputed."""
    warnings, _ = context.store.page(context.account, KIND, {"charge": charge["id"]}, limit=100)
    for warning in warnings:
        if warning["actionable"]:
            before = dict(warning)
            warning["actionable"] = False
            context.save(warning)
            context.emit(f"{KIND}.updated", warning, changed(before, warning))
