"""Reports of the story so far, as JSON and as CSV."""

from collections.abc import Callable
from typing import Any


def tell_reports(call: Callable[..., Any]) -> None:
    """Ask for each report."""
    for report in ("tax", "usage", "revenue", "recognition"):
        call("reports", "GET", f"/v1/reports/{report}", 200)
        call("reports", "GET", f"/v1/reports/{report}.csv", 200)
    call("reports", "GET", "/v1/reports/tax", 200, query={"rows": "lines"})
    call("reports", "GET", "/v1/reports/revenue", 200, query={"by": "plan", "per": "day"})
    call("reports", "GET", "/v1/reports/recognition", 200, query={"rows": "waterfall"})
    call("reports", "GET", "/v1/reports/recognition", 400, query={"rows": "lines", "by": "plan"})
