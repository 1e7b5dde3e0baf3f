"""How a refund ends, maybe days after it was made."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import ledger
from local.stripe_sandbox.context import Context, changed
from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

DISPUTED = "charge_for_pending_refund_disputed"


def finish(context: Context, refund: Json, *, succeed: bool, reason: str = "expired_or_canceled_card") -> Json:
    """The bank's answer to a refund; a failed one puts the money back on the account.

    Args:
        reason: Stripe's failure reason, where it fails.

    Raises:
        ApiError: it failed already.
    """
    if refund["status"] == "failed":
        raise ApiError(f"Refund {refund['id']} has failed already.")
    before = dict(refund)
    if succeed:
        refund["status"] = "succeeded"
    else:
        line = ledger.settle(context, refund, "refund_failure", refund["amount"])
        refund |= {"status": "failed", "failure_reason": reason, "failure_balance_transaction": line["id"]}
        charge = context.get("charge", refund["charge"], "charge").body
        charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
        context.save(charge)
    context.save(refund, hidden={})
    context.emit("charge.refund.updated", refund, changed(before, refund))
    context.emit("refund.updated", refund, changed(before, refund))
    if not succeed:
        context.emit("refund.failed", refund)
    return refund


def answer(context: Context, refund_id: str) -> None:
    """The bank's late answer to a refund that waits for one: the end that its card brings."""
    record = context.get("refund", refund_id, "refund")
    if record.hidden.get("ends"):
        finish(context, record.body, succeed=record.hidden["ends"] == "succeeded")


def fail_pending(context: Context, charge: Json) -> None:
    """A chargeback overtakes what was still on its way to the customer; ``charge`` is brought up to date."""
    refunds, _ = context.store.page(context.account, "refund", {"charge": charge["id"]}, limit=1000)
    for refund in refunds:
        if refund["status"] == "pending":
            finish(context, refund, succeed=False, reason=DISPUTED)
            charge |= context.get("charge", charge["id"], "charge").body
