"""What happens to a finalized invoice: charge attempts, payments, dunning, and its ends, void and uncollectible.

Its lines and totals stay as they are; only what has been paid on it changes, and the books with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain import ledger
from billing.domain.customers.balance import Balance
from billing.domain.invoicing.dunning import Dunning
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, Spreading
from billing.domain.invoicing.issuing import applied_entry, balance_entry, finalized_entry
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState, PaymentMethodInvalid
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import LedgerEntry
from billing.domain.lines.crediting import gross
from billing.domain.lines.line import InvoiceLine
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import NOT_CHARGEABLE, Payment, PaymentError, not_chargeable

_BETWEEN_LATE_STEPS = timedelta(days=1)
_NO_METHOD = PaymentError(PaymentMethodInvalid.code, "The customer has no payment method")
"""What ``POST /invoices/{id}/pay`` answers, too."""


def attempted(invoice: Invoice, payment: Payment) -> Invoice:
    """The invoice with a charge attempt under way.

    Raises:
        InvalidState: it is neither open nor uncollectible.
    """
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
        raise InvalidState.of("invoice", invoice.status, "paid")
    return replace(invoice, attempt_count=payment.attempt, latest_payment_id=payment.id)


@dataclass(frozen=True, slots=True)
class Received:
    """An invoice on which money came in.

    Args:
        excess: what was paid too much, and goes to the customer's balance; usually zero.
    """

    invoice: Invoice
    entries: tuple[LedgerEntry, ...]
    excess: Money


def paid(invoice: Invoice, payment: Payment, at: datetime) -> Received:
    """The invoice after ``payment`` succeeded, and the entries that move the money in the books.

    Money is accepted in any state of the invoice. A payer who pays twice (an old form and a new card), or pays a void
    invoice, gets it as credit; paying an invoice that was written off takes the write-off back.
    """
    collected = invoice.amount_paid + payment.amount
    over = payment.amount - max(invoice.amount_due, Money.zero(invoice.currency))
    excess = over if not over.is_negative else Money.zero(invoice.currency)
    entries = [
        ledger.payment_received(
            derived("le", payment.created_at, "payment.succeeded", payment.id),
            payment.id,
            payment.receivable,
            payment.amount,
            at,
        )
    ]
    if not excess.is_zero:
        entries.append(balance_entry(invoice, "invoice.overpaid", -excess, at, payment.id))
    recovered = payment.amount - excess
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE and not recovered.is_zero:
        entries.append(
            ledger.written_off(
                derived("le", payment.created_at, "invoice.recovered", payment.id),
                invoice.id,
                invoice.receivable,
                -recovered,
                at,
            )
        )
    after = replace(invoice, amount_paid=collected, balance_applied=invoice.balance_applied - excess)
    if invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
        after = replace(after, payment_error=None)
        if after.amount_due.is_zero:
            after = settled(after, at)
    return Received(after, tuple(entries), excess)


def settled(invoice: Invoice, at: datetime) -> Invoice:
    """The invoice with nothing left to pay."""
    return replace(invoice, status=InvoiceStatus.PAID, paid_at=at, due=None, dunning=None)


def offset(invoice: Invoice, available: Money, at: datetime) -> tuple[Invoice, Money, tuple[LedgerEntry, ...]]:
    """The unpaid invoice after what its subscription gave back has reduced what is due on it.

    The lines that were given back know it already (``credits``), be they its own or those of an invoice that is paid:
    what comes off this one for the latter pays for it, as money does.

    Returns:
        the invoice, what was taken, and the entries: what came off it, and, where it had been written off, that this is
        taken back.

    Args:
        available: the credit that there is, above zero.
    """
    unpaid = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
    zero = Money.zero(invoice.currency)
    taken = max(zero, min(available, invoice.amount_due)) if invoice.status in unpaid else zero
    if taken.is_zero:
        return invoice, zero, ()
    after = replace(invoice, amount_credited=invoice.amount_credited + taken)
    entries = [applied_entry(after, taken, at)]
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        fact = derived("le", invoice.created_at, "invoice.credited_after_all", invoice.id, str(after.amount_credited))
        entries.append(ledger.written_off(fact, invoice.id, invoice.receivable, -taken, at))
    if invoice.status is not InvoiceStatus.DRAFT and after.amount_due.is_zero:
        after = settled(after, at)
    return after, taken, tuple(entries)


def carried(invoice: Invoice, balance: Balance, at: datetime) -> tuple[Invoice, Balance, LedgerEntry]:
    """The open invoice paid by the customer's balance, for it asks for less than a card can be charged.

    10.00 of which a credit note took 9.80: 0.20 go to the balance, as what the customer owes.

    Returns:
        the invoice, the balance, and the entry that says so.
    """
    left = invoice.amount_due
    entry = balance_entry(invoice, "invoice.carried", left, at)
    after = replace(
        invoice,
        balance_applied=invoice.balance_applied + left,
        carried=balance.beyond(left),
        payment_error=None,
    )
    return settled(after, at), balance.used(left), entry


def waiting(invoice: Invoice) -> Invoice:
    """The invoice that says why no card is charged; as it is where one can be, or where it said so and one can by now.

    It is neither charged nor dunned: 1,200,000.00 USD are paid in another way, or credited, or given up.
    """
    reason = invoice.unchargeable
    if reason is None:
        return replace(invoice, payment_error=None) if is_waiting(invoice) else invoice
    return replace(invoice, payment_error=not_chargeable(reason), due=None, dunning=None)


def is_waiting(invoice: Invoice) -> bool:
    """Whether it waits to be paid otherwise than by card."""
    error = invoice.payment_error
    return invoice.status is InvoiceStatus.OPEN and error is not None and error.code == NOT_CHARGEABLE


@dataclass(frozen=True, slots=True)
class Spread:
    """An invoice over credits after some more of them were taken off other invoices.

    Args:
        entries: what came off other invoices; and what went to the balance, where nothing is left to be spread.
    """

    invoice: Invoice
    balance: Balance
    entries: tuple[LedgerEntry, ...]


def spread(invoice: Invoice, taken: Money, left: Spreading | None, balance: Balance, at: datetime) -> Spread:
    """The invoice after ``taken`` more came off other invoices; what is over in the end goes to the balance.

    Args:
        left: what is left, and for which invoices; None where all were looked at.
    """
    assert invoice.spreading is not None
    after = replace(invoice, amount_credited=invoice.amount_credited - taken, spreading=left)
    entries: tuple[LedgerEntry, ...] = () if taken.is_zero else (applied_entry(after, -taken, at),)
    if left is not None:
        return Spread(after, balance, entries)
    over = after.amount_due  # below zero, or nothing
    after = replace(after, balance_applied=invoice.balance_applied + over, due=None)
    if over.is_zero:
        return Spread(after, balance, entries)
    entries += (balance_entry(invoice, "invoice.balance_applied", over, at),)
    return Spread(after, balance.used(over), entries)


@dataclass(frozen=True, slots=True)
class Offset:
    """What was taken off one unpaid invoice, with the invoice after it; see ``offset``."""

    invoice: Invoice
    taken: Money
    entries: tuple[LedgerEntry, ...]


def offsets(unpaid: Iterable[Invoice], available: Money, at: datetime) -> list[Offset]:
    """Invoices after credits are taken off them one after the other, as far as they reach; only those that change."""
    found: list[Offset] = []
    for invoice in unpaid:
        after, taken, entries = offset(invoice, available, at)
        if not taken.is_zero:
            found.append(Offset(after, taken, entries))
            available -= taken
    return found


@dataclass(frozen=True, slots=True)
class Voided:
    """An invoice that is void, with what goes back to the customer's balance."""

    invoice: Invoice
    entries: tuple[LedgerEntry, ...]
    returned: Money


def void(invoice: Invoice, at: datetime, waiting: Iterable[InvoiceLine] = ()) -> Voided:
    """The draft or open invoice that nobody will pay any more, and the entries that take it out of the books again.

    Args:
        waiting: lines that wait for its subscription's next invoice: what of it is given back there goes with it. What
            was given back on another invoice stays, so this one does, too.

    Raises:
        InvalidState: it is neither, or something was paid, credited or given back on it.
    """
    if invoice.status not in (InvoiceStatus.DRAFT, InvoiceStatus.OPEN):
        raise InvalidState.of("invoice", invoice.status, "voided")
    elsewhere = _given_back_elsewhere(invoice, waiting)
    if not invoice.amount_paid.is_zero or not invoice.amount_credited.is_zero or elsewhere:
        raise InvalidState.of("invoice", f"{invoice.status} and partly paid or credited", "voided")
    if invoice.status is InvoiceStatus.DRAFT:
        return Voided(replace(invoice, status=InvoiceStatus.VOID, due=None), (), Money.zero(invoice.currency))
    entries = []
    posted = finalized_entry(invoice, at)
    if posted is not None:
        entry_id = derived("le", invoice.created_at, "invoice.voided", invoice.id)
        entries.append(ledger.reversed_entry(entry_id, "invoice_voided", posted))
    returned = invoice.balance_applied
    if not returned.is_zero:
        entries.append(balance_entry(invoice, "invoice.balance_returned", -returned, at))
    after = replace(
        invoice, status=InvoiceStatus.VOID, balance_applied=Money.zero(invoice.currency), due=None, dunning=None
    )
    return Voided(after, tuple(entries), returned)


def _given_back_elsewhere(invoice: Invoice, waiting: Iterable[InvoiceLine]) -> bool:
    """Whether something of its lines was given back on another invoice."""
    gone: dict[str, int] = {}
    for step in invoice.credits:
        if step.line_id is not None:
            gone[step.line_id] = gone.get(step.line_id, 0) + step.amount.micros
    for line in waiting:
        if line.gives_back in gone:
            # What is to be taxed anew has no tax yet, and gives all back that is noted of its line.
            gone[line.gives_back] -= -gross(line).micros if line.credits else gone[line.gives_back]
    return any(amount > 0 for amount in gone.values())


def uncollectible(invoice: Invoice, at: datetime) -> tuple[Invoice, LedgerEntry]:
    """The open invoice given up as bad debt; it can still be paid.

    Raises:
        InvalidState: it is not open.
    """
    if invoice.status is not InvoiceStatus.OPEN:
        raise InvalidState.of("invoice", invoice.status, "marked uncollectible")
    entry = ledger.written_off(
        derived("le", invoice.created_at, "invoice.uncollectible", invoice.id),
        invoice.id,
        invoice.receivable,
        invoice.amount_due,
        at,
    )
    return replace(invoice, status=InvoiceStatus.UNCOLLECTIBLE, due=None, dunning=None), entry


def in_time(invoice: Invoice, shard: str) -> Invoice:
    """The open invoice whose payer has time to pay, with its alarm: if it is to be collected, then not before that.

    Nobody collects what is to be paid by hand, or is more than a card can be charged.
    """
    due = Due(shard, invoice.due_at) if invoice.to_charge and invoice.due_at is not None else None
    return replace(invoice, due=due)


def without_method(invoice: Invoice) -> Invoice:
    """The open invoice that would be charged, if there were anything to charge it to; it says so."""
    return replace(invoice, payment_error=_NO_METHOD)


def payment_failed(invoice: Invoice, payment: Payment) -> Invoice:
    """The invoice, still unpaid, with the reason of its last failed attempt."""
    return replace(invoice, payment_error=payment.error)


def dunned(invoice: Invoice, dunning: Dunning, schedule_days: Sequence[int], at: datetime, shard: str) -> Invoice:
    """The open invoice with its next dunning step: on the schedule's next day, or now where that is used up.

    If the sweep is late, a step whose day has passed is set to a day from now: nobody's card is tried twice within a
    minute because our schedule stood still.
    """
    following = dunning.next_at(schedule_days)
    if following is not None and following <= at:
        following = at + _BETWEEN_LATE_STEPS
    return replace(invoice, dunning=dunning, due=Due(shard, following or at))


def flagged(invoice: Invoice, dispute: Dispute) -> Invoice:
    """The invoice with the state of a dispute, and what the dispute took."""
    others = {each: amount for each, amount in invoice.taken_back.items() if each != dispute.id}
    pays_it = dispute.amount.currency == invoice.currency  # else it is about money that paid nothing of the invoice
    return replace(
        invoice,
        disputes={**invoice.disputes, dispute.id: dispute.status.value},
        taken_back={**others, dispute.id: dispute.taken} if dispute.withdrawn and pays_it else others,
    )
