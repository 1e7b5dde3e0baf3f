"""Early fraud warnings, as the API shows them."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import fraud
from local.stripe_sandbox.paging import page
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]


@serves("GET /v1/radar/early_fraud_warnings/{early_fraud_warning}")
def retrieve(call: Call) -> Json:
    """A warning."""
    return call.context.get(fraud.KIND, call.ids["early_fraud_warning"], "early_fraud_warning").body


@serves("GET /v1/radar/early_fraud_warnings", "charge payment_intent")
def find(call: Call) -> Json:
    """Warnings, newest first."""
    filters: Json = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return page(call.context, fraud.KIND, call.path, call.params, filters)
