"""Putting a step of a subscription into effect: its invoice, the customer's balance, tax, and the charge.

    draft ──> (grace period, or a tax provider that is down: it waits, with an alarm)
          ──> finalized: number, balance, ledger ──> commit 1 with the attempt ──> charge ──> commit 2: the outcome

The same path serves a new subscription, a renewal, a change that is billed now, a resume and a one-off invoice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import issuing, settlement
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.issuing import Finalized
from billing.domain.invoicing.numbers import next_invoice_of
from billing.domain.kernel.card_limits import require_chargeable
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment, SettledBy
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.subscription import RENEWING, Subscription, SubscriptionState
from billing.domain.tenant import InvoiceSequence, Tenant
from billing.services.clocks.customer_time import outcome_time
from billing.services.clocks.shards import DueShards
from billing.services.customers import balances
from billing.services.invoicing import giving_back, offsets
from billing.services.invoicing.charging import method_of, settle_due
from billing.services.invoicing.numbering import invoice_number
from billing.services.kernel.recovery import ChargePending, CreditsPending
from billing.services.kernel.work import Found, Ref, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.tax.assessment import Taxes
from billing.services.usage.closing import UsageCloser, ending, note_lines


@dataclass(frozen=True, slots=True)
class BillingContext:
    """What an invoice of a customer is made from; finalizing it changes ``balance``."""

    tenant: Tenant
    customer: Customer
    balance: Balance
    found: Found


@dataclass(frozen=True, slots=True)
class BillingOptions:
    """Why, when and how something is billed.

    Args:
        at: now, on the customer's clock.
        by: who learns the charge's outcome: a request, or the sweep.
        off_session: nobody is there to authenticate a payment.
        grace_s: how long the invoice stays a draft.
        settle_due: when the sweep looks up an attempt that got no answer; None for the default.
        patient: an invoice whose tax cannot be determined now waits as a draft; otherwise the caller gets an error.
        check: of a new invoice, before a number is claimed for it; it may refuse it.
        claim: what its number is claimed for (``numbers``); None for what only this very request makes.
    """

    reason: BillingReason
    at: datetime
    by: SettledBy
    off_session: bool
    grace_s: int = 0
    settle_due: Due | None = None
    patient: bool = False
    check: Callable[[Invoice], None] | None = None
    claim: str | None = None

    @classmethod
    def by_alarm(cls, reason: BillingReason, at: datetime, shard: str, grace_s: int = 0) -> "BillingOptions":
        """Those of the alarm clock, which works a shard: nobody is there to pay, or to be told of a tax."""
        return cls(reason, at, SettledBy.SWEEP, True, grace_s, settle_due(shard, at), patient=True)


@dataclass(frozen=True, slots=True)
class Billed:
    """What billing resulted in."""

    subscription: Subscription | None
    invoice: Invoice | None
    payment: Payment | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class _Issued:
    """An invoice that was drafted, and finalized unless something kept it from that."""

    draft: Invoice
    invoice: Invoice


@dataclass(frozen=True, slots=True)
class Biller:
    """Makes, finalizes and charges invoices.

    Args:
        collector: charges invoices.
        taxes: determines what tax is due.
        usage: closes and reads what was metered.
        shards: of the due index.
    """

    collector: Collector
    taxes: Taxes
    usage: UsageCloser
    shards: DueShards

    def refs(self, tenant: Tenant, customer_id: str) -> tuple[Ref[Any], ...]:
        """What a load has to bring for ``books``, beside the customer itself."""
        return (
            Ref(Balance, tenant.id, customer_id),
            *self.taxes.refs(tenant),
        )

    def context(self, found: Found, tenant: Tenant, customer: Customer) -> BillingContext:
        """The books of a customer, out of a load with ``refs``."""
        balance = found.get(Ref(Balance, tenant.id, customer.id))
        return BillingContext(
            tenant,
            customer,
            balance or Balance.empty(tenant.id, customer.id, customer.currency),
            found,
        )

    def carry_out(
        self,
        work: Work,
        context: BillingContext,
        before: Subscription | None,
        step: Step,
        options: BillingOptions,
        invoice_id: str,
    ) -> Billed:
        """Save a subscription after a step, and bill what the step invoices.

        Args:
            before: the subscription as it was; None for a new one.
            invoice_id: derived if the alarm clock bills, so that a second run cannot bill again; fresh in a request.

        Raises:
            TaxJurisdictionUnsupported: in a request; where the alarm clock bills, the draft waits instead.
            ValidationFailed: a subscription is to begin with an invoice that no card can be charged.
        """
        step = giving_back.limited(work, context.found, before, step)
        after = step.subscription
        if not step.invoiced:
            return Billed(self._saved(work, before, after), None)
        after = lifecycle.on_invoice(after, invoice_id)
        draft = issuing.draft(
            context.tenant, context.customer, invoice_id, step.invoiced, options.reason, options.at, after
        )
        claim = next_invoice_of(before) if before is not None else None
        options = replace(_as_it_happens(work, context, options), claim=claim)
        if before is None and after.state is SubscriptionState.INCOMPLETE:
            options = replace(options, check=_beginning(options.check))
        issued, issued_to = self._issued(work, context, draft, after, options)
        after = issued_to or after
        invoice, after = self._followed(work, issued.invoice, after, context.customer, options.at)
        after = self._saved(work, before, after)
        _announce(work, replace(issued, invoice=invoice))
        return self._collect(work, context, after, invoice, options)

    def issue(self, work: Work, context: BillingContext, draft: Invoice, options: BillingOptions) -> Invoice:
        """Save a new draft, and finalize it unless it has to wait; it is not charged here."""
        issued, _ = self._issued(work, context, draft, None, _as_it_happens(work, context, options))
        _announce(work, issued)
        return issued.invoice

    def bill(self, work: Work, context: BillingContext, draft: Invoice, options: BillingOptions) -> Invoice:
        """``issue`` a draft that belongs to no subscription, and charge it if it is to be charged automatically."""
        issued = self.issue(work, context, draft, options)
        invoice = self._collect(work, context, None, issued, _as_it_happens(work, context, options)).invoice
        assert invoice is not None
        return invoice

    def keep(self, work: Work, draft: Invoice) -> Invoice:
        """Save a new draft that waits for somebody to finalize it."""
        draft = work.save(draft)
        work.emit(EventType.INVOICE_CREATED, draft)
        return draft

    def finalize(
        self,
        work: Work,
        context: BillingContext,
        draft: Invoice,
        subscription: Subscription | None,
        options: BillingOptions,
    ) -> Billed:
        """Finalize a draft that waited, and charge it.

        Raises:
            InvalidState: it is no draft.
            Unavailable, TaxJurisdictionUnsupported: its tax is still not known; it goes on waiting.
        """
        options = replace(_as_it_happens(work, context, options), claim=draft.id)
        before = subscription
        taxed = self.taxed(context, draft, options.at)
        invoice, subscription = self._finalized(work, context, taxed, subscription, options)
        if subscription is not None:
            invoice, subscription = self._followed(work, invoice, subscription, context.customer, options.at)
            subscription = self._saved_after(work, before, subscription)
        _announce(work, _Issued(draft, invoice), created=False)
        return self._collect(work, context, subscription, invoice, options)

    def collect(
        self,
        work: Work,
        context: BillingContext,
        subscription: Subscription | None,
        invoice: Invoice,
        options: BillingOptions,
    ) -> Due | None:
        """Charge an open invoice that waited for nothing else; when it is due next, or None when never."""
        before = subscription
        invoice = work.save(replace(invoice, due=None))
        if subscription is not None:
            invoice, subscription = self._followed(work, invoice, subscription, context.customer, options.at)
            subscription = self._saved_after(work, before, subscription)
        collected = self._collect(work, context, subscription, invoice, options).invoice
        return collected.due if collected is not None else None

    def taxed(self, context: BillingContext, draft: Invoice, at: datetime) -> Invoice:
        """The draft with its taxes.

        Raises:
            Unavailable, TaxJurisdictionUnsupported: they are not known.
        """
        taxed = self.taxes.applied(context.tenant, context.customer, context.found, draft.lines, at)
        draft = issuing.with_lines(draft, taxed.lines, taxed.notes)
        return issuing.as_of_now(draft, context.tenant, context.customer)

    def _issued(
        self,
        work: Work,
        context: BillingContext,
        draft: Invoice,
        subscription: Subscription | None,
        options: BillingOptions,
    ) -> tuple[_Issued, Subscription | None]:
        """The new draft, finalized in the same transaction; or with an alarm, where it has to wait."""
        try:
            draft = self.taxed(context, draft, options.at)
        except (Unavailable, TaxJurisdictionUnsupported) as error:
            if not options.patient and isinstance(error, TaxJurisdictionUnsupported):
                raise
            # No invoice goes out without its tax: it waits, and the alarm clock tries again.
            draft = replace(draft, tax_waits=True)
        if draft.tax_waits or options.grace_s:
            due = Due(self.shards.of(draft), options.at + timedelta(seconds=options.grace_s))
            draft = work.save(replace(draft, due=due))
            if options.check is not None:
                options.check(draft)
            note_lines(work, draft)
            return _Issued(draft, draft), _with_billed(subscription, draft)
        draft = work.save(draft)
        invoice, subscription = self._finalized(work, context, draft, subscription, options)
        return _Issued(draft, invoice), subscription

    def _finalized(
        self,
        work: Work,
        context: BillingContext,
        draft: Invoice,
        subscription: Subscription | None,
        options: BillingOptions,
    ) -> tuple[Invoice, Subscription | None]:
        """The invoice with its number; and its subscription, with its lines as they are billed."""
        at = options.at
        note_lines(work, draft)
        subscription = _with_billed(subscription, draft)
        balance, taken, spreading = context.balance, None, None
        if subscription is not None and draft.total.is_negative:
            part = offsets.offset(work, self.collector, draft, subscription, at)
            taken, spreading, subscription = part.taken, part.spreading, part.subscription
            if not taken.is_zero:  # the rest of an invoice may have gone to the balance
                balance = balances.of(work, draft)
        charged = method_of(context.customer, subscription) is not None

        def final_as(number: InvoiceSequence) -> Finalized:
            return issuing.finalize(draft, number, balance, at, taken, spreading, charged=charged)

        if options.check is not None:
            options.check(settlement.waiting(final_as(InvoiceSequence(draft.tenant_id, "")).invoice))
        final = final_as(invoice_number(work, draft, options.claim))
        if final.balance != balance:
            work.save(final.balance)
        for entry in final.entries:
            work.save(entry)
        invoice = settlement.waiting(final.invoice)
        if spreading is not None:
            invoice = replace(invoice, due=Due(self.shards.of(invoice), at))  # to be gone on with at once
        return work.save(invoice), subscription

    def _followed(
        self, work: Work, invoice: Invoice, subscription: Subscription, customer: Customer, at: datetime
    ) -> tuple[Invoice, Subscription]:
        """What it means for the subscription that its invoice needs no charge yet, or none, or cannot be charged."""
        shard = self.shards.of(subscription)
        if invoice.status is InvoiceStatus.PAID:
            return invoice, lifecycle.invoice_paid(subscription, invoice.id, at, shard)
        if invoice.is_early(at):
            invoice = work.save(settlement.in_time(invoice, self.shards.of(invoice)))
            return invoice, lifecycle.trusted(subscription, shard)
        if not invoice.to_charge or method_of(customer, subscription) is not None:
            return invoice, subscription
        invoice = work.save(settlement.without_method(invoice))
        if subscription.state is SubscriptionState.CANCELED:
            # It is owed all the same: later credits reduce it first.
            return invoice, lifecycle.invoice_unpaid(subscription, invoice.id)
        if subscription.state not in RENEWING:
            return invoice, subscription
        return (
            work.save(self.collector.dunned(work, invoice, Dunning(at), at)),
            lifecycle.invoice_unpaid(subscription, invoice.id),
        )

    def _collect(
        self,
        work: Work,
        context: BillingContext,
        subscription: Subscription | None,
        invoice: Invoice,
        options: BillingOptions,
    ) -> Billed:
        method_id = method_of(context.customer, subscription)
        if invoice.is_early(options.at):
            return Billed(subscription, work.save(settlement.in_time(invoice, self.shards.of(invoice))))
        if invoice.to_charge and method_id is None and subscription is None:
            # A one-off invoice without a method to charge: each dunning day looks for one again.
            invoice = self.collector.dunned(work, settlement.without_method(invoice), Dunning(options.at), options.at)
            return Billed(None, work.save(invoice))
        if invoice.spreading is not None:
            work.checkpoint(offsets.pending(invoice))
            invoice, subscription = offsets.go_on(work, self.collector, invoice, subscription, options.at)
        if not invoice.to_charge or method_id is None:
            return Billed(subscription, invoice)
        payment, invoice = self.collector.attempt(
            work, invoice, context.customer, method_id, options.at, options.off_session, options.settle_due
        )
        work.checkpoint(ChargePending(payment.id, invoice.id, subscription.id if subscription else None))
        # The caller waits for a subscription's first charge, and retries it. Nobody waits for any other.
        is_first = subscription is not None and subscription.state is SubscriptionState.INCOMPLETE
        waited_for = is_first and options.by is SettledBy.REQUEST
        result = self.collector.charge_now(payment) if waited_for else self.collector.charge(payment)
        attempt = self.collector.settle(work, Attempt(payment, invoice, subscription), result, options.at, options.by)
        return Billed(attempt.subscription, attempt.invoice, attempt.payment, result.next_secret)

    def go_on(self, work: Work, point: ChargePending | CreditsPending) -> Billed:
        """Go on from the last commit of an earlier run: ask about its attempt, or spread the rest of its credits."""
        tenant_id = work.tenant.id
        subscription_ref = Ref(Subscription, tenant_id, point.subscription_id or "")
        invoice_ref = Ref(Invoice, tenant_id, point.invoice_id or "")
        payment_ref = Ref(Payment, tenant_id, point.payment_id if isinstance(point, ChargePending) else "")
        refs = [ref for ref in (subscription_ref, invoice_ref, payment_ref) if ref.id]
        found = work.load(*refs)
        if isinstance(point, CreditsPending):
            invoice, subscription = found.require(invoice_ref), found.get(subscription_ref)
            at = work.now if invoice.test_clock_id is None or invoice.due is None else invoice.due.at
            invoice, subscription = offsets.go_on(work, self.collector, invoice, subscription, at)
            return Billed(subscription, invoice)
        payment = found.require(payment_ref)
        if payment.status.is_final and not payment.never_sent:
            # Load again: a batch is no snapshot, and the stored answer must not mix states from before and after.
            found = work.load(*refs)
            return Billed(found.get(subscription_ref), found.require(invoice_ref), found.require(payment_ref))
        attempt = Attempt(payment, found.require(invoice_ref), found.get(subscription_ref))
        if payment.never_sent:
            attempt, result = self.collector.send_again(work, attempt, point)
        else:
            result = self.collector.resolve(work, payment)
        attempt = self.collector.settle(work, attempt, result, outcome_time(work, payment), SettledBy.REQUEST)
        return Billed(attempt.subscription, attempt.invoice, attempt.payment, result.next_secret)

    def _saved(self, work: Work, before: Subscription | None, after: Subscription) -> Subscription:
        """The subscription saved with its alarm; its event says what happened to it."""
        after = ending(before, after, work.tenant)
        saved = work.save(lifecycle.with_alarm(after, self.shards.of(after)))
        work.emit(lifecycle.event_of(before, saved), saved)
        return saved

    def _saved_after(self, work: Work, before: Subscription | None, after: Subscription) -> Subscription:
        """The subscription, saved if finalizing its invoice changed it; without an event if the change is internal."""
        if after == before:
            return after
        if before is not None and not lifecycle.is_told(before, after):
            return work.save(after)
        return self._saved(work, before, after)


def _with_billed(subscription: Subscription | None, draft: Invoice) -> Subscription | None:
    """The subscription with its billed lines as they are on the invoice."""
    return lifecycle.invoiced(subscription, draft.lines, not draft.tax_waits) if subscription is not None else None


def _as_it_happens(work: Work, context: BillingContext, options: BillingOptions) -> BillingOptions:
    """The options at the time at which it really happens.

    The invoice of a renewal that the sweep comes late to is made for the begin of its period, but numbered, charged and
    dunned from now; on a test clock, now is then.
    """
    if context.customer.test_clock_id is not None or options.at >= work.now:
        return options
    return replace(options, at=work.now)


def _announce(work: Work, issued: _Issued, created: bool = True) -> None:
    if created:
        work.emit(EventType.INVOICE_CREATED, issued.draft)
    if issued.invoice.status is InvoiceStatus.DRAFT:
        return
    work.emit(EventType.INVOICE_FINALIZED, issued.invoice)
    if issued.invoice.status is InvoiceStatus.PAID:
        work.emit(EventType.INVOICE_PAID, issued.invoice)
    if settlement.is_waiting(issued.invoice):
        work.emit(EventType.INVOICE_NOT_CHARGEABLE, issued.invoice)


def _beginning(check: Callable[[Invoice], None] | None) -> Callable[[Invoice], None]:
    """A check, and that a subscription that begins when its first invoice is paid can begin."""

    def checked(invoice: Invoice) -> None:
        if check is not None:
            check(invoice)
        if settlement.is_waiting(invoice) and not invoice.grants_time:
            require_chargeable(invoice.amount_due)

    return checked
