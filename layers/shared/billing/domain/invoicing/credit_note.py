"""Credit notes: the only correction of a finalized invoice.

A credit first reduces what is still due on the invoice; the rest goes to the customer's balance, or back to the card
that paid. Credits never exceed the invoice's total, and credits of a line never exceed the line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain import ledger
from billing.domain.customers.customer import PERSONAL
from billing.domain.invoicing import settlement
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, PartySnapshot
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import Detail, InvalidState, RefundExceedsAvailable, ValidationFailed
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, sum_money
from billing.domain.kernel.periods import Period
from billing.domain.ledger import LedgerEntry, Receivable
from billing.domain.lines import credited_nets
from billing.domain.lines.credited_nets import CreditedNet
from billing.domain.lines.crediting import (
    Parts,
    credited,
    gross,
    left_of,
    line_nets,
    of_quantity,
    whole_units,
    with_steps,
)
from billing.domain.lines.line import CreditStep, InvoiceLine, TaxAmount
from billing.domain.lines.tax_records import TaxRecord, credited_records
from billing.domain.payments.refund import Refund

CREDIT_NOTE_SEQUENCE_ID = "credit_note"
"""The id, within a tenant, of its sequence of credit note numbers."""
_CREDITABLE = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)
_ABOVE = "above_what_is_left"


@dataclass(frozen=True, slots=True)
class CreditNoteSequence:
    """A series of credit note numbers, as ``InvoiceSequence``."""

    tenant_id: str
    prefix: str
    next_number: int = 1
    id: str = CREDIT_NOTE_SEQUENCE_ID

    @property
    def number(self) -> str:
        """Such as ``ACME-CN-000042``."""
        return f"{self.prefix}-CN-{self.next_number:06d}"


@dataclass(frozen=True, slots=True)
class CreditLine:
    """What is to be credited of an invoice's line.

    Args:
        amount: micro-units of the invoice's currency, with its taxes; None for all that is left of the line, or for
            what ``quantity`` comes to.
        quantity: in the line's units; never together with an amount.
    """

    line_id: str
    amount: int | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """What is to be credited: an amount with its taxes, as much as can be, or lines; exactly one of them.

    Args:
        amount: micro-units of the invoice's currency.
        up_to: micro-units: as much as is left of the invoice, and at most this.
        reason: the tenant's own words.
        refund: what exceeds the amount due goes back to the card that paid, not to the customer's balance.
        payment_id: the payment to refund; None for the latest one that brought at least as much.
    """

    amount: int | None
    lines: tuple[CreditLine, ...] = ()
    reason: str | None = None
    refund: bool = False
    payment_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class CreditNoteLine:
    """A line of a credit note.

    Args:
        invoice_line_id: the invoice's line that it credits; None where it takes the same share of all lines.
        quantity: how much of the line's quantity it credits, if that was given or is all of it.
        net: before tax.
        amount: with its taxes.
    """

    id: str
    invoice_line_id: str | None
    description: str
    quantity: Decimal | None
    net: Money
    amount: Money
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note. It never changes, except that the money of a failed refund goes to the balance instead.

    Args:
        net: before tax; ``total`` is net + tax.
        taxes: by name and rate, on top of the net.
        tax_bases: what of the net each of them is on; none on notes from before it was kept.
        terms: its invoice's.
        tax_records: what it says to the tax authority (``domain.lines.tax_records``); none on notes from before it was.
        reason: the tenant's own words.
        to_invoice: how much it reduced what was due on the invoice.
        to_balance: what went to the customer's balance.
        to_refund: what goes back to the card, by its own refund or by one that was there before; ``total`` is the
            three together.
        refund_id: the refund that pays that out; it stays when it has failed.
        nets: its net by the invoice's lines, see ``by_line``.
        billed_at: when the invoice was finalized; None on notes from before it was kept.
    """

    entity_name: ClassVar[str] = "CreditNote"

    id: str
    tenant_id: str
    customer_id: str
    invoice_id: str
    invoice_number: str
    subscription_id: str | None
    number: str
    currency: str
    timezone: str
    lines: tuple[CreditNoteLine, ...]
    net: Money
    tax: Money
    taxes: tuple[TaxAmount, ...]
    total: Money
    reason: str | None
    to_invoice: Money
    to_balance: Money
    to_refund: Money
    seller: PartySnapshot = field(metadata=PERSONAL)
    buyer: PartySnapshot = field(metadata=PERSONAL)
    created_at: datetime
    test_mode: bool
    refund_id: str | None = None
    notes: tuple[str, ...] = ()
    test_clock_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tax_bases: tuple[Money, ...] = ()
    terms: Terms | None = field(default=None, metadata=PERSONAL)
    tax_records: tuple[TaxRecord, ...] = ()
    nets: tuple[CreditedNet, ...] = ()
    billed_at: datetime | None = None
    version: int = 0

    @property
    def by_line(self) -> tuple[CreditedNet, ...]:
        """Its net by the invoice's lines; from before that was kept, by its own, of which one may stand for all."""
        return self.nets or tuple(CreditedNet(line.invoice_line_id, line.net) for line in self.lines)

    @property
    def receivable(self) -> Receivable:
        """What it takes from: its invoice's."""
        return Receivable(self.customer_id, self.invoice_id, self.test_clock_id)

    def __post_init__(self) -> None:
        if self.total != self.net + self.tax or self.tax != sum_money((t.amount for t in self.taxes), self.currency):
            raise ValueError(f"credit note {self.id}: {self.net} + {self.taxes} is not {self.total}")
        if self.total != self.to_invoice + self.to_balance + self.to_refund or self.total.micros <= 0:
            raise ValueError(f"credit note {self.id}: {self.total} is not where it says that it went")
        if sum_money((line.net for line in self.lines), self.currency) != self.net:
            raise ValueError(f"credit note {self.id}: its lines are not {self.net}")


@dataclass(frozen=True, slots=True)
class Issued:
    """A credit note just issued, and what changed with it; the customer's balance grows by its ``to_balance``."""

    credit_note: CreditNote
    invoice: Invoice
    entries: tuple[LedgerEntry, ...]


def issue(invoice: Invoice, request: CreditRequest, note_id: str, sequence: CreditNoteSequence, at: datetime) -> Issued:
    """A credit note on an invoice, and the entries for the books.

    Raises:
        InvalidState: the invoice is a draft, or void.
        ValidationFailed: the request does not fit the invoice; every bad field is named.
        RefundExceedsAvailable: more than is left of the invoice or of a line, or than can be refunded.
    """
    if invoice.status not in _CREDITABLE or invoice.number is None:
        raise InvalidState.of("invoice", invoice.status, "credited")
    steps = _line_steps(invoice, request.lines) if request.lines else [_amount_step(invoice, request)]
    total = sum_money((step.amount for step in steps), invoice.currency)
    if total > invoice.creditable:
        field_name = "lines" if request.lines else "amount"
        raise _exceeds(f"{invoice.creditable} of the invoice are left", [Detail(field_name, _ABOVE)])
    all_steps = with_steps(invoice.credits, steps)
    parts = credited(invoice.lines, invoice.total, all_steps) - credited(invoice.lines, invoice.total, invoice.credits)
    to_invoice = min(total, _asked_for(invoice))
    over = total - to_invoice
    if request.refund and over > invoice.refundable:
        message = f"{over} are to go back, and {invoice.refundable} of what was paid can"
        raise _exceeds(message, [Detail("refund", "above_what_was_paid")])
    zero = Money.zero(invoice.currency)
    # Of three cents a rate may take nothing, or be zero: what is credited under it is said all the same.
    pairs = zip(parts.taxes, parts.bases, strict=True)
    taxed = [(tax, base) for tax, base in pairs if not (tax.amount.is_zero and base.is_zero)]
    lines = _lines_of(invoice, request, steps, parts, note_id)
    named = credited_nets.of_named(invoice.lines, ((each.invoice_line_id, each.net) for each in lines))
    note = CreditNote(
        id=note_id,
        tenant_id=invoice.tenant_id,
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        subscription_id=invoice.subscription_id,
        number=sequence.number,
        currency=invoice.currency,
        timezone=invoice.timezone,
        lines=lines,
        net=parts.net,
        tax=parts.tax,
        taxes=tuple(tax for tax, _ in taxed),
        total=total,
        reason=request.reason,
        to_invoice=to_invoice,
        to_balance=zero if request.refund else over,
        to_refund=over if request.refund else zero,
        seller=invoice.seller,
        buyer=invoice.buyer,
        created_at=at,
        test_mode=invoice.test_mode,
        notes=invoice.notes,
        test_clock_id=invoice.test_clock_id,
        metadata=request.metadata,
        tax_bases=tuple(base for _, base in taxed),
        terms=invoice.terms,
        tax_records=credited_records(invoice.lines, invoice.total, invoice.credits, all_steps),
        nets=named or credited_nets.of_all(invoice.lines, invoice.credits, all_steps, parts.net),
        billed_at=invoice.finalized_at,
    )
    after = replace(invoice, amount_credited=invoice.amount_credited + to_invoice, credits=all_steps)
    if not to_invoice.is_zero and after.amount_due.is_zero:
        after = settlement.settled(replace(after, payment_error=None), at)
    return Issued(note, after, _entries(note, invoice.status, at))


def refunding(issued: Issued, refund: Refund) -> Issued:
    """What was issued, with the refund that pays out ``to_refund``."""
    pending = {**issued.invoice.pending_refunds, refund.id: refund.amount}
    return replace(
        issued,
        credit_note=replace(issued.credit_note, refund_id=refund.id),
        invoice=replace(issued.invoice, pending_refunds=pending),
    )


def refund_settled(invoice: Invoice, refund_id: str, paid_out: Money) -> Invoice:
    """The invoice once a refund on it has an outcome.

    Args:
        paid_out: the refund's amount where it succeeded, minus that where the bank sent it back, else zero.
    """
    pending = {each: amount for each, amount in invoice.pending_refunds.items() if each != refund_id}
    return replace(invoice, amount_refunded=invoice.amount_refunded + paid_out, pending_refunds=pending)


def refund_failed(note: CreditNote, refund: Refund, kept: Money, at: datetime) -> tuple[CreditNote, LedgerEntry]:
    """The credit note whose refund did not arrive: its money goes to the customer's balance instead.

    Args:
        kept: what of it is still with the tenant, above zero. The rest went back to the card otherwise: a colleague
            had refunded it in Stripe's dashboard, or the bank took it back.
    """
    entry = _to_balance_entry(note, "credit_note.refund_failed", kept, at, refund.id)
    return replace(note, to_balance=note.to_balance + kept, to_refund=note.to_refund - kept), entry


def _asked_for(invoice: Invoice) -> Money:
    zero = Money.zero(invoice.currency)
    return zero if invoice.status is InvoiceStatus.PAID else max(invoice.amount_due, zero)


def _amount_step(invoice: Invoice, request: CreditRequest) -> CreditStep:
    """What is wanted as one step that takes the same share of all lines."""
    if request.up_to is not None:
        return CreditStep(None, _as_much_as_can_be(invoice, Money(request.up_to, invoice.currency)))
    if request.amount is None:
        raise ValidationFailed.of("amount", "missing_required_field")
    amount = Money(request.amount, invoice.currency)
    reason = _bad_amount(amount)
    if reason is not None and amount != invoice.creditable:
        raise ValidationFailed.of("amount", reason)
    return CreditStep(None, amount)


def _as_much_as_can_be(invoice: Invoice, up_to: Money) -> Money:
    """Of a payment of 1,000.00, where a credit note has put 300.00 into the balance, 700.00."""
    amount = min(up_to, invoice.creditable)
    unit = charge_step(invoice.currency) * MICROS_PER_MINOR
    amount = Money(amount.micros // unit * unit, invoice.currency)
    if amount.is_zero:
        raise _exceeds("Nothing is left of the invoice to refund", [Detail("amount", "nothing_left")])
    return amount


def _bad_amount(amount: Money) -> str | None:
    if amount.micros <= 0:
        return "not_positive"
    # An invoice of KWD 10.120 less 0.003 asks for what no card can be charged.
    return "not_chargeable_in_currency" if amount.micros % (charge_step(amount.currency) * MICROS_PER_MINOR) else None


def _line_steps(invoice: Invoice, wanted: Sequence[CreditLine]) -> list[CreditStep]:
    """A step for each line; everything that is wrong with any of them is named at once."""
    by_id = {line.id: n for n, line in enumerate(invoice.lines)}
    left = left_of(invoice.lines, invoice.credits)
    bad: list[Detail] = []
    above: list[Detail] = []
    steps: list[CreditStep] = []
    seen: set[str] = set()
    for n, each in enumerate(wanted):
        place = by_id.get(each.line_id)
        problem = _bad_line(invoice.lines[place] if place is not None else None, each, each.line_id in seen)
        seen.add(each.line_id)
        if problem is not None:
            bad.append(Detail(f"lines.{n}.{problem.field}", problem.reason))
            continue
        assert place is not None
        line = invoice.lines[place]
        exact = left.to_credit(place)
        most = whole_units(exact, invoice.currency)
        amount = _wanted_of(line, each, exact / gross(line).micros, most)
        if amount > most or most.is_zero:
            field_name = "amount" if each.amount else "quantity" if each.quantity else "lineId"
            above.append(Detail(f"lines.{n}.{field_name}", _ABOVE))
        steps.append(CreditStep(each.line_id, amount))
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))
    if above:
        raise _exceeds("A line is credited beyond itself", above)
    return steps


def _wanted_of(line: InvoiceLine, wanted: CreditLine, share_left: Fraction, most: Money) -> Money:
    if wanted.amount is not None:
        return Money(wanted.amount, most.currency)
    return most if wanted.quantity is None else of_quantity(line, wanted.quantity, share_left)


def _bad_line(line: InvoiceLine | None, wanted: CreditLine, repeated: bool) -> Detail | None:
    if line is None:
        return Detail("lineId", "unknown_line")
    if repeated:
        return Detail("lineId", "duplicate")
    if gross(line).micros <= 0:
        return Detail("lineId", "nothing_to_credit")  # it is a credit itself, or free
    if wanted.amount is not None:
        reason = _bad_amount(Money(wanted.amount, line.amount.currency))
        return Detail("amount", reason) if reason else None
    if wanted.quantity is None:
        return None
    if not line.quantity:
        return Detail("quantity", "line_has_no_quantity")
    if wanted.quantity <= 0:
        return Detail("quantity", "not_positive")
    return Detail("quantity", "above_the_line") if wanted.quantity > line.quantity else None


def _lines_of(
    invoice: Invoice, request: CreditRequest, steps: Sequence[CreditStep], parts: Parts, note_id: str
) -> tuple[CreditNoteLine, ...]:
    if not request.lines:
        text = f"Credit on invoice {invoice.number}"
        return (CreditNoteLine(f"{note_id}-1", None, text, None, parts.net, steps[0].amount),)
    by_id = {line.id: line for line in invoice.lines}
    lines = [by_id[each.line_id] for each in request.lines]
    nets = line_nets(lines, [step.amount for step in steps], parts.net)
    return tuple(
        CreditNoteLine(
            id=f"{note_id}-{n}",
            invoice_line_id=line.id,
            description=line.description,
            quantity=line.quantity if step.amount == gross(line) else wanted.quantity,
            net=net,
            amount=step.amount,
            period=line.period,
        )
        for n, (line, wanted, step, net) in enumerate(zip(lines, request.lines, steps, nets, strict=True), 1)
    )


def _entries(note: CreditNote, was: InvoiceStatus, at: datetime) -> tuple[LedgerEntry, ...]:
    """The ledger entries: less revenue, less tax, less receivable; the rest is owed to the customer.

    A refund is booked when it has succeeded; until then the receivable is below zero by the amount of the refund.
    """
    entry_id = derived("le", note.created_at, "credit_note.created", note.id)
    entries = [ledger.credit_noted(entry_id, note.id, note.receivable, note.net, note.tax, at)]
    if was is InvoiceStatus.UNCOLLECTIBLE and not note.to_invoice.is_zero:
        # It was written off, so nobody owes it: what is credited was never a bad debt.
        entry_id = derived("le", note.created_at, "credit_note.written_off_returned", note.id)
        entries.append(ledger.written_off(entry_id, note.id, note.receivable, -note.to_invoice, at))
    if not note.to_balance.is_zero:
        entries.append(_to_balance_entry(note, "credit_note.to_balance", note.to_balance, at))
    return tuple(entries)


def _to_balance_entry(note: CreditNote, fact: str, amount: Money, at: datetime, *more: str) -> LedgerEntry:
    entry_id = derived("le", note.created_at, fact, note.id, *more)
    return ledger.balance_used(entry_id, note.id, note.receivable, -amount, at)


def _exceeds(message: str, details: Sequence[Detail]) -> RefundExceedsAvailable:
    return RefundExceedsAvailable(message, tuple(details))
