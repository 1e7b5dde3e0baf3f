"""Our side of the comparison of draft invoices: the decision alone, and the renewal as the billing worker does it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from benchmarks.backend import Backend
from benchmarks.customers import sample_customer
from benchmarks.drafts.case import CUSTOMERS, MONTH, SEATS, YEAR, Bill, Round
from benchmarks.shop import PLAN, Shop
from billing.bootstrap import storage, subscriptions
from billing.domain.catalog.plan import Plan, version_id
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.invoicing.issuing import period_invoice_id
from billing.domain.kernel.due import Due
from billing.domain.kernel.ids import derived
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import Tenant
from billing.services.kernel.work import Ref

STORED = 40
"""Fewer than are decided: the local emulator takes its time, and a rate needs no more."""
_PASSES = 5
DECIDED = CUSTOMERS * _PASSES
"""Every customer some times over: the decisions alone are over too soon to be timed once."""
_SHARD = "00"
_GRACE_S = 3600  # the tenant's: an invoice stays a draft so long
_STAGED_AT_ONCE = 25
_BEGAN = datetime(YEAR, MONTH, 1, tzinfo=UTC)

Order = tuple[Customer, Subscription]


def orders(tenant: Tenant, plan: Plan, count: int) -> list[Order]:
    """Customers, each with an active subscription whose first month is over at the end of ``MONTH``."""
    made = []
    for n in range(count):
        customer = sample_customer(tenant.id, n, _BEGAN, plan.currency)
        subscription_id = derived("sub", _BEGAN, tenant.id, str(n))
        new = lifecycle.start(subscription_id, customer, plan, _BEGAN, Start({"seats": SEATS}))
        begun = changes.first_period(new, plan).subscription
        made.append((customer, lifecycle.invoice_paid(begun, "", _BEGAN, _SHARD)))
    return made


def decided(tenant: Tenant, plan: Plan, order: Order) -> tuple[Invoice, Subscription]:
    """The next month's draft, and the subscription in that month with its alarm: the whole decision, nothing stored."""
    customer, before = order
    at = before.current_period.end
    step = changes.begin_period(before, plan, at)
    invoice_id = period_invoice_id(step.subscription, step.subscription.current_period)
    after = replace(step.subscription, latest_invoice_id=invoice_id)
    reason = BillingReason.SUBSCRIPTION_CYCLE
    draft = issuing.draft(tenant, customer, invoice_id, step.invoiced, reason, at, after)
    return draft, lifecycle.with_alarm(after, _SHARD)


def bill_of(draft: Invoice) -> Bill:
    """What it says."""
    lines = [(line.quantity or Decimal(0), Decimal(line.amount.minor).scaleb(-2)) for line in draft.lines]
    return Bill.of(draft.status.value, draft.currency, lines)


class Desk:
    """A tenant whose invoices wait as drafts, with a plan and its subscriptions, on an emulator that runs."""

    def __init__(self, running: Backend) -> None:
        shop = Shop(running, gracePeriodSeconds=_GRACE_S)
        shop.plan()
        self._units, self._renewals = storage.units(), subscriptions.renewals()
        self._tenant = storage.tenants().get(shop.tenant_id)
        plan_ref = Ref(Plan, self._tenant.id, version_id(PLAN, 1))
        self._plan = self._units.begin(self._tenant.id).load(plan_ref).require(plan_ref)
        self._orders = orders(self._tenant, self._plan, CUSTOMERS)
        self._due = self._put(self._orders[:STORED])

    def _put(self, made: list[Order]) -> dict[str, Due]:
        due = {}
        for first in range(0, len(made), _STAGED_AT_ONCE):
            unit = self._units.begin(self._tenant.id)
            for customer, subscription in made[first : first + _STAGED_AT_ONCE]:
                unit.save(customer)
                unit.save(subscription)
                assert subscription.due is not None
                due[subscription.id] = subscription.due
            unit.commit()
        return due

    def decide(self) -> Round:
        """A round of decisions: every customer's, some times over."""
        drafts: list[Invoice] = []

        def work() -> None:
            drafts.extend(decided(self._tenant, self._plan, order)[0] for _ in range(_PASSES) for order in self._orders)

        return _timed(work, lambda: [bill_of(draft) for draft in drafts])

    def store(self) -> Round:
        """A round of renewals by the billing worker's use case, onto the emulator: each round bills the next month."""

        def work() -> None:
            for subscription_id, due in self._due.items():
                self._due[subscription_id] = self._renew(subscription_id, due)

        return _timed(work, lambda: [self._stored_bill(subscription_id) for subscription_id in self._due])

    def _renew(self, subscription_id: str, due: Due) -> Due:
        unit = self._units.begin(self._tenant.id)
        following = self._renewals.bill_subscription(unit, subscription_id, due.at)
        unit.commit()
        assert following is not None
        assert following.at > due.at, "it was not renewed"
        return following

    def _stored_bill(self, subscription_id: str) -> Bill:
        unit = self._units.begin(self._tenant.id)
        ref = Ref(Subscription, self._tenant.id, subscription_id)
        subscription = unit.load(ref).require(ref)
        invoice_ref = Ref(Invoice, self._tenant.id, period_invoice_id(subscription, subscription.current_period))
        return bill_of(unit.load(invoice_ref).require(invoice_ref))


def _timed(work: Callable[[], None], bills: Callable[[], list[Bill]]) -> Round:
    """Time the work; what it made is looked at after the clock has stopped."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    found = bills()
    return Round(len(found), wall_s, cpu_s, 0.0, tuple(set(found)))
