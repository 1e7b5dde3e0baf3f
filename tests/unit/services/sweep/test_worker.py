"""A worker's turn: in order of time, each item on its own, cut short without loss, over an index that lags behind."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.kernel.due import MAX_ATTEMPTS, MAX_ATTEMPTS_ON_TEST_CLOCK, Due, clock_shard
from billing.domain.kernel.errors import LostRace
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import Payment, PaymentStatus
from billing.services.clocks.due_index import DueItem, DuePage
from billing.services.kernel.retries import RUNS
from billing.services.kernel.work import Found, Ref
from billing.services.sweep.wake_ups import ClockProgress
from billing.services.sweep.worker import ShardReport, Worker

NOW = datetime(2026, 11, 21, 22, tzinfo=UTC)
SHARD, CLOCK = "07", clock_shard("ten_1", "clk_1")


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def payment(name: str, at: datetime, shard: str = SHARD, attempts: int = 0) -> Payment:
    """Anything with an alarm would do; a payment is the smallest."""
    return Payment(
        id=name,
        tenant_id="ten_1",
        customer_id="cus_1",
        amount=Money(1000, "USD"),
        status=PaymentStatus.PENDING,
        attempt=1,
        idempotency_key="k",
        stripe_customer_id="c",
        payment_method_id="pm",
        off_session=True,
        created_at=NOW,
        submitted_at=NOW,
        due=Due(shard, at, attempts),
        version=1,
    )


@dataclass
class Table:
    """What is stored, and what the index shows of it: the same, or what it was when it was last looked at."""

    entities: dict[tuple[type, str], Any] = field(default_factory=dict)
    lags: bool = False
    page: int = 50
    events: list[str] = field(default_factory=list)
    told_at: list[datetime | None] = field(default_factory=list)
    _shown: list[DueItem] | None = None

    def put(self, *entities: Any) -> "Table":
        for entity in entities:
            self.entities[type(entity), entity.id] = entity
        return self

    def due(self, shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        items = [
            DueItem(each.due.at, 0, "payment" if kind is Payment else "test_clock", each.tenant_id, each.id)
            for (kind, _), each in self.entities.items()
            if each.due is not None and each.due.shard == shard
        ]
        if self.lags:
            items = self._shown = self._shown or items
        due = sorted(item for item in items if item.at <= until and (kinds is None or item.kind in kinds))
        if len(due) < self.page:
            return DuePage(due, until)
        return DuePage(due[: self.page], due[self.page - 1].at, frozenset({each.kind for each in due}))

    def behind(self, shard: str, until: datetime, kinds: Collection[str], tenants: Collection[str]) -> list[DueItem]:
        page, self.page = self.page, 1_000
        found = [each for each in self.due(shard, until, kinds).items if each.tenant_id not in tenants]
        self.page = page
        return found


class FakeUnit:
    """A unit of work over a table; it commits in one go, or loses a race."""

    def __init__(self, table: Table, races: list[bool], now: datetime) -> None:
        self._table, self._races, self.now = table, races, now
        self._staged: list[Any] = []
        self._events: list[str] = []
        self._after: list[Callable[[], None]] = []
        self.tenant = type("T", (), {"id": "ten_1"})
        self.clock_time: datetime | None = None

    def load(self, *refs: Ref[Any]) -> Found:
        stored = {ref: self._table.entities.get((ref.kind, ref.id)) for ref in refs}
        return Found({ref: entity for ref, entity in stored.items() if entity is not None})

    def save(self, entity: Any) -> Any:
        self._staged.append(entity)
        return entity

    def emit(self, event_type: str, entity: Any) -> None:
        self._events.append(event_type)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after.append(action)

    def at_clock_time(self, at: datetime) -> None:
        self.clock_time = at

    def restart(self) -> None:
        self._staged, self._events, self._after = [], [], []

    def commit(self, response: Any = None, audit: Any = None) -> None:
        if self._staged and self._races and self._races.pop(0):
            raise LostRace("somebody else was first")
        self._table.put(*self._staged)
        self._table.events += self._events
        self._table.told_at += [self.clock_time for _ in self._events]
        for action in self._after:
            action()
        self.restart()


@dataclass
class Stage:
    """A worker with everything around it faked; ``does`` says what becomes of each item."""

    table: Table = field(default_factory=Table)
    now: datetime = NOW
    worked: list[tuple[str, datetime]] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    races: list[bool] = field(default_factory=list)
    does: dict[str, Callable[[Any], Due | None]] = field(default_factory=dict)
    takes: timedelta = timedelta()
    clock_times: list[datetime | None] = field(default_factory=list)

    # ports

    def begin(self, tenant_id: str, request: Any = None) -> Any:
        return FakeUnit(self.table, self.races, self.now)

    def wake(self, shard: str, deduplication_id: str) -> None:
        self.woken.append(shard)

    def settle_payment(self, work: Any, payment_id: str, now: datetime) -> Due | None:
        self.worked.append((payment_id, now))
        self.clock_times.append(work.clock_time)
        self.now += self.takes
        ref = Ref(Payment, "ten_1", payment_id)
        stored = work.load(ref).get(ref)
        if stored is None or stored.due is None or stored.due.at > now:
            return stored.due if stored else None
        following = self.does[payment_id](stored) if payment_id in self.does else None
        work.save(replace(stored, due=following))
        return following

    def turn(self, shard: str = SHARD, for_: timedelta = timedelta(hours=1)) -> ShardReport:
        worker = Worker(
            units=self,
            index=self.table,
            tasks={"payment": self.settle_payment},
            clocks=ClockProgress(self),
            alarm=self,
            clock=lambda: self.now,
            jitter=lambda: 1.0,
            pause=self.slept.append,
        )
        return worker.work_shard(shard, self.now + for_)

    def due_of(self, name: str) -> Due | None:
        found: Due | None = self.table.entities[Payment, name].due
        return found

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.worked]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def broken(_: Any) -> Due:
    raise RuntimeError("does not work")


# Order


def test_everything_due_is_done_in_order_of_time(stage: Stage) -> None:
    stage.table.put(payment("c", NOW), payment("a", NOW - minutes(9)), payment("b", NOW - minutes(5)))
    assert stage.turn() == ShardReport(done=3)
    assert stage.order == ["a", "b", "c"]


def test_what_is_due_later_or_elsewhere_is_left_alone(stage: Stage) -> None:
    stage.table.put(payment("later", NOW + minutes(1)), payment("elsewhere", NOW, "08"))
    assert stage.turn() == ShardReport()
    assert stage.worked == []


def test_on_the_wall_clock_no_other_time_is_said(stage: Stage) -> None:
    stage.table.put(payment("a", NOW - minutes(3)))
    stage.turn()
    assert stage.clock_times == [None]


def test_on_the_wall_clock_now_is_now(stage: Stage) -> None:
    stage.table.put(payment("a", NOW - minutes(9)))
    stage.turn()
    assert stage.worked == [("a", NOW)]


def test_what_a_long_turn_comes_to_late_is_worked_as_of_then(stage: Stage) -> None:
    """What it posts belongs into the month in which it is posted, not into that in which the turn began."""
    stage.takes = minutes(5)
    stage.table.put(payment("a", NOW - minutes(9)), payment("b", NOW - minutes(8)), payment("c", NOW + minutes(1)))
    stage.turn()
    assert stage.worked == [("a", NOW), ("b", NOW + minutes(5))]


def test_what_is_due_again_within_the_turn_takes_its_place_among_the_others(stage: Stage) -> None:
    stage.table.put(payment("a", NOW - minutes(9)), payment("b", NOW - minutes(5)))
    stage.does["a"] = lambda p: Due(SHARD, p.due.at + minutes(3))
    stage.turn()
    assert stage.order == ["a", "a", "b", "a", "a"]


def test_a_full_page_of_an_index_that_lags_does_not_stop_the_turn(stage: Stage) -> None:
    stage.table.page, stage.table.lags = 2, True
    stage.table.put(*(payment(name, NOW - minutes(9)) for name in "abc"))
    stage.does["a"] = lambda p: Due(SHARD, p.due.at + minutes(5))
    stage.turn()
    assert stage.order[:3] == ["a", "b", "a"]


def test_what_moves_beyond_the_turn_is_done_with(stage: Stage) -> None:
    stage.table.put(payment("a", NOW))
    stage.does["a"] = lambda p: Due(SHARD, NOW + minutes(1))
    assert stage.turn() == ShardReport(done=1)


def test_what_does_not_move_is_not_worked_for_ever(stage: Stage) -> None:
    stage.table.put(payment("a", NOW))
    stage.does["a"] = lambda p: p.due
    assert stage.turn() == ShardReport(done=1)


# Failures


def test_a_bad_item_is_put_off_and_blocks_nobody(stage: Stage) -> None:
    stage.table.put(payment("bad", NOW - minutes(1)), payment("good", NOW))
    stage.does["bad"] = broken
    assert stage.turn() == ShardReport(done=1, postponed=1)
    assert stage.due_of("bad") == Due(SHARD, NOW + timedelta(seconds=30), 1)
    assert stage.due_of("good") is None


def test_after_its_last_try_an_item_is_parked_with_an_event(stage: Stage) -> None:
    stage.table.put(payment("bad", NOW, attempts=MAX_ATTEMPTS - 1))
    stage.does["bad"] = broken
    assert stage.turn() == ShardReport(parked=1)
    assert stage.due_of("bad") is None
    assert (stage.table.events, stage.table.told_at) == (["payment.parked"], [None])


def test_an_item_that_failed_after_its_alarm_had_moved_keeps_the_new_one(stage: Stage) -> None:
    """A renewal that dies between its two commits is billed already: an earlier alarm would bill a period early."""
    moved = Due(SHARD, NOW + timedelta(days=30))

    def committed_and_died(stored: Any) -> Due:
        stage.table.put(replace(stored, due=moved))
        raise RuntimeError("after the first commit")

    stage.table.put(payment("a", NOW))
    stage.does["a"] = committed_and_died
    stage.turn()
    assert stage.due_of("a") == moved


def test_a_lost_race_is_run_again_from_load(stage: Stage) -> None:
    stage.table.put(payment("a", NOW))
    stage.races = [True, True]
    assert stage.turn() == ShardReport(done=1)
    assert stage.order == ["a", "a", "a"]
    assert len(stage.slept) == 2
    assert stage.slept[0] < stage.slept[1]


def test_an_item_that_loses_every_race_is_put_off(stage: Stage) -> None:
    stage.table.put(payment("a", NOW))
    stage.races = [True] * RUNS
    assert stage.turn() == ShardReport(postponed=1)
    assert stage.due_of("a") == Due(SHARD, NOW + timedelta(seconds=30), 1)


# Time that runs out


def test_a_turn_whose_time_is_up_asks_for_another_and_loses_nothing(stage: Stage) -> None:
    stage.table.put(*(payment(f"p{n}", NOW - minutes(9 - n)) for n in range(5)))
    stage.takes = minutes(1)
    assert stage.turn(for_=minutes(2)) == ShardReport(done=2, cut_short=True)
    assert stage.woken == [SHARD]
    assert stage.turn() == ShardReport(done=3)
    assert stage.order == ["p0", "p1", "p2", "p3", "p4"]


# An index that lags behind


def test_an_index_that_still_shows_what_is_done_does_not_have_it_done_again(stage: Stage) -> None:
    stage.table.lags = True
    stage.table.put(payment("a", NOW - minutes(2)), payment("b", NOW - minutes(1)))
    assert stage.turn() == ShardReport(done=2)
    assert stage.order == ["a", "b"]


def test_a_next_turn_over_a_stale_index_changes_nothing(stage: Stage) -> None:
    stage.table.lags = True
    stage.table.put(payment("a", NOW))
    stage.turn()
    before = dict(stage.table.entities)
    stage.turn()
    assert stage.table.entities == before


def test_what_was_just_written_is_worked_though_the_index_does_not_show_it(stage: Stage) -> None:
    stage.table.lags = True
    stage.table.put(payment("a", NOW - minutes(9)))
    stage.does["a"] = lambda p: Due(SHARD, p.due.at + minutes(4))
    stage.turn()
    assert [at for _, at in stage.worked] == [NOW] * 3
    assert stage.due_of("a") == Due(SHARD, NOW + minutes(3))


# Test clocks


@pytest.fixture
def advancing(stage: Stage) -> Stage:
    """A clock on its way from NOW to ten minutes later."""
    clock = Clock("clk_1", "ten_1", NOW, ClockStatus.ADVANCING, NOW, NOW + minutes(10), Due(SHARD, NOW), 1)
    stage.table.put(clock)
    return stage


def clock_of(stage: Stage) -> Clock:
    found: Clock = stage.table.entities[Clock, "clk_1"]
    return found


def test_what_is_beyond_the_first_page_comes_before_what_is_due_later(advancing: Stage) -> None:
    advancing.table.page = 2
    advancing.table.put(*(payment(name, NOW + minutes(1), CLOCK) for name in "abcde"))
    for name in "abcde":
        advancing.does[name] = lambda p: Due(CLOCK, p.due.at + minutes(5)) if p.due.at < NOW + minutes(2) else None
    advancing.turn(CLOCK)
    assert advancing.order == [*"abcde", *"abcde"]


def test_a_clock_with_nothing_due_is_looked_at_twice_and_waited_for_once(
    advancing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    due = advancing.table.due

    def looked(shard: str, until: datetime, kinds: Collection[str] | None = None) -> DuePage:
        looks.append(shard)
        return due(shard, until, kinds)

    monkeypatch.setattr(advancing.table, "due", looked)
    assert advancing.turn(CLOCK) == ShardReport()
    assert (looks, advancing.slept) == ([CLOCK, CLOCK], [1.0])


def test_a_clocks_items_are_worked_at_their_own_times_and_then_it_arrives(advancing: Stage) -> None:
    stage = advancing
    stage.table.put(payment("a", NOW + minutes(2), CLOCK), payment("b", NOW + minutes(1), CLOCK))
    stage.does["b"] = lambda p: Due(CLOCK, p.due.at + minutes(4)) if p.due.at < NOW + minutes(9) else None
    assert stage.turn(CLOCK).done == 4
    passed = [(name, (at - NOW) // minutes(1)) for name, at in stage.worked]
    assert passed == [("b", 1), ("a", 2), ("b", 5), ("b", 9)]
    assert stage.clock_times == [at for _, at in stage.worked]  # and the unit of work knows what time it is there
    assert (clock_of(stage).status, clock_of(stage).frozen_time) == (ClockStatus.READY, NOW + minutes(10))


def test_a_clock_that_stands_still_has_no_turn(stage: Stage) -> None:
    stage.table.put(Clock("clk_1", "ten_1", NOW, ClockStatus.READY, NOW, version=1), payment("a", NOW, CLOCK))
    assert stage.turn(CLOCK) == ShardReport()
    assert stage.worked == []


def test_a_clock_whose_turn_is_cut_short_has_not_arrived(advancing: Stage) -> None:
    stage = advancing
    stage.table.put(payment("a", NOW + minutes(1), CLOCK), payment("b", NOW + minutes(2), CLOCK))
    stage.takes = minutes(1)
    assert stage.turn(CLOCK, for_=minutes(1)).cut_short
    assert clock_of(stage).status is ClockStatus.ADVANCING
    assert stage.woken == [CLOCK]
    stage.turn(CLOCK)
    assert (stage.order, clock_of(stage).status) == (["a", "b"], ClockStatus.READY)


def test_on_a_clock_a_bad_item_is_tried_in_the_same_turn_after_a_breath_and_then_parked(advancing: Stage) -> None:
    stage = advancing
    stage.table.put(payment("bad", NOW + minutes(1), CLOCK), payment("good", NOW + minutes(2), CLOCK))
    stage.does["bad"] = broken
    report = stage.turn(CLOCK)
    assert report == ShardReport(done=1, postponed=MAX_ATTEMPTS_ON_TEST_CLOCK - 1, parked=1)
    assert stage.order == ["bad"] * MAX_ATTEMPTS_ON_TEST_CLOCK + ["good"]
    assert (stage.table.events, stage.table.told_at) == (["payment.parked"], [NOW + minutes(1)])
    # A breath after each failure, and one before the clock is said to have arrived.
    assert len(stage.slept) == MAX_ATTEMPTS_ON_TEST_CLOCK - 1 + 1
    assert clock_of(stage).status is ClockStatus.READY


def test_the_sweep_reminds_a_clock_whose_wake_up_call_was_lost(advancing: Stage) -> None:
    assert advancing.turn(SHARD).done == 1
    assert advancing.woken == [CLOCK]
    assert clock_of(advancing).due == Due(SHARD, NOW + minutes(1))
