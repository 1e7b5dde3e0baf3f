"""Wires reports, and the comparison of Stripe's account with the ledger."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import connect, payments, process, storage
from billing.domain.customers.customer import Customer
from billing.domain.reconciliation import Reconciliation
from billing.schemas import events

if TYPE_CHECKING:
    from billing.services.kernel.work import Unit
    from billing.services.reports.asking import Reports
    from billing.services.reports.reconciliation import Reconciler

SHARD = "00"
"""Where it is due: the billing worker works this shard each minute."""


@cache
def reports() -> "Reports":
    """What makes reports."""
    from billing.services.reports.asking import Reports
    from billing.services.reports.sources import NoKeptFolds
    from billing.storage.journal import DynamoJournal

    return Reports(DynamoJournal(storage.database(), storage.vault()), NoKeptFolds())


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
