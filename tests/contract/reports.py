"""The story of reports: at once, as runs, the ledger, and exports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.live import Live


_OF_TENANTS = (
    "trial-balance", "aging", "tax", "usage", "revenue", "recognition", "mrr", "mrr-movements", "retention", "cohorts",
)  # fmt: skip
_OF_THE_PLATFORM = ("payouts",)


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def tell_reports(call: Live) -> None:
    """Every route of them, and refusals."""
    from functions.reports import handler

    for name in _OF_TENANTS:
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
        call("reports", "GET", f"/v1/reports/{name}.pdf", 200)
    call("reports", "GET", "/v1/reports/tax", 200, query={"rows": "lines"})
    call("reports", "GET", "/v1/reports/revenue", 200, query={"by": "plan", "per": "day"})
    call("reports", "GET", "/v1/reports/recognition", 200, query={"rows": "waterfall"})
    call("reports", "GET", "/v1/reports/recognition", 400, query={"rows": "lines", "by": "plan"})
    _tell_the_platforms(call)
    call("reports", "GET", "/v1/ledger/entries", 200)
    call("reports", "GET", "/v1/ledger/entries", 400, query={"account": "pocket"})
    call("reports", "GET", "/v1/ledger/entries.csv", 200, query={"bom": "true"})
    call("reports", "GET", "/v1/ledger/entries.pdf", 200, query={"locale": "de"})
    _tell_too_long(call)
    at_once, handler.reports = handler.reports, replace(handler.reports, most=-1)
    run = call("reports", "GET", "/v1/reports/trial-balance", 202)
    call("reports", "GET", "/v1/reports/trial-balance.csv", 202)
    call("reports", "GET", "/v1/reports/trial-balance.pdf", 202)
    call("reports", "GET", "/v1/ledger/entries.csv", 202)
    handler.reports = at_once
    one = "/v1/report-runs/{run_id}"
    call("reports", "GET", f"{one}/file", 409, run_id=run["id"])
    _work(run["id"])
    call("reports", "GET", one, 200, run_id=run["id"])
    call("reports", "GET", one, 404, run_id="rrn_nobody")
    call("reports", "GET", f"{one}/file", 200, run_id=run["id"])
    export = call("reports", "POST", "/v1/exports", 202, {"kind": "customers"})
    call("reports", "POST", "/v1/exports", 400, {"kind": "secrets"})
    _work(export["id"])
    call("reports", "GET", "/v1/exports/{export_id}", 200, export_id=export["id"])
    call("reports", "GET", "/v1/exports/{export_id}/file", 200, export_id=export["id"])
    _import(call)


def _tell_too_long(call: Live) -> None:
    """Rows beyond those that a PDF may have."""
    from billing.services.reports import printing

    most, printing.MOST_ROWS = printing.MOST_ROWS, -1
    call("reports", "GET", "/v1/reports/trial-balance.pdf", 422)
    printing.MOST_ROWS = most


def _import(call: Live) -> None:
    """Of a customer at Stripe: a dry run, then the same in earnest."""
    customer = '{"object":"customer","id":"cus_1","name":"Ada","currency":"usd"}'
    dry = call("reports", "POST", "/v1/imports", 202, {"source": "stripe", "data": customer})
    call("reports", "POST", "/v1/imports", 202, {"source": "stripe", "upload": True})
    call("reports", "POST", "/v1/imports", 400, {"source": "stripe"})
    call("reports", "POST", "/v1/imports", 409, {"dryRun": False, "dryRunId": dry["id"]})
    _work(dry["id"])
    made = call("reports", "POST", "/v1/imports", 202, {"dryRun": False, "dryRunId": dry["id"]})
    _work(made["id"])
    call("reports", "GET", "/v1/imports/{import_id}", 200, import_id=made["id"])
    call("reports", "GET", "/v1/imports/{import_id}/file", 200, import_id=made["id"])


def _tell_the_platforms(call: Live) -> None:
    """With the operator's key; refused to a tenant."""
    tenants_key = call.key
    for name in _OF_THE_PLATFORM:
        call("reports", "GET", f"/v1/reports/{name}", 403)
        call.key = call.platform_key
        call("reports", "GET", f"/v1/reports/{name}", 200)
        call("reports", "GET", f"/v1/reports/{name}.csv", 200)
        call("reports", "GET", f"/v1/reports/{name}.pdf", 200)
        call.key = tenants_key


def _work(run_id: str) -> None:
    from billing.domain.reports.run import report_shard
    from functions.report_worker import handler

    body = json.dumps({"shard": report_shard(run_id)})
    record = {"messageId": "m1", "eventSource": "aws:sqs", "body": body, "attributes": {"MessageGroupId": "1"}}
    answer: dict[str, Any] = handler.lambda_handler({"Records": [record]}, _Context())
    assert answer == {"batchItemFailures": []}
