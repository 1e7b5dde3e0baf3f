"""Exports as they are asked for; what is in their files is ``schemas.exports``."""

from datetime import date
from typing import Literal

from pydantic import Field

from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.run import Form, Purpose, RunRequest
from billing.schemas.base import DayIn, Request
from billing.schemas.reports.writers import BOM
from billing.services.kernel.work import Work

_EVER = date(1970, 1, 1)
_OPEN_END = date(2200, 1, 1)


class ExportIn(Request):
    """What is to be exported: all of a kind, or what was made on some days in the tenant's zone.

    ``bom`` puts a byte order mark before a CSV, for spreadsheets that take it for another encoding without one.
    """

    kind: Literal[
        "customers", "plans", "subscriptions", "invoices", "invoice-lines", "credit-notes", "payments", "ledger"
    ]
    format: Literal["csv", "jsonl"] = "csv"
    first: DayIn | None = Field(default=None, alias="from", strict=False)
    to: DayIn | None = Field(default=None, strict=False)
    bom: bool = False

    def asked(self, work: Work) -> RunRequest:
        """As a run is asked for.

        Raises:
            ValidationFailed: it ends before it begins; a file of JSON lines has no byte order mark.
        """
        bad = []
        if self.first is not None and self.to is not None and self.to < self.first:
            bad.append(Detail("to", "before_from"))
        if self.bom and self.format != "csv":
            bad.append(Detail("bom", "only_for_csv"))
        if bad:
            raise ValidationFailed.all(bad)
        days = self.first is not None or self.to is not None
        return RunRequest(
            Purpose.EXPORT, self.kind, Form(self.format), work.now, work.tenant.timezone,
            (self.first or _EVER) if days else None, (self.to or _OPEN_END) if days else None,
            options={BOM: "1"} if self.bom else {},
        )  # fmt: skip
