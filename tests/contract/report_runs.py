"""The story of reports: at once, as runs, the ledger, and exports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.live import Live


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def tell_report_runs(call: Live) -> None:
    """Every route of them, and refusals."""
    from functions.reports import handler

    call("reports", "GET", "/v1/reports/trial-balance", 200)
    call("reports", "GET", "/v1/reports/trial-balance.csv", 200)
    call("reports", "GET", "/v1/ledger/entries", 200)
    call("reports", "GET", "/v1/ledger/entries", 400, query={"account": "pocket"})
    call("reports", "GET", "/v1/ledger/entries.csv", 200, query={"bom": "true"})
    at_once, handler.reports = handler.reports, replace(handler.reports, most=-1)
    run = call("reports", "GET", "/v1/reports/trial-balance", 202)
    call("reports", "GET", "/v1/reports/trial-balance.csv", 202)
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


def _work(run_id: str) -> None:
    from billing.domain.reports.run import report_shard
    from functions.report_worker import handler

    body = json.dumps({"shard": report_shard(run_id)})
    record = {"messageId": "m1", "eventSource": "aws:sqs", "body": body, "attributes": {"MessageGroupId": "1"}}
    answer: dict[str, Any] = handler.lambda_handler({"Records": [record]}, _Context())
    assert answer == {"batchItemFailures": []}
