"""Previews: a subscription's next invoice, and a one-off invoice as it would be. Nothing is written."""

from dataclasses import dataclass

from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.one_off import discounted
from billing.domain.subscriptions.subscription import Subscription
from billing.services.catalog import coupons
from billing.services.catalog.plans import plan_ref_of
from billing.services.invoicing import foreseen
from billing.services.invoicing.biller import Biller
from billing.services.invoicing.one_off import ManualInvoices, NewInvoice
from billing.services.kernel.work import Ref, Work


@dataclass(frozen=True, slots=True)
class InvoicePreviews:
    """The use cases."""

    biller: Biller
    manual: ManualInvoices

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
            *self.biller.usage.refs(tenant, subscription),
        )
        context = self.biller.context(found, tenant, found.require(customer_ref))
        return foreseen.next_of(work, self.biller, context, subscription, found.require(plan_ref)).invoice

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
        return foreseen.of_lines(work, self.biller, sale.context, discounted(sale.lines, discount), sale.at).invoice
