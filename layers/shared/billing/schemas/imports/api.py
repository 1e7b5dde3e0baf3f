"""Imports in the API."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from billing.domain.imports.source import Record, Verdict
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.reports.run import ReportRun
from billing.domain.reports.table import Column, Kind, Row
from billing.schemas.base import Id, Request, Resource, Time
from billing.services.imports.asking import CARDS, CSV, DRY_RUN, OF, SKIP_REFUSED, NewImport
from billing.services.imports.importing import Outcome

COLUMNS = (Column("record", Kind.TEXT, "one record of the file, and what became of it"),)


Source = Literal["stripe", "ledgerline", "other"]


CSV_KINDS: Mapping[str, tuple[str, ...]] = {
    "stripe": ("customers", "prices", "subscriptions"),
    "ledgerline": ("customers", "plans", "subscriptions"),
    "other": ("customers", "subscriptions"),
}
"""Which files of CSV each source has."""


class CsvFileIn(Request):
    """A file of CSV: what its rows are, and its text, where it is short; else it is to be uploaded."""

    kind: Literal["customers", "prices", "plans", "subscriptions"]
    data: Annotated[str, Field(min_length=1)] | None = None


class ImportIn(Request):
    """A dry run of a file, or the import of what a dry run has looked through.

    A dry run has ``source`` (``ledgerline`` is an export of ours, ``other`` whatever fits the columns of
    docs/import.md) and its file: as ``data`` (JSON lines, a list, or a page of a list as Stripe answers it), or with
    ``upload``, then the answer has an ``uploadUrl``. Files of CSV are named by ``csv``; those without ``data`` are to
    be uploaded, and the answer has ``uploadUrls``. The import has ``dryRun: false`` and ``dryRunId``.
    """

    dry_run: bool = True
    source: Source | None = None
    data: Annotated[str, Field(min_length=1, description="the file's text, where it is short")] | None = None
    upload: bool = False
    csv: Annotated[list[CsvFileIn], Field(min_length=1, max_length=3)] | None = None
    delimiter: Annotated[Literal[",", ";", "\t"], Field(description="between the cells of CSV")] = ","
    dry_run_id: Id | None = None
    saved_cards: Annotated[bool, Field(description="take over the cards that Stripe has of its customers")] = False
    skip_refused: Annotated[bool, Field(description="import the others, though some were refused")] = False

    def check(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ValidationFailed: naming each field.
        """
        bad = []
        if self.dry_run:
            bad += [Detail("source", "missing_required_field")] if self.source is None else []
            ways = [self.data is not None, self.upload, self.csv is not None]
            bad += [Detail("data", "one_of_data_upload_and_csv")] if sum(ways) != 1 else []
            bad += self._csv_misfits()
            bad += [Detail("dryRunId", "only_for_imports")] if self.dry_run_id is not None else []
            bad += [Detail("skipRefused", "only_for_imports")] if self.skip_refused else []
            only = self.saved_cards and self.source not in (None, "stripe")
            bad += [Detail("savedCards", "only_from_stripe")] if only else []
        else:
            bad += [Detail("dryRunId", "missing_required_field")] if self.dry_run_id is None else []
            said = {
                "source": self.source, "data": self.data, "upload": self.upload or None,
                "savedCards": self.saved_cards or None, "csv": self.csv,
            }  # fmt: skip
            bad += [Detail(name, "only_for_dry_runs") for name, value in said.items() if value is not None]
        if bad:
            raise ValidationFailed.all(bad)

    def _csv_misfits(self) -> list[Detail]:
        if self.csv is None:
            bad = [Detail("delimiter", "only_for_csv")] if self.delimiter != "," else []
            return bad + ([Detail("csv", "missing_required_field")] if self.source == "other" else [])
        kinds = [each.kind for each in self.csv]
        known = CSV_KINDS[self.source] if self.source is not None else kinds
        bad = [Detail(f"csv.{n}.kind", "not_of_the_source") for n, each in enumerate(kinds) if each not in known]
        return bad + [Detail(f"csv.{n}.kind", "duplicate") for n, each in enumerate(kinds) if each in kinds[:n]]

    def new(self) -> NewImport:
        """The dry run that is asked for."""
        texts: dict[str | None, str | None] = {None: self.data}
        if self.csv is not None:
            texts = {each.kind: each.data for each in self.csv}
        return NewImport(self.source or "", texts, self.delimiter, self.saved_cards)


class TotalsOut(Resource):
    """``mrr`` is monthly recurring revenue by currency, in micro-units, of what is active."""

    customers: int
    subscriptions: int
    mrr: dict[str, int]

    @classmethod
    def of(cls, tally: dict[str, int], when: str) -> "TotalsOut":
        """Those that were counted under ``before:`` or ``after:``."""
        mrr = f"{when}:mrr:"
        return cls(
            customers=tally.get(f"{when}:customers", 0),
            subscriptions=tally.get(f"{when}:subscriptions", 0),
            mrr={name.removeprefix(mrr): value for name, value in sorted(tally.items()) if name.startswith(mrr)},
        )


class VerdictsOut(Resource):
    created: int
    exists: int
    would_create: int
    refused: int
    ignored: int


class ImportOut(Resource):
    """An import, or a dry run of one; a verdict for each record of its file is had by ``/file`` once it is done.

    ``before`` is what the source says of all that can be taken over, computed from its own prices; ``after`` is the
    same as it is with us, or would be. ``customersWithCards`` is how many customers' saved cards came along, or would;
    where one's did not, its verdict has a ``note`` of why. ``uploadUrl`` is where the file is to be put (HTTP PUT, no
    key with it), ``uploadUrls`` where each of several files of CSV is.
    """

    id: str
    source: Source
    csv: list[str] | None
    dry_run: bool
    dry_run_id: str | None
    skip_refused: bool
    saved_cards: bool
    state: Literal["queued", "running", "done", "failed", "expired"]
    records: int
    verdicts: VerdictsOut
    before: TotalsOut
    after: TotalsOut
    customers_with_cards: int
    reason: str | None
    upload_url: str | None = None
    upload_urls: dict[str, str] | None = None
    created_at: Time
    ended_at: Time | None
    expires_at: Time | None
    version: int

    @classmethod
    def of(cls, run: ReportRun, links: Mapping[str | None, str] = MappingProxyType({})) -> "ImportOut":
        tally, options = run.written.tally, run.request.options
        return cls(
            id=run.id,
            source=run.request.name,  # type: ignore[arg-type]
            csv=options[CSV].split(",") if CSV in options else None,
            dry_run=DRY_RUN in options,
            dry_run_id=options.get(OF),
            skip_refused=SKIP_REFUSED in options,
            saved_cards=CARDS in options,
            state=run.shown_state.value,
            records=run.written.records,
            verdicts=VerdictsOut(**{each.value: tally.get(each.value, 0) for each in Verdict}),
            before=TotalsOut.of(tally, "before"),
            after=TotalsOut.of(tally, "after"),
            customers_with_cards=tally.get("cards", 0),
            reason=run.reason,
            upload_url=links.get(None),
            upload_urls={kind: link for kind, link in links.items() if kind is not None} or None,
            created_at=run.created_at,
            ended_at=run.ended_at,
            expires_at=run.expires_at,
            version=run.version,
        )


def row_of(record: Record, outcome: Outcome) -> Row:
    """The line of a record in the file of verdicts; it has ids and reasons, and nothing of a person."""
    said = {
        "line": record.line,
        "kind": record.kind.value if record.kind is not None else None,
        "sourceId": record.id,
        "verdict": outcome.verdict.value,
        "id": outcome.id,
        "note": outcome.note,
        "problems": [{"field": e.field, "reason": e.reason, "text": e.text} for e in outcome.problems],
    }
    return (json.dumps(said, separators=(",", ":"), ensure_ascii=False),)
