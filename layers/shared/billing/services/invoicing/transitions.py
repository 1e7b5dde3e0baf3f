"""What a tenant may decide about an invoice: finalize a draft now, void it, or write it off as bad debt."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.errors import InvalidState, LostRace
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment, PaymentStatus, SettledBy
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.clocks.customer_time import customer_time
from billing.services.clocks.shards import DueShards
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions
from billing.services.invoicing.voiding import void
from billing.services.kernel.recovery import ChargePending, CreditsPending
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Found, Ref, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.payments.standing import follow_invoice


@dataclass(frozen=True, slots=True)
class InvoiceTransitions:
    """The use cases."""

    biller: Biller
    collector: Collector
    shards: DueShards

    def finalize(self, work: Work, invoice_id: str) -> Invoice:
        """Finalize a draft now, whatever it waited for, and charge it if it is to be charged automatically.

        A charge that fails leaves it open, with the payment's error, and starts dunning.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is no draft.
            Unavailable, TaxJurisdictionUnsupported: its tax is not known; it stays a draft.
        """
        ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(ref).require(ref)
        if isinstance(work.recovery_point, ChargePending | CreditsPending):
            finished = self.biller.go_on(work, work.recovery_point).invoice
            assert finished is not None
            return finished
        if invoice.status is not InvoiceStatus.DRAFT:
            raise InvalidState.of("invoice", invoice.status, "finalized")
        found = self._about(work, invoice, *self.biller.refs(work.tenant, invoice.customer_id))
        customer = found.require(_customer_ref(invoice))
        options = BillingOptions(invoice.reason, customer_time(work, customer), SettledBy.REQUEST, off_session=True)
        context = self.biller.context(found, work.tenant, customer)
        billed = self.biller.finalize(work, context, invoice, found.get(_subscription_ref(invoice)), options)
        assert billed.invoice is not None
        return billed.invoice

    def void(self, work: Work, invoice_id: str) -> Invoice | Refused:
        """A draft or open invoice made void; refused, where its payer was faster: then it is in the books as paid.

        The customer's balance gets back what the invoice had used of it. The subscription is no longer past due if
        this was its last unpaid invoice; one that never began ends here, as nobody will pay for its beginning. What
        the invoice gave back of others waits for the next invoice; if the subscription has ended, it is billed at once.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is neither draft nor open, something was paid, credited or given back on it, or it has a
                payment that is undecided.
        """
        ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(ref).require(ref)
        found = self._about(work, invoice, *self.biller.refs(work.tenant, invoice.customer_id))
        customer = found.require(_customer_ref(invoice))
        at = customer_time(work, customer, of_the_past=True)
        before = found.get(_subscription_ref(invoice))
        settlement.void(invoice, at, before.pending if before else ())  # refused before its payment is taken back
        invoice, subscription = self._withdrawn(work, found, invoice, at)
        if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
            return Refused(InvalidState.of("invoice", invoice.status, "voided"))
        voided = void(work, invoice, subscription, at)
        after = self._follow(work, subscription, voided, at)
        if after is not None and after.state is SubscriptionState.CANCELED and after.pending:
            self._owed_again(work, self._context(work, found, customer), after, at)
        return voided

    def uncollectible(self, work: Work, invoice_id: str) -> Invoice:
        """Write an open invoice off as bad debt; it can still be paid.

        Its subscription is no longer past due because of it; anything else about the subscription is up to the tenant.
        The first invoice of a subscription that has not begun is no debt, as nothing was delivered yet: void it.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is not open, or its subscription is incomplete.
        """
        ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(ref).require(ref)
        if invoice.status is not InvoiceStatus.OPEN:
            raise InvalidState.of("invoice", invoice.status, "marked uncollectible")
        found = self._about(work, invoice)
        subscription = found.get(_subscription_ref(invoice))
        if subscription is not None and subscription.state is SubscriptionState.INCOMPLETE:
            raise InvalidState.of("subscription", subscription.state, "given up as a bad debt; void the invoice")
        at = customer_time(work, found.require(_customer_ref(invoice)), of_the_past=True)
        given_up, entry = settlement.uncollectible(invoice, at)
        work.save(entry)
        given_up = work.save(given_up)
        work.emit(EventType.INVOICE_UNCOLLECTIBLE, given_up)
        if subscription is not None:
            follow_invoice(work, subscription, given_up, at, self.shards)
        return given_up

    def _withdrawn(
        self, work: Work, found: Found, invoice: Invoice, at: datetime
    ) -> tuple[Invoice, Subscription | None]:
        """The invoice and its subscription, after a payment that could still be completed was canceled."""
        subscription = found.get(_subscription_ref(invoice))
        payment = found.get(_payment_ref(invoice))
        if payment is None:
            return invoice, subscription
        if payment.status is PaymentStatus.SUCCEEDED and not payment.amount_differs:
            raise LostRace("The invoice was paid while it was being read")
        attempt = self.collector.decided(work, Attempt(payment, invoice, subscription), at)
        if attempt.payment.is_undecided:
            raise InvalidState.of("payment", attempt.payment.status, "given up")
        attempt = self.collector.withdraw(work, attempt, at)
        return attempt.invoice, attempt.subscription

    def _follow(
        self, work: Work, subscription: Subscription | None, voided: Invoice, at: datetime
    ) -> Subscription | None:
        if subscription is None or subscription.state is not SubscriptionState.INCOMPLETE:
            return follow_invoice(work, subscription, voided, at, self.shards)
        ended = work.save(lifecycle.ended(subscription, at))
        work.emit(EventType.SUBSCRIPTION_CANCELED, ended)
        return ended

    def _context(self, work: Work, found: Found, customer: Customer) -> BillingContext:
        """The context as it is now: voiding may have given the customer's balance back what was used of it."""
        context = self.biller.context(found, work.tenant, customer)
        ref = Ref(Balance, work.tenant.id, customer.id)
        return replace(context, balance=work.load(ref).get(ref) or context.balance)

    def _owed_again(self, work: Work, context: BillingContext, subscription: Subscription, at: datetime) -> None:
        """Bill what a void invoice gave back, if no next invoice of its subscription will come."""
        step = Step(replace(subscription, pending=()), (), subscription.pending)
        options = BillingOptions(
            BillingReason.SUBSCRIPTION_CANCEL, at, SettledBy.REQUEST, off_session=True, patient=True
        )
        self.biller.carry_out(work, context, subscription, step, options, work.fresh_id("in", at))

    @staticmethod
    def _about(work: Work, invoice: Invoice, *also: Ref[Any]) -> Found:
        """The invoice's customer, subscription and latest payment, in one batch."""
        refs: list[Ref[Any]] = [_customer_ref(invoice), _subscription_ref(invoice), _payment_ref(invoice)]
        return work.load(*(ref for ref in refs if ref.id), *also)


def _customer_ref(invoice: Invoice) -> Ref[Customer]:
    return Ref(Customer, invoice.tenant_id, invoice.customer_id)


def _subscription_ref(invoice: Invoice) -> Ref[Subscription]:
    return Ref(Subscription, invoice.tenant_id, invoice.subscription_id or "")


def _payment_ref(invoice: Invoice) -> Ref[Payment]:
    return Ref(Payment, invoice.tenant_id, invoice.latest_payment_id or "")
