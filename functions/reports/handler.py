"""Reports, their runs, exports, the ledger; and how the platform's books agree with Stripe's account."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap import imports as wired_imports
from billing.bootstrap import reports as wired
from billing.bootstrap.http import http_api
from billing.bootstrap.sweep import alarm
from billing.domain.ledger import Account
from billing.domain.reports.run import Form, Purpose, ReportRun
from billing.edge.http.api import Accepted, CurrentWork, File, Listing, current_call
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.imports.api import ImportIn, ImportOut
from billing.schemas.parameters import Cursor, Filter, InLocale
from billing.schemas.reports.asking import (
    AsOf,
    AsOfDay,
    Bom,
    From,
    OfClock,
    Rows,
    To,
    as_of,
    end_of_day,
    of_days,
    of_ledger,
    of_months,
)
from billing.schemas.reports.exports import ExportIn
from billing.schemas.reports.ledger import LedgerEntryOut
from billing.schemas.reports.mrr import Interval, MrrBy, OfCustomer, Over
from billing.schemas.reports.reconciliation import ReconciliationOut
from billing.schemas.reports.revenue import Per, RecognitionBy, RecognitionRows, RevenueBy, recognition_options
from billing.schemas.reports.runs import ReportRunOut, RunFileOut, place_of
from billing.schemas.reports.table import ReportOut, table_csv
from billing.schemas.reports.trial_balance import TrialBalanceOut
from billing.schemas.reports.writers import with_bom
from billing.services.kernel.work import Work
from billing.services.reports import differences
from billing.services.reports.aging import AgingReport
from billing.services.reports.ledger import JournalExport
from billing.services.reports.mrr import CohortsReport, MrrMovementsReport, MrrReport, RetentionReport
from billing.services.reports.payouts import PayoutsReport
from billing.services.reports.printing import CONTENT_TYPE, with_locale
from billing.services.reports.recognition import RecognitionReport
from billing.services.reports.revenue import RevenueReport
from billing.services.reports.sources import Asked, Report
from billing.services.reports.tax import TaxReport
from billing.services.reports.trial_balance import TrialBalanceReport
from billing.services.reports.usage import UsageReport

_Ask = Callable[..., Asked]
AgingRows = Annotated[Literal["customers", "invoices", "currencies"], Query(description="what has a row of its own")]
PayoutRows = Annotated[Literal["payouts", "transactions"], Query(description="what has a row of its own")]
api = http_api("reports")
reports = wired.reports(alarm())
runs = wired.runs(alarm())
printer = wired.report_printer()
ledger = wired.ledger_pages()
imports = wired_imports.requests(alarm())


def _json(work: Work, report: Report, asked: Asked) -> ReportOut | Accepted:
    made = reports.made(work, report, asked)
    return _accepted(made) if isinstance(made, ReportRun) else ReportOut.of(report.name, asked, made)


def _csv(work: Work, report: Report, asked: Asked, bom: bool | None = None) -> File | Accepted:
    asked = with_bom(asked, bom)
    made = reports.made(work, report, asked, Form.CSV)
    if isinstance(made, ReportRun):
        return _accepted(made)
    return File(table_csv(made, bom), "text/csv", _file_name(report, asked, Form.CSV))


def _pdf(work: Work, report: Report, asked: Asked, locale: str | None = None) -> File | Accepted:
    asked = with_locale(asked, locale)
    made = reports.made(work, report, asked, Form.PDF)
    if isinstance(made, ReportRun):
        return _accepted(made)
    return File(printer.pdf(work, report.name, asked, made), CONTENT_TYPE, _file_name(report, asked, Form.PDF))


def _file_name(report: Report, asked: Asked, form: Form) -> str:
    """What it is about: ``revenue-2026-01-01-2026-02-01.csv``."""
    days = f"{asked.span.first}-{asked.span.until}" if asked.span else f"{asked.at:%Y-%m-%dT%H%M%SZ}"
    return f"{report.name}-{days}.{form.value}"


def _files(
    path: str, report: Report, called: str, name: str, scope: Scope = Scope.BILLING_READ, *, csv_name: str | None = None
) -> Callable[[_Ask], _Ask]:
    """Two routes that answer with a report as a file, CSV and PDF, for a function that says what is asked for.

    Their parameters are that function's, and ``bom`` of the CSV and ``locale`` of the PDF beside them.

    Args:
        called: what the routes say that the report is.
        name, csv_name: of the routes, without what they are; of the one of CSV, where it is another.
    """

    def routes(ask: _Ask) -> _Ask:
        @wraps(ask)
        def get_csv(work: Work, bom: bool | None = None, **said: Any) -> File | Accepted:
            return _csv(work, report, ask(work, **said), bom)

        @wraps(ask)
        def get_pdf(work: Work, locale: str | None = None, **said: Any) -> File | Accepted:
            return _pdf(work, report, ask(work, **said), locale)

        _sign(get_csv, ask, csv_name or f"{name}_csv", f"{called} as CSV.", bom=Bom)
        _sign(get_pdf, ask, f"{name}_pdf", f"{called} as PDF, of 1,000 rows at most.", locale=InLocale)
        api.get(f"{path}.csv", scope=scope, or_accepts=ReportRunOut)(get_csv)
        api.get(f"{path}.pdf", scope=scope, limit=INVOICE_QUERIES, or_accepts=ReportRunOut)(get_pdf)
        return ask

    return routes


def _sign(get: Callable[..., Any], ask: _Ask, name: str, says: str, **more: Any) -> None:
    """Give a route the parameters of a function and one more; the edge reads its signature."""
    added = [Parameter(each, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for each, kind in more.items()]
    parameters = [*signature(ask).parameters.values(), *added]
    get.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    get.__annotations__ = {**ask.__annotations__, **more}
    get.__name__, get.__doc__ = name, says


def _report(report: Report, called: str, scope: Scope = Scope.BILLING_READ) -> Callable[[_Ask], _Ask]:
    """Three routes of a report, as JSON, CSV and PDF, for a function that says what is asked for.

    None of them can have a parameter that another lacks, but for those of its file.

    Args:
        called: what the routes of CSV and PDF say that they are; JSON's says what the function does.
    """

    def routes(ask: _Ask) -> _Ask:
        @wraps(ask)
        def get(work: Work, **said: Any) -> ReportOut | Accepted:
            return _json(work, report, ask(work, **said))

        path = f"/v1/reports/{report.name}"
        api.get(path, scope=scope, answers=ReportOut, or_accepts=ReportRunOut)(get)
        return _files(path, report, called, ask.__name__, scope)(ask)

    return routes


def _accepted(run: ReportRun) -> Accepted:
    return Accepted(ReportRunOut.of(run), place_of(run))


def _by_platform() -> bool:
    return Scope.PLATFORM in current_call().caller.scopes


@api.get("/v1/reports/trial-balance", scope=Scope.BILLING_READ, answers=TrialBalanceOut, or_accepts=ReportRunOut)
def get_trial_balance(work: CurrentWork, at: AsOf = None, test_clock: OfClock = None) -> TrialBalanceOut | Accepted:
    """Add up the tenant's books: debits, credits and balance of each account."""
    asked, report = as_of(work, at, test_clock), TrialBalanceReport()
    found = reports.read(work, asked, lambda read: report.found(asked, read))
    if found is None:
        return _accepted(reports.run(work, report, asked, Form.JSON))
    return TrialBalanceOut.of(found)


@_files("/v1/reports/trial-balance", TrialBalanceReport(), "The trial balance", "get_trial_balance")
def _trial_balance(work: CurrentWork, at: AsOf = None, test_clock: OfClock = None) -> Asked:
    return as_of(work, at, test_clock)


@_report(MrrReport(), "Monthly recurring revenue and its movements")
def get_mrr(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    interval: Interval = "month",
    by: MrrBy = None,
) -> Asked:
    """Show monthly recurring revenue (MRR) and its movements: new, expansion, churn and others, by month or day."""
    return of_days(work, first, to, at, test_clock, interval=interval, by=by)


@_report(MrrMovementsReport(), "Each movement of monthly recurring revenue")
def get_mrr_movements(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    customer: OfCustomer = None,
) -> Asked:
    """List each movement of monthly recurring revenue: which subscription, why, and what it was for its customer."""
    return of_days(work, first, to, at, test_clock, customer=customer)


@_report(RetentionReport(), "Churn and retention")
def get_retention(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    over: Over = "month",
) -> Asked:
    """Show churn rate, gross and net revenue retention of whole months, or of the years that end with them."""
    return of_days(work, first, to, at, test_clock, over=over)


@_report(CohortsReport(), "Cohorts")
def get_cohorts(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> Asked:
    """Show what is left of customers, and of their MRR, month after month, by the month in which they began."""
    return of_days(work, first, to, at, test_clock)


@_report(TaxReport(), "The tax report")
def get_tax_report(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None, rows: Rows = None
) -> Asked:
    """Report taxes by jurisdiction, rate and treatment: what was taxed, the tax, and what was not taxed."""
    return of_days(work, first, to, at, test_clock, rows=rows)


@_report(UsageReport(), "The usage report")
def get_usage_report(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> Asked:
    """Report what was billed of usage, by subscription, period, meter and dimensions, and what was rejected.

    What meters show, billed or not, is in `GET /v1/usage`.
    """
    return of_days(work, first, to, at, test_clock)


@_report(AgingReport(), "Who owes what,")
def get_aging(
    work: CurrentWork, day: AsOfDay = None, rows: AgingRows = "customers", test_clock: OfClock = None
) -> Asked:
    """Show who owes what at the end of a day, by how late it is."""
    return end_of_day(work, day, test_clock, rows=rows)


@_report(PayoutsReport(), "What Stripe paid into the platform's bank,", Scope.PLATFORM)
def get_payouts(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, rows: PayoutRows = "payouts"
) -> Asked:
    """Show what Stripe paid into the platform's bank, and what is in it; the platform's own keys only."""
    return of_days(work, first, to, at, None, rows=rows)


@api.get("/v1/reports/reconciliation", scope=Scope.PLATFORM, answers=ReconciliationOut)
def get_reconciliation(work: CurrentWork) -> ReconciliationOut:
    """Show how the books of all tenants agree with Stripe's account; the platform's own keys only."""
    state, page = differences.differences(work)
    return ReconciliationOut.of(state, page.items, page.next_cursor is not None)


@_report(RevenueReport(), "Net billings and collections")
def get_revenue(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    per: Per = "month",
    by: RevenueBy = None,
) -> Asked:
    """Show net billings and collections: what was billed, credited, collected, given back, disputed and written off."""
    return of_days(work, first, to, at, test_clock, per=per, by=by)


@_report(RecognitionReport(), "Recognised and deferred revenue")
def get_recognition(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    by: RecognitionBy = None,
    rows: RecognitionRows = "months",
) -> Asked:
    """Show recognised and deferred revenue of whole months: each line is earned over its period, by the second."""
    return of_months(work, first, to, at, test_clock, **recognition_options(by, rows))


@api.get("/v1/report-runs/{run_id}", scope=Scope.BILLING_READ, answers=ReportRunOut)
def get_report_run(run_id: str, work: CurrentWork) -> ReportRunOut:
    """Show how far a report is that was too long for a request."""
    return ReportRunOut.of(runs.get(work, run_id, Purpose.REPORT, by_platform=_by_platform()))


@api.get("/v1/report-runs/{run_id}/file", scope=Scope.BILLING_READ, answers=RunFileOut)
def get_report_run_file(run_id: str, work: CurrentWork) -> RunFileOut:
    """Get a link to a report's file, good for five minutes. Whoever has it needs no key: send none with it."""
    return RunFileOut.of(runs.link(work, run_id, Purpose.REPORT, by_platform=_by_platform()))


@api.post("/v1/exports", 202, scope=Scope.BILLING_ADMIN, answers=ReportRunOut)
def create_export(work: CurrentWork, body: Annotated[ExportIn, Body()]) -> ReportRunOut:
    """Export all entities of a kind, as CSV or as JSON lines; its file is there for 24 hours.

    What is asked for again while it is going, or within five minutes, is the same export.
    """
    return ReportRunOut.of(runs.ask(work, body.asked(work), as_of_now=True))


@api.get("/v1/exports/{export_id}", scope=Scope.BILLING_ADMIN, answers=ReportRunOut)
def get_export(export_id: str, work: CurrentWork) -> ReportRunOut:
    """Show how far an export is."""
    return ReportRunOut.of(runs.get(work, export_id, Purpose.EXPORT))


@api.get("/v1/exports/{export_id}/file", scope=Scope.BILLING_ADMIN, answers=RunFileOut)
def get_export_file(export_id: str, work: CurrentWork) -> RunFileOut:
    """Get a link to an export's file, good for five minutes. Whoever has it needs no key: send none with it."""
    return RunFileOut.of(runs.link(work, export_id, Purpose.EXPORT))


@api.post("/v1/imports", 202, scope=Scope.BILLING_ADMIN, answers=ImportOut)
def create_import(work: CurrentWork, body: Annotated[ImportIn, Body()]) -> ImportOut:
    """Import from another billing system, each object once: a dry run first, then the same in earnest.

    Nothing before the end of a subscription's running period is ever billed here: its `billedUntil`.
    """
    body.check()
    if body.dry_run_id is not None:
        return ImportOut.of(imports.take_over(work, body.dry_run_id, body.skip_refused))
    return ImportOut.of(*imports.dry_run(work, body.new()))


@api.get("/v1/imports/{import_id}", scope=Scope.BILLING_ADMIN, answers=ImportOut)
def get_import(import_id: str, work: CurrentWork) -> ImportOut:
    """Show how far an import is, and its totals before and after."""
    return ImportOut.of(runs.get(work, import_id, Purpose.IMPORT))


@api.get("/v1/imports/{import_id}/file", scope=Scope.BILLING_ADMIN, answers=RunFileOut)
def get_import_file(import_id: str, work: CurrentWork) -> RunFileOut:
    """Get a link to the verdicts of an import, a line of JSON for each record; it is good for five minutes."""
    return RunFileOut.of(runs.link(work, import_id, Purpose.IMPORT))


@api.get("/v1/ledger/entries", scope=Scope.BILLING_READ, answers=LedgerEntryOut, many=True)
def list_ledger_entries(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    account: Annotated[Account | None, Query()] = None,
    invoice: Filter = None,
    customer: Filter = None,
    kind: Filter = None,
    currency: Annotated[Currency | None, Query()] = None,
    test_clock: OfClock = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List what was posted to the tenant's books, in the order of posting.

    A page may have fewer entries than `limit`, or none, and a cursor all the same, where a filter matches few.
    `customer` is whoever a posting is kept by: of a provider's accounts, the provider.
    """
    asked = of_ledger(
        work, first, to, test_clock, account=account, invoice=invoice, customer=customer, kind=kind, currency=currency
    )
    return Listing.of(ledger.page(work, asked, limit, cursor), LedgerEntryOut.of)


@_files(
    "/v1/ledger/entries",
    JournalExport(),
    "The journal, a row for each posting and whole entries always,",
    "get_ledger_entries",
    csv_name="export_ledger_entries",
)
def _ledger_entries(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    account: Annotated[Account | None, Query()] = None,
    invoice: Filter = None,
    customer: Filter = None,
    kind: Filter = None,
    currency: Annotated[Currency | None, Query()] = None,
    test_clock: OfClock = None,
) -> Asked:
    return of_ledger(
        work, first, to, test_clock, account=account, invoice=invoice, customer=customer, kind=kind, currency=currency
    )


lambda_handler = api.lambda_handler
