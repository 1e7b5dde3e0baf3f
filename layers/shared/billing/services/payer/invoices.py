"""What a payer sees of the one invoice that a link is for."""

from dataclasses import dataclass, replace

from billing.domain.invoicing.invoice import Invoice
from billing.domain.payments.payment import Payment
from billing.services.invoicing import queries
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import Ref, Work
from billing.services.logos import logo_ref


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


def shown(work: Work, invoice_id: str) -> Shown:
    """The invoice that a link names.

    Raises:
        NotFound: it is gone, with a test clock that was deleted.
    """
    ref, logo = Ref(Invoice, work.tenant.id, invoice_id), logo_ref(work.tenant.id)
    found = work.load(ref, logo)
    invoice = found.require(ref)
    latest_ref = Ref(Payment, invoice.tenant_id, invoice.latest_payment_id or "")
    latest = work.load(latest_ref).get(latest_ref) if latest_ref.id else None
    return Shown(invoice, latest, Looks.of(work.tenant, found.get(logo), None))
