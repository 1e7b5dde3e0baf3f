"""Every report, as JSON and as CSV: a part of ``live.py``."""

from typing import Any

_OF_TENANTS = (
    "trial-balance",
    "aging",
    "tax",
    "usage",
    "revenue",
    "recognition",
    "mrr",
    "mrr-movements",
    "retention",
    "cohorts",
)
_OF_THE_PLATFORM = ("payouts",)


def tell_reports(call: Any) -> None:
    """A tenant's with its own key; the platform's with the operator's, and refused to a tenant."""
    for name in _OF_TENANTS:
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
    call("reports", "GET", "/v1/reports/tax", 200, query={"rows": "lines"})
    call("reports", "GET", "/v1/reports/revenue", 200, query={"by": "plan", "per": "day"})
    call("reports", "GET", "/v1/reports/recognition", 200, query={"rows": "waterfall"})
    call("reports", "GET", "/v1/reports/recognition", 400, query={"rows": "lines", "by": "plan"})
    tenants_key = call.key
    for name in _OF_THE_PLATFORM:
        call("reports", "GET", f"/v1/reports/{name}", 403)
        call.key = call.platform_key
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
        call.key = tenants_key
