"""A customer's account on the pure domain: one subscription, its invoices, what was paid and what came back.

It does what the services do with the domain's steps, with a dict in place of the tables, so that thousands of rows of
steps can be tried.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import count

from billing.domain.catalog.plan import Plan
from billing.domain.customers.balance import Balance
from billing.domain.invoicing import credit_note, giving_back, issuing, settlement
from billing.domain.invoicing.credit_note import CreditNote, CreditNoteSequence, CreditRequest
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import LedgerEntry
from billing.domain.lines.crediting import gross
from billing.domain.lines.line import InvoiceLine, TaxRate
from billing.domain.payments.payment import PaymentStatus
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.domain.tax.rules import line_taxes
from tests.support.engine import CUSTOMER, TENANT, changed, started
from tests.support.invoices import SEQUENCE, no_balance, payment

ZERO = Money.zero("USD")
Rates = dict[str, tuple[TaxRate, ...]]
"""The taxes on each component."""


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


@dataclass
class Account:
    """Args:
    rates: the taxes on each of the plan's components.
    paid_in, paid_out: what cards brought, and what refunds gave back.
    taken: what disputes and refunds made at Stripe took, by invoice and name.
    """

    sold: Plan
    subscription: Subscription
    now: datetime
    rates: Rates = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    notes: list[CreditNote] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    balance: Balance = field(default_factory=no_balance)
    paid_in: Money = ZERO
    paid_out: Money = ZERO
    ids: Iterable[int] = field(default_factory=lambda: count(1))

    @classmethod
    def opened(cls, sold: Plan, at: datetime, quantities: dict[str, int], rates: Rates | None = None) -> "Account":
        """A subscription whose first invoice is open."""
        account = cls(sold, started(sold, at, quantities), at, rates or {})
        step = changes.first_period(account.subscription, sold)
        active = replace(step.subscription, state=SubscriptionState.ACTIVE)
        account.take(replace(step, subscription=active))
        return account

    # Steps of the subscription, as ``services.invoicing.biller`` puts them into effect

    def take(self, step: Step) -> Step:
        before = self.subscription
        credits_ = giving_back.credits_of(step, before)
        known = {line.credited_invoice_id or "": self.invoices[line.credited_invoice_id or ""] for line in credits_}
        limited = giving_back.limited(step, credits_, known)
        self.invoices |= {each.id: each for each in limited.invoices}
        self.subscription = limited.step.subscription
        if limited.step.invoiced:
            self.bill(limited.step.invoiced)
        return limited.step

    def bill(self, lines: tuple[InvoiceLine, ...]) -> None:
        invoice_id = f"in_{next(iter(self.ids))}"
        draft = issuing.draft(TENANT, CUSTOMER, invoice_id, lines, BillingReason.SUBSCRIPTION_UPDATE, self.now)
        draft = issuing.with_lines(draft, [self.taxed(line) for line in draft.lines])
        self.subscription = lifecycle.invoiced(self.subscription, draft.lines)
        offset = self.offset(draft) if draft.total.is_negative else None
        final = issuing.finalize(draft, SEQUENCE, self.balance, self.now, offset)
        self.balance = final.balance
        self.entries += final.entries
        self.invoices[invoice_id] = final.invoice
        self.follow(final.invoice)

    def taxed(self, line: InvoiceLine) -> InvoiceLine:
        if line.credits is not None:
            return line
        taxes = line_taxes(line.taxable, self.rates.get(line.component or "", ()), line.tax_inclusive)
        return replace(line, taxes=taxes)

    def offset(self, draft: Invoice) -> Money:
        """Credits come off what is unpaid: first of what billed it, then of all else."""
        credited = [line.credited_invoice_id for line in draft.lines if line.credited_invoice_id]
        left = -draft.total
        for each in dict.fromkeys([*credited, *self.subscription.unpaid_invoice_ids]):
            if each == draft.id:
                continue
            after, taken, entries = settlement.offset(self.invoices[each], left, self.now)
            self.invoices[each] = after
            left -= taken
            self.entries += entries
            self.follow(after)
        return -draft.total - left

    def follow(self, invoice: Invoice) -> None:
        if invoice.status is InvoiceStatus.OPEN:
            self.subscription = lifecycle.invoice_unpaid(self.subscription, invoice.id)
        else:
            self.subscription = lifecycle.invoice_paid(self.subscription, invoice.id, self.now, "s0")

    def change(self, to: Plan, quantities: dict[str, int], behavior: ProrationBehavior) -> None:
        step = changed(self.subscription, self.sold, self.now, to=to, quantities=quantities, behavior=behavior)
        self.sold = to
        self.take(step)

    def cancel(self) -> None:
        lines = changes.closing(self.subscription, self.sold, self.now, ProrationBehavior.CREATE_PRORATIONS)
        self.take(Step(lifecycle.ended(self.subscription, self.now), lines, lines))

    def renew(self) -> None:
        self.now = self.subscription.current_period.end
        self.take(changes.begin_period(self.subscription, self.sold, self.now))

    # Money

    def pay(self, invoice_id: str) -> None:
        invoice = self.invoices[invoice_id]
        made = payment(invoice.amount_due, f"pay_{invoice_id}")
        received = settlement.paid(invoice, made, self.now)
        self.paid_in += made.amount
        self.balance = self.balance.used(-received.excess)
        self.entries += received.entries
        self.invoices[invoice_id] = received.invoice
        assert made.status is PaymentStatus.SUCCEEDED
        self.follow(received.invoice)

    def credit(self, invoice_id: str, request: CreditRequest) -> CreditNote:
        """A credit note; its refund, where it has one, arrives."""
        note_id = f"cn_{len(self.notes) + 1}"
        issued = credit_note.issue(
            self.invoices[invoice_id], request, note_id, CreditNoteSequence("ten_1", "A"), self.now
        )
        note, after = issued.credit_note, issued.invoice
        self.notes.append(note)
        self.entries += issued.entries
        self.balance = self.balance.used(-note.to_balance)
        if not note.to_refund.is_zero:
            after = credit_note.refund_settled(after, note_id, note.to_refund)
            self.paid_out += note.to_refund
        self.invoices[invoice_id] = after
        self.follow(after)
        return note

    def take_back(self, invoice_id: str, name: str, amount: Money | None) -> None:
        """A dispute, or a refund in Stripe's dashboard, takes an amount; None gives it back."""
        invoice = self.invoices[invoice_id]
        others = {each: taken for each, taken in invoice.taken_back.items() if each != name}
        taken_back = others if amount is None else {**others, name: amount}
        self.invoices[invoice_id] = replace(invoice, taken_back=taken_back)

    def void(self, invoice_id: str) -> None:
        voided = settlement.void(self.invoices[invoice_id], self.now, self.subscription.pending)
        self.invoices[invoice_id] = voided.invoice
        self.entries += voided.entries
        self.balance = self.balance.used(-voided.returned)
        self.follow(voided.invoice)
        self.subscription = lifecycle.unbilled(self.subscription, voided.invoice.lines)
        if self.subscription.state is SubscriptionState.CANCELED and self.subscription.pending:
            owed = self.subscription.pending
            self.take(Step(replace(self.subscription, pending=()), (), owed))

    def give_up(self, invoice_id: str) -> None:
        after, entry = settlement.uncollectible(self.invoices[invoice_id], self.now)
        self.invoices[invoice_id] = after
        self.entries.append(entry)
        self.follow(after)

    # What came back

    @property
    def live(self) -> list[Invoice]:
        return [each for each in self.invoices.values() if each.status is not InvoiceStatus.VOID]

    def given_back(self, invoice_id: str) -> dict[str, Money]:
        """By line, what credits on other invoices gave back of it, and those that wait for the next one."""
        found: dict[str, Money] = {}
        lines = [line for each in self.live if each.id != invoice_id for line in each.lines]
        for line in (*lines, *self.subscription.pending):
            if line.gives_back and line.credited_invoice_id == invoice_id:
                found[line.gives_back] = found.get(line.gives_back, ZERO) - gross(line)
        return found

    def noted(self, invoice_id: str) -> Money:
        """What credit notes took of an invoice."""
        return sum_money((note.total for note in self.notes if note.invoice_id == invoice_id), "USD")

    def own_credits(self, invoice_id: str) -> dict[str, Money]:
        """By line, what a line of the same invoice gives back of it."""
        found: dict[str, Money] = {}
        for line in self.invoices[invoice_id].lines:
            if line.gives_back and line.credited_invoice_id == invoice_id:
                found[line.gives_back] = found.get(line.gives_back, ZERO) - gross(line)
        return found

    def owed_to_customer(self) -> Money:
        """What the customer has and was never used: the balance, and credits that wait."""
        waiting = sum_money((gross(line) for line in self.subscription.pending), "USD")
        return self.balance.amount - waiting


VAT = TaxRate("VAT", Decimal(20))
