"""Looks for deliveries whose first attempt was lost on its way, where an endpoint's watch says so."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from billing.domain.webhooks.watch import after_look, cut_short, is_lost
from billing.services.webhooks.ports import DeliveryStore

_log = logging.getLogger(__name__)
_PAGE = 1_000
_PAGES_A_LOOK = 100
"""100,000 deliveries: what is more goes on in the next minute."""
_ALARMS_A_LOOK = 500
_AHEAD = timedelta(minutes=1)
"""Another machine's clock may be ahead of this one's."""


class Watcher:
    """Looks at endpoints.

    Args:
        clock: the wall clock.
    """

    def __init__(self, store: DeliveryStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def look(self, tenant_id: str, endpoint_id: str) -> int:
        """Give an alarm to each delivery that was lost; how many there were.

        The alarms are written before the watch moves on: whoever dies in between looks once more.
        """
        now = self._clock()
        watch = self._store.watches(tenant_id, [endpoint_id]).get(endpoint_id)
        if watch is None or watch.due_at > now:
            return 0  # somebody else has looked; the index lags behind
        found, after, latest = 0, None, None
        for _ in range(_PAGES_A_LOOK):
            page = self._store.range_of(
                tenant_id, endpoint_id, since=watch.since, until=now + _AHEAD, after=after, limit=_PAGE
            )
            for each in page.items:
                latest = each.created_at
                if is_lost(each, now):
                    found += self._store.change(each, replace(each, due_at=now))
            after = page.last
            if after is None or found >= _ALARMS_A_LOOK:
                break
        whole = after is None
        self._store.watch_on(watch, after_look(watch, latest, now) if whole else cut_short(watch, latest or now, now))
        if found:
            _log.warning(
                "webhook notices lost; they have an alarm now", extra={"endpoint": endpoint_id, "found": found}
            )
        return found
