"""Wires what operators' tools do: what is due and parked, the books of a tenant, its settings, replays of events."""

from functools import cache
from typing import TYPE_CHECKING, Any

from billing.bootstrap import process, storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from billing.domain.reports.trial_balance import TrialBalance
    from billing.services.kernel.work import Work
    from billing.services.sweep.overview import DueOverview
    from billing.services.sweep.parked import Parked
    from billing.services.tenants import Tenants


def due_overview() -> "DueOverview":
    """What shows what is due, whichever worker's it is."""
    from billing.services.sweep.overview import DueOverview
    from billing.storage.due_index import ALL_KINDS, DynamoDueIndex

    return DueOverview(DynamoDueIndex(storage.database(), ALL_KINDS), process.due_shards())


@cache
def parked() -> "Parked":
    """What shows parked items, and sets them going again."""
    from billing.services.sweep.parked import Parked
    from billing.storage.operating import DynamoParkedEvents

    return Parked(process.due_shards(), DynamoParkedEvents(storage.database()))


def tenant_settings() -> "Tenants":
    """What changes tenants."""
    from billing.bootstrap.access import new_api_key
    from billing.services.tenants import Tenants

    return Tenants(storage.vault().new_data_key, new_api_key)


def trial_balance(work: "Work", test_clock_id: str | None = None) -> "TrialBalance":
    """A tenant's books as of now, every entry added up anew: what is kept of finished months is not believed."""
    from billing.bootstrap.reports import journal
    from billing.services.reports.kept import NothingKept
    from billing.services.reports.sources import Asked, sources
    from billing.services.reports.trial_balance import TrialBalanceReport

    asked = Asked(work.now, work.tenant.timezone, test_clock_id=test_clock_id)
    return TrialBalanceReport().found(asked, sources(work, journal(), NothingKept(), asked, most=None))


def tenant_ids() -> "Iterator[str]":
    """Every tenant's id, and the platform's."""
    from billing.storage import operating

    return operating.tenant_ids(storage.database())


def event_heads(tenant_id: str, since: "datetime") -> "Iterator[dict[str, Any]]":
    """A tenant's events from a time on, as their table has them, without their bodies."""
    from billing.storage import operating

    return operating.event_heads(storage.database(), tenant_id, since)


def number_gaps(work: "Work") -> list[str]:
    """What is wrong with a tenant's invoice numbers."""
    from billing.domain.tenant import INVOICE_SEQUENCE_ID
    from billing.services.reports import numbering
    from billing.storage.numbers import NumberBook, SeriesKey

    series = NumberBook(storage.database()).series(SeriesKey(work.tenant.id, INVOICE_SEQUENCE_ID))
    return numbering.number_gaps(work, series)


def read_from(tables: "Mapping[str, str]") -> None:
    """Have all of this process be about other tables than it began with: restored ones, from here on."""
    from billing.storage.table_names import use_tables

    storage.database()  # which names the tables that it began with, once
    use_tables(tables)
    storage.tenants().forget()
