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
    """A tenant's books as of now, every entry added up anew: what is kept of finished months is not believed.

    Raises:
        NotFound: the tenant has no such test clock.
    """
    from billing.bootstrap.reports import journal
    from billing.services.reports.kept import NothingKept
    from billing.services.reports.sources import Asked, sources
    from billing.services.reports.trial_balance import TrialBalanceReport

    at = work.now if test_clock_id is None else _end(work, test_clock_id)
    asked = Asked(at, work.tenant.timezone, test_clock_id=test_clock_id)
    return TrialBalanceReport().found(asked, sources(work, journal(), NothingKept(), asked, most=None))


def _end(work: "Work", test_clock_id: str) -> "datetime":
    """Behind all that was ever posted on a test clock: on one that is on its way, behind its target."""
    from datetime import timedelta

    from billing.domain.clocks import Clock
    from billing.services.kernel.work import Ref

    ref = Ref(Clock, work.tenant.id, test_clock_id)
    clock = work.load(ref).require(ref)
    return max(clock.frozen_time, clock.target_time or clock.frozen_time) + timedelta(microseconds=1)


def tenant_ids() -> "Iterator[str]":
    """Every tenant's id, and the platform's."""
    from billing.storage import operating

    return operating.tenant_ids(storage.database())


def event_heads(tenant_id: str, since: "datetime") -> "Iterator[dict[str, Any]]":
    """A tenant's events from a time on, as their table has them, without their bodies."""
    from billing.storage import operating

    return operating.event_heads(storage.database(), tenant_id, since)


def test_clock_ids(work: "Work") -> list[str]:
    """A tenant's test clocks, also those that were deleted: the books of their customers stay."""
    from billing.domain.clocks import Clock
    from billing.services.kernel.work import Query, every

    return [each.id for each in every(work, Query(Clock, limit=100))]


def number_gaps(work: "Work") -> list[str]:
    """What is wrong with the numbers of a tenant's invoices and credit notes."""
    from functools import partial

    from billing.services.reports import numbering

    return numbering.number_gaps(work, partial(storage.numbers().all_series, work.tenant.id))


def read_from(tables: "Mapping[str, str]") -> None:
    """Have all of this process be about other tables than it began with: restored ones, from here on."""
    from billing.storage.table_names import use_tables

    storage.database()  # which names the tables that it began with, once
    use_tables(tables)
    storage.tenants().forget()
