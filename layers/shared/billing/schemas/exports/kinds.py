"""Every kind of thing that can be exported: ``services.reports.exporting.ExportKind``."""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel

from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.entity import Entity
from billing.domain.ledger import LedgerEntry
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions.subscription import Subscription
from billing.schemas.catalog.plans import PlanOut
from billing.schemas.customers import CustomerOut
from billing.schemas.exports import flat
from billing.schemas.invoicing.credit_notes import CreditNoteOut
from billing.schemas.invoicing.invoices import InvoiceOut
from billing.schemas.payments.payment import PaymentOut
from billing.schemas.reports.ledger import LedgerEntryOut
from billing.schemas.subscriptions import SubscriptionOut
from billing.services.reports.exporting import ExportKind
from billing.services.reports.ledger import POSTING_COLUMNS, postings

_Shape = Callable[[Any], BaseModel]


def _objects(shape: _Shape) -> Callable[[Any], Iterable[str]]:
    return lambda entity: (shape(entity).model_dump_json(by_alias=True),)


def _flat(entity: type[Entity], form: flat.Flat, shape: _Shape) -> ExportKind:
    return ExportKind(entity, form.columns, lambda each: (form.row(each),), _objects(shape))


def _lines_as_json(invoice: Invoice) -> Iterable[str]:
    for line in InvoiceOut.of(invoice).lines:
        text = line.model_dump_json(by_alias=True)
        yield f'{{"invoiceId":"{invoice.id}","currency":"{invoice.currency}",{text[1:]}'


KINDS: dict[str, ExportKind] = {
    "customers": _flat(Customer, flat.CUSTOMERS, CustomerOut.of),
    "plans": _flat(Plan, flat.PLANS, PlanOut.of),
    "subscriptions": _flat(Subscription, flat.SUBSCRIPTIONS, SubscriptionOut.of),
    "invoices": _flat(Invoice, flat.INVOICES, InvoiceOut.of),
    "invoice-lines": ExportKind(Invoice, flat.LINE_COLUMNS, flat.lines, _lines_as_json),
    "credit-notes": _flat(CreditNote, flat.CREDIT_NOTES, CreditNoteOut.of),
    "payments": _flat(Payment, flat.PAYMENTS, PaymentOut.of),
    "ledger": ExportKind(
        LedgerEntry, POSTING_COLUMNS, postings, _objects(LedgerEntryOut.of), lambda each: each.posted_at
    ),
}
