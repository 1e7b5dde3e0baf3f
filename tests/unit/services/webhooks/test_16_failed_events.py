"""Issue 16: which events did not arrive is read in pages that end in time, however many endpoints and deliveries."""

from datetime import UTC, datetime

import pytest

from billing.domain.webhooks.endpoint import EndpointStatus, Subscriber
from billing.services.webhooks.failed_events import FailedDeliveries
from billing.services.webhooks.ports import Unaccepted

NOW = datetime(2026, 11, 30, tzinfo=UTC)
AT_ONCE = 5


class Busy:
    """Endpoints, each of which has got its every delivery but some; both ports. Counts how often the table is asked."""

    def __init__(self, endpoints: int, events: int, failed: dict[str, set[str]]) -> None:
        self.ids = [f"evt_{n:04d}" for n in range(events)]
        self.of = [Subscriber(f"we_{n:02d}", "ten_1", ("*",), NOW, EndpointStatus.ENABLED) for n in range(endpoints)]
        self.failed = failed
        self.reads = 0

    def of_tenant(self, tenant_id: str) -> list[Subscriber]:
        return self.of

    def unaccepted(self, tenant_id: str, endpoint_id: str, after: str | None, limit: int, reads: int) -> Unaccepted:
        found: list[str] = []
        rest = [each for each in self.ids if after is None or each > after]
        for _ in range(reads):
            self.reads += 1
            some, rest = rest[:AT_ONCE], rest[AT_ONCE:]
            found += [each for each in some if each in self.failed.get(endpoint_id, ())]
            if len(found) > limit:
                return Unaccepted(found[:limit], found[limit - 1])
            if not rest:
                return Unaccepted(found, None)
        return Unaccepted(found, some[-1])


@pytest.mark.parametrize(("endpoints", "most"), [(0, 0), (1, 20), (3, 20), (20, 20), (50, 50)])
def test_16_a_page_asks_for_little_and_all_pages_leave_nothing_out(endpoints: int, most: int) -> None:
    """It asked 20 times for each endpoint: a thousand Queries of 500 items, of a tenant with 50 of them."""
    failed = {"we_00": {"evt_0003", "evt_0161"}, "we_02": {"evt_0161", "evt_0199"}, "we_49": {"evt_0007"}}
    busy = Busy(endpoints, 200, failed)
    reader, start = FailedDeliveries(busy, busy), None
    found: list[str] = []
    while True:
        busy.reads = 0
        page, following = reader.page("ten_1", 10, start)
        assert busy.reads <= most
        found += page
        if following is None:
            break
        assert start is None or following > start  # each page gets on
        start = following
    there = {each.id for each in busy.of}
    assert found == sorted({each for of, events in failed.items() if of in there for each in events})
