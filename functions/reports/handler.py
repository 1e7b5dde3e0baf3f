"""Reports: a tenant's books and what it is owed, and how the platform's books agree with Stripe's account."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap import reports as wired
from billing.bootstrap.http import http_api
from billing.edge.http.api import CurrentWork, File
from billing.edge.http.scopes import Scope
from billing.schemas.reports.asking import AsOf, AsOfDay, From, OfClock, To, as_of, end_of_day, of_days
from billing.schemas.reports.reconciliation import ReconciliationOut
from billing.schemas.reports.table import ReportOut, table_csv
from billing.schemas.reports.trial_balance import TrialBalanceOut
from billing.services.kernel.work import Work
from billing.services.reports import differences
from billing.services.reports.aging import AgingReport
from billing.services.reports.payouts import PayoutsReport
from billing.services.reports.sources import Asked, Report
from billing.services.reports.trial_balance import TrialBalanceReport

AgingRows = Annotated[Literal["customers", "invoices", "currencies"], Query(description="what has a row of its own")]
PayoutRows = Annotated[Literal["payouts", "transactions"], Query(description="what has a row of its own")]
api = http_api("reports")
reports = wired.reports()


def _json(work: Work, report: Report, asked: Asked) -> ReportOut:
    return ReportOut.of(report.name, asked, reports.made(work, report, asked))


def _csv(work: Work, report: Report, asked: Asked) -> File:
    """Its name says what it is about: ``revenue-2026-01-01-2026-02-01.csv``."""
    days = f"{asked.span.first}-{asked.span.until}" if asked.span else f"{asked.at:%Y-%m-%dT%H%M%SZ}"
    return File(table_csv(reports.made(work, report, asked)), "text/csv", f"{report.name}-{days}.csv")


@api.get("/v1/reports/trial-balance", scope=Scope.BILLING_READ, answers=TrialBalanceOut)
def get_trial_balance(work: CurrentWork, at: AsOf = None, test_clock: OfClock = None) -> TrialBalanceOut:
    """Add up the tenant's books: debits, credits and balance of each account."""
    asked, report = as_of(work, at, test_clock), TrialBalanceReport()
    return TrialBalanceOut.of(reports.read(work, asked, lambda read: report.found(asked, read)))


@api.get("/v1/reports/trial-balance.csv", scope=Scope.BILLING_READ)
def get_trial_balance_csv(work: CurrentWork, at: AsOf = None, test_clock: OfClock = None) -> File:
    """The trial balance as CSV."""
    return _csv(work, TrialBalanceReport(), as_of(work, at, test_clock))


@api.get("/v1/reports/aging", scope=Scope.BILLING_READ, answers=ReportOut)
def get_aging(
    work: CurrentWork, day: AsOfDay = None, rows: AgingRows = "customers", test_clock: OfClock = None
) -> ReportOut:
    """Show who owes what at the end of a day, by how late it is."""
    return _json(work, AgingReport(), end_of_day(work, day, test_clock, rows=rows))


@api.get("/v1/reports/aging.csv", scope=Scope.BILLING_READ)
def get_aging_csv(
    work: CurrentWork, day: AsOfDay = None, rows: AgingRows = "customers", test_clock: OfClock = None
) -> File:
    """Who owes what, as CSV."""
    return _csv(work, AgingReport(), end_of_day(work, day, test_clock, rows=rows))


@api.get("/v1/reports/payouts", scope=Scope.PLATFORM, answers=ReportOut)
def get_payouts(
    work: CurrentWork, first: From = None, until: To = None, at: AsOf = None, rows: PayoutRows = "payouts"
) -> ReportOut:
    """Show what Stripe paid into the platform's bank, and what is in it; the platform's own keys only."""
    return _json(work, PayoutsReport(), of_days(work, first, until, at, None, rows=rows))


@api.get("/v1/reports/payouts.csv", scope=Scope.PLATFORM)
def get_payouts_csv(
    work: CurrentWork, first: From = None, until: To = None, at: AsOf = None, rows: PayoutRows = "payouts"
) -> File:
    """What Stripe paid into the platform's bank, as CSV."""
    return _csv(work, PayoutsReport(), of_days(work, first, until, at, None, rows=rows))


@api.get("/v1/reports/reconciliation", scope=Scope.PLATFORM, answers=ReconciliationOut)
def get_reconciliation(work: CurrentWork) -> ReconciliationOut:
    """Show how the books of all tenants agree with Stripe's account; the platform's own keys only."""
    state, page = differences.differences(work)
    return ReconciliationOut.of(state, page.items, page.next_cursor is not None)


lambda_handler = api.lambda_handler
