"""Credit notes in the API. Amounts are integers in micro-units, with tax unless they are called net."""

from typing import Annotated, Any

from pydantic import Field

from billing.domain.invoicing.credit_note import CreditLine, CreditNote, CreditNoteLine, CreditRequest
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.schemas.base import (
    Id,
    Metadata,
    PositiveAmount,
    Quantity,
    Request,
    Resource,
    ShortText,
    Time,
    not_null,
    unsaid,
)
from billing.schemas.invoicing.invoices import PartyOut
from billing.schemas.invoicing.one_off import QuantityIn
from billing.schemas.payments.refund import RefundOut
from billing.schemas.subscriptions import PeriodOut
from billing.services.invoicing.credit_notes import CreditNoteView

MOST_LINES = 1000
CreditAmount = Annotated[
    PositiveAmount | None, not_null(PositiveAmount), Field(description="micro-units, with tax; whole minor units")
]


class CreditLineIn(Request):
    """A line to credit: all of it where neither amount nor quantity is said."""

    line_id: Id
    amount: CreditAmount = unsaid()
    quantity: Annotated[QuantityIn | None, not_null(QuantityIn)] = unsaid()


CreditLines = Annotated[list[CreditLineIn], Field(min_length=1, max_length=MOST_LINES)]


class CreditNoteIn(Request):
    amount: CreditAmount = unsaid()
    lines: Annotated[CreditLines | None, not_null(CreditLines)] = unsaid()
    reason: ShortText | None = None
    refund: Annotated[bool, Field(description="back to the card, what the invoice does not ask for any more")] = False
    metadata: Metadata = {}

    def request(self) -> CreditRequest:
        """What is to be credited.

        Raises:
            ValidationFailed: its fields contradict each other.
        """
        bad = []
        if (self.amount is None) == (self.lines is None):
            bad = [Detail(name, "exactly_one_of_amount_and_lines") for name in ("amount", "lines")]
        for n, line in enumerate(self.lines or []):
            if line.amount is not None and line.quantity is not None:
                reason = "at_most_one_of_amount_and_quantity"
                bad += [Detail(f"lines.{n}.{name}", reason) for name in ("amount", "quantity")]
        if bad:
            raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))
        return CreditRequest(
            amount=self.amount,
            lines=tuple(CreditLine(line.line_id, line.amount, line.quantity) for line in self.lines or ()),
            reason=self.reason,
            refund=self.refund,
            metadata=dict(self.metadata),
        )


class CreditTaxOut(Resource):
    name: str
    rate_percent: Quantity
    amount: int


class CreditNoteLineOut(Resource):
    id: str
    invoice_line_id: str | None
    description: str
    quantity: Quantity | None
    net: int
    amount: Annotated[int, Field(description="with tax")]
    period: PeriodOut | None

    @classmethod
    def of(cls, line: CreditNoteLine) -> "CreditNoteLineOut":
        return cls(
            id=line.id,
            invoice_line_id=line.invoice_line_id,
            description=line.description,
            quantity=line.quantity,
            net=line.net.micros,
            amount=line.amount.micros,
            period=PeriodOut.of(line.period) if line.period else None,
        )


class CreditFiguresOut(Resource):
    """What a credit note says of money, issued or not."""

    currency: str
    net: int
    tax: int
    taxes: list[CreditTaxOut]
    total: int
    to_invoice: Annotated[int, Field(description="what it took off the invoice's amount due")]
    to_balance: Annotated[int, Field(description="what went to the customer's balance")]
    to_refund: Annotated[int, Field(description="what goes back to the card")]

    @staticmethod
    def figures(note: CreditNote) -> dict[str, Any]:
        """These fields of a credit note, by name."""
        return {
            "currency": note.currency,
            "net": note.net.micros,
            "tax": note.tax.micros,
            "taxes": [
                CreditTaxOut(name=tax.name, rate_percent=tax.rate_percent, amount=tax.amount.micros)
                for tax in note.taxes
            ],
            "total": note.total.micros,
            "to_invoice": note.to_invoice.micros,
            "to_balance": note.to_balance.micros,
            "to_refund": note.to_refund.micros,
        }


class CreditPreviewOut(CreditFiguresOut):
    """What a credit note would say if it were issued now; nothing of it is stored."""

    @classmethod
    def of(cls, note: CreditNote) -> "CreditPreviewOut":
        return cls(**cls.figures(note))


class CreditNoteOut(CreditFiguresOut):
    id: str
    number: str
    customer_id: str
    invoice_id: str
    invoice_number: str
    subscription_id: str | None
    lines: list[CreditNoteLineOut]
    reason: str | None
    refund_id: str | None
    seller: PartyOut
    buyer: PartyOut
    notes: list[str]
    metadata: dict[str, str]
    test_mode: bool
    created_at: Time
    version: int

    @classmethod
    def of(cls, note: CreditNote) -> "CreditNoteOut":
        return cls(
            **cls.figures(note),
            id=note.id,
            number=note.number,
            customer_id=note.customer_id,
            invoice_id=note.invoice_id,
            invoice_number=note.invoice_number,
            subscription_id=note.subscription_id,
            lines=[CreditNoteLineOut.of(line) for line in note.lines],
            reason=note.reason,
            refund_id=note.refund_id,
            seller=PartyOut.of(note.seller),
            buyer=PartyOut.of(note.buyer),
            notes=list(note.notes),
            metadata=note.metadata,
            test_mode=note.test_mode,
            created_at=note.created_at,
            version=note.version,
        )


class CreditNoteViewOut(CreditNoteOut):
    refund: RefundOut | None

    @classmethod
    def view(cls, view: CreditNoteView) -> "CreditNoteViewOut":
        refund = RefundOut.of(view.refund) if view.refund else None
        return cls(**CreditNoteOut.of(view.credit_note).model_dump(), refund=refund)
