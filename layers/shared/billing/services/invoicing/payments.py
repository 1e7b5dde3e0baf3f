"""Paying an invoice, by a saved method or in a form.

Whatever may be refused comes first: the invoice's state, the method, the attachment of a new card, the new form. Only
then is a form canceled that the payer may have open, and the charge made.
"""

from dataclasses import dataclass, replace

from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import require_chargeable
from billing.domain.kernel.errors import InvalidState, PaymentMethodInvalid, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentError, PaymentStatus, SettledBy
from billing.domain.subscriptions.subscription import Subscription
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.invoicing import queries
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Ref, Work
from billing.services.payments import checkout
from billing.services.payments.attempt import Attempt, PayableInvoice, load_attempt
from billing.services.payments.collection import Collector
from billing.services.payments.methods import at_stripe, usable
from billing.services.payments.processor import CardDeclined, CardProcessor, Checkout, OpenedIntent, Page


@dataclass(frozen=True, slots=True)
class Paid:
    """The outcome of a request to pay an invoice, with the client secret if the payer has to go on."""

    payment: Payment
    invoice: Invoice
    client_secret: str | None


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
        method_ref = Ref(PaymentMethod, invoice.tenant_id, payment_method_id or "")
        due = self._due_for_payment(work, invoice, method_ref)
        if isinstance(due, Paid):
            return due
        try:
            due, method_id = self._method(work, due, payment_method_id)
        except CardDeclined as declined:
            return self._declined(work, due, payment_method_id or "", declined.error, off_session)
        due = self._withdrawn(work, due)  # from here on nothing is refused any more
        if isinstance(due, Paid):
            return due
        payment, invoice = self.collector.attempt(work, due.invoice, due.customer, method_id, due.at, off_session)
        work.checkpoint(ChargePending(payment.id))
        result = self.collector.charge_now(payment)
        attempt = self.collector.settle(
            work, Attempt(payment, invoice, due.subscription), result, due.at, SettledBy.REQUEST
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

        def open_form(customer: Customer) -> tuple[Payment, OpenedIntent]:
            return self.collector.form(work, due.invoice, customer, due.at, save_method)

        # The new form first, because it may be refused; then the old one is canceled.
        _, (payment, opened) = at_stripe(work, self.processor, due.customer, open_form)
        cleared = self._withdrawn(work, due)
        if isinstance(cleared, Paid):
            return cleared
        payment, invoice = self.collector.await_payer(work, cleared.invoice, payment)
        return Paid(payment, invoice, opened.client_secret)

    def checkout(self, work: Work, invoice_id: str, page: Page) -> Paid | Checkout:
        """Have a payer who is present pay an open invoice on a page of Stripe's, within a day.

        Who asks again, in another window or by a second click, is led to the page that is open already: an invoice has
        one at a time, so that it is paid once.

        Args:
            page: how it looks, and where it leads.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is neither open nor uncollectible, or an earlier charge of it is still undecided.
            ValidationFailed: it asks for what no card can be charged.
            Unavailable: the card processor is down; nothing is written.
        """
        invoice_ref = Ref(Invoice, work.tenant.id, invoice_id)
        due = self._due_for_payment(work, work.load(invoice_ref).require(invoice_ref))
        if isinstance(due, Paid):
            return due
        opened = self._open_already(work, due)
        if opened is not None:
            return opened

        def open_page(customer: Customer) -> tuple[Payment, Checkout]:
            return checkout.open_page(work, self.collector, due, customer, page)

        # As with a form: the new page first, because it may be refused; then what was open before is taken back.
        _, (payment, made) = at_stripe(work, self.processor, due.customer, open_page)
        cleared = self._withdrawn(work, due)
        if isinstance(cleared, Paid):
            return cleared
        self.collector.await_payer(work, cleared.invoice, payment)
        return made

    def _open_already(self, work: Work, due: PayableInvoice) -> Paid | Checkout | None:
        """The page that is open for what the invoice asks for; or what was paid on it, of which nobody has told yet."""
        latest = due.latest
        if latest is None or not checkout.is_on_page(latest) or latest.amount != due.invoice.amount_due:
            return None
        state = self.processor.checkout_state(latest.checkout_session_id or "")
        if state.url is not None:
            return state
        if state.result.status is PaymentStatus.CANCELED:
            return None
        attempt = Attempt(latest, due.invoice, due.subscription)
        attempt = self.collector.settle(work, attempt, state.result, due.at, SettledBy.REQUEST)
        return Paid(attempt.payment, attempt.invoice, None)

    def looked_up(self, work: Work, invoice_id: str) -> Invoice:
        """The invoice, after Stripe was asked what became of the page on which its payer was.

        The payer may be back before the webhook; whoever is first settles, and the other finds nothing to do.

        Raises:
            NotFound: no such invoice.
            Unavailable: the card processor cannot be asked just now.
        """
        invoice_ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(invoice_ref).require(invoice_ref)
        if invoice.latest_payment_id is None:
            return invoice
        attempt, _ = load_attempt(
            work, invoice.tenant_id, invoice.latest_payment_id, invoice.id, invoice.subscription_id
        )
        if attempt is None or not checkout.is_on_page(attempt.payment):
            return invoice
        result = self.processor.checkout_state(attempt.payment.checkout_session_id or "").result
        at = outcome_time(work, attempt.payment)
        return self.collector.settle(work, attempt, result, at, SettledBy.REQUEST).invoice

    def _due_for_payment(
        self, work: Work, invoice: Invoice, method_ref: Ref[PaymentMethod] | None = None
    ) -> PayableInvoice | Paid:
        """The invoice with everything that its next attempt needs; or paid, if an attempt that was parked had paid it.

        Nothing outside is changed. A form that its payer has open is still there: ``_withdrawn`` cancels it.
        """
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
        customer, subscription, latest = found.require(customer_ref), found.get(subscription_ref), found.get(latest_ref)
        at = customer_time(work, customer)
        queries.require_one_moment(invoice, latest)
        if latest is not None:
            attempt = self.collector.decided(work, Attempt(latest, invoice, subscription), at)
            if attempt.payment.is_undecided:
                raise InvalidState.of("payment", attempt.payment.status, "followed by another charge")
            latest, invoice, subscription = attempt.payment, attempt.invoice, attempt.subscription
            if latest.status is PaymentStatus.SUCCEEDED and invoice.status is InvoiceStatus.PAID:
                return Paid(latest, invoice, None)
        method = found.get(method_ref) if method_ref is not None else None
        return PayableInvoice(invoice, customer, subscription, latest, method, at)

    def _withdrawn(self, work: Work, due: PayableInvoice) -> PayableInvoice | Paid:
        """The invoice with no other attempt under way; or paid, if the payer of an earlier attempt was faster."""
        if due.latest is None:
            return due
        attempt = Attempt(due.latest, due.invoice, due.subscription)
        attempt = self.collector.withdraw(work, attempt, due.at, replaced=True)
        if attempt.payment.status is PaymentStatus.SUCCEEDED and attempt.payment is not due.latest:
            return Paid(attempt.payment, attempt.invoice, None)
        return replace(due, invoice=attempt.invoice, subscription=attempt.subscription, latest=attempt.payment)

    def _declined(self, work: Work, due: PayableInvoice, method_id: str, why: PaymentError, off_session: bool) -> Paid:
        """An attempt by a new card that its bank declined when it was attached: it failed, and changed nothing else."""
        ref = Ref(Customer, due.customer.tenant_id, due.customer.id)
        due = replace(due, customer=work.load(ref).require(ref))  # as Stripe has it now
        attempt = self.collector.declined(work, due, method_id, why, off_session)
        return Paid(attempt.payment, attempt.invoice, None)

    def _method(self, work: Work, due: PayableInvoice, wanted: str | None) -> tuple[PayableInvoice, str]:
        """What to charge: the named method, or the subscription's, or the customer's default.

        A method named for a subscription's invoice becomes the subscription's own, because its old one has just failed.

        Raises:
            PaymentMethodInvalid: there is none, or it is another customer's, or cannot be attached.
            CardDeclined: its bank declined it.
        """
        customer, subscription = due.customer, due.subscription
        if wanted is not None:
            customer, method = usable(work, self.processor, customer, wanted, due.method)
            if subscription is not None and subscription.payment_method_id != method.id:
                subscription = work.save(replace(subscription, payment_method_id=method.id))
            return replace(due, customer=customer, subscription=subscription), method.id
        own = subscription.payment_method_id if subscription is not None else None
        method_id = own or customer.default_payment_method_id
        if method_id is None or customer.stripe_customer_id is None:
            raise PaymentMethodInvalid("The customer has no payment method")
        return due, method_id

    def _go_on(self, work: Work, point: ChargePending, invoice: Invoice) -> Paid:
        """Go on from the first commit of an earlier run."""
        payment_ref = Ref(Payment, invoice.tenant_id, point.payment_id)
        subscription_ref = Ref(Subscription, invoice.tenant_id, invoice.subscription_id or "")
        # The invoice again: it was read before the earlier run's recovery point was, and may be older than the payment.
        invoice_ref = Ref(Invoice, invoice.tenant_id, invoice.id)
        refs = [ref for ref in (payment_ref, invoice_ref, subscription_ref) if ref.id]
        found = work.load(*refs)
        payment, invoice = found.require(payment_ref), found.require(invoice_ref)
        if payment.status.is_final and not payment.never_sent:
            # Again: a batch is no snapshot, and the answer that is stored now may not mix before and after.
            secret = self.collector.secret_of(payment)
            return Paid(payment, work.load(invoice_ref).require(invoice_ref), secret)
        attempt = Attempt(payment, invoice, found.get(subscription_ref))
        if payment.never_sent:
            attempt, result = self.collector.send_again(work, attempt, point)
        else:
            result = self.collector.resolve(work, payment)
        attempt = self.collector.settle(work, attempt, result, outcome_time(work, payment), SettledBy.REQUEST)
        return Paid(
            attempt.payment, attempt.invoice, result.next_secret if payment.off_session else result.client_secret
        )


def _require_same(invoice: Invoice, amount: Money) -> None:
    if amount.currency != invoice.currency:
        raise ValidationFailed.of("currency", "differs_from_the_invoice", f"The invoice is in {invoice.currency}")
    if amount != invoice.amount_due:
        raise ValidationFailed.of("amount", "differs_from_the_invoice", f"The invoice asks for {invoice.amount_due}")
