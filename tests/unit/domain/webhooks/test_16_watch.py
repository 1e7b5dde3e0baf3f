"""Issue 16: a watch finds every delivery that relied on it, however looks and writes fall together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState
from billing.domain.webhooks.schedule import after_attempt, overtaken, redelivered
from billing.domain.webhooks.watch import (
    FRESH,
    LOOK_EVERY,
    MARGIN,
    OVERDUE,
    Watch,
    after_look,
    cut_short,
    is_carried,
    is_lost,
    watch_from,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
PUBLISHER = timedelta(seconds=60)
"""The longest that a publisher runs (Timeout in infra/webhooks.yaml)."""
SECONDS = st.integers(0, 3 * 3600)


def delivery(made_at: datetime, **fields) -> Delivery:
    return Delivery("dlv_A_B", "t", "we_A", "evt_B", "invoice.paid", made_at, **fields)


class Endpoint:
    """What stands in the table of one endpoint, and who looks at it when."""

    def __init__(self) -> None:
        self.watch: Watch | None = None
        self.carried: list[datetime] = []
        """When the events were made of those that have no alarm, and are never heard of again."""
        self.found: list[datetime] = []

    def look(self, now: datetime, at_most: int) -> None:
        watch = self.watch
        if watch is None or watch.due_at > now:
            return
        seen = sorted(each for each in self.carried + self.found if each >= watch.since)
        moments = sorted(set(seen))[:at_most]
        whole, seen = len(moments) == len(set(seen)), [each for each in seen if each in moments]
        lost = [each for each in seen if each in self.carried and is_lost(delivery(each), now)]
        self.found += lost
        self.carried = [each for each in self.carried if each not in lost]
        latest = seen[-1] if seen else None
        self.watch = after_look(watch, latest, now) if whole else cut_short(watch, latest or now, now)


@given(
    st.lists(st.tuples(SECONDS, st.integers(0, 1200), st.integers(0, 60)), max_size=40),
    st.integers(0, 59),
    st.integers(2, 30),
)
def test_16_nothing_that_relied_on_a_watch_is_forgotten(
    publishing: list[tuple[int, int, int]], offset: int, at_most: int
) -> None:
    """Publishers read the watch, and write up to a minute later, of events of any age; a look comes every minute."""
    endpoint = Endpoint()
    reads = sorted((NOW + timedelta(seconds=at), age, took) for at, age, took in publishing)
    writes: list[tuple[datetime, datetime]] = []
    for n in range(12 * 60):
        now = NOW + timedelta(minutes=n, seconds=offset)
        while reads and reads[0][0] <= now:
            at, age, took = reads.pop(0)
            made_at = at - timedelta(seconds=age)
            endpoint.watch = endpoint.watch or watch_from("t", "we_A", at)
            if endpoint.watch.covers(made_at, at):
                writes.append((at + timedelta(seconds=took), made_at))
        endpoint.carried += [made_at for at, made_at in writes if at <= now]
        writes = [each for each in writes if each[0] > now]
        endpoint.look(now, at_most)
    assert endpoint.carried == []
    assert endpoint.watch is None  # a quiet endpoint costs nothing


def test_16_a_look_that_is_near_is_relied_on_by_nobody() -> None:
    watch = watch_from("t", "we_A", NOW)
    assert (watch.since, watch.due_at) == (NOW - FRESH, NOW + LOOK_EVERY)
    assert watch.covers(NOW, NOW)
    assert watch.covers(watch.since, NOW)
    assert not watch.covers(watch.since - timedelta(microseconds=1), NOW)
    assert not watch.covers(NOW, watch.due_at - MARGIN)
    assert MARGIN > PUBLISHER


def test_16_what_may_be_on_its_way_is_left_alone() -> None:
    """SQS gives a message again after six minutes: that is not lost."""
    assert not is_lost(delivery(NOW), NOW + OVERDUE - timedelta(microseconds=1))
    assert is_lost(delivery(NOW), NOW + OVERDUE)
    assert timedelta(minutes=6) + timedelta(minutes=6) < OVERDUE
    for fields in ({"attempt": 1}, {"due_at": NOW}, {"state": DeliveryState.SKIPPED}, {"state": DeliveryState.FAILED}):
        assert not is_carried(delivery(NOW, **fields))


def test_16_what_is_asked_for_while_it_is_carried_is_its_first_attempt() -> None:
    """It gets an alarm, so that the asking is not in vain; the schedule begins with it, and does not end with it."""
    asked = redelivered(delivery(NOW), NOW)
    assert (asked.due_at, asked.asked, asked.attempt) == (NOW + timedelta(seconds=60), None, 0)
    failed = after_attempt(asked, Attempt("dlv_A_B", 1, NOW, 10, 500, "status"), 0)
    assert failed.due_at == NOW + timedelta(seconds=5, milliseconds=10)


@given(st.booleans(), st.booleans(), st.booleans())
def test_16_an_attempt_without_a_claim_is_counted_whatever_met_it(alarm: bool, first: bool, second: bool) -> None:
    """Two had its message at once, and an alarm came: one success is a success, and a failure is tried again."""
    loaded = delivery(NOW, version=1)
    stored = replace(loaded, due_at=NOW, version=2) if alarm else loaded
    for well in (first, second):
        attempt = Attempt("dlv_A_B", 1, NOW, 10, 200 if well else 500, None if well else "status")
        after = after_attempt(loaded, attempt, 0)
        stored = after if stored == loaded else overtaken(stored, after, 1)
    assert (stored.attempt, stored.step) == (1, 1)
    assert (stored.state is DeliveryState.SUCCEEDED) is (first or second)
    assert (stored.due_at is None) is (first or second)
