"""Laws of counting: whatever the message and wherever the worker dies, each event counts once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.event import UsageEvent
from billing.services.kernel.work import Ref
from billing.services.usage.effects import MOST_ITEMS
from billing.services.usage.ports import Counting, TotalKey
from tests.support.engine import running
from tests.support.usage import span_on
from tests.support.usage_counting import METERS, PLAN, START, Stage, event, report

LAW = settings(max_examples=40, deadline=None)


@st.composite
def chunks(draw: st.DrawFn) -> list[UsageEvent]:
    """A full message: of many subscriptions, meters, days, dimension values and users, or of few."""
    subs, days, values = draw(st.integers(1, 40)), draw(st.integers(0, 60)), draw(st.integers(1, 60))
    keys = draw(st.sets(st.sampled_from([each.key for each in METERS]), min_size=1))
    found = []
    for n in range(draw(st.integers(1, 96))):
        value = f"v{draw(st.integers(1, values))}"
        found.append(
            event(
                f"e{n}",
                draw(st.integers(0, 100)),
                draw(st.sampled_from(sorted(keys))),
                START + timedelta(days=draw(st.integers(0, days)), hours=draw(st.integers(0, 23))),
                f"sub_{draw(st.integers(1, subs))}",
                properties={"user": value, "region": value, "host": value},
            )
        )
    return found


@LAW
@given(chunks(), st.sets(st.integers(0, 95), max_size=20), st.sets(st.integers(1, 40), max_size=3))
def test_no_transaction_has_more_than_100_items_and_all_is_counted_once(
    events: list[UsageEvent], before: set[int], closed: set[int]
) -> None:
    stage = Stage(subscriptions=tuple(replace(running(PLAN, START), id=f"sub_{n}") for n in range(1, 41)))
    stage.count(*(each for n, each in enumerate(events) if n in before), event("first"))
    for n in closed:
        for each in METERS:
            stage.store.close(TotalKey("ten_1", f"sub_{n}", 0, each.key), final=False)
    known = len([n for n in before if n < len(events)])
    assert stage.count(*events) == report(len(events) - known, known)
    assert max(each.size for each in stage.store.applied) <= MOST_ITEMS
    assert len(stage.store.events("ten_1", {each.event_id for each in events})) == len(events)
    for of, amount in (("calls", lambda each: each.quantity), ("requests", lambda each: 1)):
        mine = [each for each in events if each.meter == of]
        expected = sum((Decimal(amount(each)) for each in mine), Decimal(of == "calls"))
        shown = sum((sum(stage.totals(of, f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
        assert shown == expected
    users = {(each.subscription_id, span_on(stage.subscriptions[0], each.timestamp), each.properties["user"])
             for each in events if each.meter == "users"}  # fmt: skip
    shown = sum((sum(stage.totals("users", f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
    assert shown == len(users)
    for of in ("peak", "latest"):
        best: dict[tuple[str, str], UsageEvent] = {}
        for it in events:
            if it.meter == of:
                place = (it.subscription_id, span_on(stage.subscriptions[0], it.timestamp).key)
                best[place] = max(best.get(place, it), it, key=_rank)
        for (sub, cell), top in best.items():
            items = [item for item in stage.store.of_subscription("ten_1", sub) if item.key.meter == of]
            amounts = [item.cells[cell] for item in items if cell in item.cells]
            assert max(amounts, key=lambda found: (found.order, found.number)).number == top.quantity


def _rank(of: UsageEvent) -> Any:
    return of.quantity if of.meter == "peak" else (of.timestamp, of.event_id)


@LAW
@given(chunks(), st.integers(0, 6))
def test_a_worker_that_dies_anywhere_leaves_each_event_counted_whole_or_not_at_all(
    events: list[UsageEvent], dies_at: int
) -> None:
    class Died(Exception):
        pass

    stage = Stage(subscriptions=tuple(replace(running(PLAN, START), id=f"sub_{n}") for n in range(1, 41)))
    calls = count()

    def die(counting: Counting) -> None:
        if next(calls) == dies_at:
            raise Died

    stage.store.before_apply = die
    try:
        stage.count(*events, chunk="chk")
    except Died:
        again = stage.count(*events, chunk="chk")
        assert again.counted + again.duplicates == len(events)
    summed = sum((each.quantity for each in events if each.meter == "calls"), Decimal(0))
    shown = sum((sum(stage.totals("calls", f"sub_{n}").values(), Decimal(0)) for n in range(1, 41)), Decimal(0))
    assert shown == summed
    assert stage.rejected == []


def test_the_counter_loads_what_its_events_name_and_nothing_else() -> None:
    stage = Stage()
    stage.count(event("a", 5), event("b", 7))
    kinds = [ref.kind for ref in stage.units.loaded]
    assert sorted(kind.__name__ for kind in kinds) == ["Meter", "Meter", "Subscription", "UsageRejection"]
    assert Ref(Subscription, "ten_1", "sub_1") in stage.units.loaded
