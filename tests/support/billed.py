"""Histories of billing for tests of reports: invoices, credit notes and voids, with their entries in the journal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from billing.domain import ledger
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import credit_note, issuing, settlement
from billing.domain.invoicing.credit_note import CreditLine, CreditNote, CreditNoteSequence, CreditRequest
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.kernel.periods import Period
from billing.domain.ledger import Account, LedgerEntry, Receivable
from billing.domain.lines.crediting import gross, left_of, whole_units
from billing.domain.lines.line import BilledUsage, InvoiceLine, TaxRate
from billing.domain.reports.fold import Posted
from billing.domain.tax.rules import line_taxes
from billing.domain.tenant import InvoiceSequence
from billing.domain.usage.event import UsageSpan
from tests.support.engine import TENANT, on
from tests.support.invoices import line as plain_line

_SOME_MONTH = Period(on("2027-01-01"), on("2027-02-01"))
SEQUENCE, NOTES = InvoiceSequence("ten_1", "ACME"), CreditNoteSequence("ten_1", "ACME")


def line(
    amount: Money,
    begin: str | datetime | None = None,
    end: str | datetime | None = None,
    *,
    off: int = 0,
    tax: int = 0,
    inclusive: bool = False,
    usage: bool = False,
    plan_id: str | None = None,
    component: str | None = None,
) -> InvoiceLine:
    """A line for a time; ``off`` is a discount in minor units, ``tax`` a rate in per cent."""
    begin, end = (on(each) if isinstance(each, str) else each for each in (begin, end))
    period = Period(begin, end) if begin is not None and end is not None else None
    made = plain_line(amount.minor, off, currency=amount.currency)
    made = replace(
        made,
        period=period,
        tax_inclusive=inclusive,
        usage=BilledUsage(f"sub_1#{UsageSpan(period or _SOME_MONTH).key}") if usage else None,
        plan_id=plan_id,
        component=component,
    )
    rates = (TaxRate("VAT", Decimal(tax)),) if tax else ()
    return replace(made, taxes=line_taxes(made.taxable, rates, inclusive))


@dataclass
class Books:
    """What was posted, in order, and the documents as they are now."""

    posted: list[Posted] = field(default_factory=list)
    invoices: dict[str, Invoice] = field(default_factory=dict)

    def bill(self, at: datetime, lines: Sequence[InvoiceLine], customer_id: str = "cus_1") -> Invoice:
        """Finalize an invoice."""
        currency = lines[0].amount.currency
        customer = Customer(customer_id, "ten_1", "Ada", currency, "UTC", at)
        draft = issuing.draft(TENANT, customer, f"in_{len(self.invoices)}", lines, BillingReason.MANUAL, at)
        balance = Balance(customer_id, "ten_1", Money.zero(currency))
        made = issuing.finalize(draft, SEQUENCE, balance, at)
        self._keep(made.invoice, made.entries, made.invoice)
        return made.invoice

    def credit(self, at: datetime, invoice_id: str, amount: Money | None, line_id: str | None = None) -> CreditNote:
        """Credit an amount of an invoice, or of one line of it; of the line all that is left if no amount is given."""
        named = (CreditLine(line_id, amount.micros if amount else None),) if line_id else ()
        wanted = CreditRequest(None if line_id or amount is None else amount.micros, named)
        note_id = f"cn_{len(self.posted)}"
        made = credit_note.issue(self.invoices[invoice_id], wanted, note_id, NOTES, at)
        self._keep(made.invoice, made.entries, made.credit_note)
        return made.credit_note

    def void(self, at: datetime, invoice_id: str) -> None:
        """Void an open invoice."""
        made = settlement.void(self.invoices[invoice_id], at)
        self._keep(made.invoice, made.entries, made.invoice)

    def give_up(self, at: datetime, invoice_id: str) -> None:
        """Write an open invoice off."""
        after, entry = settlement.uncollectible(self.invoices[invoice_id], at)
        self._keep(after, [entry], None)

    def sell(self, at: datetime, amount: Money, customer_id: str = "cus_1") -> None:
        """Sell without an invoice."""
        n = len(self.posted)
        self.enter(ledger.sold(f"le_sold_{n}", f"pay_{n}", Receivable(customer_id, None, None), amount, at))

    def enter(self, entry: LedgerEntry) -> None:
        """Post an entry that is about no document."""
        self.posted.append(Posted(entry))

    def _keep(self, invoice: Invoice, entries: Iterable[LedgerEntry], document: Invoice | CreditNote | None) -> None:
        about = ("invoice_finalized", "invoice_voided", "credit_noted")
        self.posted += [Posted(each, document if each.kind in about else None) for each in entries]
        self.invoices[invoice.id] = invoice

    def before(self, at: datetime) -> list[Posted]:
        """What was posted before an instant."""
        return [each for each in self.posted if each.entry.posted_at < at]

    def between(self, begin: datetime, end: datetime) -> list[Posted]:
        """What was posted in [begin, end)."""
        return [each for each in self.posted if begin <= each.entry.posted_at < end]

    def revenue(self, at: datetime) -> dict[str, int]:
        """The ledger's revenue before an instant, by currency, in micro-units; what is zero is left out."""
        return balance_of(Account.REVENUE, self.before(at), -1)


def balance_of(account: Account, posted: Iterable[Posted], sign: int = 1) -> dict[str, int]:
    """What an account has by currency, in micro-units; what is zero is left out."""
    found: dict[str, int] = {}
    for each in posted:
        for posting in each.entry.postings:
            if posting.account is account:
                currency = posting.amount.currency
                found[currency] = found.get(currency, 0) + sign * posting.amount.micros
    return {currency: sum_ for currency, sum_ in found.items() if sum_}


FIRST = datetime(2027, 12, 20, tzinfo=UTC)
"""Random histories begin here: their year has a leap day."""
_SECONDS = 400 * 24 * 3_600
_PLANS = st.sampled_from([(None, None), ("team", "base"), ("team", "seats"), ("pro", "base")])


@st.composite
def _lines(draw: st.DrawFn, at: datetime) -> list[InvoiceLine]:
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    made = []
    for _ in range(draw(st.integers(1, 4))):
        minor = draw(st.integers(-30_000, 90_000)) * charge_step(currency)
        begin = at + timedelta(seconds=draw(st.integers(-100 * 86_400, 60 * 86_400)))
        end = begin + timedelta(seconds=draw(st.integers(1, 400 * 86_400)))
        plan_id, component = draw(_PLANS)
        off = draw(st.integers(0, 100)) * max(minor, 0) // 100 // charge_step(currency) * charge_step(currency)
        made.append(
            line(
                Money.from_minor(minor, currency),
                *draw(st.sampled_from([(begin, end), (begin, end), (None, None)])),
                off=off,
                tax=draw(st.sampled_from([0, 19])),
                inclusive=draw(st.booleans()),
                usage=draw(st.integers(0, 4)) == 0,
                plan_id=plan_id,
                component=component,
            )
        )
    return made


@st.composite
def histories(draw: st.DrawFn, most: int = 8) -> Books:
    """Invoices in three currencies, credited, voided, written off, and sales; several things at one instant, too."""
    books, at = Books(), FIRST
    for _ in range(draw(st.integers(1, most))):
        at += timedelta(seconds=draw(st.sampled_from([0, 1, 3_600]) | st.integers(0, _SECONDS // most)))
        act = draw(st.sampled_from(["bill", "bill", "credit", "credit", "void", "give up", "sell"]))
        invoices = [each for each in books.invoices.values() if _can(each, act)]
        if act == "sell":
            books.sell(at, Money.from_minor(draw(st.integers(1, 10**6)) * 10, draw(st.sampled_from(["USD", "KWD"]))))
        elif act == "bill" or not invoices:
            books.bill(at, draw(_lines(at)), draw(st.sampled_from(["cus_1", "cus_2"])))
        elif act == "credit":
            _credit(draw, books, draw(st.sampled_from(invoices)), at)
        elif act == "void":
            books.void(at, draw(st.sampled_from(invoices)).id)
        else:
            books.give_up(at, draw(st.sampled_from(invoices)).id)
    return books


def _can(invoice: Invoice, act: str) -> bool:
    if act == "credit":
        return invoice.status is not InvoiceStatus.VOID and not invoice.creditable.is_zero
    is_open = invoice.status is InvoiceStatus.OPEN and not invoice.amount_due.is_negative
    return is_open and (act != "void" or invoice.amount_credited.is_zero)


def _credit(draw: st.DrawFn, books: Books, invoice: Invoice, at: datetime) -> None:
    left, n = left_of(invoice.lines, invoice.credits), draw(st.integers(0, len(invoice.lines) - 1))
    of_line = min(whole_units(left.to_credit(n), invoice.currency), invoice.creditable)
    by_line = draw(st.booleans()) and gross(invoice.lines[n]).micros > 0 and not of_line.is_zero
    most = of_line if by_line else invoice.creditable
    unit = charge_step(invoice.currency) * MICROS_PER_MINOR
    amount = Money(most.micros * draw(st.integers(1, 100)) // 100 // unit * unit, invoice.currency)
    if not amount.is_zero:
        books.credit(at, invoice.id, amount, invoice.lines[n].id if by_line else None)
