"""What filing needs to know of a tax on a line, or of why there is none: whose it is, and how the line was treated."""

from dataclasses import dataclass
from enum import StrEnum


class Taxability(StrEnum):
    """How a line, or a part of one, was treated by one tax of one jurisdiction."""

    STANDARD = "standard"
    REDUCED = "reduced"  # any rate below the standard one, whatever it is called there
    ZERO = "zero"
    TAXED = "taxed"  # at a rate that a caller fixed, or that a provider named without its class
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    NOT_COLLECTING = "not_collecting"  # the seller is not registered there, or asks nobody what is due
    OUT_OF_SCOPE = "out_of_scope"  # not subject to the tax at all
    UNKNOWN = "unknown"  # from before this was recorded

    @property
    def is_taxed(self) -> bool:
        """Whether its base is a taxable one: at a rate, be it zero."""
        return self in (Taxability.STANDARD, Taxability.REDUCED, Taxability.ZERO, Taxability.TAXED)


class JurisdictionLevel(StrEnum):
    """How far up a jurisdiction is; ``district`` is any of its own below a state that is neither county nor city."""

    COUNTRY = "country"
    STATE = "state"
    COUNTY = "county"
    CITY = "city"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True)
class TaxFacts:
    """Whose tax it is, of which kind, and how the line was treated.

    Args:
        country: ISO 3166-1 alpha-2; None where nobody knew where the buyer is.
        region: the state or province within it, as ISO 3166-2 has it after the dash; None for a tax of the country.
        level, jurisdiction: whose tax it is, and the provider's name for that (``Los Angeles``); None for a country or
            a state, whose codes say it.
        category: the kind of tax: ``vat``, ``gst``, ``hst``, ``pst``, ``qst``, ``rst``, ``jct``, ``sales_tax``, or what
            else the provider calls it; None where nobody said.
        reason: why it was treated so: the provider's word, or one of ours (``domain.tax.facts``).
    """

    country: str | None
    treatment: Taxability
    category: str | None = None
    region: str | None = None
    level: JurisdictionLevel = JurisdictionLevel.COUNTRY
    jurisdiction: str | None = None
    reason: str | None = None


UNKNOWN = TaxFacts(None, Taxability.UNKNOWN)
"""Of lines from before facts were recorded."""
