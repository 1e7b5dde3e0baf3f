"""Invoices: read, list, pay by a saved method, and as a printable document."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from billing.domain.customer import Customer, PaymentMethod
from billing.domain.errors import (
    AuthenticationRequired,
    BillingError,
    Detail,
    InsufficientFunds,
    InvalidState,
    LostRace,
    PaymentDeclined,
    PaymentMethodInvalid,
    Unavailable,
)
from billing.domain.invoicing import Invoice, InvoiceStatus, PartySnapshot
from billing.domain.money import Money
from billing.domain.payment import Payment, PaymentError, PaymentStatus, SettledBy
from billing.domain.subscription import Subscription
from billing.services.clocks import customer_time
from billing.services.collection import Case, Collector
from billing.services.documents import DocumentLine, InvoiceDocument, Party, TaxLine
from billing.services.methods import usable
from billing.services.ports import Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices of a tenant a list shows."""

    customer_id: str | None = None
    subscription_id: str | None = None
    status: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of a request to pay an invoice."""

    payment: Payment
    invoice: Invoice
    client_secret: str | None


def get(work: Work, invoice_id: str) -> Invoice:
    """An invoice of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Invoice, work.tenant.id, invoice_id)
    return work.load(ref).require(ref)


def page(work: Work, wanted: InvoiceFilter, limit: int, cursor: str | None) -> Page[Invoice]:
    """A page of the tenant's invoices, newest first; a subscription narrows more than a customer does."""
    index, value = None, None
    filters = {"status": wanted.status} if wanted.status else {}
    if wanted.subscription_id:
        index, value = "subscription", wanted.subscription_id
    elif wanted.customer_id:
        index, value = "customer", wanted.customer_id
    if wanted.subscription_id and wanted.customer_id:
        filters["customer"] = wanted.customer_id
    return work.query(
        Query(
            Invoice,
            index=index,
            value=value,
            filters=filters,
            created_from=wanted.created_from,
            created_to=wanted.created_to,
            limit=limit,
            start=cursor,
        )
    )


def document(invoice: Invoice) -> InvoiceDocument:
    """What is printed of an invoice."""
    lines = tuple(
        DocumentLine(
            description=line.description,
            quantity=line.quantity,
            unit_amount=None if line.unit_amount is None else Money(line.unit_amount, invoice.currency),
            amount=line.amount,
            period_start=line.period.start if line.period else None,
            period_end=line.period.end if line.period else None,
            proration=line.proration,
            discount=line.discount,
        )
        for line in invoice.lines
    )
    return InvoiceDocument(
        number=invoice.number,
        status=invoice.status.value,
        issued_at=invoice.finalized_at,
        due_at=invoice.finalized_at,
        currency=invoice.currency,
        timezone=invoice.timezone,
        seller=party(invoice.seller),
        buyer=party(invoice.buyer),
        lines=lines,
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        taxes=_taxes(invoice),
        tax=invoice.tax,
        total=invoice.total,
        balance_applied=invoice.balance_applied,
        amount_credited=invoice.amount_credited,
        amount_paid=invoice.amount_paid,
        amount_due=invoice.amount_due,
        paid_at=invoice.paid_at,
        notes="\n".join(invoice.notes) or None,
        test_mode=invoice.test_mode,
    )


def party(snapshot: PartySnapshot) -> Party:
    """A seller or buyer as a document names them."""
    lines = snapshot.address.lines() if snapshot.address else ()
    return Party(name=snapshot.name, address_lines=lines, tax_id=snapshot.tax_id, email=snapshot.email)


def _taxes(invoice: Invoice) -> tuple[TaxLine, ...]:
    """One line for each tax and rate: the sum over the invoice's lines."""
    sums: dict[tuple[str, Decimal, bool], TaxLine] = {}
    for tax in (tax for line in invoice.lines for tax in line.taxes):
        key = (tax.name, tax.rate_percent, tax.inclusive)
        before = sums.get(key)
        amount = tax.amount + before.amount if before else tax.amount
        sums[key] = TaxLine(tax.name, tax.rate_percent, amount, tax.inclusive)
    return tuple(sums.values())


@dataclass(frozen=True, slots=True)
class InvoicePayments:
    """Paying an open invoice by a saved method, on demand."""

    collector: Collector

    def pay(self, work: Work, invoice_id: str, payment_method_id: str | None) -> Paid:
        """Charge an open invoice now, or one that was given up as uncollectible.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is neither, or an earlier charge of it is still undecided.
            PaymentMethodInvalid: there is no method to charge, or it is another customer's.
        """
        tenant_id = work.tenant.id
        invoice_ref = Ref(Invoice, tenant_id, invoice_id)
        found = work.load(invoice_ref)
        invoice = found.require(invoice_ref)
        if work.progress is not None:
            return self._go_on(work, work.progress, invoice)
        if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
            raise InvalidState.of("invoice", invoice.status, "paid")
        return self._charge(work, invoice, payment_method_id)

    def _charge(self, work: Work, invoice: Invoice, payment_method_id: str | None) -> Paid:
        tenant_id = invoice.tenant_id
        customer_ref = Ref(Customer, tenant_id, invoice.customer_id)
        latest_ref = Ref(Payment, tenant_id, invoice.latest_payment_id or "")
        subscription_ref = Ref(Subscription, tenant_id, invoice.subscription_id or "")
        method_ref = Ref(PaymentMethod, tenant_id, payment_method_id or "")
        refs = [ref for ref in (customer_ref, latest_ref, subscription_ref, method_ref) if ref.id]
        found = work.load(*refs)
        customer = found.require(customer_ref)
        at = customer_time(work, customer)
        subscription = found.get(subscription_ref)
        latest = found.get(latest_ref)
        if latest is not None:
            if latest.status in (PaymentStatus.PENDING, PaymentStatus.PROCESSING):
                raise InvalidState.of("payment", latest.status, "followed by another charge")
            if latest.status is PaymentStatus.SUCCEEDED:
                raise LostRace("The invoice was paid while it was being read")
            case = self.collector.withdraw(work, Case(latest, invoice, subscription), at)
            if case.payment.status is PaymentStatus.SUCCEEDED:
                return Paid(case.payment, case.invoice, None)
            invoice, subscription = case.invoice, case.subscription
        customer, method_id, subscription = self._method(
            work, customer, subscription, payment_method_id, found.get(method_ref)
        )
        payment, invoice = self.collector.attempt(work, invoice, customer, method_id, at, off_session=True)
        work.checkpoint({"payment": payment.id})
        result = self.collector.charge(payment)
        case = self.collector.settle(work, Case(payment, invoice, subscription), result, at, SettledBy.REQUEST)
        return Paid(case.payment, case.invoice, result.client_secret)

    def _method(
        self,
        work: Work,
        customer: Customer,
        subscription: Subscription | None,
        wanted: str | None,
        known: PaymentMethod | None,
    ) -> tuple[Customer, str, Subscription | None]:
        """What to charge: the method that is named, or the subscription's, or the customer's default.

        A method that is named for an invoice of a subscription is the subscription's from now on: the old one has
        just failed.
        """
        if wanted is not None:
            customer, method = usable(work, self.collector.processor, customer, wanted, known)
            if subscription is not None and subscription.payment_method_id != method.id:
                subscription = work.save(replace(subscription, payment_method_id=method.id))
            return customer, method.id, subscription
        own = subscription.payment_method_id if subscription is not None else None
        method_id = own or customer.default_payment_method_id
        if method_id is None or customer.stripe_customer_id is None:
            raise PaymentMethodInvalid("The customer has no payment method")
        return customer, method_id, subscription

    def _go_on(self, work: Work, progress: dict[str, str], invoice: Invoice) -> Paid:
        """Go on from the first commit of an earlier run."""
        payment_ref = Ref(Payment, invoice.tenant_id, progress["payment"])
        subscription_ref = Ref(Subscription, invoice.tenant_id, invoice.subscription_id or "")
        # The invoice again: it was read before the earlier run's progress was, and may be older than the payment.
        invoice_ref = Ref(Invoice, invoice.tenant_id, invoice.id)
        refs = [ref for ref in (payment_ref, invoice_ref, subscription_ref) if ref.id]
        found = work.load(*refs)
        payment, invoice = found.require(payment_ref), found.require(invoice_ref)
        if payment.status.is_final:
            # Again: a batch is no snapshot, and the answer that is stored now may not mix before and after.
            return Paid(payment, work.load(invoice_ref).require(invoice_ref), None)
        result = self.collector.resolve(work, payment)
        case = Case(payment, invoice, found.get(subscription_ref))
        case = self.collector.settle(work, case, result, payment.created_at, SettledBy.REQUEST)
        return Paid(case.payment, case.invoice, result.client_secret)


def failure(paid: Paid) -> BillingError | None:
    """The error that the payer's side gets for a charge that did not go through; None for one that did.

    What was written stays written: this is the answer, not a rollback.
    """
    payment = paid.payment
    if payment.status is PaymentStatus.PENDING:
        return Unavailable("The card processor gave no answer; the payment will be looked up", retry_after_s=30)
    if payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
        return None
    error = payment.error or PaymentError("payment.declined", "The payment did not go through.")
    details = (Detail("declineCode", error.decline_code or "generic_decline"),)
    for kind in (InsufficientFunds, AuthenticationRequired, PaymentMethodInvalid):
        if kind.code == error.code:
            return kind(error.message, details)
    return PaymentDeclined(error.message, details)
