"""Credit notes: issue, read, list; and what becomes of one whose refund did not arrive.

Issuing one needs the scope ``billing:admin``, as voiding an invoice does: both take back what was billed, and a credit
note may send money out.

    note, invoice, balance, ledger, and the refund as pending ──> commit 1 ──> Stripe ──> commit 2: the outcome

Without a refund there is only the first commit. A refund without an outcome stays pending; the sweep asks about it and
settles it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import credit_note
from billing.domain.invoicing.credit_note import (
    CreditNote,
    CreditNoteSequence,
    CreditRequest,
    Issued,
    refunding,
)
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.errors import Detail, InvalidState, LostRace, RefundExceedsAvailable
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import Money
from billing.domain.lines.crediting import lines_left
from billing.domain.payments.payment import Payment, PaymentStatus, attempt_id
from billing.domain.payments.refund import Refund, RefundResult, RefundStatus
from billing.domain.subscriptions.subscription import Subscription
from billing.services.clocks.customer_time import customer_time, outcome_time
from billing.services.clocks.shards import DueShards
from billing.services.invoicing.documents import CreditDestination, CreditedTo, DocumentLine, InvoiceDocument
from billing.services.invoicing.looks import PLAIN, Looks
from billing.services.invoicing.numbering import credit_note_number
from billing.services.invoicing.queries import party
from billing.services.invoicing.tax_table import credited_taxes
from billing.services.kernel.recovery import RefundPending, Repeat
from billing.services.kernel.work import Found, Page, Ref, Window, Work
from billing.services.payments.attempt import Attempt
from billing.services.payments.collection import Collector
from billing.services.payments.limits import with_less_due
from billing.services.payments.permits import PermitRefund, permit_any
from billing.services.payments.refunds import Refunder, RefundRequest, require_refundable
from billing.services.payments.standing import follow_invoice
from billing.services.usage.forgiveness import forgive


@dataclass(frozen=True, slots=True)
class CreditNoteView:
    """A credit note with the refund that pays it out, where there is one."""

    credit_note: CreditNote
    refund: Refund | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """An invoice with all that a credit note on it may change."""

    invoice: Invoice
    subscription: Subscription | None
    balance: Balance
    payments: tuple[Payment, ...]
    at: datetime


def get(work: Work, note_id: str) -> CreditNote:
    """A credit note of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(CreditNote, work.tenant.id, note_id)
    return work.load(ref).require(ref)


def view(work: Work, note_id: str) -> CreditNoteView:
    """A credit note with its refund.

    Raises:
        NotFound: the tenant has none with this id.
    """
    note = get(work, note_id)
    if note.refund_id is None:
        return CreditNoteView(note, None)
    ref = Ref(Refund, work.tenant.id, note.refund_id)
    return CreditNoteView(note, work.load(ref).require(ref))


def page(work: Work, invoice_id: str, window: Window) -> Page[CreditNote]:
    """A page of an invoice's credit notes, newest first.

    Raises:
        NotFound: the tenant has no such invoice.
    """
    found = work.query(window.query(CreditNote, "invoice", invoice_id))
    if not found.items and window.cursor is None:
        ref = Ref(Invoice, work.tenant.id, invoice_id)
        work.load(ref).require(ref)
    return found


def document(note: CreditNote, looks: Looks = PLAIN) -> InvoiceDocument:
    """The printable credit note; its amounts are not negated, because the title says which way the money goes.

    Args:
        looks: how its tenant's documents look now, and the language where the reader wants another one.
    """
    terms = note.terms or Terms()
    went = (
        CreditedTo(f"Taken off invoice {note.invoice_number}", note.to_invoice, CreditDestination.INVOICE),
        CreditedTo("Added to your credit balance", note.to_balance, CreditDestination.BALANCE),
        CreditedTo("Refunded to your payment method", note.to_refund, CreditDestination.REFUND),
    )
    zero = Money.zero(note.currency)
    return InvoiceDocument(
        title="Credit note",
        number=note.number,
        about_invoice=note.invoice_number,
        status="",
        issued_at=note.created_at,
        due_at=None,
        currency=note.currency,
        timezone=note.timezone,
        locale=looks.locale or terms.locale,
        seller=party(note.seller),
        buyer=party(note.buyer),
        lines=tuple(
            DocumentLine(
                description=line.description,
                quantity=line.quantity,
                unit_amount=None,
                amount=line.net,
                period_start=line.period.start if line.period else None,
                period_end=line.period.end if line.period else None,
            )
            for line in note.lines
        ),
        subtotal=note.net,
        discount=zero,
        taxes=credited_taxes(note),
        tax=note.tax,
        total=note.total,
        amount_paid=zero,
        amount_due=zero,
        credited_to=tuple(each for each in went if not each.amount.is_zero),
        notes="\n".join(text for text in (note.reason, *note.notes) if text) or None,
        test_mode=note.test_mode,
        po_number=terms.po_number,
        custom_fields=tuple((each.name, each.value) for each in terms.custom_fields),
        branding=looks.with_legal_line(terms.legal_line),
    )


def note_refund(work: Work, refund: Refund, paid_out: Money, at: datetime) -> None:
    """Update the sums of the invoice that a refund belongs to; a ``Refunder.on_settled``."""
    if refund.invoice_id is None:
        return
    ref = Ref(Invoice, refund.tenant_id, refund.invoice_id)
    invoice = work.load(ref).require(ref)
    if paid_out.currency == invoice.currency:  # otherwise it refunds money that paid nothing of the invoice
        work.save(credit_note.refund_settled(invoice, refund.id, paid_out))


def credit_balance(work: Work, refund: Refund, kept: Money, at: datetime) -> CreditNote:
    """Credit the customer's balance with what is left of a failed refund, and say so on the credit note.

    Args:
        kept: what of the refund's amount the tenant still has, above zero.
    """
    assert refund.credit_note_id is not None
    note_ref = Ref(CreditNote, refund.tenant_id, refund.credit_note_id)
    balance_ref = Ref(Balance, refund.tenant_id, refund.customer_id)
    found = work.load(note_ref, balance_ref)
    note, entry = credit_note.refund_failed(found.require(note_ref), refund, kept, at)
    work.save(entry)
    _add_to_balance(work, found.get(balance_ref) or _no_balance(refund, kept.currency), kept)
    return work.save(note)


def refund_failed(work: Work, refund: Refund, kept: Money, at: datetime) -> None:
    """The same, as a ``Refunder.on_failed``."""
    credit_balance(work, refund, kept, at)


@dataclass(frozen=True, slots=True)
class CreditNotes:
    """Issues credit notes.

    Args:
        collector: cancels what a payer could still complete, and applies what a paid invoice means.
        refunder: sends money back; ``note_refund`` and ``refund_failed`` are its hooks.
    """

    collector: Collector
    refunder: Refunder
    shards: DueShards

    def create(
        self, work: Work, invoice_id: str, request: CreditRequest, permit: PermitRefund = permit_any
    ) -> CreditNoteView:
        """Issue a credit note on an invoice, and pay it out if that is wanted.

        Raises:
            NotFound: there is no such invoice.
            InvalidState: it is a draft or void, or a charge of it has no outcome yet.
            ValidationFailed: the request does not fit the invoice.
            RefundExceedsAvailable: more than is left of the invoice, or than can be refunded.
        """
        invoice_ref = Ref(Invoice, work.tenant.id, invoice_id)
        found = work.load(invoice_ref)
        if isinstance(work.recovery_point, RefundPending):
            return self._go_on(work, work.recovery_point)
        invoice = found.require(invoice_ref)
        if request.payment_id is not None and invoice.status is not InvoiceStatus.PAID:
            # A credit on an open invoice first reduces what is due, before anything goes back to a card.
            raise InvalidState.of("invoice", invoice.status, "refunded; issue a credit note")
        read = self._load(work, invoice, request)
        self._checked(read, request, permit)
        loaded = self._withdrawn(work, read)
        if loaded is None:
            # The payer was faster. Record that first; the credit then goes where the credit on a paid invoice goes.
            work.checkpoint(Repeat())
            return self.create(work, invoice_id, request, permit)
        note_id = work.fresh_id("cn", loaded.at)
        number = credit_note_number(work, loaded.invoice, note_id)
        issued = credit_note.issue(loaded.invoice, request, note_id, number, loaded.at)
        return self._carry_out(work, loaded, issued, request.payment_id, permit)

    def preview(self, work: Work, invoice_id: str, request: CreditRequest) -> CreditNote:
        """What a credit note would be if it were issued now: nothing is stored, no number is taken, nobody is asked.

        Raises:
            NotFound, InvalidState, ValidationFailed, RefundExceedsAvailable: as ``create``.
        """
        invoice_ref = Ref(Invoice, work.tenant.id, invoice_id)
        invoice = work.load(invoice_ref).require(invoice_ref)
        return self._checked(self._load(work, invoice, request), request, permit_any)

    @staticmethod
    def _checked(loaded: _Loaded, request: CreditRequest, permit: PermitRefund) -> CreditNote:
        """The note as far as it can be told before anything outside is called; what is not possible is refused."""
        no_number = CreditNoteSequence(loaded.invoice.tenant_id, "")
        note = credit_note.issue(loaded.invoice, request, "", no_number, loaded.at).credit_note
        if not note.to_refund.is_zero:
            payment = _paid_by(loaded.payments, note.to_refund, request.payment_id)
            require_refundable(payment, note.to_refund)
            permit(payment.amount_refunded + note.to_refund)
        return note

    def _load(self, work: Work, invoice: Invoice, request: CreditRequest) -> _Loaded:
        tenant_id = work.tenant.id
        customer_ref = Ref(Customer, tenant_id, invoice.customer_id)
        balance_ref = Ref(Balance, tenant_id, invoice.customer_id)
        subscription_ref = Ref(Subscription, tenant_id, invoice.subscription_id or "")
        payment_ids = _payment_ids(invoice, all_of_them=request.refund)
        payment_refs = [Ref(Payment, tenant_id, each) for each in payment_ids]
        refs = [ref for ref in (customer_ref, balance_ref, subscription_ref) if ref.id]
        found: Found = work.load(*refs, *payment_refs)
        payments = (found.get(ref) for ref in payment_refs)
        return _Loaded(
            invoice,
            found.get(subscription_ref),
            found.get(balance_ref) or _no_balance(invoice, invoice.currency),
            tuple(payment for payment in payments if payment is not None),
            customer_time(work, found.require(customer_ref), of_the_past=True),
        )

    def _withdrawn(self, work: Work, loaded: _Loaded) -> _Loaded | None:
        """The same, without a pending charge that could still collect what is credited now; None if it was just paid.

        Raises:
            InvalidState: Stripe is still processing the charge.
        """
        invoice = loaded.invoice
        latest = next((each for each in loaded.payments if each.id == invoice.latest_payment_id), None)
        if latest is None or invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
            return loaded
        if latest.status is PaymentStatus.SUCCEEDED and not latest.amount_differs:
            raise LostRace("The invoice was paid while it was being read")
        attempt = self.collector.decided(work, Attempt(latest, invoice, loaded.subscription), loaded.at)
        if attempt.payment.is_undecided:
            raise InvalidState.of("payment", attempt.payment.status, "followed by a credit note")
        attempt = self.collector.withdraw(work, attempt, loaded.at)
        if attempt.payment.status is PaymentStatus.SUCCEEDED and attempt.payment is not latest:
            return None
        return replace(loaded, invoice=attempt.invoice, subscription=attempt.subscription)

    def _carry_out(
        self, work: Work, loaded: _Loaded, issued: Issued, payment_id: str | None, permit: PermitRefund
    ) -> CreditNoteView:
        note, refund = issued.credit_note, None
        if not note.to_refund.is_zero:
            payment = _paid_by(loaded.payments, note.to_refund, payment_id)
            request = RefundRequest(payment, note.to_refund, note.reason, note.id, permit=permit)
            refund = self.refunder.attempt(work, request, loaded.at)
            issued = refunding(issued, refund)
        note = self._saved(work, loaded, issued)
        if refund is None:
            return CreditNoteView(note, None)
        work.checkpoint(RefundPending(refund.id, note.id))
        return self._settled(work, note, refund, self.refunder.send(refund), loaded.at)

    def _saved(self, work: Work, loaded: _Loaded, issued: Issued) -> CreditNote:
        for entry in issued.entries:
            work.save(entry)
        if not issued.credit_note.to_balance.is_zero:
            _add_to_balance(work, loaded.balance, issued.credit_note.to_balance)
        shard = self.shards.of(issued.invoice)
        invoice = work.save(with_less_due(work, issued.invoice, loaded.at, shard))
        note = work.save(issued.credit_note)
        work.emit(EventType.CREDIT_NOTE_CREATED, note)
        # A change looks at the invoice, so it does not give back what was credited. Nor may a correction of its usage.
        before, left = (lines_left(each.lines, each.credits) for each in (loaded.invoice, invoice))
        forgive(work, invoice.tenant_id, invoice.lines, before, left)
        if loaded.invoice.status is not InvoiceStatus.PAID and invoice.status is InvoiceStatus.PAID:
            work.emit(EventType.INVOICE_PAID, invoice)
            follow_invoice(work, loaded.subscription, invoice, loaded.at, self.shards)
        return note

    def _go_on(self, work: Work, point: RefundPending) -> CreditNoteView:
        """Go on from the first commit of an earlier run: ask about its refund instead of starting anew."""
        note_ref = Ref(CreditNote, work.tenant.id, point.credit_note_id or "")
        refund_ref = Ref(Refund, work.tenant.id, point.refund_id)
        found = work.load(note_ref, refund_ref)
        refund = found.require(refund_ref)
        if refund.status is not RefundStatus.PENDING:
            # Again: a batch is no snapshot, and the answer that is stored now may not mix before and after.
            found = work.load(note_ref, refund_ref)
            return CreditNoteView(found.require(note_ref), found.require(refund_ref))
        result = self.refunder.resolve(work, refund)
        return self._settled(work, found.require(note_ref), refund, result, outcome_time(work, refund))

    def _settled(
        self, work: Work, note: CreditNote, refund: Refund, result: RefundResult, at: datetime
    ) -> CreditNoteView:
        changed: list[CreditNote] = []

        def on_failed(work: Work, refund: Refund, kept: Money, at: datetime) -> None:
            changed.append(credit_balance(work, refund, kept, at))  # the answer is to say so

        refund = replace(self.refunder, on_failed=on_failed).settle(work, refund, result, at)
        return CreditNoteView(changed[-1] if changed else note, refund)


def _payment_ids(invoice: Invoice, all_of_them: bool) -> list[str]:
    """The invoice's charge attempts: their ids follow from its own; or the latest alone."""
    if not all_of_them:
        return [invoice.latest_payment_id] if invoice.latest_payment_id else []
    return [attempt_id(invoice.id, invoice.created_at, n) for n in range(1, invoice.attempt_count + 1)]


def _paid_by(payments: tuple[Payment, ...], amount: Money, payment_id: str | None) -> Payment:
    """The payment to refund: the one that is asked for, or the last one of which as much is left.

    Raises:
        RefundExceedsAvailable: as much is left of none, or a dispute holds it.
    """
    for payment in reversed(payments):
        pays_it = payment.amount.currency == amount.currency
        if payment_id in (None, payment.id) and pays_it and payment.refundable >= amount:
            return payment
    if any(payment.disputed for payment in payments if payment_id in (None, payment.id)):
        message = "The invoice's payment is disputed: nothing of it can be refunded unless the dispute is won"
        raise RefundExceedsAvailable(message, (Detail("refund", "disputed"),))
    detail = Detail("refund", "above_what_was_paid")
    raise RefundExceedsAvailable(f"Of no payment of the invoice {amount} are left", (detail,))


def _add_to_balance(work: Work, balance: Balance, amount: Money) -> None:
    work.save(balance.used(-amount))


def _no_balance(of: Invoice | Refund, currency: str) -> Balance:
    return Balance.empty(of.tenant_id, of.customer_id, currency)
