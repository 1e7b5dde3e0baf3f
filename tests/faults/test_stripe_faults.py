"""Stripe slow, busy, broken or cut off at each of its calls: an attempt may wait, and never charges twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from local.stripe_sandbox.testing import wait_for
from tests.faults.illness import FAULTS, UNKNOWN, broken
from tests.faults.world import PERIOD_CENTS, Tenant, World, step

CHARGE = r"/v1/payment_intents$"
CUSTOMER, ATTACH = r"/v1/customers$", r"/v1/payment_methods/pm_card_visa/attach$"
BEFORE_MONEY = [(ATTACH, fault) for fault in FAULTS] + [(CUSTOMER, "status-500"), (CUSTOMER, "drop-after")]


def _sweep_after(world: World, at: datetime, seconds: float) -> None:
    world.run(at + timedelta(seconds=seconds), step("turn", shard="00")).all()


def _one_paid_subscription(tenant: Tenant, at: datetime) -> None:
    books = tenant.check(at)
    assert [s["state"] for s in books.bodies("subscriptions")] == ["active"]
    assert [i["status"] for i in books.bodies("invoices")] == ["paid"]
    assert [charge["amount"] for charge in tenant.charges()] == [PERIOD_CENTS]


@pytest.mark.parametrize("fault", UNKNOWN)
def test_a_charge_without_an_answer_is_pending_and_the_sweep_settles_it(world: World, at: datetime, fault: str) -> None:
    tenant = world.new_tenant(at)
    broken(world, CHARGE, fault)
    answer = world.run(at, tenant.subscribe()).last()
    assert (answer["status"], answer["body"]["data"]["state"]) == (201, "incomplete"), answer
    payment = tenant.check(at).bodies("payments")[0] if fault in ("status-500", "drop-before") else None
    assert payment is None or payment["status"] == "pending"
    world.clear_faults()
    if fault == "slow":
        wait_for(tenant.charges)  # it holds its key at Stripe until it is done
    _sweep_after(world, at, 90)
    _one_paid_subscription(tenant, at + timedelta(seconds=90))


@pytest.mark.parametrize(("path", "fault"), BEFORE_MONEY)
def test_before_money_moves_a_dead_stripe_is_a_503_that_leaves_nothing(
    world: World, at: datetime, path: str, fault: str
) -> None:
    tenant = world.new_tenant(at)
    broken(world, path, fault)
    answer = world.run(at, tenant.subscribe()).last()
    assert answer["status"] == 503, answer
    assert int(answer["headers"]["Retry-After"]) > 0
    books = tenant.check(at)
    assert not books.bodies("subscriptions") + books.bodies("invoices") + books.bodies("payments")
    assert not books.records("POST /v1/subscriptions")
    world.clear_faults()
    again = world.run(at + timedelta(seconds=5), tenant.subscribe()).last()
    assert again["status"] == 201, again
    _one_paid_subscription(tenant, at + timedelta(seconds=5))


@pytest.mark.parametrize("fault", ["status-500", "drop-before", "drop-after"])
def test_one_fault_at_the_charge_is_absorbed_in_the_request(world: World, at: datetime, fault: str) -> None:
    tenant = world.new_tenant(at)
    broken(world, CHARGE, fault, times=1)
    answer = world.run(at, tenant.subscribe()).last()
    assert answer["body"]["data"]["state"] == "active", answer
    _one_paid_subscription(tenant, at)


@pytest.mark.parametrize("fault", ["drop-after", "drop-before"])
def test_after_24_hours_an_unknown_attempt_is_looked_up_and_never_resent(
    world: World, at: datetime, fault: str
) -> None:
    tenant = world.new_tenant(at)
    broken(world, CHARGE, fault)
    world.run(at, tenant.subscribe()).all()
    world.clear_faults()
    key = tenant.books(at).bodies("payments")[0]["idempotency_key"]
    sent = len([r for r in world.requests() if r["idempotency_key"] == key])
    later = at + timedelta(hours=24, minutes=1)
    world.run(later, step("turn", shard="00")).all()
    assert len([r for r in world.requests() if r["idempotency_key"] == key]) == sent
    books = tenant.check(later)
    expected = ("succeeded", "paid", "active") if fault == "drop-after" else ("failed", "void", "canceled")
    found = tuple(books.bodies(table)[0][name] for table, name in
                  (("payments", "status"), ("invoices", "status"), ("subscriptions", "state")))  # fmt: skip
    assert found == expected


def test_a_renewal_whose_charge_got_no_answer_is_settled_later_and_charged_once(world: World, at: datetime) -> None:
    tenant = world.new_tenant(at)
    world.run(at, tenant.subscribe()).all()
    due = at + timedelta(days=31, hours=1)
    broken(world, CHARGE, "drop-after")
    _sweep_after(world, due, 0)
    world.clear_faults()
    for seconds in (90, 300):
        _sweep_after(world, due, seconds)
    books = tenant.check(due + timedelta(seconds=300))
    assert [i["status"] for i in books.bodies("invoices")] == ["paid", "paid"]
    assert len(tenant.charges()) == 2


def test_stripe_dead_for_an_hour_and_a_half_parks_no_money(world: World, at: datetime) -> None:
    """An outage is no reason to forget an attempt: when Stripe is back, it is settled."""
    tenant = world.new_tenant(at)
    broken(world, CHARGE, "drop-before", times=500)
    world.run(at, tenant.subscribe()).all()
    for minute in (2, 3, 5, 8, 13, 22, 39, 72, 90):
        _sweep_after(world, at, minute * 60)
    world.clear_faults()
    for hour in (3, 5):
        _sweep_after(world, at, hour * 3600)
    _one_paid_subscription(tenant, at + timedelta(hours=5))
