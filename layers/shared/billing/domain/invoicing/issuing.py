"""Issuing an invoice: a draft with its lines and totals, then its number and the entries for the books."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain import ledger
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus, PartySnapshot, Spreading
from billing.domain.invoicing.terms import OwnTerms, terms_of
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import format_time
from billing.domain.ledger import LedgerEntry
from billing.domain.lines.crediting import retaxed
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import InvoiceSequence, Mode, Tenant


@dataclass(frozen=True, slots=True)
class Finalized:
    """An invoice that was just finalized, with all that changed with it."""

    invoice: Invoice
    balance: Balance
    entries: tuple[LedgerEntry, ...]


def period_invoice_id(subscription: Subscription, period: Period) -> str:
    """The one id that the invoice of a renewal can have: a second run cannot bill the period twice."""
    return derived("in", period.start, subscription.tenant_id, subscription.id, format_time(period.start))


def step_invoice_id(before: Subscription, at: datetime) -> str:
    """The id of what the alarm clock bills for a subscription beside its periods: the same in every run of the step."""
    return derived("in", at, before.tenant_id, before.id, "step", str(before.version))


def draft(
    tenant: Tenant,
    customer: Customer,
    invoice_id: str,
    lines: Sequence[InvoiceLine],
    reason: BillingReason,
    at: datetime,
    subscription: Subscription | None = None,
    currency: str | None = None,
    own: OwnTerms = OwnTerms(),
) -> Invoice:
    """A draft with these lines, which get their ids here.

    Args:
        at: when it is made, on the customer's clock.
        subscription: whose invoice it is; its period is the subscription's running one.
        currency: the customer's, where nothing else is said and there is no line to tell.
        own: the terms that are said for it alone.
    """
    currency = currency or (lines[0].amount.currency if lines else customer.currency)
    zero = Money.zero(currency)
    empty = Invoice(
        id=invoice_id,
        tenant_id=tenant.id,
        customer_id=customer.id,
        status=InvoiceStatus.DRAFT,
        reason=reason,
        currency=currency,
        timezone=customer.timezone,
        lines=(),
        subtotal=zero,
        discount=zero,
        tax=zero,
        tax_included=zero,
        total=zero,
        amount_paid=zero,
        amount_refunded=zero,
        amount_credited=zero,
        balance_applied=zero,
        seller=seller_of(tenant),
        buyer=buyer_of(customer),
        created_at=at,
        test_mode=tenant.mode is Mode.TEST,
        subscription_id=subscription.id if subscription else None,
        period=subscription.current_period if subscription else None,
        test_clock_id=customer.test_clock_id,
        terms=terms_of(tenant, customer, own),
    )
    return with_lines(empty, _linked([replace(line, id=f"{invoice_id}-{n}") for n, line in enumerate(lines, 1)]))


def _linked(lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    """The lines, of which a credit for what had not been invoiced before knows its line: it comes after it here.

    Nine seats more and, a week later, nine fewer: +67.50, and -45.00 of those 67.50, on the same invoice.
    """
    found: list[InvoiceLine] = []
    for line in lines:
        debit = None
        if line.amount.is_negative and line.gives_back is None and (line.proration or line.usage is not None):
            debit = next((each for each in reversed(found) if _bills_what_is_given_back(each, line)), None)
        found.append(replace(line, of_line=debit.id) if debit is not None else line)
    return found


def _bills_what_is_given_back(debit: InvoiceLine, credit: InvoiceLine) -> bool:
    same = (debit.component, debit.usage, debit.dimensions) == (credit.component, credit.usage, credit.dimensions)
    return same and debit.component is not None and not debit.amount.is_negative


def seller_of(tenant: Tenant) -> PartySnapshot:
    """The tenant as an invoice names it."""
    return PartySnapshot(tenant.legal_name or tenant.name, tenant.address, tenant.tax_id, tenant.email)


def buyer_of(customer: Customer) -> PartySnapshot:
    """The customer as an invoice names it."""
    return PartySnapshot(customer.name, customer.address, customer.tax_id, customer.email)


def as_of_now(invoice: Invoice, tenant: Tenant, customer: Customer) -> Invoice:
    """The draft with its parties, terms and zone as they are now: one that waited for an address has to show it."""
    own = invoice.terms.own if invoice.terms is not None else OwnTerms()
    return replace(
        invoice,
        seller=seller_of(tenant),
        buyer=buyer_of(customer),
        terms=terms_of(tenant, customer, own),
        timezone=customer.timezone,
    )


def with_lines(invoice: Invoice, lines: Sequence[InvoiceLine], notes: tuple[str, ...] = ()) -> Invoice:
    """The draft with other lines (the same, with their taxes) and the totals that follow from them.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "changed")
    subtotal = sum_money((line.amount for line in lines), invoice.currency)
    discount = sum_money((line.discount for line in lines), invoice.currency)
    tax = sum_money((line.tax for line in lines), invoice.currency)
    included = sum_money((line.tax_included for line in lines), invoice.currency)
    return replace(
        invoice,
        lines=tuple(lines),
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        tax_included=included,
        total=subtotal - discount + tax - included,
        credits=retaxed(invoice.credits, invoice.lines, lines) if invoice.tax_waits else invoice.credits,
        notes=notes,
        tax_waits=False,
    )


def finalize(
    invoice: Invoice,
    sequence: InvoiceSequence,
    balance: Balance,
    at: datetime,
    offset: Money | None = None,
    spreading: Spreading | None = None,
    *,
    charged: bool = False,
) -> Finalized:
    """The invoice with its number, with the customer's balance used, and the entries for the books.

    One with nothing left to collect is paid at once; one below zero pays into the balance. One that asks for less than
    a card can be charged is paid by the balance, which goes below zero; what it is below zero the next one asks for.

    Args:
        offset: what of an amount below zero is taken off other invoices (``settlement.offset``), and so does not go to
            the balance: nobody gets money back that was never paid.
        spreading: what is left for yet other invoices, so that nothing goes to the balance before they were looked at.
        charged: there is a method that it can be charged to.

    Raises:
        InvalidState: it is not a draft.
    """
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidState.of("invoice", invoice.status, "finalized")
    credited = invoice.amount_credited - (offset or Money.zero(invoice.currency))
    owed = invoice.total - credited
    applied = balance.usable_for(owed) if spreading is None else Money.zero(invoice.currency)
    if spreading is not None:
        owed += spreading.left
    free = (owed - applied).is_zero
    final = replace(
        invoice,
        number=sequence.number,
        status=InvoiceStatus.PAID if free else InvoiceStatus.OPEN,
        balance_applied=applied,
        carried=balance.beyond(applied),
        spreading=spreading,
        amount_credited=credited,
        finalized_at=at,
        paid_at=at if free else None,
        due=None,
    )
    final = replace(final, due_at=final.due_if_finalized(at, charged))
    entries = [finalized_entry(invoice, at)]
    if offset is not None and not offset.is_zero:
        entries.append(applied_entry(final, -offset, at))
    if not applied.is_zero:
        entries.append(balance_entry(invoice, "invoice.balance_applied", applied, at))
    return Finalized(final, balance.used(applied), tuple(entry for entry in entries if entry is not None))


def finalized_entry(invoice: Invoice, at: datetime) -> LedgerEntry | None:
    """What finalizing posts; None for an invoice about nothing."""
    return ledger.invoice_finalized(
        derived("le", invoice.created_at, "invoice.finalized", invoice.id),
        invoice.id,
        invoice.receivable,
        net=invoice.total - invoice.tax,
        tax=invoice.tax,
        at=at,
        of_lines=any(not line.amount.is_zero for line in invoice.lines),
    )


def applied_entry(after: Invoice, amount: Money, at: datetime) -> LedgerEntry:
    """What credits of another invoice took off one; below zero what its own took off others.

    Args:
        after: the invoice after it, by whose ``amount_credited`` this step is told from any other.
    """
    made_id = derived("le", after.created_at, "invoice.credit_applied", after.id, str(after.amount_credited))
    return ledger.credit_applied(made_id, after.id, after.receivable, amount, at)


def balance_entry(invoice: Invoice, fact: str, amount: Money, at: datetime, *more: str) -> LedgerEntry:
    """What the customer's balance paid of an invoice; below zero what went into it."""
    return ledger.balance_used(
        derived("le", invoice.created_at, fact, invoice.id, *more), invoice.id, invoice.receivable, amount, at
    )
