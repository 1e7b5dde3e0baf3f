"""Runs of reports and exports, as the API shows them."""

from datetime import date
from typing import Literal

from pydantic import Field

from billing.domain.reports.run import Purpose, ReportRun
from billing.schemas.base import Resource, Time
from billing.services.reports.runs import Link


class ReportRunOut(Resource):
    """A report, an export or an import that is made by a worker; its file is had by ``/file`` once it is done.

    ``records`` were read so far and ``rows`` written; the file is there until ``expiresAt``.
    """

    id: str
    purpose: Literal["report", "export", "import"]
    name: str
    format: Literal["json", "csv", "jsonl", "pdf"]
    first: date | None = Field(serialization_alias="from", validation_alias="from")
    to: date | None
    timezone: str
    as_of: Time
    test_clock_id: str | None
    options: dict[str, str]
    state: Literal["queued", "running", "done", "failed", "expired"]
    records: int
    rows: int
    bytes: int
    reason: str | None
    created_at: Time
    ended_at: Time | None
    expires_at: Time | None
    version: int

    @classmethod
    def of(cls, run: ReportRun) -> "ReportRunOut":
        asked, written = run.request, run.written
        return cls(
            id=run.id,
            purpose=asked.purpose.value,
            name=asked.name,
            format=asked.form.value,
            first=asked.first,
            to=asked.until,
            timezone=asked.zone,
            as_of=asked.at,
            test_clock_id=asked.test_clock_id,
            options=asked.options,
            state=run.shown_state.value,
            records=written.records,
            rows=written.rows,
            bytes=written.size,
            reason=run.reason,
            created_at=run.created_at,
            ended_at=run.ended_at,
            expires_at=run.expires_at,
            version=run.version,
        )


class RunFileOut(Resource):
    """Where a run's file is downloaded, by whoever has the link: no key goes with it."""

    url: str
    name: str
    expires_at: Time

    @classmethod
    def of(cls, link: Link) -> "RunFileOut":
        return cls(url=link.url, name=link.name, expires_at=link.expires_at)


def place_of(run: ReportRun) -> str:
    """Where a run is looked at."""
    rooms = {Purpose.REPORT: "report-runs", Purpose.EXPORT: "exports", Purpose.IMPORT: "imports"}
    room = rooms[run.request.purpose]
    return f"/v1/{room}/{run.id}"
