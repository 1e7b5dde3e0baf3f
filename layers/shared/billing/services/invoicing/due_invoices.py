"""What the alarm clock does about invoices: a draft whose time has come is finalized, an open one is dunned."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.due import Due, clock_of
from billing.domain.kernel.errors import TaxJurisdictionUnsupported
from billing.domain.payments.payment import Payment, not_chargeable
from billing.domain.subscriptions.subscription import Subscription
from billing.services.invoicing import offsets
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions
from billing.services.invoicing.dunning import Dunner
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.payments.collection import Collector

_ASK_FOR_TAX_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueInvoices:
    """The use case of the billing worker."""

    biller: Biller
    dunner: Dunner
    collector: Collector

    def bill_invoice(self, work: Work, invoice_id: str, now: datetime) -> Due | None:
        """Do what is due for an invoice: a draft is finalized and charged, an open one is charged again (dunning).

        Returns:
            when it is due next; None when never.
        """
        invoice, due = load_due(work, Invoice, invoice_id, now)
        if invoice is None or due is None:
            return due
        if invoice.spreading is not None:
            return self._spread(work, invoice, due.at if clock_of(due.shard) else now)
        if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
            return work.save(replace(invoice, due=None)).due
        tenant_id = work.tenant.id
        customer_ref = Ref(Customer, tenant_id, invoice.customer_id)
        subscription_ref = Ref(Subscription, tenant_id, invoice.subscription_id or "")
        payment_ref = Ref(Payment, tenant_id, invoice.latest_payment_id or "")
        known = [each for each in (customer_ref, subscription_ref, payment_ref) if each.id]
        found = work.load(*known, *self.biller.refs(work.tenant, invoice.customer_id))
        context = self.biller.context(found, work.tenant, found.require(customer_ref))
        subscription = found.get(subscription_ref)
        at = due.at if clock_of(due.shard) else now
        if invoice.status is InvoiceStatus.DRAFT:
            options = BillingOptions.by_alarm(BillingReason.SUBSCRIPTION_CYCLE, at, due.shard)
            return self._finalize(work, context, invoice, subscription, options)
        if invoice.unchargeable is not None:
            error = not_chargeable(invoice.unchargeable)
            return self.collector.held(work, invoice, subscription, error, at)[0].due
        take = self.dunner.first_step if invoice.dunning is None else self.dunner.step
        return take(work, context, invoice, subscription, found.get(payment_ref), at)

    def _spread(self, work: Work, invoice: Invoice, at: datetime) -> Due | None:
        """Go on with credits that were to come off more invoices than a commit takes, where a run was cut off."""
        ref = Ref(Subscription, work.tenant.id, invoice.subscription_id or "")
        return offsets.go_on(work, self.collector, invoice, work.load(ref).require(ref), at)[0].due

    def _finalize(
        self,
        work: Work,
        context: BillingContext,
        draft: Invoice,
        subscription: Subscription | None,
        options: BillingOptions,
    ) -> Due | None:
        """Finalize a draft; if nobody knows its tax, look again tomorrow: somebody has to correct an address."""
        assert draft.due is not None
        try:
            billed = self.biller.finalize(work, context, draft, subscription, options)
        except TaxJurisdictionUnsupported:
            tomorrow = Due(draft.due.shard, options.at + _ASK_FOR_TAX_EVERY)
            return work.save(replace(draft, tax_waits=True, due=tomorrow)).due
        assert billed.invoice is not None
        return billed.invoice.due
