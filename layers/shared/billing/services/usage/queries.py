"""Reading usage: counted events, totals of periods, and what was used by the hour or by the day."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from billing.domain.catalog.meter import Amount, Meter, combined
from billing.domain.kernel.errors import Detail, NotFound, ValidationFailed
from billing.domain.kernel.periods import Period
from billing.domain.kernel.times import sort_key
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import Cell, UsageEvent, by_dimension
from billing.domain.usage.rejection import UsageRejection
from billing.services.catalog import meters
from billing.services.catalog.meters import meter_for, meter_refs
from billing.services.kernel.work import Page, Query, Ref, Work
from billing.services.usage.ports import SeriesKey, StoredEvent, UsageStore

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONGEST_EVENT_ID = 128


class Granularity(StrEnum):
    """What a row totals: a period of the subscription, or an hour or a day (UTC)."""

    PERIOD = "period"
    HOUR = "hour"
    DAY = "day"

    @property
    def longest(self) -> timedelta:
        """The longest time for which a series may be asked: 744 hours, or 366 days."""
        return timedelta(days=31) if self is Granularity.HOUR else timedelta(days=366)


class Cursors(Protocol):
    """Seals the place where a page ended: nobody can read or forge a cursor, or use one for another tenant or query."""

    def seal(self, tenant_id: str, place: str, text: str) -> str:
        """The sealed text."""

    def open(self, tenant_id: str, place: str, sealed: str) -> str:
        """The text.

        Raises:
            ValueError: it was not sealed for this tenant and place.
        """


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which totals are asked for.

    Args:
        start, end: [start, end): the periods, hours or days that overlap it.
        limit: of a page.
        cursor: where the page before ended.
    """

    subscription_id: str
    meter: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    granularity: Granularity = Granularity.PERIOD
    limit: int = 20
    cursor: str | None = None

    @property
    def scope(self) -> str:
        """What a cursor is bound to."""
        said = [self.subscription_id, self.meter, str(self.start), str(self.end), self.granularity]
        return f"cursor/usage/{json.dumps(said)}"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A total.

    Args:
        period: the subscription's, or the hour or the day.
    """

    subscription_id: str
    meter: str
    period: Period
    total: Decimal
    trial: bool = False
    dimensions: Mapping[str, str] = field(default_factory=dict)

    @property
    def time(self) -> list[str]:
        """Rows are listed by this, the latest first."""
        return [sort_key(self.period.start), sort_key(self.period.end)]

    @property
    def name(self) -> list[Any]:
        """Rows of the same time are listed by this; it is unique among them."""
        return [self.trial, self.meter, list(self.dimensions.values())]


def event(work: Work, store: UsageStore, event_id: str) -> tuple[StoredEvent, Meter]:
    """A counted event, and its meter.

    Raises:
        NotFound: it is not counted, or not yet.
    """
    there = store.events(work.tenant.id, [event_id]) if len(event_id) <= _LONGEST_EVENT_ID else {}
    stored = there.get(event_id)
    if stored is None:
        raise NotFound.of(UsageEvent, event_id[:_LONGEST_EVENT_ID])
    return stored, meters.get(work, stored.event.meter)


def rejections(work: Work, limit: int, cursor: str | None) -> Page[UsageRejection]:
    """A page of what could not be counted, newest first."""
    return work.query(Query(UsageRejection, limit=limit, start=cursor))


def rows(work: Work, store: UsageStore, cursors: Cursors, query: UsageQuery) -> Page[UsageRow]:
    """A page of totals, newest first; each as of now, so that a total may grow between two pages.

    Raises:
        NotFound: no such subscription, or no such meter.
        ValidationFailed: an hourly or daily series needs a meter and a time that is not too long; a bad cursor.
    """
    _check(query)
    tenant_id = work.tenant.id
    subscription = Ref(Subscription, tenant_id, query.subscription_id)
    asked = meter_refs(tenant_id, query.meter) if query.meter is not None else ()
    found = work.load(subscription, *asked)
    found.require(subscription)
    if asked:
        meter = meter_for(found, *asked)
        if meter is None:
            raise NotFound.of(Meter, query.meter or "")
        everything = _of_one(store, tenant_id, query, meter)
    else:
        everything = _of_all(work, store, query)
    return _page(everything, tenant_id, cursors, query)


def _check(query: UsageQuery) -> None:
    missing = {"meter": query.meter, "from": query.start, "to": query.end}
    bad: list[Detail] = []
    if query.granularity is not Granularity.PERIOD:
        bad += [Detail(name, "missing_required_field") for name, value in missing.items() if value is None]
    if query.start is not None and query.end is not None:
        if query.end <= query.start:
            bad.append(Detail("to", "not_after_from"))
        elif query.granularity is not Granularity.PERIOD and query.end - query.start > query.granularity.longest:
            bad.append(Detail("to", "too_far_from_from"))
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))


def _of_one(store: UsageStore, tenant_id: str, query: UsageQuery, meter: Meter) -> list[UsageRow]:
    if query.granularity is Granularity.PERIOD:
        return _periods(_cells(store, tenant_id, query), query, lambda key: meter if key == meter.key else None)
    return _series(store, tenant_id, query, meter)


def _of_all(work: Work, store: UsageStore, query: UsageQuery) -> list[UsageRow]:
    cells = _cells(store, work.tenant.id, query)
    refs = {key: meter_refs(work.tenant.id, key) for key in {key for key, _, _ in cells}}
    found = work.load(*(ref for both in refs.values() for ref in both)) if refs else None
    known = {key: meter_for(found, *both) for key, both in refs.items()} if found is not None else {}
    return _periods(cells, query, known.get)


def _cells(store: UsageStore, tenant_id: str, query: UsageQuery) -> list[tuple[str, Cell, Amount]]:
    """The cells of all items of totals: a meter's slot is spread over shards, and a period over slots."""
    return [
        (totals.key.meter, Cell.of_name(name), amount)
        for totals in store.of_subscription(tenant_id, query.subscription_id)
        if query.meter in (None, totals.key.meter)
        for name, amount in totals.cells.items()
    ]


def _periods(
    cells: Iterable[tuple[str, Cell, Amount]], query: UsageQuery, meter_of: Callable[[str], Meter | None]
) -> list[UsageRow]:
    totals: dict[tuple[str, Cell], Amount] = {}
    for key, cell, amount in cells:
        meter = meter_of(key)
        if meter is not None and _overlaps(query, cell.span.period):
            place = (key, Cell(cell.span.whole, cell.dimensions))  # whichever plan prices it
            totals[place] = combined(meter.aggregation, totals.get(place), amount)
    made: list[UsageRow] = []
    for (key, cell), amount in totals.items():
        meter = meter_of(key)
        assert meter is not None, "it was there above"
        made.append(
            UsageRow(
                query.subscription_id,
                key,
                cell.span.period,
                amount.number,
                cell.span.trial,
                by_dimension(meter, cell),
            )
        )
    return made


def _overlaps(query: UsageQuery, period: Period) -> bool:
    return (query.end is None or period.start < query.end) and (query.start is None or period.end > query.start)


def _series(store: UsageStore, tenant_id: str, query: UsageQuery, meter: Meter) -> list[UsageRow]:
    """The hours or days of the time asked for; those without usage are left out.

    A day is made of its hours: the largest of them for ``max``, the sum for ``unique``, whose hours hold the values
    first seen in them.
    """
    assert query.start is not None
    assert query.end is not None
    hourly = query.granularity is Granularity.HOUR
    days: list[datetime] = []
    day = query.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < query.end:
        days.append(day)
        day += _DAY
    keys = [
        SeriesKey(tenant_id, query.subscription_id, meter.key, f"{day:%Y-%m-%d}", shard)
        for day in days
        for shard in range(meter.most_shards)
    ]
    totals: dict[datetime, Amount] = {}
    for key, hours in store.series(keys).items():
        day = datetime.fromisoformat(key.day).replace(tzinfo=UTC)
        for hour, amount in hours.items():
            at = day + int(hour[1:]) * _HOUR if hourly else day
            totals[at] = combined(meter.aggregation, totals.get(at), amount)
    length = _HOUR if hourly else _DAY
    made = [
        UsageRow(query.subscription_id, meter.key, Period(at, at + length), amount.number)
        for at, amount in totals.items()
    ]
    return [row for row in made if _overlaps(query, row.period)]


def _page(everything: list[UsageRow], tenant_id: str, cursors: Cursors, query: UsageQuery) -> Page[UsageRow]:
    by_name = sorted(everything, key=lambda row: row.name)
    ordered = sorted(by_name, key=lambda row: row.time, reverse=True)
    if query.cursor:
        time, name = _opened(query.cursor, tenant_id, cursors, query)
        ordered = [row for row in ordered if row.time < time or (row.time == time and row.name > name)]
    page = ordered[: query.limit]
    following = None
    if len(ordered) > query.limit:
        following = cursors.seal(tenant_id, query.scope, json.dumps([page[-1].time, page[-1].name]))
    return Page(page, following, query.limit)


def _opened(cursor: str, tenant_id: str, cursors: Cursors, query: UsageQuery) -> tuple[list[str], list[Any]]:
    try:
        time, name = json.loads(cursors.open(tenant_id, query.scope, cursor))
    except ValueError:
        raise ValidationFailed.of("cursor", "invalid_cursor") from None
    return time, name
