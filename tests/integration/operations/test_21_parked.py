"""Issue 21, number 2: what is due, failing or parked is shown, and what was parked is set going again."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.due import MAX_ATTEMPTS, Due
from billing.domain.kernel.errors import NotFound
from billing.domain.kernel.event_types import EventType
from billing.domain.payments.payment import Payment
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.work import Ref
from operations import due
from tests.integration.operations.conftest import Run
from tests.integration.world import Tenant, World

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SHARDS = [f"{shard:02d}" for shard in range(16)]


@pytest.fixture(autouse=True)
def _at(world: World) -> None:
    world.clock.reset()
    world.clock.freeze(NOW)


def changed(tenant: Tenant, kind: type[Any], item_id: str, parked: EventType | None = None, **fields: Any) -> Any:
    """What the worker does with an item that has failed: another alarm, or none and an event."""
    unit = storage.units().begin(tenant.id)
    ref = Ref(kind, tenant.id, item_id)
    after = unit.save(replace(unit.load(ref).require(ref), **fields))
    if parked is not None:
        unit.emit(parked, after)
    unit.commit()
    return after


@pytest.fixture
def parked(world: World, tenant: Tenant) -> str:
    """A subscription of which a renewal failed for a day."""
    subscription = tenant.subscribe("pm_card_visa")
    changed(tenant, Subscription, subscription["id"], EventType.SUBSCRIPTION_PARKED, due=None)
    world.clock.freeze(NOW + timedelta(days=40))
    # Its event is kept for thirty days, and this is the fortieth.
    changed(tenant, Subscription, subscription["id"], EventType.SUBSCRIPTION_PARKED, due=None)
    return str(subscription["id"])


def audit_of(world: World, tenant_id: str) -> list[tuple[str, str, str, str]]:
    rows = [row for row in world.rows_of("audit", tenant_id) if row["method"]["S"] == "OPERATE"]
    return [(row["principal"]["S"], row["method"]["S"], row["route"]["S"], row["status"]["N"]) for row in rows]


def test_a_parked_subscription_is_shown_set_going_again_and_billed(
    world: World, tenant: Tenant, parked: str, operate: Run
) -> None:
    assert parked in operate("due", "--tenant", tenant.id).output
    tried = operate("unpark", "subscription", tenant.id, parked, "--dry-run")
    assert (tried.exit_code, "would be due at 2026-12-02T12:00:00" in tried.output) == (0, True)
    assert world.work(*SHARDS) == {"batchItemFailures": []}
    assert len(world.charges(tenant)) == 1
    assert operate("unpark", "subscription", tenant.id, parked).exit_code == 0
    shown = operate("due", "--tenant", tenant.id).output
    assert "1 due, the oldest for 864000 s; 0 failing; 0 parked" in shown  # since the second of December
    assert operate("unpark", "subscription", tenant.id, parked).exit_code == 0  # twice is once
    world.work(*SHARDS)
    assert len(world.charges(tenant)) == 2
    after = tenant.get(f"/v1/subscriptions/{parked}").data
    assert (after["state"], after["currentPeriod"]["start"][:10]) == ("active", "2026-12-02")
    assert Counter(audit_of(world, tenant.id)) == {
        ("operator:user/ada", "OPERATE", "operations due", "200"): 2,
        ("operator:user/ada", "OPERATE", f"operations unpark subscription {tenant.id} {parked} --dry-run", "200"): 1,
        ("operator:user/ada", "OPERATE", f"operations unpark subscription {tenant.id} {parked}", "200"): 2,
    }


def test_everything_that_is_parked_is_set_going_at_once(
    world: World, tenant: Tenant, parked: str, operate: Run
) -> None:
    world.clock.advance(minutes=1)
    done = operate("unpark", "--all", "--tenant", tenant.id)
    assert f"subscription {parked} of {tenant.id} is due" in done.output
    assert "0 set going again" in operate("unpark", "--all", "--tenant", tenant.id).output


def test_one_that_is_refused_keeps_no_other_from_being_set_going(
    world: World, tenant: Tenant, parked: str, operate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tenant.subscribe("pm_card_visa")["id"]
    changed(tenant, Subscription, other, EventType.SUBSCRIPTION_PARKED, due=None)
    unpark, refused = due.unpark, []

    def ended_meanwhile(operator: Any, kind: str, tenant_id: str, item_id: str) -> Any:
        if not refused:
            refused.append(item_id)
            raise NotFound(f"No {kind} {item_id}")
        return unpark(operator, kind, tenant_id, item_id)

    monkeypatch.setattr(due, "unpark", ended_meanwhile)
    world.clock.advance(minutes=1)
    done = operate("unpark", "--all", "--tenant", tenant.id)
    (kept,) = {parked, other} - set(refused)
    assert (done.exit_code, f"{refused[0]} of {tenant.id} is refused: No subscription" in done.output) == (1, True)
    assert f"subscription {kept} of {tenant.id} is due" in done.output
    assert "1 set going again" in done.output


def test_what_fails_is_shown_with_its_next_try(world: World, tenant: Tenant, operate: Run) -> None:
    subscription = tenant.subscribe("pm_card_visa")["id"]
    stored = changed(tenant, Subscription, subscription)
    later = replace(stored.due, at=NOW + timedelta(minutes=32), attempts=7)
    changed(tenant, Subscription, subscription, due=later)
    shown = operate("due").output
    (line,) = [each for each in shown.splitlines() if subscription in each]
    assert [each.strip() for each in line.strip("│ ").split("│")] == [
        "subscription", tenant.id, subscription, "7", "2026-11-02T12:32:00Z",
    ]  # fmt: skip
    assert "0 due, the oldest for 0 s; 1 failing; 0 parked" in shown


def test_a_list_that_was_cut_off_says_so_whatever_became_of_its_entries(
    world: World, tenant: Tenant, operate: Run
) -> None:
    soon = Due("00", NOW + timedelta(minutes=30))  # of the index's hour, and neither due nor failing: not shown
    for _ in range(2):
        changed(tenant, Subscription, tenant.subscribe("pm_card_visa")["id"], due=soon)
    assert "only 1 entries of the index were looked at" in operate("due", "--most", "1").output
    assert "entries of the index were looked at" not in operate("due").output


def test_a_worker_that_parks_an_item_leaves_it_to_be_found(world: World, tenant: Tenant, operate: Run) -> None:
    subscription = tenant.subscribe("pm_card_visa")["id"]
    alarm = changed(tenant, Subscription, subscription).due
    changed(tenant, Subscription, subscription, due=replace(alarm, attempts=MAX_ATTEMPTS - 1))
    world.clock.freeze(alarm.at + timedelta(minutes=1))
    world.stripe_fails("drop_before", "/v1/payment_intents$", method="POST")
    payments = {row["id"]["S"] for row in world.rows_of("payments", tenant.id)}
    world.work(*SHARDS)
    world.stripe_works()
    (payment,) = {row["id"]["S"] for row in world.rows_of("payments", tenant.id)} - payments
    alarm = changed(tenant, Payment, payment).due
    changed(tenant, Payment, payment, due=replace(alarm, attempts=MAX_ATTEMPTS - 1))
    world.clock.advance(hours=2)
    world.stripe_fails("drop_before", "/v1/payment_intents")
    world.work(*SHARDS)
    world.stripe_works()
    assert payment in operate("due", "--tenant", tenant.id).output
    assert operate("unpark", "payment", tenant.id, payment).exit_code == 0
    world.work(*SHARDS)
    assert tenant.get(f"/v1/payments/{payment}").data["status"] == "succeeded"


def test_what_is_finished_or_unknown_is_refused_and_the_log_says_so(world: World, tenant: Tenant, operate: Run) -> None:
    tenant.subscribe("pm_card_visa")
    (payment,) = [row["id"]["S"] for row in world.rows_of("payments", tenant.id)]
    before = Counter(row[2:] for row in audit_of(world, "platform"))
    refused = operate("unpark", "payment", tenant.id, payment)
    assert (refused.exit_code, "is finished and cannot be set going again" in refused.output) == (1, True)
    assert operate("unpark", "payment", tenant.id, "pay_unknown").exit_code == 1
    assert operate("unpark", "payment", "ten_unknown", payment).exit_code == 1
    assert operate("unpark", "report_run", tenant.id, "run_1").exit_code == 2
    assert Counter(row[2:] for row in audit_of(world, "platform")) - before == {
        (f"operations unpark payment {tenant.id} {payment}", "409"): 1,
        (f"operations unpark payment {tenant.id} pay_unknown", "404"): 1,
    }
    assert world.rows_of("audit", "ten_unknown") == []
