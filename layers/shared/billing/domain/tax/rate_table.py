"""The built-in tax table: rates by jurisdiction and category, each from a day on.

An invoice takes the rates of its tax point: Estonia 22 % until 30 June 2025, 24 % from 1 July.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from billing.domain.kernel.errors import TaxJurisdictionUnsupported
from billing.domain.lines.line import TaxRate
from billing.domain.tax.rules import Place

STANDARD = "standard"
ZERO = "zero"
EXEMPT = "exempt"
CATEGORIES = (STANDARD, "reduced", "reduced_2", "super_reduced", "special")
"""The categories of rates, and with ``zero`` and ``exempt`` the tax codes that the table knows."""

MOST_UPDATES = 500
"""The most updates: they are one DynamoDB item that every load for an invoice reads, and 500 are about 60 KB."""


@dataclass(frozen=True, slots=True)
class RateEntry:
    """A tax of one jurisdiction and category from a day on.

    Args:
        state: None where the tax is the whole country's.
        valid_from: the first day, on the calendar of the place; None for as long as anybody asks.
    """

    country: str
    state: str | None
    category: str
    name: str
    percent: Decimal
    valid_from: date | None = None

    @property
    def place(self) -> Place:
        """Where it is due."""
        return Place(self.country, self.state)

    @property
    def since(self) -> date:
        """``valid_from``, sortable."""
        return self.valid_from or date.min


@dataclass(frozen=True, slots=True)
class TaxRateUpdates:
    """The rates that the tax provider's webhook brought since the table was made; one item of the platform."""

    entity_name: ClassVar[str] = "TaxRateUpdates"

    tenant_id: str
    id: str
    rates: tuple[RateEntry, ...] = ()
    version: int = 0

    def with_rates(self, rates: Iterable[RateEntry]) -> "TaxRateUpdates":
        """These and ``rates``; a rate for the same tax and day replaces the earlier one.

        Raises:
            ValueError: they would be too many for one item.
        """
        merged = {_identity(rate): rate for rate in (*self.rates, *rates)}
        if len(merged) > MOST_UPDATES:
            raise ValueError(f"more than {MOST_UPDATES} rates beside the table: it is time for a new one")
        return TaxRateUpdates(self.tenant_id, self.id, tuple(merged.values()), self.version)


UPDATES_ID = "rates"


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A place in the table, with its name and every rate that it has had and will have."""

    place: Place
    name: str
    rates: tuple[RateEntry, ...]


@dataclass(frozen=True, slots=True)
class TaxTable:
    """All jurisdictions, by ISO 3166 code.

    Args:
        source: where the rates come from.
        as_of: the day on which they were put together.
    """

    source: str
    as_of: date
    jurisdictions: Mapping[str, Jurisdiction]

    def with_updates(self, rates: Iterable[RateEntry]) -> "TaxTable":
        """The table with the updates: from its first day on, an update replaces the tax of its name."""
        told: dict[str, list[RateEntry]] = {}
        for rate in rates:
            told.setdefault(rate.place.code, []).append(rate)
        if not told:
            return self
        merged = dict(self.jurisdictions)
        for code, more in told.items():
            known = merged.get(code)
            entries = {_identity(rate): rate for rate in (*(known.rates if known else ()), *more)}
            merged[code] = Jurisdiction(more[0].place, known.name if known else code, tuple(entries.values()))
        return TaxTable(self.source, self.as_of, merged)

    def find(self, place: Place) -> Jurisdiction:
        """The jurisdiction of a place.

        Raises:
            TaxJurisdictionUnsupported: it is not in the table.
        """
        found = self.jurisdictions.get(place.code)
        if found is None:
            raise TaxJurisdictionUnsupported(f"The built-in table has no tax rates for {_printable(place)}")
        return found

    def rates(self, place: Place, tax_code: str | None, on: date) -> tuple[TaxRate, ...]:
        """The taxes due at a place on a day.

        ``exempt`` has none, ``zero`` has the standard taxes at 0 %; a category that the place does not have, and any
        code that is another provider's, is taxed at the standard rate: too much can be given back, too little is owed.

        Raises:
            TaxJurisdictionUnsupported: the place is not in the table.
        """
        return self.classed(place, tax_code, on)[1]

    def classed(self, place: Place, tax_code: str | None, on: date) -> tuple[str, tuple[TaxRate, ...]]:
        """The same with the category whose rates they are: ``standard`` where the place does not have the code's.

        Raises:
            TaxJurisdictionUnsupported: the place is not in the table.
        """
        jurisdiction = self.find(place)
        if tax_code == EXEMPT:
            return EXEMPT, ()
        wanted = _in_force(jurisdiction.rates, tax_code or STANDARD, on) if tax_code != ZERO else ()
        found = wanted or _in_force(jurisdiction.rates, STANDARD, on)
        if tax_code == ZERO:
            return ZERO, tuple(TaxRate(each.name, Decimal(0)) for each in found)
        category = found[0].category if found else STANDARD
        return category, tuple(TaxRate(each.name, each.percent) for each in found)

    def has_room_for(self, rate: RateEntry) -> bool:
        """Whether an update says which tax it is about.

        A tax by another name beside those of its place would be added to them: VAT and MwSt, 38 %.
        """
        known = self.jurisdictions.get(rate.place.code)
        names = {each.name for each in known.rates} if known else set()
        return not names or rate.name in names


def _in_force(rates: tuple[RateEntry, ...], category: str, on: date) -> tuple[RateEntry, ...]:
    latest: dict[str, RateEntry] = {}
    for rate in rates:
        if rate.category != category or rate.since > on:
            continue
        if rate.name not in latest or latest[rate.name].since <= rate.since:
            latest[rate.name] = rate
    return tuple(latest.values())


def in_force(rates: Iterable[RateEntry], on: date) -> frozenset[RateEntry]:
    """The rates that are the latest of their category and name on a day."""
    entries = tuple(rates)
    return frozenset(rate for category in CATEGORIES for rate in _in_force(entries, category, on))


def tax_day(at: datetime, timezone: str) -> date:
    """The day of a tax point on the customer's calendar.

    In Tallinn 2025-06-30T21:00Z is 1 July, and the rate is July's.
    """
    return at.astimezone(ZoneInfo(timezone)).date()


def _identity(rate: RateEntry) -> tuple[str, str | None, str, str, date]:
    return rate.country, rate.state, rate.category, rate.name, rate.since


def _printable(place: Place) -> str:
    return "".join(character for character in place.code[:40] if character.isprintable())
