"""Reports: a tenant's books, what it earned and is owed, and how the platform's books agree with Stripe's account."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap import reports as wired
from billing.bootstrap.http import http_api
from billing.edge.http.api import CurrentWork, File
from billing.edge.http.scopes import Scope
from billing.schemas.reports.asking import AsOf, AsOfDay, From, OfClock, Rows, To, as_of, end_of_day, of_days, of_months
from billing.schemas.reports.mrr import Interval, OfCustomer, Over
from billing.schemas.reports.reconciliation import ReconciliationOut
from billing.schemas.reports.revenue import Per, RecognitionBy, RecognitionRows, RevenueBy, recognition_options
from billing.schemas.reports.table import ReportOut, table_csv
from billing.schemas.reports.trial_balance import TrialBalanceOut
from billing.services.kernel.work import Work
from billing.services.reports import differences
from billing.services.reports.aging import AgingReport
from billing.services.reports.mrr import CohortsReport, MrrMovementsReport, MrrReport, RetentionReport
from billing.services.reports.payouts import PayoutsReport
from billing.services.reports.recognition import RecognitionReport
from billing.services.reports.revenue import RevenueReport
from billing.services.reports.sources import Asked, Report
from billing.services.reports.tax import TaxReport
from billing.services.reports.trial_balance import TrialBalanceReport
from billing.services.reports.usage import UsageReport

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


@api.get("/v1/reports/mrr", scope=Scope.BILLING_READ, answers=ReportOut)
def get_mrr(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    interval: Interval = "month",
) -> ReportOut:
    """Show monthly recurring revenue (MRR) and its movements: new, expansion, churn and others, by month or day."""
    return _json(work, MrrReport(), of_days(work, first, to, at, test_clock, interval=interval))


@api.get("/v1/reports/mrr.csv", scope=Scope.BILLING_READ)
def get_mrr_csv(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    interval: Interval = "month",
) -> File:
    """Monthly recurring revenue and its movements as CSV."""
    return _csv(work, MrrReport(), of_days(work, first, to, at, test_clock, interval=interval))


@api.get("/v1/reports/mrr-movements", scope=Scope.BILLING_READ, answers=ReportOut)
def get_mrr_movements(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    customer: OfCustomer = None,
) -> ReportOut:
    """List each movement of monthly recurring revenue: which subscription, why, and what it was for its customer."""
    return _json(work, MrrMovementsReport(), of_days(work, first, to, at, test_clock, customer=customer))


@api.get("/v1/reports/mrr-movements.csv", scope=Scope.BILLING_READ)
def get_mrr_movements_csv(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    customer: OfCustomer = None,
) -> File:
    """Each movement of monthly recurring revenue as CSV."""
    return _csv(work, MrrMovementsReport(), of_days(work, first, to, at, test_clock, customer=customer))


@api.get("/v1/reports/retention", scope=Scope.BILLING_READ, answers=ReportOut)
def get_retention(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    over: Over = "month",
) -> ReportOut:
    """Show churn rate, gross and net revenue retention of whole months, or of the years that end with them."""
    return _json(work, RetentionReport(), of_days(work, first, to, at, test_clock, over=over))


@api.get("/v1/reports/retention.csv", scope=Scope.BILLING_READ)
def get_retention_csv(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    over: Over = "month",
) -> File:
    """Churn and retention as CSV."""
    return _csv(work, RetentionReport(), of_days(work, first, to, at, test_clock, over=over))


@api.get("/v1/reports/cohorts", scope=Scope.BILLING_READ, answers=ReportOut)
def get_cohorts(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> ReportOut:
    """Show what is left of customers, and of their MRR, month after month, by the month in which they began."""
    return _json(work, CohortsReport(), of_days(work, first, to, at, test_clock))


@api.get("/v1/reports/cohorts.csv", scope=Scope.BILLING_READ)
def get_cohorts_csv(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> File:
    """Cohorts as CSV."""
    return _csv(work, CohortsReport(), of_days(work, first, to, at, test_clock))


@api.get("/v1/reports/tax", scope=Scope.BILLING_READ, answers=ReportOut)
def get_tax_report(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None, rows: Rows = None
) -> ReportOut:
    """Report taxes by jurisdiction, rate and treatment: what was taxed, the tax, and what was not taxed."""
    return _json(work, TaxReport(), of_days(work, first, to, at, test_clock, rows=rows))


@api.get("/v1/reports/tax.csv", scope=Scope.BILLING_READ)
def get_tax_report_csv(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None, rows: Rows = None
) -> File:
    """The tax report as CSV."""
    return _csv(work, TaxReport(), of_days(work, first, to, at, test_clock, rows=rows))


@api.get("/v1/reports/usage", scope=Scope.BILLING_READ, answers=ReportOut)
def get_usage_report(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> ReportOut:
    """Report what was billed of usage, by subscription, period, meter and dimensions, and what was rejected.

    What meters show, billed or not, is in `GET /v1/usage`.
    """
    return _json(work, UsageReport(), of_days(work, first, to, at, test_clock))


@api.get("/v1/reports/usage.csv", scope=Scope.BILLING_READ)
def get_usage_report_csv(
    work: CurrentWork, first: From = None, to: To = None, at: AsOf = None, test_clock: OfClock = None
) -> File:
    """The usage report as CSV."""
    return _csv(work, UsageReport(), of_days(work, first, to, at, test_clock))


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


@api.get("/v1/reports/revenue", scope=Scope.BILLING_READ, answers=ReportOut)
def get_revenue(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    per: Per = "month",
    by: RevenueBy = None,
) -> ReportOut:
    """Show net billings and collections: what was billed, credited, collected, given back, disputed and written off."""
    return _json(work, RevenueReport(), of_days(work, first, to, at, test_clock, per=per, by=by))


@api.get("/v1/reports/revenue.csv", scope=Scope.BILLING_READ)
def get_revenue_csv(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    per: Per = "month",
    by: RevenueBy = None,
) -> File:
    """Net billings and collections as CSV."""
    return _csv(work, RevenueReport(), of_days(work, first, to, at, test_clock, per=per, by=by))


@api.get("/v1/reports/recognition", scope=Scope.BILLING_READ, answers=ReportOut)
def get_recognition(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    by: RecognitionBy = None,
    rows: RecognitionRows = "months",
) -> ReportOut:
    """Show recognised and deferred revenue of whole months: each line is earned over its period, by the second."""
    asked = of_months(work, first, to, at, test_clock, **recognition_options(by, rows))
    return _json(work, RecognitionReport(), asked)


@api.get("/v1/reports/recognition.csv", scope=Scope.BILLING_READ)
def get_recognition_csv(
    work: CurrentWork,
    first: From = None,
    to: To = None,
    at: AsOf = None,
    test_clock: OfClock = None,
    by: RecognitionBy = None,
    rows: RecognitionRows = "months",
) -> File:
    """Recognised and deferred revenue as CSV."""
    asked = of_months(work, first, to, at, test_clock, **recognition_options(by, rows))
    return _csv(work, RecognitionReport(), asked)


lambda_handler = api.lambda_handler
