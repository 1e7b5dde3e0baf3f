"""Sending money back: attempt, send, settle. The refund is committed before Stripe is called, as a charge is.

    attempt   stage the refund; the caller commits it with what it pays out (the first of two commits)
    send      ask Stripe, under the refund's key
    settle    stage what follows from Stripe's answer: refund, ledger, events, and ``on_failed``

Whoever learns the outcome settles: the request that asked, Stripe's webhook, or the sweep that looks it up.
``settle`` changes nothing that is settled already, so they may come in any order, and any number of times.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.customers.balance import Balance
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.due import Due, clock_of
from billing.domain.kernel.errors import Detail, InvalidState, RefundExceedsAvailable, ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.payments.balance_line import Source, entered
from billing.domain.payments.dispute import Dispute, dispute_id
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.domain.payments.refund import (
    Refund,
    RefundResult,
    RefundStatus,
    entries_for,
    off_balance,
    paid_otherwise,
    taken_from_balance,
    with_lines,
    with_result,
)
from billing.services.clocks.customer_time import outcome_time
from billing.services.clocks.shards import DueShards
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.payments import disputes
from billing.services.payments.collection import RESEND_WITHIN
from billing.services.payments.disputes import Disputed
from billing.services.payments.idempotency_keys import outside_key
from billing.services.payments.order_books import NO_ORDERS, OrderBooks
from billing.services.payments.permits import PermitRefund, permit_any
from billing.services.payments.processor import CardProcessor, GoneBack, OutcomeUnknown, RefundOnFile

_LOOK_EVERY = timedelta(hours=6)
"""How often a slow refund is asked about: a bank may take days. A webhook tells the outcome, but may get lost."""
_PENDING = RefundResult(RefundStatus.PENDING, None)

OnFailed = Callable[[Work, Refund, Money, datetime], None]
"""Called by ``settle``, within its unit of work, when the refund of a credit note failed: (work, refund, what of its
amount the tenant still has, now)."""

OFF_BALANCE = "above_what_is_left_in_the_balance"
"""The reason for refusing a refund whose money the customer has used meanwhile."""

OnSettled = Callable[[Work, Refund, Money, datetime], None]
"""Called by ``settle``, within its unit of work, with a refund's outcome: (work, refund, amount paid out, now)."""


def _nothing_to_note(work: Work, refund: Refund, paid_out: Money, at: datetime) -> None:
    """The default ``on_settled``: nobody keeps a sum of refunds."""


def _nobody_told(work: Work, refund: Refund, kept: Money, at: datetime) -> None:
    """The default ``on_failed``: the refund stays due and an alarm goes off, so that no money vanishes.

    Raises:
        LookupError: always.
    """
    raise LookupError(f"the refund {refund.id} failed, and nobody credits the customer of {refund.credit_note_id}")


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is to be refunded.

    Args:
        reason: the tenant's own words; ``duplicate``, ``fraudulent`` and ``requested_by_customer`` go to Stripe.
        credit_note_id: the credit note that it pays out; None for none.
        from_balance: the money comes off the customer's balance, where the payment had put it.
        refund_id: its id, where something was staged under it already (``OrderReturn``); None for a fresh one.
        permit: whether its caller may refund so much.
    """

    payment: Payment
    amount: Money
    reason: str | None = None
    credit_note_id: str | None = None
    from_balance: bool = False
    refund_id: str | None = None
    permit: PermitRefund = permit_any


@dataclass(frozen=True, slots=True)
class Refunder:
    """Refunds payments.

    Args:
        processor: Stripe.
        shards: of the due index.
        check_after_s: when a refund without an outcome is looked up.
        on_failed: gives the customer in another way what a credit note promised: it credits what the tenant still has
            of ``refund.amount`` to the customer's balance (Dr receivable, Cr customer balance). Called at most once for
            each refund, also for one that had succeeded and came back; never for a refund without a credit note, nor if
            nothing is left.
        on_settled: keeps the sums of what was refunded. It gets the refund's amount when that succeeded, minus that
            when the bank sent it back, and zero when it never left.
    """

    processor: CardProcessor
    shards: DueShards
    check_after_s: int
    on_failed: OnFailed = _nobody_told
    on_settled: OnSettled = _nothing_to_note
    orders: OrderBooks = NO_ORDERS

    def attempt(self, work: Work, request: RefundRequest, at: datetime) -> Refund:
        """Stage a refund of a payment, or of a part of it, to the card that paid.

        The payment is staged with it, so that no other request can refund the same money at the same time.

        Args:
            at: now, on the customer's clock.

        Raises:
            InvalidState: the payment brought no money.
            ValidationFailed: the amount is not above zero, or none that can be transferred.
            RefundExceedsAvailable: more than is left of the payment, or of the balance.
        """
        payment, amount = request.payment, request.amount
        if payment.status is not PaymentStatus.SUCCEEDED or payment.stripe_payment_intent_id is None:
            raise InvalidState.of("payment", payment.status, "refunded")
        require_refundable(payment, amount)
        request.permit(payment.amount_refunded + amount)
        refund_id = request.refund_id or work.fresh_id("re")
        refund = Refund(
            id=refund_id,
            tenant_id=payment.tenant_id,
            customer_id=payment.customer_id,
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            credit_note_id=request.credit_note_id,
            amount=amount,
            status=RefundStatus.PENDING,
            reason=request.reason,
            idempotency_key=outside_key(work, payment.tenant_id, "refund", refund_id),
            stripe_payment_intent_id=payment.stripe_payment_intent_id,
            created_at=at,
            submitted_at=work.now,
            from_balance=request.from_balance,
            order_id=payment.order_id if payment.of_order else None,
            test_clock_id=payment.test_clock_id,
            due=self._check_due(payment, refund_id, at, work.now),
        )
        refund = work.save(refund)
        work.emit(EventType.REFUND_CREATED, refund)
        if request.from_balance:
            self._off_balance(work, payment, refund, amount, at)
        payment = work.save(_reserved(payment, refund))
        if payment.of_order:
            self.orders.refunding(work, payment, refund, at)
        return refund

    def adopt(self, work: Work, payment: Payment, theirs: RefundOnFile, at: datetime) -> Refund:
        """Record a refund that somebody made at Stripe, not here: no money moves without a record.

        Its id is derived from Stripe's, so every event about it finds the same refund.

        Args:
            payment: what it gives back.
            at: now, on the customer's clock.
        """
        assert theirs.result.stripe_refund_id is not None
        assert payment.stripe_payment_intent_id is not None
        refund_id = adopted_id(theirs)
        too_much = in_balance(work, payment)
        refund = Refund(
            id=refund_id,
            tenant_id=payment.tenant_id,
            customer_id=payment.customer_id,
            payment_id=payment.id,
            invoice_id=payment.invoice_id,
            credit_note_id=None,
            amount=theirs.amount,
            status=RefundStatus.PENDING,
            reason=theirs.reason,
            idempotency_key=theirs.result.stripe_refund_id,
            stripe_payment_intent_id=payment.stripe_payment_intent_id,
            created_at=at,
            submitted_at=work.now,
            at_stripe=True,
            from_balance=theirs.amount <= too_much,
            part_from_balance=too_much if Money.zero(too_much.currency) < too_much < theirs.amount else None,
            order_id=payment.order_id if payment.of_order else None,
            test_clock_id=payment.test_clock_id,
            due=self._check_due(payment, refund_id, at, work.now),
        )
        refund = replace(refund, stripe_refund_id=theirs.result.stripe_refund_id)
        refund = work.save(refund)
        work.emit(EventType.REFUND_CREATED, refund)
        taken = off_balance(refund)
        if not taken.is_zero:
            self._off_balance(work, payment, refund, taken, at)
        if refund.invoice_id is not None and taken != refund.amount:
            _note_on_invoice(work, refund, refund.amount - taken)
        payment = work.save(_reserved(payment, refund))
        if payment.of_order:
            self.orders.refunding(work, payment, refund, at)
        return self.settle(work, refund, theirs.result, at)

    def send(self, refund: Refund) -> RefundResult:
        """Stripe's answer to a refund; ``pending`` if there was none, in which case the sweep asks again."""
        try:
            return self.processor.refund(refund)
        except OutcomeUnknown:
            return _PENDING

    def resolve(self, work: Work, refund: Refund) -> RefundResult:
        """Find out what became of a refund without a recorded outcome.

        Raises:
            Unavailable: Stripe cannot be asked just now.
        """
        if refund.stripe_refund_id is None and work.now - refund.submitted_at < RESEND_WITHIN:
            return self.send(refund)
        found = self.processor.find_refund(refund)
        return found or RefundResult(RefundStatus.FAILED, None, "not_sent")

    def settle(self, work: Work, refund: Refund, result: RefundResult, at: datetime) -> Refund:
        """Stage what follows from Stripe's answer.

        One that failed is no reason to believe that its money is here: it may be refused because somebody refunded the
        payment in Stripe's dashboard, or its payer disputed it, and the webhook is on its way. So Stripe is asked what
        has left the payment, and that is written down first.

        Args:
            at: now, on the customer's clock.

        Raises:
            Unavailable: it failed, and Stripe cannot say why.
        """
        after = with_result(refund, result, at)
        changed = after is not refund
        after, lines = with_lines(after, result)
        if after is refund:
            return refund
        gone = None
        if changed and after.status is RefundStatus.FAILED:
            gone = self.processor.gone_back(after.stripe_payment_intent_id)
            made = _made_after_all(refund, gone)
            if made is not None:
                return self.settle(work, refund, made, at)
        after = work.save(after)
        if after.status is not refund.status:
            self.on_settled(work, after, _paid_out(refund, after), at)
        source = Source(after.id, after.created_at, after.test_clock_id)
        for entry in entered(entries_for(refund, after, at), lines, source, at):
            work.save(entry)
        if not changed:
            return after
        if after.status is RefundStatus.SUCCEEDED:
            work.emit(EventType.REFUND_SUCCEEDED, after)
        if after.status is RefundStatus.FAILED:
            work.emit(EventType.REFUND_FAILED, after)
            self._released(work, after, at)
            if after.order_id is not None:
                self.orders.refund_failed(work, after, at)
            assert gone is not None
            self._adopt_all(work, after, gone, at)
            if after.credit_note_id is not None:
                self._given_otherwise(work, after, at)
        return after

    def _adopt_all(self, work: Work, refund: Refund, gone: GoneBack, at: datetime) -> None:
        """Record what has left a refund's payment at Stripe and is not known here, as its webhooks would."""
        for theirs in gone.others:
            if theirs.result.status is RefundStatus.FAILED:
                continue  # nothing has left
            ref = Ref(Refund, refund.tenant_id, adopted_id(theirs))
            if work.load(ref).get(ref) is None:
                self.adopt(work, _payment_of(work, refund), theirs, at)
        for each in gone.disputes:
            dispute_ref = Ref(Dispute, refund.tenant_id, dispute_id(each))
            invoice_ref = Ref(Invoice, refund.tenant_id, refund.invoice_id or "")
            found = work.load(dispute_ref, *([invoice_ref] if refund.invoice_id else []))
            about = Disputed(_payment_of(work, refund), found.get(invoice_ref), found.get(dispute_ref))
            disputes.apply(work, about, each, at, self.shards, self.orders)

    def _given_otherwise(self, work: Work, refund: Refund, at: datetime) -> None:
        """Give the customer in another way what a credit note promised and its refund did not bring.

        What the tenant still has goes to the balance; the rest the payer has already.

        A note over 50.00, of a payment of 120.00 of which 100.00 are gone already: 20.00 to the balance; behind 30.00
        of the 100.00 there is a credit note now.
        """
        kept = min(refund.amount, _payment_of(work, refund).still_here)
        if not kept.is_zero:
            self.on_failed(work, refund, kept, at)
        if kept == refund.amount:
            return
        work.save(paid_otherwise(refund, refund.amount - kept, at))
        _note_on_invoice(work, refund, kept - refund.amount)

    def settle_refund(self, work: Work, refund_id: str, now: datetime) -> Due | None:
        """The alarm clock's work on a refund: ask Stripe about it, and settle it.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.

        Raises:
            OutcomeUnknown: Stripe does not know the outcome yet either.
        """
        refund, due = load_due(work, Refund, refund_id, now)
        if refund is None or due is None:
            return due
        result = self.resolve(work, refund)
        refund = self.settle(work, refund, result, outcome_time(work, refund))
        if refund.due is None:
            return None
        if refund.stripe_refund_id is None:
            raise OutcomeUnknown(f"refund {refund_id} is {refund.status}")
        # A test clock's hours mean nothing to a bank, so there the webhook has to tell.
        later = None if clock_of(refund.due.shard) else Due(refund.due.shard, work.now + _LOOK_EVERY)
        return work.save(replace(refund, due=later)).due

    def _released(self, work: Work, refund: Refund, at: datetime) -> None:
        """Give back to the payment, and to the balance, what a failed refund had taken of them."""
        payment = _payment_of(work, refund)
        left = {each: amount for each, amount in payment.refunds.items() if each != refund.id}
        taken = off_balance(refund)
        excess = payment.excess if taken.is_zero else (payment.excess or taken - taken) + taken
        work.save(replace(payment, refunds=left, excess=excess))
        if not taken.is_zero:
            self._off_balance(work, payment, refund, -taken, at)
        if refund.at_stripe and refund.invoice_id is not None and taken != refund.amount:
            _note_on_invoice(work, refund, None)

    @staticmethod
    def _off_balance(work: Work, payment: Payment, refund: Refund, amount: Money, at: datetime) -> None:
        """Take an amount off the customer's balance, or put it back (below zero).

        Raises:
            RefundExceedsAvailable: it holds less: the customer has used it.
        """
        work.save(taken_from_balance(refund, amount, at))
        if payment.in_another_currency:
            return  # it is on the payment itself
        ref = Ref(Balance, refund.tenant_id, refund.customer_id)
        balance = work.load(ref).get(ref) or Balance.empty(ref.tenant_id, ref.id, amount.currency)
        if amount > balance.amount:
            message = f"What was paid too much went to the customer's balance, and {balance.amount} are left there"
            raise RefundExceedsAvailable(message, (Detail("amount", OFF_BALANCE),))
        work.save(balance.used(amount))

    def _check_due(self, payment: Payment, refund_id: str, at: datetime, now: datetime) -> Due:
        """When to look again: in a minute; on a test clock before anything later, so that time stays in order."""
        shard = self.shards.of_id(payment.tenant_id, payment.test_clock_id, refund_id)
        return Due(shard, at if payment.test_clock_id else now + timedelta(seconds=self.check_after_s))


def _made_after_all(refund: Refund, gone: GoneBack) -> RefundResult | None:
    """What Stripe has of a refund that nobody here heard of, though a later sending of it was refused."""
    if refund.stripe_refund_id is not None:
        return None
    result = gone.ours.get(refund.id)
    return None if result is None or result.status is RefundStatus.FAILED else result


def _payment_of(work: Work, refund: Refund) -> Payment:
    ref = Ref(Payment, refund.tenant_id, refund.payment_id)
    return work.load(ref).require(ref)


def _paid_out(before: Refund, after: Refund) -> Money:
    if after.status is RefundStatus.SUCCEEDED:
        return after.amount
    return -after.amount if before.status is RefundStatus.SUCCEEDED else Money.zero(after.amount.currency)


def require_refundable(payment: Payment, amount: Money) -> None:
    """Refuse an amount that cannot be refunded of a payment.

    Raises:
        ValidationFailed: the amount is not above zero, or none that can be transferred.
        RefundExceedsAvailable: more than is left of it, or it is disputed.
    """
    if amount <= Money.zero(payment.amount.currency):
        raise ValidationFailed.of("amount", "not_positive")
    if amount.minor % charge_step(amount.currency):
        raise ValidationFailed.of("amount", "not_chargeable_in_currency")
    require_undisputed(payment)
    if amount > payment.refundable:
        message = f"Of {payment.amount}, {payment.refundable} are left to refund"
        raise RefundExceedsAvailable(message, (Detail("amount", "above_what_is_left"),))


def require_undisputed(payment: Payment) -> None:
    """Refuse to refund what a dispute holds, or has taken: the bank gives the payer's money back, or has done so.

    Raises:
        RefundExceedsAvailable: it is disputed.
    """
    if payment.disputed:
        message = f"{payment.id} is disputed: nothing of it can be refunded unless the dispute is won"
        raise RefundExceedsAvailable(message, (Detail("amount", "disputed"),))


def adopted_id(theirs: RefundOnFile) -> str:
    """The id of a refund that was made at Stripe."""
    return derived("re", theirs.created_at, theirs.result.stripe_refund_id or "")


def in_balance(work: Work, payment: Payment) -> Money:
    """How much of an overpayment is still on the customer's balance."""
    zero = Money.zero(payment.amount.currency)
    if payment.excess is None or payment.excess.is_zero:
        return zero
    if payment.in_another_currency:
        return payment.excess
    ref = Ref(Balance, payment.tenant_id, payment.customer_id)
    balance = work.load(ref).get(ref)
    return min(payment.excess, balance.amount) if balance is not None else zero


def _note_on_invoice(work: Work, refund: Refund, amount: Money | None) -> None:
    """Note on an invoice what its payer got back without a credit note; None removes the note."""
    ref = Ref(Invoice, refund.tenant_id, refund.invoice_id or "")
    invoice = work.load(ref).require(ref)
    others = {each: taken for each, taken in invoice.taken_back.items() if each != refund.id}
    work.save(replace(invoice, taken_back=others if amount is None else {**others, refund.id: amount}))


def _reserved(payment: Payment, refund: Refund) -> Payment:
    taken = off_balance(refund)
    excess = payment.excess if taken.is_zero else (payment.excess or taken) - taken
    return replace(payment, refunds={**payment.refunds, refund.id: refund.amount}, excess=excess)
