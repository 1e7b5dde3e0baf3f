"""What a payer sees of the one invoice that a link is for, and how it gets one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.card_limits import unchargeable
from billing.domain.kernel.errors import InvalidState, Unavailable
from billing.domain.payments.payment import AUTHENTICATION_REQUIRED, Payment, PaymentStatus
from billing.services.invoicing import queries
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import Ref, Work
from billing.services.logos import logo_ref
from billing.services.payer.links import Link, Links

LINK_LIFE = timedelta(days=30)
"""How long a link is good: for as long as an invoice usually is open. Another one is a call away."""


class Standing(StrEnum):
    """What a payer is told of an invoice."""

    TO_PAY = "to_pay"
    DECLINED = "declined"
    UNAUTHENTICATED = "unauthenticated"
    PROCESSING = "processing"
    NOT_BY_CARD = "not_by_card"
    PAID = "paid"
    VOID = "void"

    @property
    def is_payable(self) -> bool:
        """Whether there is something to be paid by card now."""
        return self in (Standing.TO_PAY, Standing.DECLINED, Standing.UNAUTHENTICATED)


@dataclass(frozen=True, slots=True)
class Shown:
    """An invoice with the last attempt to pay it.

    Args:
        looks: its tenant's, now.
    """

    invoice: Invoice
    latest: Payment | None
    looks: Looks

    def document(self, locale: str | None = None) -> InvoiceDocument:
        """What is printed of it.

        Args:
            locale: another language than its own.
        """
        document = queries.document(self.invoice, self.looks)
        return document if locale is None else replace(document, locale=locale)

    @property
    def standing(self) -> Standing:
        """What its payer is told. One that was given up as uncollectible may still be paid."""
        invoice, latest = self.invoice, self.latest
        if invoice.status is InvoiceStatus.VOID:
            return Standing.VOID
        if invoice.status is InvoiceStatus.PAID or invoice.amount_due.micros <= 0:
            return Standing.PAID
        if latest is not None and latest.is_undecided:
            return Standing.PROCESSING
        if unchargeable(invoice.amount_due) is not None:
            return Standing.NOT_BY_CARD
        if latest is None or latest.status is not PaymentStatus.FAILED or latest.error is None:
            return Standing.TO_PAY
        asks = latest.error.code == AUTHENTICATION_REQUIRED
        return Standing.UNAUTHENTICATED if asks else Standing.DECLINED


def shown(work: Work, invoice_id: str) -> Shown:
    """The invoice that a link names.

    Raises:
        NotFound: it is gone, with a test clock that was deleted.
        LostRace: it was paid while it was being read.
    """
    ref, logo = Ref(Invoice, work.tenant.id, invoice_id), logo_ref(work.tenant.id)
    found = work.load(ref, logo)
    invoice = found.require(ref)
    latest_ref = Ref(Payment, invoice.tenant_id, invoice.latest_payment_id or "")
    latest = work.load(latest_ref).get(latest_ref) if latest_ref.id else None
    queries.require_one_moment(invoice, latest)
    return Shown(invoice, latest, Looks.of(work.tenant, found.get(logo), None))


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """An address on which an invoice can be seen and paid by whoever has it."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentLinks:
    """Makes links to invoices.

    Args:
        base_url: the stack's own address; empty where it has none that anybody could be told.
    """

    links: Links
    base_url: str

    def make(self, work: Work, invoice_id: str) -> PaymentLink:
        """A link to an invoice that was finalized; nothing is stored of it.

        Raises:
            NotFound: no such invoice.
            InvalidState: it is a draft, whose amounts may change, or void.
            Unavailable: the stack does not know its own address.
        """
        if not self.base_url:
            raise Unavailable("This stack does not know its own address: see IssuerUrl and DomainName")
        invoice = queries.get(work, invoice_id)
        if invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.VOID):
            raise InvalidState.of("invoice", invoice.status, "paid by its customer")
        expires_at = (work.now + LINK_LIFE).replace(microsecond=0)
        token = self.links.token(Link(work.tenant.id, invoice.id, expires_at))
        return PaymentLink(f"{self.base_url}/pay/{token}", expires_at)
