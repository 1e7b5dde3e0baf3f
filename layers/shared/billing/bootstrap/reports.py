"""Wires reports, their runs, and the comparison of Stripe's account with the ledger."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import connect, payments, process, storage
from billing.domain.customers.customer import Customer
from billing.domain.reconciliation import Reconciliation
from billing.schemas import events

if TYPE_CHECKING:
    from billing.integrations.aws.files import S3Files
    from billing.integrations.pdf.report import ReportPdfs
    from billing.services.clocks.due_index import Alarm
    from billing.services.kernel.work import Unit
    from billing.services.reports.asking import Reports
    from billing.services.reports.ledger import LedgerPages
    from billing.services.reports.printing import Printer
    from billing.services.reports.reconciliation import Reconciler
    from billing.services.reports.running import RunSteps
    from billing.services.reports.runs import Runs
    from billing.services.reports.sources import Report
    from billing.services.reports.writing import Imports
    from billing.storage.journal import DynamoJournal

SHARD = "00"
"""Where it is due: the billing worker works this shard each minute."""


OF_PLATFORM = frozenset({"payouts"})
"""Reports of the scope ``platform``, whose runs need it as well."""


@cache
def files() -> "S3Files":
    """The bucket of runs and kept folds."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.files import S3Files

    return S3Files(made_client("s3"), process.settings().report_bucket)


@cache
def journal() -> "DynamoJournal":
    """The ledger in the order of posting."""
    from billing.storage.journal import DynamoJournal

    return DynamoJournal(storage.database(), storage.vault())


def reports(alarm: "Alarm") -> "Reports":
    """What makes reports.

    Args:
        alarm: wakes the report worker.
    """
    from billing.services.reports.asking import Reports

    return Reports(journal(), files(), runs(alarm))


def runs(alarm: "Alarm") -> "Runs":
    """What begins runs, and shows them."""
    from billing.services.reports.runs import Runs

    return Runs(files(), alarm, OF_PLATFORM)


def ledger_pages() -> "LedgerPages":
    """What reads the ledger page by page."""
    from billing.services.reports.ledger import LedgerPages
    from billing.storage.cursors import SealedCursors

    return LedgerPages(journal(), SealedCursors(storage.vault()))


def all_reports() -> "Mapping[str, Report]":
    """Every report that can be a run, by its name: the worker makes it again from that."""
    from billing.services.reports.aging import AgingReport
    from billing.services.reports.ledger import JournalExport
    from billing.services.reports.mrr import CohortsReport, MrrMovementsReport, MrrReport, RetentionReport
    from billing.services.reports.payouts import PayoutsReport
    from billing.services.reports.recognition import RecognitionReport
    from billing.services.reports.revenue import RevenueReport
    from billing.services.reports.tax import TaxReport
    from billing.services.reports.trial_balance import TrialBalanceReport
    from billing.services.reports.usage import UsageReport

    made: tuple[Report, ...] = (
        TrialBalanceReport(),
        AgingReport(),
        TaxReport(),
        UsageReport(),
        RevenueReport(),
        RecognitionReport(),
        MrrReport(),
        MrrMovementsReport(),
        RetentionReport(),
        CohortsReport(),
        PayoutsReport(),
        JournalExport(),
    )
    return {each.name: each for each in made}


def report_printer() -> "Printer":
    """What prints reports; Typst and the fonts come with the first one."""
    from billing.services.reports.printing import Printer

    return Printer(_report_pdfs)


@cache
def _report_pdfs() -> "ReportPdfs":
    from billing.integrations.pdf.report import ReportPdfs

    return ReportPdfs()


def run_steps(imports: "Imports") -> "RunSteps":
    """What makes the files of runs.

    Args:
        imports: what takes over the records of a file.
    """
    from billing.schemas.exports.kinds import KINDS
    from billing.schemas.reports.writers import WRITERS
    from billing.services.reports.exporting import EntityExports
    from billing.services.reports.running import RunSteps
    from billing.storage.journal import StoredTexts

    return RunSteps(
        units=storage.units(),
        journal=journal(),
        files=files(),
        reports=all_reports(),
        exports=EntityExports(KINDS),
        forms=WRITERS,
        printer=report_printer(),
        imports=imports,
        texts=StoredTexts(storage.vault()),
        left_s=process.deadline().left_s,
    )


@cache
def reconciler() -> "Reconciler":
    """What compares."""
    from billing.integrations.stripe.events import StripeEvents
    from billing.services.payments.processor_events import ProcessorEvents
    from billing.services.reports.reconciliation import Reconciler
    from billing.storage.owed import DynamoOwed

    events.prepare(Customer, Reconciliation)
    return Reconciler(
        units=storage.units(),
        stripe=connect.balance_transactions(),
        reader=StripeEvents(payments.stripe_gateway()),
        events=ProcessorEvents(payments.collector(), payments.one_time_payments(), payments.refunder()),
        owed=DynamoOwed(storage.database(), storage.vault()),
        shard=SHARD,
        every=timedelta(seconds=process.settings().reconcile_every_s or 3600),
        left_s=process.deadline().left_s,
    )


def standing() -> "Mapping[str, Callable[[Unit], None]]":
    """What is always due: the comparison, unless this stack does without."""
    from billing.services.reports.reconciliation import found

    if not process.settings().reconcile_every_s:
        return {}
    return {SHARD: lambda unit: found(unit, SHARD)}
