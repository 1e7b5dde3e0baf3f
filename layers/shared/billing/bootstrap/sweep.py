"""Wires the billing worker and the queue that wakes it."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import (
    connect,
    erasure,
    imports,
    invoicing,
    marketplace,
    payments,
    payouts,
    process,
    reports,
    storage,
    subscriptions,
)
from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.payout import Payout
from billing.domain.reports.run import ReportRun
from billing.schemas import events

if TYPE_CHECKING:
    from billing.integrations.aws.billing_queue import BillingQueue
    from billing.services.sweep.worker import Worker


@cache
def alarm() -> "BillingQueue":
    """The queue that wakes the billing worker."""
    from billing.integrations.aws.billing_queue import BillingQueue
    from billing.integrations.aws.clients import made_client

    s = process.settings()
    return BillingQueue(
        made_client("sqs"), s.billing_queue_url, s.clock_queue_url, s.payout_queue_url, s.webhook_work_queue_url,
        s.report_queue_url,
    )  # fmt: skip


def worker() -> "Worker":
    """The billing worker."""
    from billing.services.marketplace.release import release_earning
    from billing.services.payments.unknown_outcomes import UnknownOutcomes
    from billing.services.sweep.read_ahead import ReadAhead
    from billing.services.sweep.wake_ups import ClockProgress
    from billing.services.sweep.worker import Worker
    from billing.storage.due_index import DynamoDueIndex

    events.prepare(Clock, Customer, Earning, Payout, ProviderBalance)
    outcomes = UnknownOutcomes(payments.collector(), payments.one_time_payments())
    return Worker(
        units=storage.units(),
        index=DynamoDueIndex(storage.database()),
        tasks={
            "payment": outcomes.settle_payment,
            "refund": payments.refunder().settle_refund,
            "order": marketplace.orders().expire,
            "earning": release_earning,
            "provider_balance": payouts.scheduled_payouts(alarm()).look,
            "invoice": invoicing.due_invoices().bill_invoice,
            "subscription": subscriptions.renewals().bill_subscription,
            "reconciliation": reports.reconciler().reconcile,
            "customer": erasure.eraser().erase,
            "payment_method": payments.saved_methods().finish_removal,
        },
        clocks=ClockProgress(alarm()),
        alarm=alarm(),
        clock=process.now,
        jitter=process.JITTER.random,
        pause=time.sleep,
        standing=reports.standing(),
        ahead=ReadAhead(storage.ahead(), subscriptions.renewals(), storage.tenants()),
    )


def payout_worker() -> "Worker":
    """The payout worker."""
    from billing.services.marketplace.pace import Pace
    from billing.services.marketplace.payout_steps import PayoutSteps
    from billing.services.sweep.wake_ups import ClockProgress
    from billing.services.sweep.worker import Worker
    from billing.storage.due_index import PAYOUT_KINDS, DynamoDueIndex

    events.prepare(Payout, ProviderBalance)
    pace = Pace(1 / payouts.CALLS_A_SECOND, process.monotonic_s, process.sleep)
    return Worker(
        units=storage.units(),
        index=DynamoDueIndex(storage.database(), PAYOUT_KINDS),
        tasks={
            "payout": PayoutSteps(connect.connect_gateway(), pace).advance,
            "provider_balance": payouts.scheduled_payouts(alarm()).look,
        },
        clocks=ClockProgress(alarm()),
        alarm=alarm(),
        clock=process.now,
        jitter=process.JITTER.random,
        pause=time.sleep,
    )


def report_worker() -> "Worker":
    """The report worker."""
    from billing.services.sweep.wake_ups import ClockProgress
    from billing.services.sweep.worker import Worker
    from billing.storage.due_index import REPORT_KINDS, DynamoDueIndex

    events.prepare(ReportRun)
    return Worker(
        units=storage.units(),
        index=DynamoDueIndex(storage.database(), REPORT_KINDS),
        tasks={"report_run": reports.run_steps(imports.imports()).advance},
        clocks=ClockProgress(alarm()),
        alarm=alarm(),
        clock=process.now,
        jitter=process.JITTER.random,
        pause=time.sleep,
    )
