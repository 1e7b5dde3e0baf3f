"""Usage is counted once, however often and in whatever order its messages come, wherever the worker dies.

For every kind of meter: messages are delivered up to three times, shuffled; the worker dies at each of its calls in
turn, or loses that call's answer. Then totals, hours, stored events, what is kept aside and what is billed are those of
the distinct ids, counted by hand (``usage.counted``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.faults import crashes
from tests.faults.books import Books
from tests.faults.processes import Answer, Json
from tests.faults.stack import Stack
from tests.faults.usage import (
    DOLLAR,
    KINDS,
    PERIOD,
    SUM,
    Event,
    Kind,
    amounts,
    billed,
    count,
    counted,
    kept_aside,
    message,
    metered_tenant,
    plan,
    report,
    shown,
    stored,
    told,
)
from tests.faults.world import World, get, iso, post, step

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
POISON = '{"v":1,"id":"no chunk"}'
_AT_ONCE = 6
_CENT = 1000
Rejected = tuple[str, Decimal, str]


@dataclass(frozen=True)
class Told:
    """What is reported of one subscription, and what has to come of it.

    Args:
        messages: the events of each message; the last one is of corrections.
        either: ids of which one is counted and the others are rejected: whoever comes first.
        clash: an id that two events have: whoever comes first is counted.
        rejected: what can never be counted.
    """

    messages: tuple[tuple[Event, ...], ...]
    either: tuple[str, ...]
    clash: str
    rejected: tuple[Rejected, ...]

    @property
    def events(self) -> list[Event]:
        """All of them, in order, twins too."""
        return [event for events in self.messages for event in events]


def _usage(kind: Kind, name: str, subscription_id: str, began: datetime) -> Told:
    """Four messages: twins, another event under a used id, what nobody knows, corrections, and the next period's."""
    end = began + PERIOD

    def event(n: int, at: datetime, quantity: str, level: str, user: str, region: str) -> Event:
        properties = {"level": level, "user": user, "region": region, "gb": f"0.{n + 1:09d}", "model": f"m{n % 3}"}
        return Event(f"{name}-{n}", kind.key, at, quantity, properties, subscription_id=subscription_id)

    hour, day = timedelta(hours=1), timedelta(days=1)
    made = [
        event(0, began + day, "1.5", "7.25", "ann", "eu"),
        event(1, began + day + hour / 4, "2", "3", "bob", "us"),
        event(2, began + day + hour / 2, "10", "9.5", "ann", "eu"),
        event(3, began + 9 * day, "0.1", "0.1", "cy", "us"),
        event(4, began + 9 * day, "10", "9.4", "dee", "eu"),
        event(5, end - hour / 30, "0.2", "8", "bob", ""),
        event(6, end - hour / 60, "0.25", "4.75", "cy", "us"),
        event(7, end + hour / 60, "3", "2", "ann", "eu"),
        event(8, end + hour / 30, "4", "1.5", "eve", "us"),
    ]
    other = replace(made[1], quantity="5", properties=made[1].properties | {"level": "6", "user": "zoe"})
    unknown_meter = replace(made[0], id=f"{name}-meter", meter="no_such")
    nobody = replace(made[0], id=f"{name}-nobody", subscription_id="sub_nobody")
    too_early = replace(made[0], id=f"{name}-early", at=began - hour)
    rejected = [
        (unknown_meter.id, Decimal("1.5"), "unknown_meter"),
        (nobody.id, Decimal("1.5"), "unknown_subscription"),
        (too_early.id, Decimal("1.5"), "before_the_subscription_began"),
    ]
    bad = [unknown_meter, nobody, too_early]
    if kind.reads != "quantity":
        left_out = {name: value for name, value in made[0].properties.items() if name != kind.reads}
        bad.append(replace(made[0], id=f"{name}-without", properties=left_out))
        rejected.append((bad[-1].id, Decimal("1.5"), "property_missing"))
    if kind.reads in ("level", "gb"):
        bad.append(replace(made[0], id=f"{name}-text", properties=made[0].properties | {kind.reads: "much"}))
        rejected.append((bad[-1].id, Decimal("1.5"), "property_not_a_number"))

    def correction(key: str, corrects: Event, quantity: str) -> Event:
        return replace(corrects, id=f"{name}-{key}", quantity=quantity, corrects=corrects.id, properties={})

    corrections = [correction("back", made[2], "-0.01"), correction("more", made[0], "-99")]
    either: tuple[str, ...] = ()
    if kind.correctable:
        taken = "-6" if kind.reads == "quantity" and kind.aggregation == "sum" else "-0.000000004"
        counts = kind.aggregation == "count"
        taken = "-1" if counts else taken
        corrections[0] = replace(corrections[0], quantity="-1" if counts else "-0.000000001")
        corrections += [correction("one", made[4], taken), correction("two", made[4], taken)]
        either = (corrections[-2].id, corrections[-1].id)
        why = "a_counted_event_is_taken_back_whole" if counts else "exceeds_the_corrected_event"
        rejected.append((corrections[1].id, Decimal(-99), why))
    else:
        rejected += [(each.id, Decimal(each.quantity), "meter_not_correctable") for each in corrections]
    messages = ((*made[:4], made[7]), (made[3], other, *made[4:7], *bad), (made[0], made[8]), tuple(corrections))
    return Told(messages, either, other.id, tuple(rejected))


@dataclass
class Case:
    """One script of deliveries, cut at one call."""

    mode: str
    call: int
    subscription_id: str = ""
    began: datetime = AT
    told: Told | None = None
    bodies: tuple[str, ...] = ()
    first: Answer | None = None

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.mode or 'clean'}-{self.call:03d}"


class Deliveries:
    """Every cut of one kind's deliveries, each with a subscription of its own; they share a tenant and its renewals."""

    def __init__(self, world: World, kind: Kind) -> None:
        self._world = world
        self._kind = kind
        random = Random(kind.name)  # the same in every run
        self._end = AT + PERIOD
        # Nothing is paid in advance and nobody is charged: what is billed is usage alone.
        self._tenant = metered_tenant(world, AT, (kind,), (plan("metered", kind.component()),))
        order = random.sample(range(4), 4)
        self._script: Sequence[Sequence[int]] = ([order[0], -1, order[1]], order[2:])
        self._again = random.sample([0, 1, 2, 3, 1, 3], 6)

    def run(self) -> list[str]:
        """Returns what went wrong, a line each."""
        clean = Case("", 0)
        self._arrange([clean])
        self._first([clean])
        assert clean.first is not None
        calls: list[str] = clean.first.all()[-1]
        cases = [Case(mode, k) for mode in ("kill", "lost") for k in crashes.cuts(calls, mode)]
        self._arrange(cases)
        for start in range(0, len(cases), _AT_ONCE):
            self._first(cases[start : start + _AT_ONCE])
        name = f"count: {self._kind.name}"
        crashes.CALLS[name] = len(calls)
        for mode in ("kill", "lost"):
            crashes.TABLE[name, mode] = len(crashes.cuts(calls, mode))
        cases = [clean, *cases]
        problems = [f"{case.label}: {problem}" for case in cases for problem in self._problems(case, len(calls))]
        self._redeliver(cases)
        renewed = self._end + timedelta(hours=2)
        self._world.run(renewed, step("sweep"), step("drain"), step("sweep"), step("drain")).all()
        books = self._tenant.check(renewed)
        aside, events = kept_aside(books), told(self._tenant, renewed)
        problems += [f"kept aside and told differ: {(aside - events) + (events - aside)}"] if aside != events else []
        for case in cases:
            found = self._judged(case, books, aside)
            problems += [f"{case.label} of {len(calls)}: {problem}" for problem in found]
        return problems + [f"over the API: {problem}" for problem in self._read(clean, renewed, books)]

    def _arrange(self, cases: list[Case]) -> None:
        """A subscription and its messages for each case."""
        subscribe = [
            self._tenant.subscribe(f"sub-{case.label}", planId="metered", quantities={}, paymentMethodId=None)
            for case in cases
        ]
        for case, answer in zip(cases, self._world.run(AT, *subscribe).all(), strict=True):
            assert answer["status"] == 201, answer
            made = answer["body"]["data"]
            case.subscription_id = made["id"]
            case.began = datetime.fromisoformat(made["currentPeriod"]["start"])
            case.told = _usage(self._kind, f"{case.mode or 'clean'}-{case.call:03d}", made["id"], case.began)
            case.bodies = tuple(
                message(self._tenant, f"{case.label}-{n}", events) for n, events in enumerate(case.told.messages)
            )

    def _batch(self, case: Case, which: Sequence[int], receive_count: int = 1) -> Json:
        return count(*(POISON if n < 0 else case.bodies[n] for n in which), receive_count=receive_count)

    def _first(self, cases: list[Case]) -> None:
        """The script, up to where the worker dies; several workers side by side."""
        jobs = [
            self._world.job(
                self._end - timedelta(minutes=1),
                step("fault", mode=case.mode, call=case.call),
                *(self._batch(case, batch) for batch in self._script),
                step("calls"),
            )
            for case in cases
        ]
        for case, answer in zip(cases, self._world.lane.driver.run(jobs), strict=True):
            case.first = answer

    def _problems(self, case: Case, calls: int) -> list[str]:
        """How the worker ended, and which messages it gave back."""
        answer = case.first
        assert answer is not None
        if case.mode == "kill" and case.call <= calls:
            return [] if answer.died else ["the call was not reached"]
        if case.mode != "kill" and answer.exit != 0:
            return [f"a lost answer was not absorbed: {answer.answers}"]
        found = []
        for batch, failed in zip(self._script, answer.answers[1:3], strict=True):
            # The corrections wait for what they correct; what cannot be read fails, and nothing else does.
            if {batch[n] for n in failed} - {3} != {n for n in batch if n < 0}:
                found.append(f"of the messages {batch} failed {failed}")
        return found

    def _redeliver(self, cases: list[Case]) -> None:
        """All of it again, in another order, until only what cannot be read is left."""
        later = self._end - timedelta(seconds=30)
        batches = [self._batch(case, [-1, *self._again], 2) for case in cases]
        waiting: list[Json] = []
        for case, failed in zip(cases, self._world.run(later, *batches).all(), strict=True):
            assert 0 in failed, "nobody can read it"
            assert {self._again[n - 1] for n in failed if n} <= {3}
            waiting += [self._batch(case, [3], 3)] if len(failed) > 1 else []
        assert not waiting or self._world.run(later, *waiting).all() == [[]] * len(waiting)

    def _judged(self, case: Case, books: Books, aside: Counter[Rejected]) -> list[str]:
        """Everything that a subscription ended with, against the distinct ids."""
        assert case.told is not None
        kind, rows = self._kind, stored(books, case.subscription_id)
        events, rejected, found = _first_ones(case.told, rows)
        wanted = counted(kind, case.began, events)
        own = {each: n for each, n in aside.items() if each[0].startswith(case.told.clash.rpartition("-")[0] + "-")}
        if own != dict.fromkeys(rejected, 1):
            found.append(f"kept aside {own}, not once each {rejected}")
        totals, hours = shown(kind, case.began, books, case.subscription_id)
        if totals != wanted.totals:
            found.append(f"totals {totals}, not {wanted.totals}")
        found += _hours(kind, hours, wanted.hours, totals)
        due = {group: total for (period, group), total in wanted.groups.items() if period == 0 and total}
        charged = billed(books, case.subscription_id, kind.key)
        if charged != due:
            found.append(f"billed {charged}, not {due}")
        exact = sum(due.values(), Decimal(0)) * DOLLAR
        if abs(amounts(books, case.subscription_id, kind.key) - exact) * 2 > len(due) * _CENT:
            found.append(f"billed {amounts(books, case.subscription_id, kind.key)} for {exact}")
        return found

    def _read(self, case: Case, at: datetime, books: Books) -> list[str]:
        """Totals and hours, as a client reads them; slots and shards are one there."""
        own = f"/v1/usage?subscription={case.subscription_id}&meter={self._kind.key}&limit=100"
        begins = iso(case.began.replace(microsecond=0))
        series = f"&granularity=hour&from={begins}&to={iso(case.began + timedelta(days=31))}"
        reads = (get("usage", own, self._tenant.key), get("usage", own + series, self._tenant.key))
        periods, hours = (answer["body"]["data"] for answer in self._world.run(at, *reads).all())
        starts = {iso(case.began + n * PERIOD): n for n in range(2)}
        found = (
            {
                (starts[row["period"]["start"]], tuple(row["dimensions"].values())): Decimal(str(row["total"]))
                for row in periods
            },
            {row["period"]["start"]: Decimal(str(row["total"])) for row in hours},
        )
        kept = shown(self._kind, case.began, books, case.subscription_id)
        return [] if found == kept else [f"{found}, not {kept}"]


def _first_ones(usage: Told, rows: dict[str, Json]) -> tuple[list[Event], list[Rejected], list[str]]:
    """The distinct events that have to be counted, what has to be rejected, and what is wrong with what is stored.

    Where two events have one id, or two corrections want the same, the stored one says which came first.
    """
    never = {each[0] for each in usage.rejected}
    rejected = list(usage.rejected)
    problems: list[str] = []
    events: dict[str, Event] = {}
    for event in usage.events:
        if event.id in never:
            continue
        if event.id in usage.either and event.id not in rows:
            rejected.append((event.id, Decimal(event.quantity), "exceeds_the_corrected_event"))
            continue
        row = rows.get(event.id)
        if row is None:
            problems.append(f"{event.id} is not counted")
        elif Decimal(row["quantity"]) == Decimal(event.quantity):
            events[event.id] = event
        elif event.id == usage.clash:
            rejected.append((event.id, Decimal(event.quantity), "event_id_used_for_another_event"))
        else:
            problems.append(f"{event.id} is stored with {row['quantity']}")
    if usage.either and sum(each in rows for each in usage.either) != 1:
        problems.append(f"of {usage.either} counted {[each for each in usage.either if each in rows]}")
    if set(rows) != set(events):
        problems.append(f"stored {sorted(rows)}, not {sorted(events)}")
    return list(events.values()), rejected, problems


def _hours(kind: Kind, shown: dict[str, Decimal], wanted: dict[str, Decimal], totals: dict[Any, Decimal]) -> list[str]:
    """Hours; of a unique meter a value is in the hour in which it was first met, whichever that was."""
    if kind.aggregation != "unique":
        return [] if shown == wanted else [f"hours {shown}, not {wanted}"]
    fits = sum(shown.values()) == sum(totals.values()) and all(shown[hour] <= wanted[hour] for hour in shown)
    return [] if fits else [f"hours {shown}, at most {wanted}, in all {totals}"]


def test_a_report_cut_at_any_call_is_counted_once(own_world: World) -> None:
    """The request dies before or after any call, and is sent again; then the worker dies over the real queue."""
    tenant = metered_tenant(own_world, AT, (SUM,), (plan("metered", SUM.component()),))
    at = AT + timedelta(days=2)

    def cases(*cuts: tuple[str, int]) -> list[tuple[Json, Json]]:
        """A request to report 6.0 of a new subscription, and the fault at which it is cut, for each."""
        subscribe = [
            tenant.subscribe(f"sub-{mode}-{k}", planId="metered", quantities={}, paymentMethodId=None)
            for mode, k in cuts
        ]
        made = [answer["body"]["data"]["id"] for answer in own_world.run(AT, *subscribe).all()]
        found = []
        for (mode, k), subscription_id in zip(cuts, made, strict=True):
            name = f"{mode}-{k}"
            events = [
                Event(f"{name}-{n}", SUM.key, AT + (n + 1) * timedelta(hours=1), "1.1", subscription_id=subscription_id)
                for n in range(6)
            ]
            back = replace(events[0], id=f"{name}-back", quantity="-0.6", corrects=events[0].id)
            found.append((report(tenant, name, [*events, back]), step("fault", mode=mode, call=k)))
        return found

    def first(batch: list[tuple[Json, Json]]) -> list[Answer]:
        return own_world.lane.driver.run([own_world.job(at, fault, request, step("calls")) for request, fault in batch])

    (clean,) = cases(("", 0))
    calls: list[str] = first([clean])[0].last()
    assert calls.count("SendMessageBatch") == 1, calls
    wheres = [(mode, k) for mode in ("kill", "lost") for k in crashes.cuts(calls, mode)]
    cut = cases(*wheres)
    for (mode, k), answer in zip(wheres, first(cut), strict=True):
        assert answer.died == (mode == "kill" and k <= len(calls)), (mode, k, answer)
        assert mode == "kill" or answer.all()[1]["status"] == 202
    name = "report usage"
    crashes.CALLS[name] = len(calls)
    crashes.TABLE.update(Counter((name, mode) for mode, _ in wheres))
    requests = [request for request, _ in (clean, *cut)]
    answers = own_world.run(at + timedelta(seconds=16), *requests, *requests).all()
    assert {(each["status"], each["body"]["data"]["accepted"]) for each in answers} == {(202, 7)}
    assert {each["headers"]["Idempotent-Replayed"] for each in answers[len(requests) :]} == {"true"}
    for k in (3, 7):
        assert own_world.run_apart(at, step("fault", mode="kill", call=k), step("usage_drain")).died
    own_world.run(at, step("usage_drain")).all()
    books = tenant.check(at)
    assert not kept_aside(books)
    for request in requests:
        ids = {event["eventId"]: event["subscriptionId"] for event in request["body"]["events"]}
        (subscription_id,) = set(ids.values())
        assert set(stored(books, subscription_id)) == set(ids)
        began = next(each for each in books.bodies("subscriptions") if each["id"] == subscription_id)["current_period"]
        totals, _ = shown(SUM, datetime.fromisoformat(began["start"]), books, subscription_id)
        assert totals == {(0, ()): Decimal("6.0")}


def test_a_correction_waits_for_its_event_until_the_message_comes_for_the_last_time(own_world: World) -> None:
    tenant = metered_tenant(own_world, AT, (SUM,), (plan("metered", SUM.component()),))
    subscribe = tenant.subscribe(planId="metered", quantities={}, paymentMethodId=None)
    subscription_id = own_world.run(AT, subscribe).last()["body"]["data"]["id"]
    event = Event("late", SUM.key, AT + timedelta(hours=1), "3", subscription_id=subscription_id)
    back = replace(event, id="back", quantity="-1", corrects="late")
    never = replace(event, id="never", quantity="-1", corrects="nowhere")
    late, corrections = message(tenant, "late", [event]), message(tenant, "back", [never, back])
    at = AT + timedelta(days=1)
    tries = own_world.run(
        at, count(corrections), count(late, corrections), *(count(corrections, receive_count=n) for n in (7, 8, 8))
    ).all()
    assert tries == [[0], [1], [0], [], []]
    books = tenant.check(at)
    assert set(stored(books, subscription_id)) == {"late", "back"}
    assert stored(books, subscription_id)["late"]["remaining"] == "2"
    wanted = Counter({("never", Decimal(-1), "corrected_event_unknown"): 1})
    assert kept_aside(books) == told(tenant, at) == wanted


def test_what_was_counted_is_not_reported_when_it_comes_again_after_the_end(own_world: World) -> None:
    """An event of two minutes ahead is counted; then its subscription ends; then the message comes again."""
    tenant = metered_tenant(own_world, AT, (SUM,), (plan("metered", SUM.component()),))
    subscribe = tenant.subscribe(planId="metered", quantities={})
    subscription_id = own_world.run(AT, subscribe).last()["body"]["data"]["id"]
    at = AT + timedelta(days=1)
    ahead = Event("ahead", SUM.key, at + timedelta(minutes=2), "3", subscription_id=subscription_id)
    other = replace(ahead, id="other")
    first, second = message(tenant, "first", [ahead]), message(tenant, "second", [ahead, other])
    path = f"/v1/subscriptions/{subscription_id}/cancel"
    counts, ended = own_world.run(at, count(first), post("subscriptions", path, tenant.key, "end", {})).all()
    assert (counts, ended["status"]) == ([], 200)
    assert own_world.run(at + timedelta(minutes=5), count(first, second), count(second)).all() == [[], []]
    books = tenant.check(at + timedelta(minutes=5))
    assert billed(books, subscription_id, SUM.key) == {(): Decimal(3)}
    wanted = Counter({("other", Decimal(3), "after_the_subscription_ended"): 1})
    assert kept_aside(books) == told(tenant, at + timedelta(minutes=5)) == wanted


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_what_is_counted_is_the_set_of_distinct_events(stack: Stack, kind: Kind) -> None:
    problems = Deliveries(stack.world(), kind).run()
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems)
