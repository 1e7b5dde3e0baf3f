"""Writers, closers and corrections at the same usage at once: each event is billed once, on one side or the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from tests.faults.books import Books
from tests.faults.processes import Json
from tests.faults.usage import (
    KINDS,
    MAX,
    PERIOD,
    SHARDED,
    SUM,
    UNIQUE,
    Event,
    Kind,
    billed,
    count,
    counted,
    kept_aside,
    message,
    metered_tenant,
    plan,
    shown,
    stored,
    told,
)
from tests.faults.world import Tenant, World, at_once, iso, post, step

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
EIGHT = range(8)
HOUR = timedelta(hours=1)
_SWEEP = [step("sweep"), step("drain")]
_LATEST = timedelta(days=36)
"""Usage of a canceled subscription comes for so long."""


def _tenant(world: World, *kinds: Kind, clock: bool = False) -> Tenant:
    """Nothing is paid in advance: the invoices are of usage alone."""
    components = [kind.component() for kind in kinds]
    plans = (plan("metered", *components), plan("other", *(each | {"unitAmount": 50_000} for each in components)))
    return metered_tenant(world, AT, kinds, plans, clock=clock)


def _subscribed(tenant: Tenant, key: str = "sub") -> tuple[str, datetime]:
    """A subscription's id, and when its first period began."""
    request = tenant.subscribe(key, planId="metered", quantities={})
    answer = tenant.world.run(AT, request).last()
    assert (answer["status"], answer["body"]["data"]["state"]) == (201, "active"), answer
    made = answer["body"]["data"]
    return made["id"], datetime.fromisoformat(made["currentPeriod"]["start"])


def _cancel(tenant: Tenant, subscription_id: str) -> Json:
    return post(
        "subscriptions", f"/v1/subscriptions/{subscription_id}/cancel", tenant.key, f"cancel-{subscription_id}", {}
    )


def _total(kind: Kind, began: datetime, events: Iterable[Event]) -> Decimal:
    return sum(counted(kind, began, events).billed().values(), Decimal(0))


def _billed(kind: Kind, books: Books, subscription_id: str) -> Decimal:
    return sum(billed(books, subscription_id, kind.key).values(), Decimal(0))


@pytest.mark.parametrize("kind", [SUM, SHARDED, MAX], ids=lambda kind: kind.key)
def test_eight_writers_race_closings_and_each_event_is_billed_once(own_world: World, kind: Kind) -> None:
    """Three renewals, a change of plan and a cancellation on a test clock, while usage of all of it comes in."""
    tenant = _tenant(own_world, kind, clock=True)
    subscription_id, began = _subscribed(tenant)
    random = Random(kind.name)
    messages: list[list[list[Event]]] = [[[] for _ in range(7)] for _ in EIGHT]
    for writer in EIGHT:
        for n, batch in enumerate(messages[writer]):
            for k in range(5):
                # Of the time that the closer is at, of a while ago, and of soon: beyond an end that is not there yet.
                at = began + max(timedelta(0), n * PERIOD * 0.55 + random.uniform(-25, 12) * timedelta(days=1))
                at = min(at, began + 3.4 * PERIOD)
                properties = {"level": str(random.randint(1, 10**6))}
                name = f"e-{writer}-{n}-{k}"
                batch.append(Event(name, kind.key, at, f"{writer}.{k}", properties, subscription_id=subscription_id))

    def advance(periods: float) -> list[Json]:
        target = {"frozenTime": iso((began + periods * PERIOD).replace(microsecond=0))}
        path = f"/v1/test-clocks/{tenant.clock_id}/advance"
        return [post("test_clocks", path, tenant.key, f"advance-{periods}", target), step("drain")]

    change = tenant.change(subscription_id, planId="other", prorationBehavior="create_prorations")
    closer = [
        *advance(1),
        *advance(1.5),
        change,
        *advance(2),
        *advance(3),
        *advance(3.5),
        _cancel(tenant, subscription_id),
    ]
    writers = [
        [count(message(tenant, f"m-{writer}-{n}", batch)) for n, batch in enumerate(batches)]
        for writer, batches in enumerate(messages)
    ]
    answers = at_once(own_world, AT, [closer, *writers])
    done = [answer for answer in answers[0].all() if isinstance(answer, dict)]
    assert {answer["status"] for answer in done} <= {200, 202}, done
    # A message that failed (too many at one total at once) comes again.
    again = [
        steps[n]
        for steps, answer in zip(writers, answers[1:], strict=True)
        for n, failed in enumerate(answer.all()[1:])
        if failed
    ]
    later = AT + timedelta(minutes=5)
    assert not again or own_world.run(later, *again).all() == [[]] * len(again)
    own_world.run(later, *advance(6)).all()
    books = tenant.check(later)
    (subscription,) = books.bodies("subscriptions")
    assert (subscription["state"], subscription["usage_until"]) == ("canceled", None)
    everything = {event.id: event for batches in messages for batch in batches for event in batch}
    there, aside = stored(books, subscription_id), kept_aside(books)
    assert Counter([*there, *(each[0] for each in aside.elements())]) == Counter(list(everything))
    assert {reason for _, _, reason in aside} <= {"after_the_subscription_ended", "subscription_finally_billed"}
    assert told(tenant, later) == aside
    assert _billed(kind, books, subscription_id) == _total(kind, began, (everything[each] for each in there))


def test_eight_workers_with_the_same_messages_count_each_event_once(own_world: World) -> None:
    tenant = _tenant(own_world, *KINDS)
    subscription_id, began = _subscribed(tenant)
    events: dict[str, list[Event]] = {}
    for kind in KINDS:
        events[kind.key] = [
            Event(
                f"{kind.key}-{n}",
                kind.key,
                began + n * HOUR,
                f"0.{n + 1}",
                {"level": str((n * 7) % 10), "user": f"u{n % 4}", "region": ["eu", "us"][n % 2], "gb": f"1.{n}"},
                subscription_id=subscription_id,
            )
            for n in range(10)
        ]
    bodies = [message(tenant, key, each) for key, each in events.items()]
    workers = [[count(*bodies[n % len(bodies) :], *bodies[: n % len(bodies)])] for n in EIGHT]
    at = began + timedelta(days=1)
    jobs = [[*steps, *steps] for steps in workers]
    answers = [answer.all() for answer in at_once(own_world, at, jobs)]
    assert [answer[-1] for answer in answers] == [[]] * 8, answers
    books = tenant.check(at)
    assert set(stored(books, subscription_id)) == {event.id for each in events.values() for event in each}
    assert not kept_aside(books)
    for kind in KINDS:
        wanted = counted(kind, began, events[kind.key])
        totals, hours = shown(kind, began, books, subscription_id)
        assert totals == wanted.totals
        assert sum(hours.values()) == sum(totals.values()) if kind is UNIQUE else hours == wanted.hours


def test_a_cancellation_right_after_the_renewal_bills_the_first_instant(own_world: World) -> None:
    """What was reported ahead, for the period's first instant, is owed though the period lasted 0.3 seconds."""
    tenant = _tenant(own_world, SUM)
    subscription_id, began = _subscribed(tenant)
    end = began + PERIOD
    event = Event("first-instant", SUM.key, end, "0.5", subscription_id=subscription_id)
    own_world.run(end - HOUR, count(message(tenant, "ahead", [event]))).all()
    own_world.run(end, step("turn", shard="00")).all()
    at = end + timedelta(milliseconds=300)
    assert own_world.run(at, _cancel(tenant, subscription_id)).last()["status"] == 200
    books = tenant.check(at)
    assert _billed(SUM, books, subscription_id) == Decimal("0.5")


def test_a_cancellation_and_the_renewal_close_at_once(own_world: World) -> None:
    """Both close the same slot: one of the two commits, and the other one reads what the first has left."""
    tenant = _tenant(own_world, SUM, SHARDED)
    made = [_subscribed(tenant, f"sub-{n}") for n in range(4)]
    end = made[-1][1] + PERIOD
    bodies, everything = [], {}
    for subscription_id, began in made:
        for kind in (SUM, SHARDED):
            events = [
                Event(
                    f"{subscription_id}-{kind.key}-{n}",
                    kind.key,
                    end - n * HOUR,
                    f"{n}.5",
                    subscription_id=subscription_id,
                )
                for n in range(12)
            ]
            everything[subscription_id, kind.key] = (began, events)
            bodies.append([message(tenant, f"{subscription_id}-{kind.key}-{n}", events[n::3]) for n in range(3)])
    own_world.run(end - HOUR, *(count(*each[:1]) for each in bodies)).all()
    closers = [[step("later", seconds=0.4 * n), _cancel(tenant, each)] for n, (each, _) in enumerate(made)]
    turn = [step("later", seconds=1.5), step("turn", shard="00")]
    answers = at_once(
        own_world, end - timedelta(seconds=1), [*closers, turn, turn, [count(*(each[1] for each in bodies))]]
    )
    # Who comes when the period is over, and is not renewed yet, is told to come again.
    statuses = [answer.last()["status"] for answer in answers[:4]]
    assert set(statuses) <= {200, 409}, answers
    later = end + timedelta(minutes=10)
    own_world.run(later, count(*(each[2] for each in bodies)), *_SWEEP).all()
    tenant.check(later)
    again = [job[-1] | {"idem": f"again-{n}"} for n, job in enumerate(closers) if statuses[n] == 409]
    assert not again or {answer["status"] for answer in own_world.run(later, *again).all()} == {200}
    final = end + _LATEST + HOUR
    own_world.run(final, *_SWEEP, *_SWEEP).all()
    books = tenant.check(final)
    ended = {each["id"]: datetime.fromisoformat(each["canceled_at"]) for each in books.bodies("subscriptions")}
    for (subscription_id, key), (began, events) in everything.items():
        # The one that is early belongs to a period that began only where the renewal came first.
        due = [each for each in events if began + (each.at - began) // PERIOD * PERIOD < ended[subscription_id]]
        kind = SUM if key == SUM.key else SHARDED
        there = stored(books, subscription_id)
        assert _billed(kind, books, subscription_id) == _total(kind, began, (each for each in due if each.id in there))
    kept = [each for each, _, _ in kept_aside(books).elements()]
    ids = [event.id for _, events in everything.values() for event in events]
    assert Counter([*kept, *(each for sub, _ in made for each in stored(books, sub))]) == Counter(ids)
    assert {each["state"] for each in books.bodies("subscriptions")} == {"canceled"}


def test_usage_that_came_before_its_period_began_is_billed_though_nothing_follows(own_world: World) -> None:
    """An event of two minutes ahead is counted before the renewal; the next period ends early, and had no other."""
    tenant = _tenant(own_world, SUM)
    subscription_id, began = _subscribed(tenant)
    end = began + PERIOD
    ahead = Event("ahead", SUM.key, end + timedelta(minutes=1), "2.5", subscription_id=subscription_id)
    own_world.run(end - timedelta(minutes=1), count(message(tenant, "ahead", [ahead]))).all()
    own_world.run(end + HOUR, *_SWEEP).all()
    assert _billed(SUM, tenant.check(end + HOUR), subscription_id) == 0
    ended = end + timedelta(days=5)
    assert own_world.run(ended, _cancel(tenant, subscription_id)).last()["status"] == 200
    assert _billed(SUM, tenant.check(ended), subscription_id) == Decimal("2.5")


def _held(path: Path, *steps: Json, call: int = 1) -> list[Json]:
    """A job that waits before its k-th transaction."""
    return [step("fault", mode="hold", call=call, operations=["TransactWriteItems"], path=str(path)), *steps]


def _meanwhile(path: Path, *steps: Json) -> list[Json]:
    """What happens while another job is held."""
    return [step("wait_for", path=f"{path}.held"), *steps, step("touch", path=str(path))]


@pytest.mark.parametrize("kind", [SUM, MAX, UNIQUE], ids=lambda kind: kind.key)
def test_a_worker_that_looked_before_a_closing_writes_after_it(own_world: World, kind: Kind, tmp_path: Path) -> None:
    tenant = _tenant(own_world, kind)
    subscription_id, began = _subscribed(tenant)
    properties = {"level": "3", "user": "ann"}
    first = Event("first", kind.key, began + HOUR, "2", properties, subscription_id=subscription_id)
    late = Event(
        "late", kind.key, began + 2 * HOUR, "5", {"level": "8", "user": "bob"}, subscription_id=subscription_id
    )
    own_world.run(began + 3 * HOUR, count(message(tenant, "first", [first]))).all()
    end = began + PERIOD + HOUR
    jobs = [
        _held(tmp_path / "go", count(message(tenant, "late", [late]))),
        _meanwhile(tmp_path / "go", *_SWEEP),
    ]
    held, _ = at_once(own_world, end, jobs)
    assert held.last() == []
    books = tenant.check(end)
    assert _billed(kind, books, subscription_id) == _total(kind, began, [first])
    assert set(stored(books, subscription_id)) == {"first", "late"}
    own_world.run(end + PERIOD, *_SWEEP).all()
    books = tenant.check(end + PERIOD)
    assert _billed(kind, books, subscription_id) == _total(kind, began, [first, late])
    # Its own line, which names the period that was billed without it.
    (_, line) = [line for invoice in books.bodies("invoices") for line in invoice["lines"]]
    assert line["description"].endswith("late usage of 2026-05-01 to 2026-05-31"), line["description"]


@pytest.mark.parametrize("kind", [SUM, SHARDED], ids=lambda kind: kind.key)
def test_what_comes_while_the_last_look_is_taken_is_billed_or_reported(
    own_world: World, kind: Kind, tmp_path: Path
) -> None:
    tenant = _tenant(own_world, kind)
    subscription_id, began = _subscribed(tenant)
    ended = began + timedelta(days=10)
    own_world.run(ended, _cancel(tenant, subscription_id)).all()
    events = [Event(f"e{n}", kind.key, began + n * HOUR, "2", subscription_id=subscription_id) for n in range(3)]
    before, held, after = (message(tenant, event.id, [event]) for event in events)
    last = ended + _LATEST
    own_world.run(last - HOUR, count(before)).all()
    jobs = [_held(tmp_path / "go", count(held)), _meanwhile(tmp_path / "go", step("later", seconds=7200), *_SWEEP)]
    assert at_once(own_world, last - HOUR, jobs)[0].last() == []
    end = last + 2 * HOUR
    own_world.run(end, count(after), count(held), count(after)).all()
    books = tenant.check(end)
    assert _billed(kind, books, subscription_id) == 2
    assert set(stored(books, subscription_id)) == {"e0"}
    wanted = Counter({(each, Decimal(2), "subscription_finally_billed"): 1 for each in ("e1", "e2")})
    assert kept_aside(books) == told(tenant, end) == wanted


def test_a_closer_that_lost_reads_what_it_closed_with_whoever_comes_next(own_world: World, tmp_path: Path) -> None:
    """The renewal has closed and read, and waits; a cancellation closes the next slot too, and commits both."""
    tenant = _tenant(own_world, SUM)
    subscription_id, began = _subscribed(tenant)
    events = [Event(f"e{n}", SUM.key, began + n * HOUR, "1.5", subscription_id=subscription_id) for n in range(4)]
    bodies = [message(tenant, event.id, [event]) for event in events]
    own_world.run(began + 5 * HOUR, count(bodies[0])).all()
    just_before = began + PERIOD - timedelta(seconds=20)
    cancel = _cancel(tenant, subscription_id)
    jobs = [
        _held(tmp_path / "go", step("later", seconds=30), step("turn", shard="00")),
        _meanwhile(tmp_path / "go", count(bodies[1]), cancel, count(bodies[2])),
    ]
    turned, other = at_once(own_world, just_before, jobs)
    assert turned.last()["batchItemFailures"] == []
    assert [answer["status"] for answer in other.all() if isinstance(answer, dict)] == [200]
    due = began + PERIOD + HOUR
    own_world.run(due, *_SWEEP).all()
    books = tenant.check(due)
    assert [each["reason"] for each in books.bodies("invoices")] == ["subscription_cancel"]
    assert _billed(SUM, books, subscription_id) == Decimal(3)
    own_world.run(due, count(bodies[3])).all()
    end = due + _LATEST + HOUR
    own_world.run(end, *_SWEEP, *_SWEEP).all()
    books = tenant.check(end)
    assert _billed(SUM, books, subscription_id) == Decimal(6)


def test_usage_that_comes_after_a_closing_that_never_committed_is_billed_with_it(own_world: World) -> None:
    """The database takes no transaction while the renewal runs: its slot is closed, and nothing is billed."""
    tenant = _tenant(own_world, SUM, SHARDED)
    subscription_id, began = _subscribed(tenant)
    events = [
        Event(f"{kind.key}-{n}", kind.key, began + n * HOUR, "1.5", subscription_id=subscription_id)
        for n in range(4)
        for kind in (SUM, SHARDED)
    ]
    bodies = [message(tenant, event.id, [event]) for event in events]
    own_world.run(began + 5 * HOUR, count(*bodies[:4])).all()
    due = began + PERIOD + HOUR
    busy = step("fault", mode="deny", call=1, operations=["TransactWriteItems"], error="500", times=1000)
    own_world.run_apart(due, busy, step("turn", shard="00"))
    assert [row["closed"] for row in _totals(tenant, due)] == ["closed"] * 5
    own_world.run(due, count(*bodies[4:6])).all()
    own_world.run_apart(due + HOUR, busy, step("turn", shard="00"))
    own_world.run(due + HOUR, count(*bodies[6:])).all()
    later = due + 2 * HOUR
    own_world.run(later, *_SWEEP).all()
    books = tenant.check(later)
    assert [each["reason"] for each in books.bodies("invoices")] == ["subscription_cycle"]
    assert _billed(SUM, books, subscription_id) == _billed(SHARDED, books, subscription_id) == 6


def _totals(tenant: Tenant, at: datetime) -> list[Json]:
    return [row for row in tenant.books(at).rows["usage_totals"] if row["item"].startswith("total#")]


def test_eight_corrections_of_one_event_take_no_more_than_is_left_of_it(own_world: World) -> None:
    tenant = _tenant(own_world, SUM)
    subscription_id, began = _subscribed(tenant)
    event = Event("ten", SUM.key, began + HOUR, "10", subscription_id=subscription_id)
    own_world.run(began + 2 * HOUR, count(message(tenant, "ten", [event]))).all()
    corrections = [
        Event(f"back-{n}", SUM.key, began + 2 * HOUR, "-3", corrects="ten", subscription_id=subscription_id)
        for n in EIGHT
    ]
    at = began + 3 * HOUR
    jobs = [[count(message(tenant, each.id, [each]))] * 2 for each in corrections]
    assert [answer.last() for answer in at_once(own_world, at, jobs)] == [[]] * 8
    books = tenant.check(at)
    there = stored(books, subscription_id)
    assert len(there) == 1 + 3
    assert there["ten"]["remaining"] == "1"
    rejected = [each.id for each in corrections if each.id not in there]
    wanted = Counter({(each, Decimal(-3), "exceeds_the_corrected_event"): 1 for each in rejected})
    assert kept_aside(books) == told(tenant, at) == wanted
    totals, hours = shown(SUM, began, books, subscription_id)
    assert (totals, list(hours.values())) == ({(0, ()): Decimal(1)}, [Decimal(1)])


def test_eight_writers_meet_one_new_value_and_count_it_once(own_world: World) -> None:
    tenant = _tenant(own_world, UNIQUE)
    subscription_id, began = _subscribed(tenant)
    events = [
        Event(f"e{n}", UNIQUE.key, began + n * HOUR, properties={"user": "ann"}, subscription_id=subscription_id)
        for n in EIGHT
    ]
    at = began + timedelta(days=1)
    jobs = [[count(message(tenant, event.id, [event]))] for event in events]
    assert [answer.last() for answer in at_once(own_world, at, jobs)] == [[]] * 8
    books = tenant.check(at)
    assert len(stored(books, subscription_id)) == 8
    totals, hours = shown(UNIQUE, began, books, subscription_id)
    assert totals == {(0, ()): Decimal(1)}
    assert list(hours.values()) == [Decimal(1)]
