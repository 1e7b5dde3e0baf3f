"""One-off invoices: made by hand, with lines of the caller's own; and the changes that a draft allows.

create ──> draft ──> (update)* ──> finalize, void          see ``invoicing.transitions``
  └──────> finalized, and charged if that is wanted        in the request, in two commits
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from billing.domain.catalog.coupon import Discount
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.one_off import OneOffLine, check_limits, discounted, priced
from billing.domain.invoicing.terms import OwnTerms, Terms
from billing.domain.kernel.errors import InvalidState, TaxJurisdictionUnsupported, Unavailable, ValidationFailed
from billing.domain.lines.line import InvoiceLine
from billing.domain.payments.payment import SettledBy
from billing.services.catalog import coupons
from billing.services.clocks.customer_time import customer_time
from billing.services.invoicing.biller import Biller, BillingContext, BillingOptions
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Found, Ref, Work

PermitCredit = Callable[[], None]
"""Asked before money is handed out; raises Forbidden where the caller may not issue credit notes."""


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """A one-off invoice as the caller describes it.

    Args:
        customer_id: None for the tenant's default customer.
        currency: if given, it has to be the customer's.
        tax_inclusive: the lines' amounts contain their tax.
        auto_finalize: at once; else it is a draft.
        auto_charge: by the saved method, once it is finalized; else it waits to be paid.
        own: the terms that are said for it alone.
    """

    lines: tuple[OneOffLine, ...]
    customer_id: str | None = None
    currency: str | None = None
    tax_inclusive: bool = False
    coupon_code: str | None = None
    auto_finalize: bool = False
    auto_charge: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    own: OwnTerms = field(default_factory=OwnTerms)


@dataclass(frozen=True, slots=True)
class DraftChanges:
    """What a caller wants changed in a draft; None leaves a field as it is.

    Args:
        lines: instead of those of a one-off invoice.
        add_lines: beside the lines that any draft has.
        tax_inclusive: of the new lines; None as the invoice's other lines are.
        own: of its own terms those that are said, by their names; None takes one back, so that the customer's holds.
    """

    lines: tuple[OneOffLine, ...] | None = None
    add_lines: tuple[OneOffLine, ...] | None = None
    tax_inclusive: bool | None = None
    metadata: dict[str, str] | None = None
    own: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sale:
    """What a one-off invoice is made from."""

    context: BillingContext
    lines: tuple[InvoiceLine, ...]
    at: datetime
    found: Found


@dataclass(frozen=True, slots=True)
class ManualInvoices:
    """The use cases.

    Args:
        biller: finalizes and charges.
    """

    biller: Biller

    def create(self, work: Work, new: NewInvoice, permit_credit: PermitCredit) -> Invoice:
        """A one-off invoice: a draft, or finalized and charged at once.

        Raises:
            Forbidden: its total is below zero, and its maker may not hand out money.
            NotFound: no such customer.
            ValidationFailed: the currency is not the customer's, or amounts cannot be charged in it.
            CouponInvalid, CouponExpired, CouponExhausted: the coupon cannot be redeemed.
            TaxJurisdictionUnsupported: it is to be finalized, and nobody knows what tax is due.
        """
        found = self.load(work, new)
        if isinstance(work.recovery_point, ChargePending):
            finished = self.biller.go_on(work, work.recovery_point).invoice
            assert finished is not None
            return finished
        return self._created(work, new, found, partial(_require_permit, permit_credit))

    def _created(self, work: Work, new: NewInvoice, found: Found, check: Callable[[Invoice], None]) -> Invoice:
        sale = self.sale(work, new, found)
        customer = sale.context.customer
        discount: Discount | None = None
        if new.coupon_code is not None:
            discount = coupons.redeemed(work, found, new.coupon_code, customer, None, customer.currency, sale.at)
        draft = issuing.draft(
            work.tenant,
            customer,
            work.fresh_id("in", sale.at),
            discounted(sale.lines, discount),
            BillingReason.MANUAL,
            sale.at,
            own=new.own,
        )
        draft = replace(draft, coupon=discount, auto_charge=new.auto_charge, metadata=new.metadata)
        if not new.auto_finalize:
            draft = self._taxed_where_known(sale.context, draft, sale.at)
            check(draft)
            return self.biller.keep(work, draft)
        options = BillingOptions(BillingReason.MANUAL, sale.at, SettledBy.REQUEST, off_session=True, check=check)
        return self.biller.bill(work, sale.context, draft, options)

    def load(self, work: Work, new: NewInvoice) -> Found:
        """The one batch with everything that a one-off invoice needs."""
        tenant = work.tenant
        customer_id = new.customer_id or tenant.default_customer_id
        refs: list[Ref[Any]] = [Ref(Customer, tenant.id, customer_id), *self.biller.refs(tenant, customer_id)]
        if new.coupon_code is not None:
            refs += coupons.refs(tenant.id, new.coupon_code, customer_id)
        return work.load(*refs)

    def sale(self, work: Work, new: NewInvoice, found: Found) -> Sale:
        """What a one-off invoice is made from, out of ``load``.

        Raises:
            NotFound, ValidationFailed: see ``create``.
        """
        tenant = work.tenant
        customer = found.require(Ref(Customer, tenant.id, new.customer_id or tenant.default_customer_id))
        if new.currency is not None and new.currency != customer.currency:
            raise ValidationFailed.of(
                "currency", "currency_mismatch", f"The customer is billed in {customer.currency}, not {new.currency}"
            )
        lines = priced(new.lines, customer.currency, new.tax_inclusive)
        check_limits(lines)
        return Sale(self.biller.context(found, tenant, customer), lines, customer_time(work, customer), found)

    def update(self, work: Work, invoice_id: str, changes: DraftChanges, permit_credit: PermitCredit) -> Invoice:
        """A draft with other lines, more lines, other terms or metadata, and the tax that follows from them.

        Raises:
            Forbidden: its new total is below zero, and its maker may not hand out money.
            NotFound: no such invoice.
            InvalidState: it is no draft any more.
            ValidationFailed: a subscription's lines are to be replaced; or see ``create``.
        """
        ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(ref).require(ref)
        if invoice.status is not InvoiceStatus.DRAFT:
            raise InvalidState.of("invoice", invoice.status, "changed")
        after = self._on_other_terms(work, invoice, changes.own) if changes.own else invoice
        if changes.lines is not None or changes.add_lines is not None:
            after = self._relined(work, after, _lines_after(invoice, changes))
            _require_permit(permit_credit, after)
        if changes.metadata is not None:
            after = replace(after, metadata=changes.metadata)
        return work.save(after) if after != invoice else invoice

    @staticmethod
    def _on_other_terms(work: Work, invoice: Invoice, own: dict[str, Any]) -> Invoice:
        customer_ref = Ref(Customer, work.tenant.id, invoice.customer_id)
        customer = work.load(customer_ref).require(customer_ref)
        before = invoice.terms or Terms()
        terms = replace(before, own=replace(before.own, **own))
        return issuing.as_of_now(replace(invoice, terms=terms), work.tenant, customer)

    def _relined(self, work: Work, invoice: Invoice, lines: tuple[InvoiceLine, ...]) -> Invoice:
        tenant = work.tenant
        customer_ref = Ref(Customer, tenant.id, invoice.customer_id)
        found = work.load(customer_ref, *self.biller.refs(tenant, invoice.customer_id))
        customer = found.require(customer_ref)
        # A credit's taxes are a share of what it gives back, whatever is due today.
        named = [
            replace(line, id=f"{invoice.id}-{n}")
            if line.credits
            else replace(line, id=f"{invoice.id}-{n}", taxes=(), untaxed=())
            for n, line in enumerate(lines, 1)
        ]
        draft = issuing.with_lines(invoice, named)
        return self._taxed_where_known(
            self.biller.context(found, tenant, customer), draft, customer_time(work, customer)
        )

    def _taxed_where_known(self, context: BillingContext, draft: Invoice, at: datetime) -> Invoice:
        """The draft with its tax; without it if the tax is not known yet, as it is asked again at finalization."""
        try:
            return self.biller.taxed(context, draft, at)
        except (Unavailable, TaxJurisdictionUnsupported):
            return replace(draft, tax_waits=True)


def _require_permit(permit_credit: PermitCredit, invoice: Invoice) -> None:
    """Below zero an invoice pays into its customer's balance, as a credit note does: that takes who may issue one."""
    if invoice.total.is_negative:
        permit_credit()


def _lines_after(invoice: Invoice, changes: DraftChanges) -> tuple[InvoiceLine, ...]:
    """The lines of a draft after a change; its coupon is taken off the new ones as it was off the old."""
    by_hand = invoice.reason is BillingReason.MANUAL
    if changes.lines is not None and not by_hand:
        raise ValidationFailed.of(
            "lines", "only_on_one_off_invoices", "What a subscription bills stays; addLines puts lines beside it"
        )
    inclusive = changes.tax_inclusive
    if inclusive is None:
        inclusive = bool(invoice.lines) and invoice.lines[0].tax_inclusive
    name = "lines" if changes.lines is not None else "addLines"
    added = priced(changes.lines or changes.add_lines or (), invoice.currency, inclusive, name)
    lines = added if changes.lines is not None else (*invoice.lines, *added)
    check_limits(lines, name)
    return discounted(lines, invoice.coupon) if by_hand else lines
