"""Invoices in the API. Amounts are integers in micro-units."""

from typing import Annotated, Any, Self

from pydantic import Field

from billing.domain.catalog.pricing import PriceStep
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus, PartySnapshot
from billing.domain.invoicing.terms import Terms
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxAmount
from billing.domain.lines.tax_facts import UNKNOWN, JurisdictionLevel, Taxability
from billing.domain.payments.dispute import DisputeStatus
from billing.schemas.base import CustomFieldOut, Id, Quantity, Request, Resource, Time
from billing.schemas.customers import AddressOut, shown_fields
from billing.schemas.payments.payment import PaymentErrorOut
from billing.schemas.subscriptions import PeriodOut
from billing.services.invoicing.documents import TaxLine
from billing.services.invoicing.payments import Paid
from billing.services.invoicing.tax_table import tax_table

Carried = Annotated[int, Field(description="less than a card can be charged, so the next invoice asks for it")]
_CONTESTED = {each.value for each in DisputeStatus if not each.is_closed or each is DisputeStatus.LOST}


class PayIn(Request):
    payment_method_id: Id | None = None


class TaxOut(Resource):
    """A tax on a line, or one that is not on it, with what filing needs to know of it.

    What is from before that was recorded has nulls, and the treatment `unknown`.
    """

    name: str
    rate_percent: Quantity
    amount: int
    inclusive: bool
    base: Annotated[int, Field(description="what of the line's net it is on, or is not on")]
    treatment: Annotated[Taxability, Field(description="how the line was treated by it")]
    category: Annotated[str | None, Field(description="the kind of tax: `vat`, `gst`, `sales_tax`, ...")]
    country: str | None
    region: Annotated[str | None, Field(description="the state or province, for a tax of it or of a part of it")]
    level: Annotated[JurisdictionLevel | None, Field(description="whose tax it is")]
    jurisdiction: Annotated[str | None, Field(description="the provider's name of what is below a state")]
    reason: Annotated[str | None, Field(description="why it was treated so, in the provider's words or ours")]

    @classmethod
    def of(cls, tax: TaxAmount, net: Money) -> "TaxOut":
        """A tax of a line of this net."""
        facts = tax.facts or UNKNOWN
        return cls(
            name=tax.name,
            rate_percent=tax.rate_percent,
            amount=tax.amount.micros,
            inclusive=tax.inclusive,
            base=(net if tax.base is None else tax.base).micros,
            treatment=facts.treatment,
            category=facts.category,
            country=facts.country,
            region=facts.region,
            level=facts.level if facts.country is not None else None,
            jurisdiction=facts.jurisdiction,
            reason=facts.reason,
        )


class TaxRowOut(Resource):
    """A row of the document's table of taxes."""

    name: str
    rate_percent: Quantity
    inclusive: bool
    treatment: Annotated[str, Field(description="`standard`, `zero`, `exempt` or `reverse_charge`")]
    base: Annotated[int, Field(description="what it is on: nets after discounts")]
    amount: int

    @classmethod
    def of(cls, row: TaxLine) -> "TaxRowOut":
        return cls(
            name=row.name,
            rate_percent=row.rate_percent,
            inclusive=row.inclusive,
            treatment=row.treatment.value,
            base=row.base.micros if row.base else 0,
            amount=row.amount.micros,
        )


class DiscountOut(Resource):
    coupon_id: str
    code: Annotated[str | None, Field(description="as its maker wrote it")]
    amount: int


class PriceStepOut(Resource):
    quantity: Quantity
    unit_amount: int
    flat_amount: int
    amount: int

    @classmethod
    def of(cls, step: PriceStep) -> "PriceStepOut":
        return cls(
            quantity=step.quantity,
            unit_amount=step.unit_amount,
            flat_amount=step.flat_amount,
            amount=step.amount,
        )


class LineOut(Resource):
    id: str
    description: str
    component: str | None
    quantity: Quantity | None
    unit_amount: int | None
    amount: int
    steps: Annotated[
        list[PriceStepOut],
        Field(description="how a tiered price makes up the amount; empty where one unit price does, or for a part"),
    ]
    period: PeriodOut | None
    proration: bool
    dimensions: Annotated[dict[str, str], Field(description="of the usage that it bills")]
    tax_inclusive: bool
    taxes: list[TaxOut]
    untaxed: Annotated[list[TaxOut], Field(description="taxes that are not on it, or not on a part, and why")]
    discounts: list[DiscountOut]

    @classmethod
    def of(cls, line: InvoiceLine) -> "LineOut":
        return cls(
            id=line.id,
            description=line.description,
            component=line.component,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            amount=line.amount.micros,
            steps=[PriceStepOut.of(step) for step in line.steps],
            period=PeriodOut.of(line.period) if line.period else None,
            proration=line.proration,
            dimensions=line.dimensions,
            tax_inclusive=line.tax_inclusive,
            taxes=[TaxOut.of(tax, line.net) for tax in line.taxes],
            untaxed=[TaxOut.of(tax, line.net) for tax in line.untaxed],
            discounts=[
                DiscountOut(coupon_id=each.coupon_id, code=each.code, amount=each.amount.micros)
                for each in line.discounts
            ],
        )


class PartyOut(Resource):
    name: str
    address: AddressOut | None
    tax_id: str | None
    email: str | None

    @classmethod
    def of(cls, party: PartySnapshot) -> "PartyOut":
        return cls(name=party.name, address=AddressOut.of(party.address), tax_id=party.tax_id, email=party.email)


class InvoiceFiguresOut(Resource):
    """What an invoice says of money, made or not."""

    currency: str
    period: PeriodOut | None
    lines: list[LineOut]
    subtotal: int
    discount: int
    tax: int
    tax_included: Annotated[int, Field(description="what of the tax is part of the lines' amounts already")]
    taxes: Annotated[list[TaxRowOut], Field(description="its table of taxes, as its document has it")]
    total: int
    balance_applied: int
    amount_carried: Carried
    amount_credited: Annotated[
        int, Field(description="what was credited off it; below zero what it takes off other, unpaid invoices")
    ]
    amount_due: int
    notes: Annotated[list[str], Field(description="what the law wants said, such as `Reverse charge`")]

    @staticmethod
    def figures(invoice: Invoice) -> dict[str, Any]:
        """These fields of an invoice, by name."""
        return {
            "currency": invoice.currency,
            "period": PeriodOut.of(invoice.period) if invoice.period else None,
            "lines": [LineOut.of(line) for line in invoice.lines],
            "subtotal": invoice.subtotal.micros,
            "discount": invoice.discount.micros,
            "tax": invoice.tax.micros,
            "tax_included": invoice.tax_included.micros,
            "taxes": [TaxRowOut.of(row) for row in tax_table(invoice)],
            "total": invoice.total.micros,
            "balance_applied": invoice.balance_applied.micros,
            "amount_carried": invoice.carried.micros if invoice.carried else 0,
            "amount_credited": invoice.amount_credited.micros,
            "amount_due": invoice.amount_due.micros,
            "notes": list(invoice.notes),
        }


class InvoiceOut(InvoiceFiguresOut):
    id: str
    number: str | None
    customer_id: str
    subscription_id: str | None
    status: str
    billing_reason: str
    seller: PartyOut
    buyer: PartyOut
    amount_paid: int
    amount_refunded: int
    tax_waits: Annotated[bool, Field(description="a draft for which nobody could say yet what tax is due")]
    auto_charge: bool
    attempt_count: int
    next_attempt_at: Annotated[
        Time | None, Field(description="the next dunning step of an open invoice, or its first, at `dueAt`")
    ]
    latest_payment_id: str | None
    payment_error: PaymentErrorOut | None
    disputed: Annotated[bool, Field(description="a payment of it is disputed, or was and the dispute was lost")]
    dispute_ids: list[str]
    metadata: dict[str, str]
    test_mode: bool
    locale: Annotated[str, Field(description="of its document")]
    net_terms_days: Annotated[int, Field(description="to pay it, where no saved method is charged")]
    po_number: str | None
    custom_fields: list[CustomFieldOut]
    created_at: Time
    finalizes_at: Annotated[Time | None, Field(description="when a draft is finalized by itself")]
    finalized_at: Time | None
    due_at: Annotated[
        Time | None,
        Field(description="until when it is to be paid, once it is finalized; at once where a saved method is charged"),
    ]
    paid_at: Time | None
    version: int

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        next_at = invoice.due.at if invoice.due else None
        terms = invoice.terms or Terms()
        return cls(
            **cls.figures(invoice),
            id=invoice.id,
            number=invoice.number,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            status=invoice.status.value,
            billing_reason=invoice.reason.value,
            seller=PartyOut.of(invoice.seller),
            buyer=PartyOut.of(invoice.buyer),
            amount_paid=invoice.amount_paid.micros,
            amount_refunded=invoice.amount_refunded.micros,
            tax_waits=invoice.tax_waits,
            auto_charge=invoice.auto_charge,
            attempt_count=invoice.attempt_count,
            next_attempt_at=next_at if invoice.status is InvoiceStatus.OPEN else None,
            latest_payment_id=invoice.latest_payment_id,
            payment_error=PaymentErrorOut.of(invoice.payment_error),
            disputed=is_disputed(invoice),
            dispute_ids=list(invoice.disputes),
            metadata=invoice.metadata,
            test_mode=invoice.test_mode,
            locale=terms.locale,
            net_terms_days=terms.net_days,
            po_number=terms.po_number,
            custom_fields=shown_fields(terms.custom_fields),
            created_at=invoice.created_at,
            finalizes_at=next_at if invoice.status is InvoiceStatus.DRAFT else None,
            finalized_at=invoice.finalized_at,
            due_at=invoice.payable_by,
            paid_at=invoice.paid_at,
            version=invoice.version,
        )


def is_disputed(invoice: Invoice) -> bool:
    """Whether a payment of it is disputed, or was and the dispute was lost."""
    return any(status in _CONTESTED for status in invoice.disputes.values())


class PreviewOut(InvoiceFiguresOut):
    """What an invoice would say if it were made now; nothing of it is stored."""

    @classmethod
    def of(cls, invoice: Invoice) -> "PreviewOut":
        return cls(**cls.figures(invoice))


class PaidInvoiceOut(InvoiceOut):
    client_secret: str | None = None

    @classmethod
    def paid(cls, paid: Paid) -> "PaidInvoiceOut":
        return cls(**InvoiceOut.of(paid.invoice).model_dump(), client_secret=paid.client_secret)
