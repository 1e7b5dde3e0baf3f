"""Paying an invoice, by a saved method or in a form; and how a charge that did not go through is answered."""

from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import Unchargeable, not_chargeable, require_chargeable
from billing.domain.kernel.errors import (
    AuthenticationRequired,
    BillingError,
    Detail,
    InsufficientFunds,
    InvalidState,
    LostRace,
    PaymentDeclined,
    PaymentMethodInvalid,
    Unavailable,
    ValidationFailed,
)
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import NOT_CHARGEABLE, Payment, PaymentError, PaymentStatus, SettledBy
from billing.domain.subscriptions.subscription import Subscription
from billing.services.clocks.customer_time import customer_time
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Ref, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.payments.methods import at_stripe, usable
from billing.services.payments.processor import CardProcessor, OpenedIntent


@dataclass(frozen=True, slots=True)
class Paid:
    """The outcome of a request to pay an invoice, with the client secret if the payer has to go on."""

    payment: Payment
    invoice: Invoice
    client_secret: str | None


@dataclass(frozen=True, slots=True)
class _DueForPayment:
    """An unpaid invoice without an attempt under way, with all that the next one needs."""

    invoice: Invoice
    customer: Customer
    subscription: Subscription | None
    method: PaymentMethod | None
    at: datetime


@dataclass(frozen=True, slots=True)
class InvoicePayments:
    """Paying an open invoice on demand: by a saved method, or by its payer in a form."""

    collector: Collector
    processor: CardProcessor

    def pay(self, work: Work, invoice_id: str, payment_method_id: str | None, off_session: bool = True) -> Paid:
        """Charge an open invoice now, or one that was given up as uncollectible.

        Args:
            off_session: nobody is there to authenticate the payment.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is neither, or an earlier charge of it is still undecided.
            PaymentMethodInvalid: there is no method to charge, or it is another customer's.
            ValidationFailed: it asks for what no card can be charged.
            Unavailable: the card processor is down; nothing is written.
        """
        tenant_id = work.tenant.id
        invoice_ref = Ref(Invoice, tenant_id, invoice_id)
        return self._pay(work, work.load(invoice_ref).require(invoice_ref), payment_method_id, off_session)

    def _pay(self, work: Work, invoice: Invoice, payment_method_id: str | None, off_session: bool) -> Paid:
        if isinstance(work.recovery_point, ChargePending):
            return self._go_on(work, work.recovery_point, invoice)
        tenant_id = invoice.tenant_id
        method_ref = Ref(PaymentMethod, tenant_id, payment_method_id or "")
        due = self._due_for_payment(work, invoice, method_ref)
        if isinstance(due, Paid):
            return due
        customer, method_id, subscription = self._method(
            work, due.customer, due.subscription, payment_method_id, due.method
        )
        payment, invoice = self.collector.attempt(work, due.invoice, customer, method_id, due.at, off_session)
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge(payment)
        attempt = self.collector.settle(
            work, Attempt(payment, invoice, subscription), result, due.at, SettledBy.REQUEST
        )
        return Paid(attempt.payment, attempt.invoice, result.next_secret if off_session else result.client_secret)

    def intent(
        self, work: Work, invoice_id: str, amount: Money | None, payment_method_id: str | None, save_method: bool
    ) -> Paid:
        """Have a payer who is present pay an open invoice: by a method now, or in a form within a day.

        Args:
            amount: what the caller believes is due, checked if given.
            payment_method_id: what is charged now; None for the payer to choose.
            save_method: keep what it is paid by in the form as a saved method.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is neither open nor uncollectible, or an earlier charge of it is still undecided.
            ValidationFailed: it asks for another amount, or for one that no card can be charged.
            Unavailable: the card processor is down; nothing is written.
        """
        invoice_ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(invoice_ref).require(invoice_ref)
        if amount is not None and not isinstance(work.recovery_point, ChargePending):
            _require_same(invoice, amount)
        if payment_method_id is not None:
            return self._pay(work, invoice, payment_method_id, off_session=False)
        due = self._due_for_payment(work, invoice)
        if isinstance(due, Paid):
            return due

        def open_intent(customer: Customer) -> tuple[Payment, Invoice, OpenedIntent]:
            return self.collector.intent(work, due.invoice, customer, due.at, save_method)

        _, (payment, invoice, opened) = at_stripe(work, self.processor, due.customer, open_intent)
        return Paid(payment, invoice, opened.client_secret)

    def _due_for_payment(
        self, work: Work, invoice: Invoice, method_ref: Ref[PaymentMethod] | None = None
    ) -> "_DueForPayment | Paid":
        """The invoice with no other attempt under way; or paid, if the payer of an earlier attempt was faster."""
        if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
            raise InvalidState.of("invoice", invoice.status, "paid")
        require_chargeable(invoice.amount_due)
        self.processor.ready()
        tenant_id = invoice.tenant_id
        customer_ref = Ref(Customer, tenant_id, invoice.customer_id)
        latest_ref = Ref(Payment, tenant_id, invoice.latest_payment_id or "")
        subscription_ref = Ref(Subscription, tenant_id, invoice.subscription_id or "")
        refs = [ref for ref in (customer_ref, latest_ref, subscription_ref, method_ref) if ref and ref.id]
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
            attempt = self.collector.withdraw(work, Attempt(latest, invoice, subscription), at, replaced=True)
            if attempt.payment.status is PaymentStatus.SUCCEEDED:
                return Paid(attempt.payment, attempt.invoice, None)
            invoice, subscription = attempt.invoice, attempt.subscription
        method = found.get(method_ref) if method_ref is not None else None
        return _DueForPayment(invoice, customer, subscription, method, at)

    def _method(
        self,
        work: Work,
        customer: Customer,
        subscription: Subscription | None,
        wanted: str | None,
        known: PaymentMethod | None,
    ) -> tuple[Customer, str, Subscription | None]:
        """What to charge: the named method, or the subscription's, or the customer's default.

        A method named for a subscription's invoice becomes the subscription's own, because its old one has just failed.
        """
        if wanted is not None:
            customer, method = usable(work, self.processor, customer, wanted, known)
            if subscription is not None and subscription.payment_method_id != method.id:
                subscription = work.save(replace(subscription, payment_method_id=method.id))
            return customer, method.id, subscription
        own = subscription.payment_method_id if subscription is not None else None
        method_id = own or customer.default_payment_method_id
        if method_id is None or customer.stripe_customer_id is None:
            raise PaymentMethodInvalid("The customer has no payment method")
        return customer, method_id, subscription

    def _go_on(self, work: Work, point: ChargePending, invoice: Invoice) -> Paid:
        """Go on from the first commit of an earlier run."""
        payment_ref = Ref(Payment, invoice.tenant_id, point.payment_id)
        subscription_ref = Ref(Subscription, invoice.tenant_id, invoice.subscription_id or "")
        # The invoice again: it was read before the earlier run's recovery point was, and may be older than the payment.
        invoice_ref = Ref(Invoice, invoice.tenant_id, invoice.id)
        refs = [ref for ref in (payment_ref, invoice_ref, subscription_ref) if ref.id]
        found = work.load(*refs)
        payment, invoice = found.require(payment_ref), found.require(invoice_ref)
        if payment.status.is_final:
            # Again: a batch is no snapshot, and the answer that is stored now may not mix before and after.
            secret = self.collector.secret_of(payment)
            return Paid(payment, work.load(invoice_ref).require(invoice_ref), secret)
        result = self.collector.resolve(work, payment)
        attempt = Attempt(payment, invoice, found.get(subscription_ref))
        attempt = self.collector.settle(work, attempt, result, payment.created_at, SettledBy.REQUEST)
        return Paid(
            attempt.payment, attempt.invoice, result.next_secret if payment.off_session else result.client_secret
        )


def failure(payment: Payment, client_secret: str | None) -> BillingError | None:
    """The error to answer with if a charge did not go through; None if it did.

    It is only the answer: the failed attempt stays in the books.

    Args:
        client_secret: with it the payer may go on, where the bank wants authentication.
    """
    if payment.status is PaymentStatus.PENDING:
        return Unavailable("The card processor gave no answer; the payment will be looked up", retry_after_s=30)
    if payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
        return None
    error = payment.error or PaymentError("payment.declined", "The payment did not go through.")
    if error.code == NOT_CHARGEABLE:
        return not_chargeable(payment.amount, Unchargeable(error.decline_code or Unchargeable.TOO_LARGE))
    details = [Detail("declineCode", error.decline_code or "generic_decline"), Detail("paymentId", payment.id)]
    if error.code == AuthenticationRequired.code and client_secret is not None:
        details += [
            Detail("paymentIntentId", payment.stripe_payment_intent_id or ""),
            Detail("clientSecret", client_secret),
        ]
    for kind in (InsufficientFunds, AuthenticationRequired, PaymentMethodInvalid):
        if kind.code == error.code:
            return kind(error.message, tuple(details))
    return PaymentDeclined(error.message, tuple(details))


def _require_same(invoice: Invoice, amount: Money) -> None:
    if amount.currency != invoice.currency:
        raise ValidationFailed.of("currency", "differs_from_the_invoice", f"The invoice is in {invoice.currency}")
    if amount != invoice.amount_due:
        raise ValidationFailed.of("amount", "differs_from_the_invoice", f"The invoice asks for {invoice.amount_due}")
