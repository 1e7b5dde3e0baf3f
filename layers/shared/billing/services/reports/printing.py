"""Reports as PDF: a table that is short enough to be read on paper, with all that is printed beside it."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from billing.domain.kernel.errors import ReportTooLong
from billing.domain.reports.cells import kept, read
from billing.domain.reports.table import Column, Row, Table
from billing.domain.tenant import Mode
from billing.services.invoicing.documents import Branding, Party
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import Work
from billing.services.logos import logo_ref
from billing.services.reports.sources import Asked

MOST_ROWS = 1_000
"""Of a PDF: thirty pages of a narrow table, more than a hundred of a wide one."""
CELLS_AT_ONCE = 6_000
"""So many are printed within a request: 2.5 MB of ids at most, where a Lambda answers with 4.5, in two to three seconds
and 300 MB. What has more is a run."""
LOCALE = "locale"
"""The option that asks for another language than the tenant's."""
CONTENT_TYPE = "application/pdf"


def with_locale(asked: Asked, locale: str | None) -> Asked:
    """What was asked for, in another language where one is wanted."""
    return replace(asked, options={**asked.options, LOCALE: locale}) if locale else asked


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A report with all that is printed of it; nothing is left to compute but what its rows come to.

    Args:
        name: as its route calls it.
        table: its rows in memory.
        issuer: the tenant.
        locale: a language tag.
        made_at: when it was printed, which its file says, too.
    """

    name: str
    asked: Asked
    table: Table
    issuer: Party
    branding: Branding
    locale: str
    made_at: datetime
    test_mode: bool

    @property
    def rows(self) -> Sequence[Row]:
        """Of the table."""
        assert isinstance(self.table.rows, Sequence)
        return self.table.rows


class ReportRenderer(Protocol):
    """Prints reports."""

    def render_report(self, document: ReportDocument) -> bytes:
        """The report as a PDF."""


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints reports of a tenant.

    Args:
        renderer: makes what prints, when the first report is printed: neither JSON nor CSV wait for its fonts.
    """

    renderer: Callable[[], ReportRenderer]

    def pdf(self, work: Work, name: str, asked: Asked, table: Table) -> bytes:
        """A report as PDF, in the tenant's look and language.

        Args:
            table: its rows in memory.

        Raises:
            ReportTooLong: it has too many rows.
        """
        tenant, logo = work.tenant, logo_ref(work.tenant.id)
        looks = Looks.of(tenant, work.load(logo).get(logo), asked.options.get(LOCALE))
        document = ReportDocument(
            name=name,
            asked=asked,
            table=table,
            issuer=Party(tenant.legal_name or tenant.name, tax_id=tenant.tax_id, address=tenant.address),
            branding=looks.with_legal_line(tenant.branding.legal_line),
            locale=looks.locale or tenant.locale,
            made_at=work.now,
            test_mode=tenant.mode is Mode.TEST,
        )
        check_length(name, len(document.rows))
        return self.renderer().render_report(document)


def check_length(name: str, rows: int) -> None:
    """Refuse what nobody reads on paper.

    Raises:
        ReportTooLong: it has too many rows.
    """
    if rows > MOST_ROWS:
        csv = "/v1/ledger/entries.csv" if name == "ledger-entries" else f"/v1/reports/{name}.csv"
        raise ReportTooLong(f"A PDF has at most {MOST_ROWS:,} rows, and this report has more: all are in {csv}")


class KeptRows:
    """Rows as a run keeps them from step to step until they are printed: a line of JSON each, which is read again.

    A ``services.reports.writing.RowWriter``.
    """

    content_type = "application/x-ndjson"

    def head(self, name: str, asked: Asked, columns: Sequence[Column]) -> bytes:
        """Nothing: the columns are the report's."""
        return b""

    def rows(self, columns: Sequence[Column], rows: Iterable[Row], before: int) -> bytes:
        """Rows as lines."""
        return b"".join(json.dumps([kept(cell) for cell in row]).encode() + b"\n" for row in rows)

    def foot(self) -> bytes:
        """Nothing."""
        return b""

    @staticmethod
    def read(text: bytes) -> Iterator[Row]:
        """The rows again."""
        for line in text.splitlines():
            yield [read(said) for said in json.loads(line)]
