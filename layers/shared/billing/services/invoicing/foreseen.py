"""Invoices that are not made: what lines would make now, and what comes next for a subscription. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.catalog.plan import Plan
from billing.domain.customers.balance import Balance
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import is_too_small
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.subscriptions.upcoming import next_step, require_invoiced
from billing.services.invoicing import giving_back, offsets
from billing.services.invoicing.biller import Biller, BillingContext
from billing.services.kernel.work import Work
from billing.services.usage import closing
from billing.services.usage.closing import Closing


@dataclass(frozen=True, slots=True)
class ForeseenInvoice:
    """An invoice that is not made.

    Args:
        balance: the customer's after it.
        at: when it would be made.
    """

    invoice: Invoice
    balance: Balance
    at: datetime


def of_lines(
    work: Work,
    biller: Biller,
    context: BillingContext,
    lines: Sequence[InvoiceLine],
    at: datetime,
    subscription: Subscription | None = None,
) -> ForeseenInvoice:
    """The invoice that these lines would make, with tax, balance and what it takes off others.

    Raises:
        Unavailable, TaxJurisdictionUnsupported: its tax is not known.
    """
    draft = issuing.draft(
        context.tenant, context.customer, "preview", lines, BillingReason.SUBSCRIPTION_UPDATE, at, subscription
    )
    draft = biller.taxed(context, draft, at)
    balance, taken = context.balance, Money.zero(draft.currency)
    for step in offsets.foreseen(work, draft, subscription, at):
        taken += step.taken
        if step.invoice.status is InvoiceStatus.OPEN and is_too_small(step.invoice.amount_due):
            balance = balance.used(step.invoice.amount_due)
    applied = balance.usable_for(draft.total + taken)
    invoice = replace(draft, amount_credited=-taken, balance_applied=applied, carried=balance.beyond(applied))
    return ForeseenInvoice(invoice, balance.used(applied), at)


def next_of(
    work: Work,
    biller: Biller,
    context: BillingContext,
    subscription: Subscription,
    plan: Plan,
    used: closing.Foreseen | None = None,
) -> ForeseenInvoice:
    """The next invoice of a subscription if nothing changes and nothing more is used until then.

    Args:
        context: its books, out of a load that has what ``UsageCloser.refs`` names, too.
        used: how its usage was closed by a change that is foreseen.

    Raises:
        InvalidState: no invoice will come: it is canceled, incomplete, or paused for no certain time.
        Unavailable, TaxJurisdictionUnsupported: its tax is not known.
    """
    upcoming = next_step(subscription, plan, context.customer.timezone)
    until = biller.usage.so_far(work, context.found, Closing(upcoming.before, plan, upcoming.at), used)
    limited = giving_back.previewed(work, context.found, subscription, until.on(upcoming.step)).step
    step = require_invoiced(subscription, limited)
    return of_lines(work, biller, context, step.invoiced, upcoming.at, step.subscription)
