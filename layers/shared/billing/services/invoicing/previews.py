"""Previews: a subscription's next invoice, and a one-off invoice as it would be. Nothing is written."""

from dataclasses import dataclass

from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.one_off import discounted
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.subscriptions.upcoming import next_step, require_invoiced
from billing.services.catalog import coupons
from billing.services.catalog.plans import plan_ref_of
from billing.services.invoicing import giving_back
from billing.services.invoicing.biller import Biller
from billing.services.invoicing.one_off import ManualInvoices, NewInvoice
from billing.services.kernel.work import Ref, Work
from billing.services.usage.closing import Closing, UsageCloser


@dataclass(frozen=True, slots=True)
class InvoicePreviews:
    """The use cases."""

    biller: Biller
    manual: ManualInvoices
    usage: UsageCloser

    def next_of_subscription(self, work: Work, subscription_id: str) -> Invoice:
        """The next invoice of a subscription if nothing changes and nothing more is used until then.

        Raises:
            NotFound: no such subscription.
            InvalidState: no invoice will come: it is canceled, incomplete, or paused for no certain time.
            Unavailable, TaxJurisdictionUnsupported: its tax is not known.
        """
        tenant = work.tenant
        ref = Ref(Subscription, tenant.id, subscription_id)
        subscription = work.load(ref).require(ref)
        customer_ref, plan_ref = Ref(Customer, tenant.id, subscription.customer_id), plan_ref_of(subscription)
        found = work.load(
            customer_ref,
            plan_ref,
            *self.biller.refs(tenant, subscription.customer_id),
            *self.usage.refs(tenant, subscription),
        )
        plan, customer = found.require(plan_ref), found.require(customer_ref)
        upcoming = next_step(subscription, plan, customer.timezone)
        used = self.usage.so_far(work, found, Closing(upcoming.before, plan, upcoming.at))
        limited = giving_back.previewed(work, found, subscription, used.on(upcoming.step)).step
        step, at = require_invoiced(subscription, limited), upcoming.at
        context = self.biller.context(found, tenant, customer)
        return self.biller.preview(work, context, step.invoiced, at, step.subscription)

    def one_off(self, work: Work, new: NewInvoice) -> Invoice:
        """A one-off invoice, its coupon taken off but not redeemed.

        Raises:
            NotFound, ValidationFailed, CouponInvalid, CouponExpired, CouponExhausted: see ``ManualInvoices.create``.
            Unavailable, TaxJurisdictionUnsupported: its tax is not known.
        """
        sale = self.manual.sale(work, new, self.manual.load(work, new))
        customer = sale.context.customer
        discount = None
        if new.coupon_code is not None:
            discount = coupons.previewed(sale.found, new.coupon_code, customer, None, customer.currency, sale.at)
        return self.biller.preview(work, sale.context, discounted(sale.lines, discount), sale.at)
