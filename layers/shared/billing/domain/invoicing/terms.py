"""What an invoice tells beside its parties, lines and amounts, and until when it is to be paid.

Each of these is the invoice's own where one was said for it, else its customer's, else its tenant's. It is looked up
when the invoice is taxed, as seller and buyer are, so a draft follows its customer and a finalized invoice follows
nobody: whoever prints it in ten years reads what its buyer read.
"""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.customers.customer import Customer, CustomField
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.locales import DEFAULT_LOCALE
from billing.domain.kernel.periods import days_later
from billing.domain.tenant import Contact, Tenant


@dataclass(frozen=True, slots=True)
class OwnTerms:
    """What was said for one invoice alone; None, where nothing was, for what its customer or its tenant has."""

    net_days: int | None = None
    po_number: str | None = None
    custom_fields: tuple[CustomField, ...] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an invoice tells.

    Args:
        net_days: days to pay, where it is not charged to a saved method.
        bank: where to transfer money to.
        legal_line: what the law wants its seller to say of itself.
        own: which of these were said for this invoice.
        contact: whom to ask about it.
    """

    locale: str = DEFAULT_LOCALE
    net_days: int = 0
    po_number: str | None = None
    custom_fields: tuple[CustomField, ...] = ()
    bank: BankDetails | None = None
    legal_line: str | None = None
    own: OwnTerms = OwnTerms()
    contact: Contact | None = None


def terms_of(tenant: Tenant, customer: Customer, own: OwnTerms) -> Terms:
    """The terms of an invoice: tenant < customer < invoice.

    A tenant with 30 days, a customer with 14 and an invoice of its own 60: 60.
    """
    return Terms(
        locale=customer.locale or tenant.locale,
        net_days=_first(own.net_days, customer.net_terms_days, tenant.net_terms_days),
        po_number=own.po_number or customer.po_number,
        custom_fields=customer.custom_fields if own.custom_fields is None else own.custom_fields,
        bank=tenant.bank_details,
        legal_line=tenant.branding.legal_line,
        own=own,
        contact=tenant.contact,
    )


def due_date(terms: Terms | None, finalized_at: datetime, timezone: str) -> datetime:
    """Until when an invoice that is not charged at once is to be paid.

    Calendar days of the invoice's zone: finalized on 1 March at 12:00 in Berlin, 30 days, is 31 March at 12:00 there,
    although the clocks were set forward meanwhile.
    """
    return days_later(finalized_at, terms.net_days if terms is not None else 0, timezone)


def _first(*values: int | None) -> int:
    return next((each for each in values if each is not None), 0)
