"""What is recorded of a line's taxes where we decide them ourselves, and why a line has none.

Reasons are words that a filing can be sorted by. A provider's own (``standard_rated``, ``product_exempt``) are kept as
they are.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from billing.domain.customers.customer import Address, TaxExempt
from billing.domain.kernel.errors import TaxJurisdictionUnsupported
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxAmount
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.domain.tax.rules import Place, Treatment

REVERSE_CHARGE = "reverse_charge"
CUSTOMER_EXEMPT = "customer_exempt"
CUSTOMER_REVERSE_CHARGE = "customer_reverse_charge"
PRODUCT_EXEMPT = "product_exempt"
NO_TAX_PROVIDER = "no_tax_provider"
NO_NEXUS = "no_nexus"
NO_TAX_THERE = "no_tax_there"
FIXED_RATE = "fixed_rate"

_GST_COUNTRIES = frozenset({"AU", "CA", "IN", "NZ", "SG"})
_NAMES = {"US": "Sales tax", "JP": "Consumption tax"}
_CATEGORIES = {"consumption tax": "jct", "umsatzsteuer": "vat", "mwst": "vat", "tva": "vat", "iva": "vat"}


def category_of(name: str) -> str | None:
    """The kind of tax that a name says: ``VAT`` -> vat, ``Sales Tax (California)`` -> sales_tax; None for others."""
    plain = name.partition("(")[0].strip().casefold()
    if plain in ("vat", "gst", "hst", "pst", "qst", "rst"):
        return plain
    return "sales_tax" if plain == "sales tax" else _CATEGORIES.get(plain)


def usual_name(country: str | None) -> str:
    """What the tax of a country is called, where there is none on a line to tell."""
    if country in _NAMES:
        return _NAMES[country]
    return "GST" if country in _GST_COUNTRIES else "VAT"


def at_place(place: Place, name: str, treatment: Taxability, reason: str | None = None) -> TaxFacts:
    """The facts of a tax of a place of the built-in table: a state's where the tax depends on it.

    Canada's GST is the federation's, in whichever province.
    """
    of_country = place.state is None or (place.country == "CA" and name == "GST")
    return TaxFacts(
        country=place.country,
        treatment=treatment,
        category=category_of(name),
        region=None if of_country else place.state,
        level=JurisdictionLevel.COUNTRY if of_country else JurisdictionLevel.STATE,
        reason=reason,
    )


def fixed_rate(taxes: Iterable[TaxAmount], address: Address | None) -> tuple[TaxAmount, ...]:
    """Taxes at rates that a caller fixed, with what is known of them: whether a rate is a reduced one is not."""
    place = _place(address)

    def facts(tax: TaxAmount) -> TaxFacts:
        treatment = Taxability.TAXED if tax.rate_percent else Taxability.ZERO
        if place is None:
            return TaxFacts(None, treatment, category_of(tax.name), reason=FIXED_RATE)
        return at_place(place, tax.name, treatment, FIXED_RATE)

    return tuple(replace(tax, facts=facts(tax)) for tax in taxes)


def not_taxed(
    currency: str, address: Address | None, treatment: Taxability, reason: str, base: Money | None = None
) -> TaxAmount:
    """The tax that is not on a line.

    Args:
        address: the buyer's.
        base: what of the line's net; None for all of it.
    """
    place = _place(address)
    name = usual_name(place.country if place else None)
    # Nobody is told which taxes of a state it would be: what is not taxed is told of the place as a whole.
    facts = TaxFacts(
        country=place.country if place else None,
        treatment=treatment,
        category=category_of(name) if place else None,
        region=place.state if place else None,
        level=JurisdictionLevel.STATE if place and place.state else JurisdictionLevel.COUNTRY,
        reason=reason,
    )
    return TaxAmount(name, Decimal(0), Money.zero(currency), base=base, facts=facts)


def of_treatment(treatment: Treatment, exempt: TaxExempt) -> tuple[Taxability, str]:
    """How a line is treated whose buyer is not taxed, and why: what the tenant says of the buyer comes first."""
    if treatment is Treatment.EXEMPT:
        return Taxability.EXEMPT, CUSTOMER_EXEMPT
    reason = CUSTOMER_REVERSE_CHARGE if exempt is TaxExempt.REVERSE else REVERSE_CHARGE
    return Taxability.REVERSE_CHARGE, reason


def with_untaxed(line: InvoiceLine, untaxed: TaxAmount) -> InvoiceLine:
    """The line without taxes, and with the reason; a line of nothing needs none."""
    return replace(line, taxes=(), untaxed=() if line.taxable.is_zero else (untaxed,))


def apart(taxes: Iterable[TaxAmount]) -> tuple[tuple[TaxAmount, ...], tuple[TaxAmount, ...]]:
    """A provider's answer about a line: the taxes that are on it, and those that are not."""
    found = tuple(taxes)
    return tuple(tax for tax in found if _is_on(tax)), tuple(tax for tax in found if not _is_on(tax))


def _is_on(tax: TaxAmount) -> bool:
    return tax.facts is None or tax.facts.treatment.is_taxed


def _place(address: Address | None) -> Place | None:
    """Where a buyer is, as far as the address says it; its state only where the tax depends on that."""
    if address is None or not address.country:
        return None
    try:
        return Place.of(address)
    except TaxJurisdictionUnsupported:
        return Place(address.country_code)
