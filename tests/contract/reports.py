"""Every report, as JSON and as CSV: a part of ``live.py``."""

from typing import Any

_OF_TENANTS = ("trial-balance", "aging")
_OF_THE_PLATFORM = ("payouts",)


def tell_reports(call: Any) -> None:
    """A tenant's with its own key; the platform's with the operator's, and refused to a tenant."""
    for name in _OF_TENANTS:
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
    tenants_key = call.key
    for name in _OF_THE_PLATFORM:
        call("reports", "GET", f"/v1/reports/{name}", 403)
        call.key = call.platform_key
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
        call.key = tenants_key
