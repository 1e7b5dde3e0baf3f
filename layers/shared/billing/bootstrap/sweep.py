"""Wires the billing worker and the queue that wakes it."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import invoicing, marketplace, payments, process, storage, subscriptions
from billing.domain.clocks import Clock
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
    return BillingQueue(made_client("sqs"), s.billing_queue_url, s.clock_queue_url)


def worker() -> "Worker":
    """The billing worker."""
    from billing.services.payments.unknown_outcomes import UnknownOutcomes
    from billing.services.sweep.wake_ups import ClockProgress
    from billing.services.sweep.worker import Worker
    from billing.storage.due_index import DynamoDueIndex

    events.prepare(Clock)
    outcomes = UnknownOutcomes(payments.collector(), payments.one_time_payments())
    return Worker(
        units=storage.units(),
        index=DynamoDueIndex(storage.database()),
        tasks={
            "payment": outcomes.settle_payment,
            "refund": payments.refunder().settle_refund,
            "order": marketplace.orders().expire,
            "invoice": invoicing.due_invoices().bill_invoice,
            "subscription": subscriptions.renewals().bill_subscription,
        },
        clocks=ClockProgress(alarm()),
        alarm=alarm(),
        clock=process.now,
        jitter=process.JITTER.random,
        pause=time.sleep,
    )
