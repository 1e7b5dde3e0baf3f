"""The sweep: workers are killed at random and messages come three times, and each period is billed once, in order.

The same as ``make bench-sweep``, with fewer subscriptions; what is found due and what is looked at is described there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from benchmarks.sweep.case import Case
from benchmarks.sweep.run import Outcome, Plan, Sweep, verify, write
from benchmarks.sweep.worker import Outside
from billing.services.sweep.turn_queue import IN_A_ROW
from billing.storage.due_index import PAGE
from tests.faults.processes import Json
from tests.faults.stack import Stack
from tests.faults.world import Tenant, World

_SHARDS = 4
_TURN_S = 2.0
_PLAN = Plan(workers=2, copies=3, kills=3, kill_every=25, at_most_s=600)


def _outside(stack: Stack, world: World, case: Case, log: Path) -> Outside:
    env = stack.environment(world) | {"DUE_SHARDS": str(case.shards), "POWERTOOLS_LOG_LEVEL": "WARNING"}
    return Outside(env, log / "sweep.log", _TURN_S)


def _swept(outside: Outside, case: Case, plan: Plan) -> Outcome:
    write(outside, case, 2, lambda more: None)
    return Sweep(outside, case, plan, lambda: datetime.now(UTC), lambda now: None).run()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_each_due_subscription_is_billed_once_whoever_is_killed(stack: Stack, own_world: World, tmp_path: Path) -> None:
    case = Case(due=150, tenants=2, shards=_SHARDS, at=_now())
    outside = _outside(stack, own_world, case, tmp_path)
    outcome = _swept(outside, case, _PLAN)
    assert outcome.kills == _PLAN.kills, outcome
    assert outcome.deliveries == 3 * outcome.messages + outcome.returned, outcome
    assert outcome.returned >= 1, outcome  # a worker that had just finished its message returns none when it is killed
    assert verify(outside, case, lambda more: None) == []


def test_missed_schedules_are_caught_up_with_in_order_of_time(stack: Stack, own_world: World, tmp_path: Path) -> None:
    case = Case(due=24, tenants=1, shards=1, at=_now())
    outside = _outside(stack, own_world, case, tmp_path)
    assert _swept(outside, case, replace(_PLAN, workers=1, kills=2, kill_every=5)).kills == 2
    assert verify(outside, case, lambda more: None) == []
    tenant = Tenant(own_world, case.tenant_id(0), "no key is needed")
    invoices = sorted(tenant.books(case.at).bodies("invoices"), key=lambda invoice: invoice["finalized_at"])
    # With one shard the whole tenant is billed in order of time, over three months that nobody swept.
    times = [datetime.fromisoformat(invoice["created_at"]) for invoice in invoices]
    assert times == sorted(times)
    assert times[-1] - times[0] > timedelta(days=55)
    late = case.expected(0)
    assert case.behind(0) == len(late.invoice_ids) == 3
    own = [invoice for invoice in invoices if invoice["subscription_id"] == late.subscription_id]
    assert [invoice["id"] for invoice in own] == list(late.invoice_ids)
    assert _follow_each_other(own)


def test_20_a_tenant_with_little_due_does_not_wait_for_one_with_much(
    stack: Stack, own_world: World, tmp_path: Path
) -> None:
    """Its six subscriptions lie behind the page of the index that the other tenant's fill."""
    much = Case(due=PAGE + 30, tenants=1, shards=1, at=_now() - timedelta(hours=6))
    little = Case(due=6, tenants=1, shards=1, at=_now(), first=1)
    outside = _outside(stack, own_world, much, tmp_path)
    write(outside, little, 1, lambda more: None)
    _swept(replace(outside, turn_s=60), much, replace(_PLAN, workers=1, copies=1, kills=0))
    for case in (much, little):
        assert verify(outside, case, lambda more: None) == []
    billed = [
        (datetime.fromisoformat(invoice["finalized_at"]), case)
        for case in (much, little)
        for invoice in Tenant(own_world, case.tenant_id(0), "").books(case.at).bodies("invoices")
    ]
    billed.sort(key=lambda each: each[0])
    places = [place for place, (_, case) in enumerate(billed) if case is little]
    assert len(billed) == much.invoices + little.invoices
    turns = -(-little.invoices // IN_A_ROW)
    assert max(places) < little.invoices + turns * IN_A_ROW


def _follow_each_other(invoices: list[Json]) -> bool:
    periods = [invoice["period"] for invoice in invoices]
    return all(before["end"] == after["start"] for before, after in pairwise(periods))
