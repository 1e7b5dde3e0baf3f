"""The fold of recognition: what is deferred, and the figures of each month so far, by plan and component.

It is kept at the ends of finished months. So a report on any months reads what was posted since the last kept one, and
a run over a million invoices can stop and go on. Figures of months are sums, so those by plan, and of all together, are
made of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.domain.reports import deferral
from billing.domain.reports.deferral import Deferrals, Owner, instant
from billing.domain.reports.fold import Posted
from billing.domain.reports.recognition import BY, Figures, Group, begin_next, end_month, post, told
from billing.domain.reports.span import Month


@dataclass(slots=True)
class RecognisedMonths:
    """What is deferred as of what was posted so far, and the months until then.

    Args:
        running: the month of what was posted last; None before the first entry.
        ends: its end, an ``instant``.
        months: the figures of each month, the running one's without what time earns in it.
    """

    deferrals: Deferrals = field(default_factory=Deferrals)
    running: Month | None = None
    ends: int = 0
    months: dict[Month, dict[Group, Figures]] = field(default_factory=dict)


class RecognitionFold:
    """See ``domain.reports.fold``.

    Args:
        zone: in which months are told; what is kept is kept by zone.
    """

    name = "recognition"
    version = 1
    with_documents = True

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def empty(self) -> RecognisedMonths:
        """Nothing was billed."""
        return RecognisedMonths()

    def add(self, state: RecognisedMonths, record: Posted) -> None:
        """Take an entry."""
        at = record.entry.posted_at
        running = state.running
        if running is None:
            running = Month.of(at, self._zone)
            state.deferrals.until = instant(running.begin(self._zone))
            self._begin(state, running, {})
        while instant(at) >= state.ends:
            running = self._next(state, running)
        post(state.months[running], state.deferrals, record, _key)

    def until(self, state: RecognisedMonths, end: datetime) -> Iterator[tuple[Month, dict[Group, Figures]]]:
        """The months until an instant, before which all was posted that is; the state is moved on to it."""
        running = state.running
        if running is None:
            return
        while running.following.begin(self._zone) < end:
            running = self._next(state, running)
        end_month(state.months[running], state.deferrals, end, _key)
        for month, found in state.months.items():
            yield month, told(found)

    def dump(self, state: RecognisedMonths) -> Any:
        """As JSON."""
        months = [
            [month.year, month.number, [[*group, *figures.kept] for group, figures in found.items()]]
            for month, found in state.months.items()
        ]
        return {"deferrals": deferral.dump(state.deferrals), "months": months}

    def read(self, dumped: Any) -> RecognisedMonths:
        """From JSON."""
        state = RecognisedMonths(deferral.read(dumped["deferrals"]))
        for year, number, found in dumped["months"]:
            self._begin(state, Month(year, number), {tuple(each[:3]): Figures(*each[3:]) for each in found})
        return state

    def _begin(self, state: RecognisedMonths, month: Month, found: dict[Group, Figures]) -> None:
        state.running, state.ends = month, instant(month.following.begin(self._zone))
        state.months[month] = found

    def _next(self, state: RecognisedMonths, running: Month) -> Month:
        over, following = state.months[running], running.following
        end_month(over, state.deferrals, following.begin(self._zone), _key)
        state.months[running] = told(over)
        self._begin(state, following, begin_next(over))
        return following


def grouped(found: Mapping[Group, Figures], by: str) -> dict[Group, Figures]:
    """A month's figures by plan and component, as those of another division: nothing, plan, or component."""
    sums: dict[Group, Figures] = {}
    for (currency, plan_id, component), figures in found.items():
        group = BY[by][1](Owner(currency or "", None, plan_id, component))
        sums.setdefault(group, Figures()).include(figures)
    return told(sums)


def _key(_: str, owner: Owner) -> Group:
    return owner.currency, owner.plan_id, owner.component
