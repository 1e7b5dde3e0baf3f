"""Collecting an invoice's money: attempt, charge, settle. The attempt is committed before Stripe is called.

    attempt   stage the payment; the caller commits it with the invoice (the first of two commits)
    charge    ask Stripe, under the attempt's key
    settle    stage what follows from Stripe's answer: payment, invoice, subscription, ledger, events

Whoever learns the outcome settles: the request that charged, Stripe's webhook, or the sweep that looks it up.
``settle`` changes nothing that is settled already, so they may come in any order, and any number of times.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain import ledger
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import settlement
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import Unchargeable
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import derived
from billing.domain.payments.payment import (
    AUTHENTICATION_REQUIRED,
    NOT_CHARGEABLE,
    NOT_SENT,
    PAYER_HAS,
    ChargeResult,
    Payment,
    PaymentError,
    PaymentStatus,
    SettledBy,
    attempt_id,
    sent_again,
    with_result,
)
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.services.clocks.shards import DueShards
from billing.services.customers import balances
from billing.services.kernel.recovery import ChargePending
from billing.services.kernel.work import Work
from billing.services.payments import fees
from billing.services.payments.attempt import Attempt, PayableInvoice
from billing.services.payments.idempotency_keys import outside_key
from billing.services.payments.limits import carried, with_less_due
from billing.services.payments.processor import CardProcessor, IntentRequest, OpenedIntent, OutcomeUnknown, References
from billing.services.payments.standing import follow_invoice, save_if_changed, without_dead_method

RESEND_WITHIN = timedelta(hours=23)
"""Stripe knows a key for 24 hours; after that the same request would charge again, so the charge is looked up."""
_PENDING = ChargeResult(PaymentStatus.PENDING, None)
_NOT_SENT = ChargeResult(PaymentStatus.CANCELED, None, NOT_SENT)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects invoices.

    Args:
        processor: Stripe.
        shards: of the due index.
        check_after_s: when an attempt without an outcome is looked up.
    """

    processor: CardProcessor
    shards: DueShards
    check_after_s: int

    def attempt(
        self,
        work: Work,
        invoice: Invoice,
        customer: Customer,
        payment_method_id: str,
        at: datetime,
        off_session: bool,
        due: Due | None = None,
    ) -> tuple[Payment, Invoice]:
        """Stage the invoice's next charge attempt.

        Args:
            at: now, on the customer's clock.
            off_session: nobody is there to authenticate the payment.
            due: when an attempt without an answer is looked up; by default in a minute of the wall clock.
        """
        payment = self.new_attempt(work, invoice, customer, payment_method_id, at, off_session)
        payment = work.save(replace(payment, due=due or self.check_due(payment.id, work.now)))
        # The next dunning step is set if this attempt fails.
        return payment, work.save(replace(settlement.attempted(invoice, payment), due=None))

    def new_attempt(
        self,
        work: Work,
        invoice: Invoice,
        customer: Customer,
        payment_method_id: str | None,
        at: datetime,
        off_session: bool,
    ) -> Payment:
        """The invoice's next attempt, of which nothing is staged yet; the customer has its Stripe id."""
        assert customer.stripe_customer_id is not None
        number = invoice.attempt_count + 1
        return Payment(
            id=attempt_id(invoice.id, invoice.created_at, number),
            tenant_id=invoice.tenant_id,
            customer_id=customer.id,
            amount=invoice.amount_due,
            status=PaymentStatus.PENDING,
            attempt=number,
            idempotency_key=outside_key(work, invoice.tenant_id, "invoice", invoice.id, "attempt", str(number)),
            stripe_customer_id=customer.stripe_customer_id,
            payment_method_id=payment_method_id,
            off_session=off_session,
            created_at=at,
            submitted_at=work.now,
            invoice_id=invoice.id,
            subscription_id=invoice.subscription_id,
            test_clock_id=invoice.test_clock_id,
        )

    def declined(
        self, work: Work, due: PayableInvoice, payment_method_id: str, why: PaymentError, off_session: bool
    ) -> Attempt:
        """Stage an attempt by a new card that its bank declined when it was attached: it failed, at once.

        A form that the invoice's payer has open is not taken back for it, and stays the latest attempt.
        """
        payment = self.new_attempt(work, due.invoice, due.customer, payment_method_id, due.at, off_session)
        after = settlement.attempted(due.invoice, payment)
        if due.latest is not None and due.latest.in_the_payers_hands:
            after = replace(after, latest_payment_id=due.latest.id)
        # It is nobody's method, so nothing charges it again by itself; whatever was refused for good still is.
        result = ChargeResult(PaymentStatus.FAILED, None, replace(why, final=False))
        attempt = Attempt(payment, work.save(after), due.subscription)
        return self.settle(work, attempt, result, due.at, SettledBy.REQUEST)

    def form(
        self, work: Work, invoice: Invoice, customer: Customer, at: datetime, save_method: bool
    ) -> tuple[Payment, OpenedIntent]:
        """The invoice's next attempt as an intent that its payer completes in a form; ``await_payer`` stages it.

        It moves no money, so it is made before the commit: its id follows from (invoice, attempt number), and if a
        crash, or a payer who completes an older form, leaves one behind, nobody was ever given its secret. Dunning goes
        on meanwhile, and cancels it.

        Args:
            at: now, on the customer's clock.
            save_method: keep what it is paid by as a saved method.
        """
        payment = self.new_attempt(work, invoice, customer, None, at, off_session=False)
        # Charging this attempt, or an amount reduced by a credit note, is another request and needs another key; so is
        # the same for another customer of Stripe's, where the old one was deleted there.
        key = f"{payment.idempotency_key}:intent:{payment.amount.micros}:{payment.stripe_customer_id}"
        request = IntentRequest(payment.amount, payment.stripe_customer_id, References.of(payment), save_method, key)
        opened = self.processor.open_intent(request)
        return self.waiting(payment, opened, work.now), opened

    @staticmethod
    def await_payer(work: Work, invoice: Invoice, payment: Payment) -> tuple[Payment, Invoice]:
        """Stage an invoice's attempt that its payer completes in a form."""
        payment = work.save(payment)
        return payment, work.save(settlement.attempted(invoice, payment))

    def waiting(self, payment: Payment, opened: OpenedIntent, now: datetime) -> Payment:
        """The payment whose payer has a form with this intent; after a day it is canceled."""
        due = Due(self.shards.wall_clock(payment.id), now + PAYER_HAS)
        return replace(
            payment,
            status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
            stripe_payment_intent_id=opened.id,
            due=due,
        )

    def charge(self, payment: Payment) -> ChargeResult:
        """Stripe's answer to an attempt; ``pending`` if there was none, in which case the sweep sends it again."""
        try:
            return self.processor.charge(payment)
        except (OutcomeUnknown, Unavailable):
            return _PENDING

    def charge_now(self, payment: Payment) -> ChargeResult:
        """The same for an attempt whose caller waits for it and will retry: canceled if Stripe did nothing.

        If it stayed pending, each retry of a client under a new key would leave one more payment, and all of them would
        be charged once our key works again. Only for the first sending of an attempt: a later one that is refused says
        nothing about the first.
        """
        try:
            return self.processor.charge(payment)
        except OutcomeUnknown:
            return _PENDING
        except Unavailable:
            return _NOT_SENT

    def charge_again(self, work: Work, payment: Payment) -> ChargeResult:
        """The same for one that was never sent, under its own key: should a twin have sent it, Stripe charges once."""
        if work.now - payment.submitted_at < RESEND_WITHIN:
            return self.charge_now(payment)
        return self.resolve(work, payment)

    def send_again(self, work: Work, attempt: Attempt, point: ChargePending) -> tuple[Attempt, ChargeResult]:
        """Go on with an invoice's attempt that was never sent; committed before it is sent, as at first.

        Raises:
            InvalidState: the invoice is not to be paid any more, or otherwise: by another attempt, or another amount.
        """
        payment, invoice = attempt.payment, attempt.invoice
        if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
            raise InvalidState.of("invoice", invoice.status, "paid")
        if invoice.latest_payment_id != payment.id or invoice.amount_due != payment.amount:
            raise InvalidState.of("payment", payment.status, "sent again: the invoice asks for something else by now")
        payment = work.save(sent_again(payment, self.check_due(payment.id, work.now)))
        # The invoice with it: whoever makes another attempt at the same time runs again, and sees this one.
        attempt = replace(attempt, payment=payment, invoice=work.save(replace(invoice, due=None)))
        work.checkpoint(point)
        return attempt, self.charge_again(work, payment)

    def secret_of(self, payment: Payment) -> str | None:
        """The client secret of a payment that waits for its payer; fetched from Stripe, because it is never stored.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        declined = payment.error is not None and payment.error.code != AUTHENTICATION_REQUIRED
        if not payment.in_the_payers_hands or declined or payment.stripe_payment_intent_id is None:
            return None
        if payment.checkout_session_id is not None:  # only Stripe's page can confirm it
            return None
        return self.processor.charge_state(payment.stripe_payment_intent_id).next_secret

    def resolve(self, work: Work, payment: Payment) -> ChargeResult:
        """Find out what became of an attempt without a recorded outcome.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        on_page = payment.checkout_session_id is not None
        if not on_page and payment.stripe_payment_intent_id is None and work.now - payment.submitted_at < RESEND_WITHIN:
            return self.charge(payment)
        found = self.processor.find_charge(payment)
        if found is not None:
            return found
        never_sent = PaymentError("payment.declined", "The charge never reached the card processor.", "not_sent")
        return ChargeResult(PaymentStatus.FAILED, None, never_sent)

    def settle(
        self,
        work: Work,
        attempt: Attempt,
        result: ChargeResult,
        at: datetime,
        by: SettledBy,
        event_id: str | None = None,
    ) -> Attempt:
        """Stage what follows from Stripe's answer.

        Args:
            at: now, on the customer's clock.
            event_id: Stripe's event, if a webhook told of it.
        """
        payment = self.payment_after(work, attempt.payment, result, at, by, event_id)
        if payment is attempt.payment:
            payment = fees.learnt(work, payment, result, at)
            return attempt if payment is attempt.payment else replace(attempt, payment=payment)
        if payment.status is PaymentStatus.SUCCEEDED:
            return self._succeeded(work, replace(attempt, payment=payment), at)
        payment = work.save(payment)
        if payment.never_sent:
            return replace(attempt, payment=payment, invoice=self._with_former_due(work, attempt.invoice, at))
        if payment.status in (PaymentStatus.FAILED, PaymentStatus.CANCELED):
            return self._failed(work, replace(attempt, payment=payment), at)
        if payment.status is PaymentStatus.REQUIRES_ACTION:
            work.emit(EventType.PAYMENT_REQUIRES_ACTION, payment)
        return replace(attempt, payment=payment)

    def payment_after(
        self, work: Work, payment: Payment, result: ChargeResult, at: datetime, by: SettledBy, event_id: str | None
    ) -> Payment:
        """The payment, updated from what Stripe says, with its next alarm; unchanged if that is nothing new.

        A payment that its payer may still complete is looked at again when the payer's time is over, even after a
        decline: the webhook of a second try may get lost.
        """
        after = with_result(payment, result, at, by, event_id)
        if after is not payment and after.amount_differs:
            _log.critical(
                "stripe took something else than was asked for",
                extra={"payment_id": after.id, "asked": str(after.asked), "came": str(after.amount)},
            )
        if after is payment or after.status in (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED):
            return after
        if not after.status.is_final:
            return replace(after, due=after.due or self.check_due(after.id, work.now))
        if after.in_the_payers_hands and after.test_clock_id is None:
            return replace(after, due=Due(self.shards.wall_clock(after.id), work.now + PAYER_HAS))
        return after

    def decided(self, work: Work, attempt: Attempt, at: datetime) -> Attempt:
        """The attempt, settled now if it was parked without an outcome, since nobody else asks about it any more.

        Otherwise a parked payment would block every other attempt to pay its invoice, for ever.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        if not attempt.payment.is_undecided or attempt.payment.due is not None:
            return attempt
        return self.settle(work, attempt, self.resolve(work, attempt.payment), at, SettledBy.REQUEST)

    def withdraw(self, work: Work, attempt: Attempt, at: datetime, replaced: bool = False) -> Attempt:
        """Take back an attempt that its payer could still complete, before another one is made.

        A form that the payer has open keeps its secret: without this, an old form and a new card would both pay.
        If the payer was faster, the attempt is settled as paid, and the invoice with it.

        Args:
            replaced: another attempt follows at once, so this one does not count as a failed payment of the invoice.

        Raises:
            InvalidState: it can no longer be canceled, and has no outcome yet.
        """
        payment = attempt.payment
        if not payment.in_the_payers_hands:
            return attempt
        result = self.cancel_charge(payment)
        if not replaced or result.status is PaymentStatus.SUCCEEDED:
            return self.settle(work, attempt, result, at, SettledBy.REQUEST)
        after = self.payment_after(work, payment, result, at, SettledBy.REQUEST, None)
        return attempt if after is payment else replace(attempt, payment=work.save(after))

    def cancel_charge(self, payment: Payment) -> ChargeResult:
        """Cancel an attempt at Stripe: canceled, or paid where the payer was faster.

        Raises:
            InvalidState: neither; whoever made another attempt now might charge twice.
        """
        result = self.processor.cancel_charge(payment)
        if result.status not in (PaymentStatus.CANCELED, PaymentStatus.SUCCEEDED):
            raise InvalidState.of("payment", result.status, "taken back")
        return result

    def _succeeded(self, work: Work, attempt: Attempt, at: datetime) -> Attempt:
        if attempt.payment.amount.currency != attempt.invoice.currency:
            return self._succeeded_in_another_currency(work, attempt, at)
        received = settlement.paid(attempt.invoice, attempt.payment, at)
        excess = None if received.excess.is_zero else received.excess
        attempt = replace(attempt, payment=work.save(replace(attempt.payment, excess=excess)))
        fees.enter(work, attempt.payment, received.entries, at)
        balances.credit(work, attempt.invoice, received.excess)
        shard = self.shards.of(received.invoice)
        invoice = work.save(with_less_due(work, received.invoice, at, shard))
        work.emit(EventType.PAYMENT_SUCCEEDED, attempt.payment)
        if attempt.invoice.status is not InvoiceStatus.PAID and invoice.status is InvoiceStatus.PAID:
            work.emit(EventType.INVOICE_PAID, invoice)
        subscription = follow_invoice(work, attempt.subscription, invoice, at, self.shards)
        attempt = Attempt(attempt.payment, invoice, subscription)
        return self._collect_rest(work, attempt, at) if attempt.payment.amount_differs else attempt

    def _succeeded_in_another_currency(self, work: Work, attempt: Attempt, at: datetime) -> Attempt:
        """Money in another currency than the invoice's pays nothing of it; it stays the customer's.

        JPY 100 for an invoice over USD 200.00: Dr cash JPY 100, Cr receivable JPY 100; Dr receivable, Cr customer
        balance. The invoice still asks for USD 200.00, and the JPY 100 can be refunded.
        """
        payment = work.save(replace(attempt.payment, excess=attempt.payment.amount))
        about = (payment.id, payment.receivable)
        entry_id = derived("le", payment.created_at, "payment.succeeded", payment.id)
        fees.enter(work, payment, (ledger.payment_received(entry_id, *about, payment.amount, at),), at)
        entry_id = derived("le", payment.created_at, "payment.in_another_currency", payment.id)
        work.save(ledger.balance_used(entry_id, *about, -payment.amount, at))
        work.emit(EventType.PAYMENT_SUCCEEDED, payment)
        return self._collect_rest(work, replace(attempt, payment=payment), at)

    def _failed(self, work: Work, attempt: Attempt, at: datetime) -> Attempt:
        work.emit(EventType.PAYMENT_FAILED, attempt.payment)
        invoice = attempt.invoice
        if invoice.status is not InvoiceStatus.OPEN or invoice.latest_payment_id != attempt.payment.id:
            return attempt  # a later attempt has decided about the invoice already
        error = attempt.payment.error
        if error is not None and error.code == NOT_CHARGEABLE:
            invoice, subscription = self.held(work, invoice, attempt.subscription, error, at)
            return Attempt(attempt.payment, invoice, subscription)
        failed = replace(attempt, invoice=settlement.payment_failed(invoice, attempt.payment))
        return self._collect_rest(work, failed, at, EventType.INVOICE_PAYMENT_FAILED)

    def _collect_rest(self, work: Work, attempt: Attempt, at: datetime, event_type: EventType | None = None) -> Attempt:
        """Have what the latest attempt left unpaid collected on the tenant's dunning days; nothing, if all is paid."""
        invoice, subscription, payment = attempt.invoice, attempt.subscription, attempt.payment
        if invoice.status is not InvoiceStatus.OPEN or invoice.latest_payment_id != payment.id:
            return attempt
        began = subscription is None or subscription.state is not SubscriptionState.INCOMPLETE
        early = invoice.is_early(at)
        if early:  # its payer tried before it had to, and has time to try again: nobody owes anything yet
            invoice = settlement.in_time(invoice, self.shards.of(invoice))
        elif invoice.auto_charge and began:
            for_good = payment.error is not None and payment.error.final
            dunning = (invoice.dunning or Dunning(at)).refused(payment.payment_method_id, for_good)
            invoice = self.dunned(work, invoice, dunning, at)
        invoice = work.save(invoice)
        if event_type is not None:
            work.emit(event_type, invoice)
        if subscription is not None:
            after = without_dead_method(subscription, payment)
            after = after if early else lifecycle.invoice_unpaid(after, invoice.id)
            subscription = save_if_changed(work, subscription, after)
        return Attempt(payment, invoice, subscription)

    def _with_former_due(self, work: Work, invoice: Invoice, at: datetime) -> Invoice:
        """The invoice of an attempt that was never sent, with its next dunning day as it was before."""
        dunning = invoice.dunning
        if invoice.status is InvoiceStatus.OPEN and dunning is None and invoice.grants_time:
            return work.save(settlement.in_time(invoice, self.shards.of(invoice)))
        if invoice.status is not InvoiceStatus.OPEN or dunning is None:
            return invoice
        if dunning.next_at(work.tenant.dunning_schedule_days) is None:
            return invoice
        return work.save(self.dunned(work, invoice, dunning, at))

    def dunned(self, work: Work, invoice: Invoice, dunning: Dunning, at: datetime) -> Invoice:
        """The open invoice with its next dunning step."""
        return settlement.dunned(invoice, dunning, work.tenant.dunning_schedule_days, at, self.shards.of(invoice))

    def held(
        self, work: Work, invoice: Invoice, subscription: Subscription | None, error: PaymentError, at: datetime
    ) -> tuple[Invoice, Subscription | None]:
        """Stage what becomes of an open invoice whose amount no card can be charged: carried, or it waits.

        Nobody declined anything, so nothing is dunned. Stripe's own limits may be narrower than the documented ones:
        those of the currency that the account is paid out in.

        Args:
            error: says which of the two.
        """
        if error.decline_code == Unchargeable.TOO_SMALL:
            invoice = work.save(carried(work, invoice, at))
            work.emit(EventType.INVOICE_PAID, invoice)
        else:
            invoice = work.save(replace(invoice, payment_error=error, due=None, dunning=None))
            work.emit(EventType.INVOICE_NOT_CHARGEABLE, invoice)
        return invoice, follow_invoice(work, subscription, invoice, at, self.shards)

    def check_due(self, payment_id: str, now: datetime) -> Due:
        """When an attempt without an outcome is looked up, by default."""
        return Due(self.shards.wall_clock(payment_id), now + timedelta(seconds=self.check_after_s))
