"""Invoices, open and paid, and credit notes of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing import credit_note, issuing, settlement
from billing.domain.invoicing.credit_note import CreditLine, CreditNote, CreditNoteSequence, CreditRequest, Issued
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.money import Money
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxRate
from billing.domain.payments.refund import Refund, RefundStatus
from billing.domain.tax.rules import line_taxes
from billing.domain.tenant import InvoiceSequence
from tests.support.engine import TENANT
from tests.support.invoices import AT, payment

SEQUENCE = CreditNoteSequence("ten_1", "ACME")
VAT, GST, QST = TaxRate("VAT", Decimal(20)), TaxRate("GST", Decimal(5)), TaxRate("QST", Decimal("9.975"))


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def line(
    amount: Money,
    *rates: TaxRate,
    inclusive: bool = False,
    discount: Money | None = None,
    quantity: int | None = 1,
) -> InvoiceLine:
    made = InvoiceLine(
        id="",
        description="Business",
        component=None,
        quantity=None if quantity is None else Decimal(quantity),
        unit_amount=None,
        amount=amount,
        period=None,
        discounts=(DiscountAmount("SALE", discount),) if discount else (),
        tax_inclusive=inclusive,
    )
    return replace(made, taxes=line_taxes(made.taxable, rates, inclusive))


def opened(*lines: InvoiceLine, balance: Money | None = None) -> Invoice:
    currency = lines[0].amount.currency
    customer = Customer("cus_1", "ten_1", "Ada", currency, "UTC", AT)
    draft = issuing.draft(TENANT, customer, "in_1", lines, BillingReason.MANUAL, AT)
    stored = Balance("cus_1", "ten_1", balance or Money.zero(currency))
    return issuing.finalize(draft, InvoiceSequence("ten_1", "ACME"), stored, AT).invoice


def paid(*lines: InvoiceLine, balance: Money | None = None) -> Invoice:
    invoice = opened(*lines, balance=balance)
    if invoice.status is InvoiceStatus.PAID:  # by the balance, or because it is less than a card can be charged
        return invoice
    return settlement.paid(invoice, payment(invoice.amount_due), AT).invoice


def issue(invoice: Invoice, amount: Money | None = None, *lines: CreditLine, **more: Any) -> Issued:
    return credit_note.issue(invoice, CreditRequest(amount and amount.micros, lines, **more), "cn_1", SEQUENCE, AT)


def refund(amount: Money, note: CreditNote) -> Refund:
    return Refund(
        id="re_1",
        tenant_id="ten_1",
        customer_id="cus_1",
        payment_id="pay_1",
        invoice_id=note.invoice_id,
        credit_note_id=note.id,
        amount=amount,
        status=RefundStatus.PENDING,
        reason=None,
        idempotency_key="k",
        stripe_payment_intent_id="pi_1",
        created_at=AT,
        submitted_at=AT,
    )


def parts(notes: Sequence[CreditNote]) -> tuple[int, dict[str, int]]:
    """Net and taxes in minor units, all notes together."""
    taxes: Counter[str] = Counter()
    for note in notes:
        for tax in note.taxes:
            taxes[f"{tax.name} {tax.rate_percent}"] += tax.amount.minor
    return sum(note.net.minor for note in notes), {name: amount for name, amount in taxes.items() if amount}


def parts_of_invoice(invoice: Invoice) -> tuple[int, dict[str, int]]:
    taxes: Counter[str] = Counter()
    for each in invoice.lines:
        for tax in each.taxes:
            taxes[f"{tax.name} {tax.rate_percent}"] += tax.amount.minor
    return (invoice.total - invoice.tax).minor, {name: amount for name, amount in taxes.items() if amount}
