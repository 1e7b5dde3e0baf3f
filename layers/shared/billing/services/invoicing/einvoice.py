"""An invoice or a credit note as EN 16931 has it: parties, lines net of tax, one row for each VAT category and rate.

The names in brackets are the norm's: BT-31 is the seller's VAT id, BR-CO-16 a rule. An ``EInvoice`` may be incomplete;
``problems`` says in words what the norm misses in it, and only one without problems is written as XML.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.domain.customers.customer import Address
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.countries import is_country
from billing.domain.kernel.currencies import minor_digits
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.domain.tax.tax_ids import EU_MEMBERS
from billing.domain.tenant import Contact

VAT_COUNTRIES = EU_MEMBERS | {"CH", "GB", "IS", "LI", "NO"}
"""Where a seller's tax is a VAT as the norm means it. A sales tax of the United States is none."""
_MOST_DECIMALS = 2
_TOLERANCE = Fraction(1)
"""In units of the currency: how far the norm's own test of BR-CO-17 lets a rate's tax be from base times rate."""


class Profile(StrEnum):
    """What the XML conforms to: EN 16931 as Factur-X has it, or Germany's narrower XRechnung."""

    FACTUR_X = "factur-x"
    XRECHNUNG = "xrechnung"


class Category(StrEnum):
    """VAT categories (UNCL 5305)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"


class Means(StrEnum):
    """How it is paid (UNCL 4461)."""

    UNDEFINED = "1"
    TRANSFER = "30"
    CARD = "48"
    SEPA = "58"


@dataclass(frozen=True, slots=True)
class Problem:
    """What the norm misses: the field concerned, as the API names it, and a sentence."""

    field: str
    words: str


@dataclass(frozen=True, slots=True)
class EParty:
    """Seller or buyer; ``vat_id`` begins with its country's prefix (``DE136695976``, ``EL123456783``)."""

    name: str
    address: Address | None = None
    vat_id: str | None = None
    email: str | None = None

    @property
    def country(self) -> str | None:
        """ISO 3166-1 alpha-2; None where the address has none that the norm knows."""
        code = self.address.country_code if self.address else ""
        return code if is_country(code) else None


@dataclass(frozen=True, slots=True)
class ELine:
    """A line: quantity times price, less the allowance, is the net amount.

    Args:
        quantity: negative for what is given back; a price never is (BR-27).
        price: of one, without tax, in units of the currency, as fine as it has to be.
        net: after the allowance, without tax (BT-131).
        category: None where nobody knows how it is taxed.
        period: first and last day.
    """

    name: str
    quantity: Decimal
    price: Decimal
    net: Money
    category: Category | None
    rate: Decimal
    allowance: Money | None = None
    allowance_reason: str | None = None
    description: str | None = None
    period: tuple[date, date] | None = None


@dataclass(frozen=True, slots=True)
class VatRow:
    """The tax of one category and rate: 19 % of 150.00 is ``VatRow(STANDARD, 19, 150.00, 28.50)``."""

    category: Category
    rate: Decimal
    base: Money
    tax: Money

    @property
    def follows_its_rate(self) -> bool:
        """BR-CO-17: the tax is base times rate, to within what the norm's own test of the rule lets pass."""
        share = exact_fraction(self.rate) / 100
        exact = abs(self.base.micros) * share
        if 0 < self.rate < Decimal("0.5"):  # the test takes such a rate for zero
            return abs(self.tax.micros) * 2 < _unit(self.tax.currency)
        rounded = abs(Money.rounded(exact, self.base.currency).micros)
        return abs(abs(self.tax.micros) - rounded) <= _TOLERANCE * _unit(self.tax.currency)


@dataclass(frozen=True, slots=True)
class Payment:
    """How it is paid, or was: an account, or the last digits of the card, or words."""

    means: Means
    bank: BankDetails | None = None
    card: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EInvoice:
    """A whole invoice, or a credit note about the invoice ``preceding``, whose amounts are positive.

    Args:
        number, issued_on: None for a draft.
        buyer_reference: what routes it at the buyer (BT-10), in Germany a Leitweg-ID.
        total, due: with tax; what was paid, credited or taken from a balance is between them (BT-113).
        terms: of payment, in words.
    """

    number: str | None
    is_void: bool = False
    issued_on: date | None
    due_on: date | None = None
    currency: str
    seller: EParty
    buyer: EParty
    contact: Contact | None = None
    lines: tuple[ELine, ...]
    vat: tuple[VatRow, ...]
    tax: Money
    total: Money
    due: Money
    payment: Payment
    notes: tuple[str, ...] = ()
    legal_line: str | None = None
    buyer_reference: str | None = None
    order_number: str | None = None
    period: tuple[date, date] | None = None
    preceding: str | None = None
    terms: str | None = None

    @property
    def net(self) -> Money:
        """The sum of the lines (BT-106); as nothing is taken off the whole, it is the total without tax (BT-109)."""
        return sum_money((each.net for each in self.lines), self.currency)

    @property
    def prepaid(self) -> Money:
        """What is not due any more (BT-113)."""
        return self.total - self.due


def decimal_of(amount: Money) -> Decimal:
    """An amount in units of its currency: 28.50."""
    return Decimal(amount.micros) / _unit(amount.currency)


def problems(invoice: EInvoice, profile: Profile) -> list[Problem]:
    """What keeps an invoice from being an e-invoice; nothing where it can be one."""
    found = [*_of_document(invoice), *_of_parties(invoice), *_of_tax(invoice)]
    if profile is Profile.XRECHNUNG:
        found += _of_xrechnung(invoice)
    return list(dict.fromkeys(found))


def _of_document(invoice: EInvoice) -> Iterator[Problem]:
    if invoice.number is None or invoice.issued_on is None:
        yield Problem("status", "It is a draft: it has no number yet (BT-1)")
    if invoice.is_void:
        yield Problem("status", "It is void")
    if minor_digits(invoice.currency) > _MOST_DECIMALS:
        yield Problem("currency", f"Amounts in {invoice.currency} have three decimals, and the norm allows two")
    amounts = (invoice.total, invoice.due, invoice.tax, *(line.net for line in invoice.lines))
    if not all(each.is_whole_minor for each in amounts):
        yield Problem("lines", "An amount is finer than the currency's smallest unit")
    if not invoice.lines:
        yield Problem("lines", "It has no line (BR-16)")


def _of_parties(invoice: EInvoice) -> Iterator[Problem]:
    for side, party in (("seller", invoice.seller), ("buyer", invoice.buyer)):
        if not party.name.strip():
            yield Problem(f"{side}.name", f"The {side} has no name (BT-27, BT-44)")
        if party.country is None:
            yield Problem(f"{side}.address.country", f"The {side}'s address has no country (BT-40, BT-55)")
    if invoice.seller.country is not None and invoice.seller.country not in VAT_COUNTRIES:
        yield Problem("seller.address.country", "The seller is in a country without a VAT as the norm means it")
    elif invoice.seller.vat_id is None:
        yield Problem("seller.taxId", "The seller has no valid VAT id (BT-31)")
    if any(line.category is Category.REVERSE_CHARGE for line in invoice.lines) and invoice.buyer.vat_id is None:
        yield Problem("buyer.taxId", "Reverse charge needs the buyer's valid VAT id (BR-AE-02)")


def _of_tax(invoice: EInvoice) -> Iterator[Problem]:
    if any(line.category is None for line in invoice.lines):
        yield Problem(
            "lines",
            "A line has no tax and nothing says why, or more than one, or one that is no VAT; the norm wants one VAT"
            " category a line (BT-151)",
        )
        return
    bases = sum_money((row.base for row in invoice.vat), invoice.currency)
    taxes = sum_money((row.tax for row in invoice.vat), invoice.currency)
    if bases != invoice.net or taxes != invoice.tax or invoice.net + invoice.tax != invoice.total:
        yield Problem("tax", "It is not known what its tax was computed on (BT-116)")
    for row in invoice.vat:
        if not row.follows_its_rate:
            yield Problem(
                "tax",
                f"The tax at {row.rate.normalize():f} % is {row.tax} on {row.base}, as it was rounded line by line or"
                " by its provider; the norm wants base times rate (BR-CO-17)",
            )


def _of_xrechnung(invoice: EInvoice) -> Iterator[Problem]:
    contact = invoice.contact or Contact()
    for field, value in (("name", contact.name), ("phone", contact.phone), ("email", contact.email)):
        if not (value or "").strip():
            yield Problem(f"seller.contact.{field}", f"The seller's contact has no {field} (BR-DE-2 to BR-DE-7)")
    if contact.phone and sum(each.isdigit() for each in contact.phone) < 3:
        yield Problem("seller.contact.phone", "The phone number of the seller's contact has no three digits (BR-DE-27)")
    for side, party in (("seller", invoice.seller), ("buyer", invoice.buyer)):
        address = party.address or Address()
        if not (address.city or "").strip():
            yield Problem(f"{side}.address.city", f"The {side}'s address has no city (BR-DE-3, BR-DE-8)")
        if not (address.postal_code or "").strip():
            yield Problem(f"{side}.address.postalCode", f"The {side}'s address has no postal code (BR-DE-4, BR-DE-9)")
        if not (party.email or "").strip():
            yield Problem(f"{side}.email", f"The {side} has no e-mail, its electronic address (BT-34, BT-49)")
    if not (invoice.buyer_reference or "").strip():
        yield Problem("poNumber", "There is no buyer reference (BR-DE-15): a custom field Leitweg-ID, or a PO number")


def _unit(currency: str) -> int:
    """Micro-units of one unit of a currency."""
    return MICROS_PER_MINOR * int(10 ** minor_digits(currency))
