"""Disputes: read, answered with evidence, given up."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import disputes, errors
from local.stripe_sandbox.context import Context, changed, merge_metadata, text_or_none
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_LONGEST_EVIDENCE = 150_000
_AWAITS_EVIDENCE = {"needs_response", "warning_needs_response"}


@serves("GET /v1/disputes/{dispute}")
def retrieve(call: Call) -> Json:
    """A dispute."""
    return call.context.get("dispute", call.ids["dispute"], "dispute").body


@serves("GET /v1/disputes", "charge payment_intent")
def find(call: Call) -> Json:
    """Disputes, newest first."""
    filters: Json = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(call.context, "dispute", call.path, call.params, filters)


@serves("POST /v1/disputes/{dispute}", "evidence metadata submit")
def update(call: Call) -> Json:
    """Put evidence and metadata on it; evidence goes to the bank at once unless ``submit`` is false."""
    context, params = call.context, call.params
    dispute = retrieve(call)
    disputes.require_open(dispute)
    before = dict(dispute)
    if "metadata" in params:
        dispute["metadata"] = merge_metadata(dispute["metadata"], params["metadata"])
    evidence = params.get("evidence") or {}
    if evidence:
        _require_awaiting(dispute)
        _apply_evidence(dispute, evidence)
    # Metadata alone hands nothing to the bank, though `submit` is true by default.
    if params.get("submit", bool(evidence)):
        _require_awaiting(dispute)
        if not dispute["evidence_details"]["has_evidence"]:
            raise errors.ApiError("There is no evidence to submit for this dispute.", param="evidence")
        return disputes.submit(context, dispute, before)
    return _saved(context, dispute, before)


@serves("POST /v1/disputes/{dispute}/close")
def close(call: Call) -> Json:
    """Give it up: a chargeback is lost, an inquiry closed."""
    dispute = retrieve(call)
    is_inquiry = dispute["status"].startswith("warning_")
    return disputes.close(call.context, dispute, "warning_closed" if is_inquiry else "lost")


def _require_awaiting(dispute: Json) -> None:
    if dispute["status"] not in _AWAITS_EVIDENCE:
        raise errors.ApiError("Evidence for this dispute has been submitted already.", param="evidence")


def _apply_evidence(dispute: Json, sent: Json) -> None:
    for name in (*disputes.FILES, "enhanced_evidence"):
        if sent.get(name):
            raise errors.not_served(f"evidence[{name}]")
    evidence = dispute["evidence"] | {name: text_or_none(value) for name, value in sent.items()}
    evidence["enhanced_evidence"] = dispute["evidence"]["enhanced_evidence"]
    if sum(len(value) for value in evidence.values() if isinstance(value, str)) > _LONGEST_EVIDENCE:
        message = f"The evidence may have at most {_LONGEST_EVIDENCE} characters in all."
        raise errors.ApiError(message, param="evidence")
    dispute["evidence"] = evidence
    has_evidence = any(isinstance(value, str) for value in evidence.values())
    dispute["evidence_details"] = dispute["evidence_details"] | {"has_evidence": has_evidence}


def _saved(context: Context, dispute: Json, before: Json) -> Json:
    context.save(dispute)
    if dispute != before:
        context.emit("charge.dispute.updated", dispute, changed(before, dispute))
    return dispute
