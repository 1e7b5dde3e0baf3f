"""Tax on invoice lines and on previews, by the provider that the tenant chose.

    manual rates on a line  -> those alone
    exempt, reverse charge  -> none, and a note on the invoice
    otherwise               -> what the provider says of the customer's address

``domain.tax`` decides whether there is tax at all, in the same way for every provider. A provider is asked only about
what is taxed, and does not learn who buys (no name, no tax id).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

from billing.domain.customers.customer import Address, Customer, TaxExempt
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxAmount
from billing.domain.lines.tax_facts import Taxability
from billing.domain.tax import facts
from billing.domain.tax.rate_table import EXEMPT, UPDATES_ID, TaxRateUpdates, tax_day
from billing.domain.tax.rounding import RatedAmount, per_document
from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE, Place, Treatment, line_taxes, treatment
from billing.domain.tenant import PLATFORM, TaxProviderName, TaxRounding, Tenant
from billing.services.kernel.work import Found, Ref

UPDATES: Ref[TaxRateUpdates] = Ref(TaxRateUpdates, PLATFORM, UPDATES_ID)
"""The rates that the tax provider's webhook brought: the platform's, for all tenants."""

ROUNDED_HERE = (TaxProviderName.NONE, TaxProviderName.BUILTIN)
"""The providers that say rates only: rounding them to amounts is left to the tenant's setting."""


@dataclass(frozen=True, slots=True)
class Taxed:
    """Lines with their taxes, and the notes that the invoice must carry (``Reverse charge``)."""

    lines: tuple[InvoiceLine, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be taxed: an amount after discounts, negative for a credit."""

    taxable: Money
    inclusive: bool = False
    tax_code: str | None = None


@dataclass(frozen=True, slots=True)
class Buyer:
    """The part of a customer that its tax depends on."""

    address: Address | None
    tax_id: str | None = None
    exempt: TaxExempt = TaxExempt.NONE
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Sale:
    """What a provider is asked: items of one currency, sold from one address to another on a day.

    Args:
        place: of ``buyer``'s address; it has a country, and a state where the tax depends on it.
        updates: rates that are newer than the built-in table.
    """

    seller: Address | None
    buyer: Address
    place: Place
    currency: str
    on: date
    items: tuple[Item, ...]
    updates: TaxRateUpdates | None = None


class TaxProvider(Protocol):
    """Calculates tax. A calculation moves no money and leaves nothing behind, so it may be repeated at any time."""

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        """The taxes of each item, in their order; those of an inclusive item are part of its amount.

        What it says is not taxed, of an item or of a part of it, is among them, with an amount of zero and ``facts``
        that say why.

        Raises:
            Unavailable: it does not answer.
            TaxJurisdictionUnsupported: it knows no rates for the address.
        """


@dataclass(frozen=True, slots=True)
class Assessment:
    """The tax on a list of items, and why; ``place`` is None if it did not matter.

    Args:
        taxes: those that are on each.
        untaxed: those that are not, or not on a part of it, see ``InvoiceLine.untaxed``.
    """

    treatment: Treatment
    place: Place | None
    taxes: tuple[tuple[TaxAmount, ...], ...]
    untaxed: tuple[tuple[TaxAmount, ...], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes that a document must carry."""
        note = {Treatment.EXEMPT: EXEMPT_NOTE, Treatment.REVERSE_CHARGE: REVERSE_CHARGE_NOTE}.get(self.treatment)
        return (note,) if note else ()


@dataclass(frozen=True, slots=True)
class Taxes:
    """The tax engine.

    Args:
        provider: makes the provider of a name, once; never asked for ``none``.
    """

    provider: Callable[[TaxProviderName], TaxProvider]

    def refs(self, tenant: Tenant) -> tuple[Ref[Any], ...]:
        """What the load of a caller has to bring for ``applied``."""
        return (UPDATES,) if tenant.tax_provider is TaxProviderName.BUILTIN else ()

    def applied(
        self, tenant: Tenant, customer: Customer, found: Found, lines: tuple[InvoiceLine, ...], at: datetime
    ) -> Taxed:
        """The lines with their taxes; whatever taxes they had are replaced.

        A line that gives back a line of an earlier invoice keeps that line's tax, so that nobody gains or loses tax by
        moving between the two.

        A customer that the tenant marked as exempt, or as accounting for tax itself, owes no tax on any line. Otherwise
        rates fixed on a line take precedence over the provider, and are the only tax if there is no provider.

        Args:
            found: what a load with ``refs`` brought.
            at: the tax point, on the customer's clock.

        Raises:
            Unavailable: the provider does not answer; no invoice goes out without its tax.
            TaxJurisdictionUnsupported: nobody knows what tax is due at the customer's address.
        """
        new = tuple(line for line in lines if line.credits is None)
        taxed = self._applied(tenant, customer, found, new, at)
        answers = iter(taxed.lines)
        merged = tuple(next(answers) if line.credits is None else line for line in lines)
        if tenant.tax_rounded_per is TaxRounding.DOCUMENT:
            merged = _rounded_together(tenant, merged)
        return Taxed(merged, taxed.notes)

    def _applied(
        self, tenant: Tenant, customer: Customer, found: Found, lines: tuple[InvoiceLine, ...], at: datetime
    ) -> Taxed:
        address = customer.address
        asked = _asked(tenant, customer, lines)
        if not asked and customer.tax_exempt is TaxExempt.NONE:
            return Taxed(tuple(_by_hand(line, address) for line in lines))
        buyer = Buyer(address, customer.tax_id, customer.tax_exempt, customer.timezone)
        items = tuple(Item(line.taxable, line.tax_inclusive, line.tax_code) for line in asked)
        assessed = self.assess(tenant, tenant.tax_provider, buyer, items, found, at)
        if customer.tax_exempt is not TaxExempt.NONE:
            untaxed = tuple(
                facts.with_untaxed(line, _not_taxed(line.taxable, buyer, assessed.treatment)) for line in lines
            )
            return Taxed(untaxed, assessed.notes if lines else ())
        answers = iter(zip(assessed.taxes, assessed.untaxed, strict=True))
        taxed = tuple(_by_hand(line, address) if line.tax_rates else _answered(line, *next(answers)) for line in lines)
        return Taxed(taxed, assessed.notes)

    def assess(
        self,
        tenant: Tenant,
        provider: TaxProviderName,
        buyer: Buyer,
        items: tuple[Item, ...],
        found: Found,
        at: datetime,
    ) -> Assessment:
        """The tax on items that a buyer buys from a tenant.

        Args:
            provider: usually the tenant's.
            found: what a load with ``UPDATES`` brought, where the provider is the built-in table.
            at: the tax point.

        Raises:
            Unavailable, TaxJurisdictionUnsupported: see ``applied``.
        """
        nothing: tuple[tuple[TaxAmount, ...], ...] = ((),) * len(items)
        seller_country = tenant.address.country if tenant.address else None
        buyer_country = buyer.address.country if buyer.address else None
        treated = treatment(seller_country, buyer_country, buyer.tax_id, buyer.exempt)
        if treated is not Treatment.TAXED:
            why = tuple((_not_taxed(item.taxable, buyer, treated),) if item.taxable.micros else () for item in items)
            return Assessment(treated, None, nothing, why)
        # Nothing to ask about items that are taxed nowhere or cost nothing: a free plan needs no address.
        open_items = [n for n, item in enumerate(items) if item.tax_code != EXEMPT and not item.taxable.is_zero]
        untaxed = [_exempt_product(item, buyer.address) for item in items]
        if not open_items:
            return Assessment(treated, None, nothing, tuple(untaxed))
        place = Place.of(buyer.address)
        assert buyer.address is not None  # else there would be no place
        sale = Sale(
            seller=tenant.address,
            buyer=replace(buyer.address, country=place.country, state=place.state or buyer.address.state),
            place=place,
            currency=items[0].taxable.currency,
            on=tax_day(at, buyer.timezone),
            items=tuple(items[n] for n in open_items),
            updates=found.get(UPDATES) if provider is TaxProviderName.BUILTIN else None,
        )
        taxes = list(nothing)
        for n, answer in zip(open_items, self.provider(provider).taxes(sale), strict=True):
            taxes[n], untaxed[n] = facts.apart(answer)
        return Assessment(treated, place, tuple(taxes), tuple(untaxed))


def _not_taxed(taxable: Money, buyer: Buyer, treated: Treatment) -> TaxAmount:
    return facts.not_taxed(taxable.currency, buyer.address, *facts.of_treatment(treated, buyer.exempt))


def _exempt_product(item: Item, address: Address | None) -> tuple[TaxAmount, ...]:
    if item.tax_code != EXEMPT or item.taxable.is_zero:
        return ()
    return (facts.not_taxed(item.taxable.currency, address, Taxability.EXEMPT, facts.PRODUCT_EXEMPT),)


def _answered(line: InvoiceLine, taxes: tuple[TaxAmount, ...], untaxed: tuple[TaxAmount, ...]) -> InvoiceLine:
    return replace(line, taxes=taxes, untaxed=untaxed)


def _asked(tenant: Tenant, customer: Customer, lines: tuple[InvoiceLine, ...]) -> tuple[InvoiceLine, ...]:
    """The lines whose tax the provider calculates."""
    if tenant.tax_provider is TaxProviderName.NONE:
        return ()
    return tuple(line for line in lines if not line.tax_rates)


def _rounded_together(tenant: Tenant, lines: tuple[InvoiceLine, ...]) -> tuple[InvoiceLine, ...]:
    """The lines with their taxes rounded over the document, but for those of a provider, which reports its own amounts.

    A line that gives back an earlier one keeps the tax that it gives back.
    """
    by_rate = tenant.tax_provider in ROUNDED_HERE
    own = [line.credits is None and (by_rate or bool(line.tax_rates)) for line in lines]
    rated = [RatedAmount(line.taxable, line.taxes) for line in lines]
    answers = iter(
        per_document(
            [each for each, is_own in zip(rated, own, strict=True) if is_own],
            [each for each, is_own in zip(rated, own, strict=True) if not is_own],
        )
    )
    return tuple(
        replace(line, taxes=next(answers).taxes) if is_own else line for line, is_own in zip(lines, own, strict=True)
    )


def _by_hand(line: InvoiceLine, address: Address | None) -> InvoiceLine:
    """The line with the rates that were fixed on it; where there are none, nobody was asked."""
    if line.tax_rates:
        taxes = line_taxes(line.taxable, line.tax_rates, line.tax_inclusive)
        return replace(line, taxes=facts.fixed_rate(taxes, address), untaxed=())
    exempt = line.tax_code == EXEMPT
    treated = Taxability.EXEMPT if exempt else Taxability.NOT_COLLECTING
    reason = facts.PRODUCT_EXEMPT if exempt else facts.NO_TAX_PROVIDER
    return facts.with_untaxed(line, facts.not_taxed(line.taxable.currency, address, treated, reason))
