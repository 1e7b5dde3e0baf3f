"""Invoices that can be e-invoices: a seller in Berlin, a buyer in Paris, and a dozen kinds of documents."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from billing.domain.catalog.pricing import PriceStep
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Address, Customer, CustomField
from billing.domain.invoicing import issuing
from billing.domain.invoicing.credit_note import CreditLine, CreditNote, CreditNoteSequence, CreditRequest, issue
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.terms import OwnTerms
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxRate
from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE
from billing.domain.tenant import Branding, Contact, Tenant
from billing.services.invoicing import credit_notes, queries
from billing.services.invoicing.documents import InvoiceDocument, PaidBy
from billing.services.invoicing.einvoice import EInvoice
from billing.services.invoicing.einvoicing import of_credit_note, of_invoice
from billing.services.kernel.work import Found
from billing.services.tax.assessment import Taxes
from tests.support.engine import CUSTOMER, TENANT, on
from tests.support.invoices import AT, SEQUENCE, line

BANK = BankDetails("Acme GmbH", "DE89370400440532013000", "COBADEFFXXX")
SELLER = replace(
    TENANT,
    currency="EUR",
    timezone="Europe/Berlin",
    legal_name="Acme GmbH",
    address=Address("Friedrichstraße 12", "Hof 2", "Berlin", "10117", None, "DE"),
    tax_id="DE136695976",
    email="billing@acme.example",
    bank_details=BANK,
    branding=Branding(legal_line="HRB 12345 B, Berlin"),
    contact=Contact("Accounts", "+49 30 901820", "accounts@acme.example"),
    net_terms_days=30,
)
BUYER = replace(
    CUSTOMER,
    name="Exemple & Fils <SARL>",
    currency="EUR",
    timezone="Europe/Berlin",
    address=Address("Rue de la Paix 1", None, "Paris", "75002", None, "FR"),
    email="compta@exemple.example",
    tax_id="FR40303265045",
    po_number="PO-4711",
    custom_fields=(CustomField("Cost center", "0815"),),
)
JUNE = Period(on("2027-05-31T22:00"), on("2027-06-30T22:00"))
JANUARY = Period(on("2026-12-31T23:00"), on("2027-01-31T23:00"))
VAT19, VAT7, VAT0 = (TaxRate("VAT", Decimal(percent)) for percent in (19, 7, 0))


def eur(minor: int, *rates: TaxRate, off: int = 0, inclusive: bool = False, **fields: Any) -> InvoiceLine:
    """A line of an amount in cents; at 19 % unless it says otherwise."""
    made = replace(line(minor, off=off, currency="EUR"), tax_rates=rates or (VAT19,), tax_inclusive=inclusive)
    return replace(made, **fields)


def no_provider(name: object) -> object:
    raise AssertionError(f"nobody asks {name}")


def billed(
    lines: Sequence[InvoiceLine],
    seller: Tenant = SELLER,
    buyer: Customer = BUYER,
    note: str | None = None,
    balance: int = 0,
    **fields: Any,
) -> Invoice:
    """An invoice of these lines, taxed by their own rates, or untaxed for the reason of a note; finalized."""
    if note is None:
        done = Taxes(no_provider).applied(seller, buyer, Found({}), tuple(lines), AT)  # type: ignore[arg-type]
        lines = done.lines
    made = issuing.draft(seller, buyer, "in_1", lines, BillingReason.MANUAL, AT, own=OwnTerms(net_days=30))
    if note is not None:
        made = issuing.with_lines(made, made.lines, (note,))
    has = Balance("cus_1", "ten_1", Money.from_minor(balance, seller.currency))
    invoice = issuing.finalize(replace(made, auto_charge=False), SEQUENCE, has, AT).invoice
    return replace(invoice, due_at=invoice.due_at or AT + timedelta(days=30), **fields)


def credited(invoice: Invoice, *lines: CreditLine, amount: int | None = None) -> CreditNote:
    """What credits lines of an invoice, or an amount of it in cents."""
    request = CreditRequest(None if amount is None else amount * 1_000, lines, reason="Agreed by telephone")
    return issue(invoice, request, "cn_1", CreditNoteSequence("ten_1", "ACME"), AT).credit_note


def asked(invoice: Invoice, paid_by: PaidBy | None = None) -> tuple[InvoiceDocument, EInvoice]:
    """An invoice as it is printed, and as data."""
    document = queries.document(invoice, paid_by=paid_by)
    return document, of_invoice(invoice, document.how_to_pay, paid_by)


def noted(note: CreditNote) -> tuple[InvoiceDocument, EInvoice]:
    """A credit note as it is printed, and as data."""
    return credit_notes.document(note), of_credit_note(note)


def several_rates() -> Invoice:
    return billed([eur(100_00), eur(33_33), eur(20_00, VAT7)])


def paid_by_card() -> tuple[InvoiceDocument, EInvoice]:
    invoice = billed([eur(49_99)])
    paid = replace(invoice, status=InvoiceStatus.PAID, amount_paid=invoice.total, paid_at=AT)
    return asked(paid, PaidBy("visa", "4242"))


def tiers() -> Invoice:
    steps = (PriceStep(Decimal(5), 12_000_000, 0, 60_000_000), PriceStep(Decimal(4), 9_000_000, 4_000_000, 40_000_000))
    return billed([eur(1_000_00, quantity=Decimal(9), steps=steps, period=JANUARY)])


def fine_prices() -> Invoice:
    """1,234,567.891 calls at 0.0001 are 123.4567891, so 123.46; and 7 of something at 3 for 0.01."""
    calls = eur(123_46, quantity=Decimal("1234567.891"), unit_amount=10)
    return billed([calls, eur(1, quantity=Decimal(3)), eur(0, quantity=Decimal(0), unit_amount=10)])


def percent_off() -> Invoice:
    coupon = DiscountAmount("LAUNCH26", Money.from_minor(25_00, "EUR"), "Launch26", Decimal(25))
    return billed([eur(100_00, quantity=Decimal(4), unit_amount=2_500_000, discounts=(coupon,)), eur(10_00, off=10_00)])


def inclusive() -> Invoice:
    """Prices with tax in them: 3 at 11.90 are 3 at 10.00; 9.99 has no net that can be divided by 7."""
    return billed(
        [
            eur(35_70, quantity=Decimal(3), unit_amount=1_190_000, inclusive=True),
            eur(9_99, quantity=Decimal(7), inclusive=True),
            eur(20_00, VAT7, off=5_01, inclusive=True),
        ]
    )


def proration() -> Invoice:
    unused = eur(-12_34, quantity=Decimal(5), unit_amount=1_000_000, period=JUNE, proration=True)
    return billed([eur(80_00, quantity=Decimal(8), unit_amount=1_000_000, period=JANUARY), unused])


def abroad(country: str, city: str, tax_id: str) -> Tenant:
    assert SELLER.address is not None
    return replace(SELLER, address=replace(SELLER.address, country=country, city=city), tax_id=tax_id)


def dozen() -> dict[str, tuple[InvoiceDocument, EInvoice]]:
    """Documents of each kind, each as it is printed and as data."""
    yen = replace(SELLER, currency="JPY"), replace(BUYER, currency="JPY")
    many = several_rates()
    return {
        "standard": asked(billed([eur(100_00, quantity=Decimal(4), unit_amount=2_500_000, period=JANUARY)])),
        "several rates": asked(many),
        "reverse charge": asked(billed([eur(100_00), eur(50_00, off=10_00)], note=REVERSE_CHARGE_NOTE)),
        "exempt": asked(billed([eur(100_00)], note=EXEMPT_NOTE)),
        "exempt beside taxed": asked(billed([eur(100_00), replace(eur(5_00), tax_rates=(), tax_code="exempt")])),
        "zero rate": asked(billed([eur(100_00, VAT0), eur(10_00)])),
        "discount": asked(percent_off()),
        "inclusive": asked(inclusive()),
        "proration": asked(proration()),
        "only credits": asked(billed([eur(-12_34, period=JANUARY)])),
        "card": paid_by_card(),
        "tiers": asked(tiers()),
        "fine prices": asked(fine_prices()),
        "from the balance": asked(billed([eur(100_00)], balance=30_00)),
        "nothing due": asked(billed([eur(0)])),
        "yen": asked(billed([replace(line(5_000, currency="JPY"), tax_rates=(VAT19,))], *yen)),
        "a Greek seller": asked(billed([eur(100_00)], abroad("GR", "Athens", "EL094259216"))),
        "a Swiss seller": asked(billed([eur(100_00)], abroad("CH", "Zug", "CHE-107.787.577 MWST"))),
        "credited line": noted(credited(many, CreditLine(f"{many.id}-1"))),
        "credited share": noted(credited(many, amount=77_77)),
        "credited reverse charge": noted(credited(billed([eur(100_00)], note=REVERSE_CHARGE_NOTE), amount=40_00)),
    }
