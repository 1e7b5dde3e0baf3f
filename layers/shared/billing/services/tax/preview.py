"""Tax before anything is sold: the tax on a cart, and the places that the built-in table knows."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.domain.customers.customer import Address
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.line import TaxAmount
from billing.domain.tax.rate_table import Jurisdiction, RateEntry, TaxTable, in_force, tax_day
from billing.domain.tax.rounding import RatedAmount, per_document
from billing.domain.tax.rules import Treatment
from billing.domain.tenant import TaxProviderName, TaxRounding
from billing.services.kernel.work import Page, Work
from billing.services.tax.assessment import ROUNDED_HERE, UPDATES, Buyer, Item, Taxes


@dataclass(frozen=True, slots=True)
class Cart:
    """What the caller asks about: items in one currency, for a buyer at an address."""

    currency: str
    address: Address
    tax_id: str | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Taxed:
    """An amount of the cart, and its taxes."""

    amount: Money
    taxes: tuple[TaxAmount, ...]

    @property
    def tax(self) -> Money:
        """All its tax, including tax that is part of the amount."""
        return sum_money((each.amount for each in self.taxes), self.amount.currency)

    @property
    def total(self) -> Money:
        """What the buyer would pay."""
        return self.amount + sum_money((each.amount for each in self.taxes if not each.inclusive), self.amount.currency)


@dataclass(frozen=True, slots=True)
class Preview:
    """The taxes of a cart; ``jurisdiction`` is an ISO 3166 code."""

    items: tuple[Taxed, ...]
    whole: Taxed
    provider: TaxProviderName
    treatment: Treatment
    jurisdiction: str
    notes: tuple[str, ...]


def calculate(work: Work, taxes: Taxes, cart: Cart) -> Preview:
    """The tax on a cart today, by the tenant's provider; for a tenant without one, by the built-in table.

    Raises:
        Unavailable: the provider does not answer.
        TaxJurisdictionUnsupported: nobody knows what tax is due at the address.
    """
    tenant = work.tenant
    provider = tenant.tax_provider
    if provider is TaxProviderName.NONE:
        provider = TaxProviderName.BUILTIN
    found = work.load(*((UPDATES,) if provider is TaxProviderName.BUILTIN else ()))
    buyer = Buyer(cart.address, cart.tax_id, timezone=tenant.timezone)
    assessed = taxes.assess(tenant, provider, buyer, cart.items, found, work.now)
    rated = [RatedAmount(item.taxable, each) for item, each in zip(cart.items, assessed.taxes, strict=True)]
    if tenant.tax_rounded_per is TaxRounding.DOCUMENT and provider in ROUNDED_HERE:
        rated = per_document(rated)
    items = tuple(Taxed(each.taxable, each.taxes) for each in rated)
    return Preview(
        items=items,
        whole=Taxed(sum_money((each.amount for each in items), cart.currency), _merged(items)),
        provider=provider,
        treatment=assessed.treatment,
        jurisdiction=assessed.place.code if assessed.place else str(cart.address.country),
        notes=assessed.notes,
    )


def _merged(items: Sequence[Taxed]) -> tuple[TaxAmount, ...]:
    """The taxes of all items by name and rate, in the order in which they come up."""
    sums: dict[tuple[object, ...], TaxAmount] = {}
    for tax in (tax for item in items for tax in item.taxes):
        key = (tax.name, tax.rate_percent, tax.inclusive)
        known = sums.get(key)
        amount = known.amount + tax.amount if known else tax.amount
        sums[key] = TaxAmount(tax.name, tax.rate_percent, amount, tax.inclusive)
    return tuple(sums.values())


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A jurisdiction of the table, and which of its rates are in force."""

    jurisdiction: Jurisdiction
    current: frozenset[RateEntry]


def jurisdictions(work: Work, table: TaxTable, country: str | None, limit: int, cursor: str | None) -> Page[KnownPlace]:
    """A page of the places that the built-in table knows, by code, with the rates that the webhook brought since.

    Raises:
        ValidationFailed: the cursor is another list's.
    """
    updates = work.load(UPDATES).get(UPDATES)
    known = table.with_updates(updates.rates if updates else ()).jurisdictions
    after = _opened(cursor, country) if cursor else ""
    codes = sorted(code for code in known if code > after and country in (None, known[code].place.country))
    today = tax_day(work.now, work.tenant.timezone)
    page = [_known(known[code], today) for code in codes[:limit]]
    following = _sealed(codes[limit - 1], country) if len(codes) > limit else None
    return Page(page, following, limit)


def _known(jurisdiction: Jurisdiction, today: date) -> KnownPlace:
    return KnownPlace(jurisdiction, in_force(jurisdiction.rates, today))


def _sealed(code: str, country: str | None) -> str:
    """A cursor. The list is the same for every tenant, so the cursor only has to name the list."""
    return base64.urlsafe_b64encode(json.dumps([country, code]).encode()).decode()


def _opened(cursor: str, country: str | None) -> str:
    try:
        of_country, code = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError):
        raise ValidationFailed.of("cursor", "invalid_cursor") from None
    if of_country != country or not isinstance(code, str):
        raise ValidationFailed.of("cursor", "invalid_cursor")
    return code
