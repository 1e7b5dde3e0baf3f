"""Invoices, payments and balances for tests of the pure domain."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from billing.domain.customers.balance import Balance
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.invoicing.issuing import Finalized
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxAmount
from billing.domain.payments.payment import Payment, PaymentError, PaymentStatus
from billing.domain.tenant import InvoiceSequence
from tests.support.engine import CUSTOMER, TENANT, on

AT = on("2027-01-31T09:00")
SEQUENCE = InvoiceSequence("ten_1", "ACME")


def line(minor: int, off: int = 0, tax: int = 0, inclusive: bool = False, currency: str = "USD") -> InvoiceLine:
    """A line of an amount, less a discount, with a tax on top or in it; in minor units."""
    return InvoiceLine(
        id="",
        description="Something",
        component=None,
        quantity=None,
        unit_amount=None,
        amount=Money.from_minor(minor, currency),
        period=None,
        discounts=(DiscountAmount("SALE", Money.from_minor(off, currency)),) if off else (),
        taxes=(TaxAmount("VAT", Decimal(20), Money.from_minor(tax, currency), inclusive),) if tax else (),
        tax_inclusive=inclusive,
    )


def draft(lines: Sequence[InvoiceLine], invoice_id: str = "in_1") -> Invoice:
    return issuing.draft(TENANT, CUSTOMER, invoice_id, lines, BillingReason.MANUAL, AT)


def draft_of(*minor: int) -> Invoice:
    return draft([line(each) for each in minor])


def no_balance() -> Balance:
    return Balance.empty("ten_1", "cus_1", "USD")


def balance_of(minor: int) -> Balance:
    return Balance("cus_1", "ten_1", Money.from_minor(minor, "USD"))


def finalized(invoice: Invoice, balance: int = 0) -> Finalized:
    return issuing.finalize(invoice, SEQUENCE, balance_of(balance), AT)


def opened(*minor: int, balance: int = 0) -> Invoice:
    return finalized(draft_of(*minor), balance).invoice


def payment(
    amount: Money | int, payment_id: str = "pay_1", status: PaymentStatus = PaymentStatus.SUCCEEDED, attempt: int = 1
) -> Payment:
    """A payment of an invoice's; ints are minor units."""
    return Payment(
        id=payment_id,
        tenant_id="ten_1",
        customer_id="cus_1",
        amount=amount if isinstance(amount, Money) else Money.from_minor(amount, "USD"),
        status=status,
        attempt=attempt,
        idempotency_key="k",
        stripe_customer_id="c",
        payment_method_id="pm",
        off_session=False,
        created_at=AT,
        submitted_at=AT,
        invoice_id="in_1",
        error=PaymentError("payment.declined", "Declined.") if status is PaymentStatus.FAILED else None,
    )


def accounts(entries: Iterable[LedgerEntry | None]) -> dict[Account, int]:
    """What entries come to by account, in minor units; accounts that come to nothing are left out."""
    found: dict[Account, int] = {}
    for entry in entries:
        for posting in entry.postings if entry else ():
            found[posting.account] = found.get(posting.account, 0) + posting.amount.minor
    return {account: amount for account, amount in found.items() if amount}
