"""Tax: who is taxed where, and how much, as pure functions.

Three questions, in this order: is there tax at all (``treatment``), which jurisdiction's (``Place``), and how much
of it is on a line (``line_taxes``). Rates come from ``rate_table`` or from a provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.domain.customers.customer import Address, TaxExempt
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import TaxJurisdictionUnsupported
from billing.domain.kernel.money import Money, exact_fraction
from billing.domain.lines.line import TaxAmount, TaxRate
from billing.domain.tax.states import STATE_CODES
from billing.domain.tax.tax_ids import EU_MEMBERS, TaxIdStatus, tax_id_status

REVERSE_CHARGE_NOTE = "Reverse charge"
"""What an invoice must state if the buyer accounts for the tax (Directive 2006/112/EC, article 226 point 11a)."""
EXEMPT_NOTE = "Tax exempt"

REVERSE_CHARGE_COUNTRIES = EU_MEMBERS | {"AU", "CA", "CH", "GB", "IN", "NO"}
"""Where a business accounts for the tax on services that it buys from a supplier of another country.

- EU member states: Directive 2006/112/EC, articles 44 and 196 (the supplier may be in the EU or outside of it).
- GB: Value Added Tax Act 1994, section 8.
- CH: Mehrwertsteuergesetz, article 45 (Bezugsteuer).
- NO: Merverdiavgiftsloven, section 3-30 with 11-3.
- AU: A New Tax System (Goods and Services Tax) Act 1999, section 9-25(7) and Division 84.
- CA: Excise Tax Act, sections 211.1 to 218: a supplier from abroad collects nothing from a GST registrant.
- IN: Integrated GST Act 2017, section 5(3) (import of services).

Not in the list: the United States, which have no such scheme, and Japan, whose scheme covers only what by its nature is
sold to businesses (Consumption Tax Act, article 4); software that anybody can buy is not.
"""

STATES_TAX = frozenset(STATE_CODES)
"""The countries whose tax depends on the state or province."""


class Treatment(StrEnum):
    """How a sale to a customer is taxed."""

    TAXED = "taxed"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"


@dataclass(frozen=True, slots=True)
class Place:
    """Where tax is due: a country (ISO 3166-1 alpha-2), and for US and CA its state or province.

    ``Place("US", "CA").code`` is ``US-CA`` (ISO 3166-2).
    """

    country: str
    state: str | None = None

    @property
    def code(self) -> str:
        """ISO 3166 code."""
        return f"{self.country}-{self.state}" if self.state else self.country

    @classmethod
    def of(cls, address: Address | None) -> "Place":
        """The place of an address; people write ``CA``, ``ca``, ``US-CA`` and ``California``.

        Raises:
            TaxJurisdictionUnsupported: there is no country, or no state where the tax depends on it.
        """
        if address is None or not address.country:
            raise TaxJurisdictionUnsupported("The customer's address has no country: nobody knows which tax is due")
        country = address.country_code
        if country not in STATES_TAX:
            return cls(country)
        if not address.state or not address.state.strip():
            raise TaxJurisdictionUnsupported(f"Tax in {country} depends on the state, and the address has none")
        written = address.state.strip()
        code = STATE_CODES[country].get(written.casefold())
        return cls(country, code or written.upper().removeprefix(f"{country}-"))


def treatment(
    seller_country: str | None, buyer_country: str | None, tax_id: str | None, exempt: TaxExempt = TaxExempt.NONE
) -> Treatment:
    """Whether a sale is taxed.

    What the tenant says of the customer comes first. Else a business of another country (a valid tax id of the
    country of its address) accounts for the tax itself, where the law of that country says so; a sale within one
    country is taxed, whoever buys. A tenant without an address cannot show that it is in another country: taxed.

    Args:
        seller_country: of the tenant's address.
        buyer_country: of the customer's address.
        tax_id: the customer's, as it was given.
    """
    if exempt is TaxExempt.EXEMPT:
        return Treatment.EXEMPT
    if exempt is TaxExempt.REVERSE:
        return Treatment.REVERSE_CHARGE
    if not tax_id or not seller_country or not buyer_country:
        return Treatment.TAXED
    seller, buyer = seller_country.upper(), buyer_country.upper()
    abroad = seller != buyer and buyer in REVERSE_CHARGE_COUNTRIES
    if abroad and tax_id_status(buyer, tax_id) is TaxIdStatus.VALID:
        return Treatment.REVERSE_CHARGE
    return Treatment.TAXED


def line_taxes(line_taxable: Money, rates: Sequence[TaxRate], inclusive: bool) -> tuple[TaxAmount, ...]:
    """The taxes of one line; a credit's are minus its debit's.

    Exclusive: each tax is rounded once, half up: $45.30 at 5 % is 226.5 cents -> $2.27.
    Inclusive: the net is rounded and the tax is the rest, split by percent where there are several rates: $2.99 at
    4 % is 287.5 cents of net -> $2.88, and the tax is $0.11; so net and taxes always sum to what was asked.

    Args:
        line_taxable: after discounts; whole chargeable units.
        rates: each on the whole of it, none on top of another.
        inclusive: the amount contains the taxes.
    """
    if inclusive:
        parts = _contained(line_taxable, [rate.percent for rate in rates])
    else:
        parts = [_on_top(line_taxable, rate.percent) for rate in rates]
    return tuple(TaxAmount(rate.name, rate.percent, part, inclusive) for rate, part in zip(rates, parts, strict=True))


def _on_top(amount: Money, percent: Decimal) -> Money:
    exact = amount.micros * exact_fraction(percent) / 100
    return Money.rounded(exact, amount.currency, charge_step(amount.currency))


def _contained(amount: Money, percents: list[Decimal]) -> list[Money]:
    whole = sum((exact_fraction(percent) for percent in percents), Fraction(0))
    if not whole:
        return [Money.zero(amount.currency) for _ in percents]
    step = charge_step(amount.currency)
    net = Money.rounded(amount.micros * 100 / (100 + whole), amount.currency, step)
    tax = amount - net
    if tax.micros % step:  # what came in was no chargeable amount: its parts are none either
        return tax.allocate(percents)
    # In chargeable units, so that each part is one: KWD 0.110 over 1:1 is .060 and .050, not .055 twice.
    units = Money(tax.micros // step, tax.currency)
    return [Money(part.micros * step, part.currency) for part in units.allocate(percents)]
