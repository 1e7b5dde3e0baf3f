"""What a document takes from its tenant at the moment of printing: how it looks, and the page to pay on.

What has to stay as it was (parties, terms, bank details, the legal line) is on the invoice itself.
"""

import base64
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from billing.domain.tenant import Tenant, TenantLogo
from billing.services.invoicing.documents import Branding

INVOICE_ID, NUMBER = "{invoiceId}", "{number}"
"""What stands in a tenant's payment link for the invoice's id and its number."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How documents of a tenant look.

    Args:
        payment_link: the tenant's template.
        locale: the language that the reader asks for; None for the document's own.
    """

    branding: Branding = field(default_factory=Branding)
    payment_link: str | None = None
    locale: str | None = None

    @classmethod
    def of(cls, tenant: Tenant, logo: TenantLogo | None, locale: str | None) -> "Looks":
        """Those of a tenant now."""
        picture = base64.b64decode(logo.content) if logo is not None and logo.content else None
        branding = Branding(picture, tenant.branding.color, tenant.branding.footer)
        return cls(branding, tenant.payment_link, locale)

    def with_legal_line(self, legal_line: str | None) -> Branding:
        """The branding of one document, with the legal line of its day."""
        return replace(self.branding, legal_line=legal_line)

    def link_to(self, invoice_id: str, number: str) -> str | None:
        """The page to pay an invoice on."""
        if self.payment_link is None:
            return None
        link = self.payment_link.replace(INVOICE_ID, quote(invoice_id, safe=""))
        return link.replace(NUMBER, quote(number, safe=""))


PLAIN = Looks()
