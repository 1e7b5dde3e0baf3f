"""Issue 16: how an endpoint fares, over days of a moved clock: told after one, disabled after five, once each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.steps import emitted
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)


class Receiver:
    """An endpoint, and what the sender says of it."""

    def __init__(self, world: World, tenant: Tenant) -> None:
        from billing.bootstrap.webhook_endpoints import endpoint_health

        self.world, self.tenant, self.store = world, tenant, endpoint_health()
        self.id: str = endpoint(tenant)["id"]

    def fails(self, event_id: str | None = None, reason: str = "status") -> str:
        """An attempt at an event (of now) fails; what follows from it is done, as the sender does."""
        from billing.bootstrap import storage
        from billing.domain.kernel.ids import fresh
        from billing.services.webhooks.health import attend

        now = self.world.clock()
        event_id = event_id or fresh("evt", now, self.world.entropy())
        health = self.store.failed(self.tenant.id, self.id, event_id, now, reason)
        work = storage.units().begin(self.tenant.id)
        attend(work, self.id, health)
        work.commit()
        return event_id

    def succeeds(self, ms: int = 20) -> None:
        """An attempt succeeds."""
        self.store.succeeded(self.tenant.id, self.id, self.world.clock(), ms)

    @property
    def shown(self) -> dict[str, Any]:
        """As its route shows it."""
        found: dict[str, Any] = self.tenant.get(f"/v1/webhook-endpoints/{self.id}").data
        return found

    @property
    def told(self) -> list[str]:
        """What the tenant was told of it."""
        return [
            name
            for name, about in emitted(self.world, self.tenant)
            if about["id"] == self.id and name.startswith("web")
        ]


@pytest.fixture(scope="module")
def acme(world: World) -> Iterator[Tenant]:
    world.clock.reset()
    with names_known():
        yield world.tenant()


@pytest.fixture
def receiver(world: World, acme: Tenant) -> Receiver:
    world.clock.freeze(MONDAY)
    return Receiver(world, acme)


def test_16_scenario_36_an_endpoint_that_fails_for_five_days_is_disabled(world: World, receiver: Receiver) -> None:
    """An event every six hours, each fails: told once after a day, disabled after five, once, whoever reports."""
    for hours in range(0, 5 * 24, 6):
        receiver.fails()
        assert receiver.told == (["webhook_endpoint.failing"] if hours >= 24 else [])
        world.clock.advance(hours=6)
    assert receiver.shown["status"] == "enabled"
    assert receiver.shown["health"]["failingSince"] == "2026-11-30T09:00:00Z"
    event_id = receiver.fails(reason="timeout")
    shown = receiver.shown
    assert (shown["status"], shown["disabledReason"]) == ("disabled", "failing")
    assert (shown["disabledAt"], shown["version"]) == ("2026-12-05T09:00:00Z", 3)
    assert shown["health"]["lastFailureReason"] == "timeout"
    receiver.fails(event_id)
    assert receiver.told == ["webhook_endpoint.failing", "webhook_endpoint.disabled"]


def test_16_scenario_34_a_quiet_endpoint_is_not_disabled_by_its_second_failure(
    world: World, receiver: Receiver
) -> None:
    """All the attempts at one event, for three days; silence; the first attempts at the next, on day six."""
    first = receiver.fails()
    for minutes in (5, 30, 120, 300, 600, 840, 1200, 1440):
        world.clock.advance(minutes=minutes)
        receiver.fails(first)
    world.clock.freeze(MONDAY + timedelta(days=6))
    second = receiver.fails()
    world.clock.advance(hours=13)
    receiver.fails(second)
    assert receiver.shown["status"] == "enabled"
    assert receiver.told == ["webhook_endpoint.failing"]


def test_16_a_success_begins_anew_and_the_next_spell_is_told_again(world: World, receiver: Receiver) -> None:
    receiver.fails()
    world.clock.advance(days=1)
    receiver.fails()
    receiver.succeeds()
    assert receiver.shown["health"]["failingSince"] is None
    world.clock.advance(days=4)
    receiver.fails()
    assert receiver.shown["health"]["failingSince"] == "2026-12-05T09:00:00Z"
    world.clock.advance(days=1, minutes=1)
    receiver.fails()
    assert receiver.shown["status"] == "enabled"
    assert receiver.told == ["webhook_endpoint.failing"] * 2


def test_16_one_that_is_enabled_again_has_five_days_again(world: World, receiver: Receiver) -> None:
    for _ in range(6):
        receiver.fails()
        world.clock.advance(days=1)
    assert receiver.shown["status"] == "disabled"
    receiver.tenant.patch(f"/v1/webhook-endpoints/{receiver.id}", {"status": "enabled"})
    assert receiver.shown["health"]["failingSince"] is None
    enabled = world.clock()
    for _ in range(5):
        world.clock.advance(hours=23)
        receiver.fails()
        assert receiver.shown["status"] == "enabled"
    assert receiver.shown["health"]["failingSince"] == enabled.isoformat().replace("+00:00", "Z")
    world.clock.advance(hours=5)
    receiver.fails()
    assert receiver.shown["status"] == "disabled"


def test_16_an_old_event_that_is_sent_again_disables_nothing(world: World, receiver: Receiver) -> None:
    """Redelivered on day six, events of weeks ago say nothing of today."""
    old = [receiver.fails() for _ in range(2)]
    world.clock.advance(hours=13)
    old.append(receiver.fails())
    world.clock.freeze(MONDAY + timedelta(days=6))
    for each in old:
        receiver.fails(each)
    assert receiver.shown["status"] == "enabled"


def test_16_a_deleted_endpoint_fails_unheard(world: World, receiver: Receiver) -> None:
    receiver.fails()
    receiver.tenant.delete(f"/v1/webhook-endpoints/{receiver.id}")
    world.clock.advance(days=6)
    receiver.fails()
    assert receiver.told == []


def test_16_an_endpoint_that_is_gone_is_disabled_at_once(world: World, receiver: Receiver) -> None:
    """A 410 says: nobody is here any more, do not come back."""
    from billing.bootstrap import storage
    from billing.domain.webhooks.endpoint import DisabledReason, WebhookEndpoint
    from billing.services.kernel.work import Ref
    from billing.services.webhooks.health import disable

    ref = Ref(WebhookEndpoint, receiver.tenant.id, receiver.id)
    for _ in range(2):
        work = storage.units().begin(receiver.tenant.id)
        disable(work, work.load(ref).require(ref), DisabledReason.GONE)
        work.commit()
    assert (receiver.shown["status"], receiver.shown["disabledReason"]) == ("disabled", "gone")
    assert receiver.told == ["webhook_endpoint.disabled"]


def test_16_health_is_shown_and_does_not_change_the_endpoint(world: World, receiver: Receiver) -> None:
    for _ in range(3):
        receiver.succeeds()
    receiver.fails(reason="tls")
    assert receiver.shown["version"] == 1
    assert receiver.shown["health"] == {
        "failingSince": "2026-11-30T09:00:00Z", "lastSuccessAt": "2026-11-30T09:00:00Z",
        "lastFailureAt": "2026-11-30T09:00:00Z", "lastFailureReason": "tls", "successRate": 0.75, "lane": "slow",
    }  # fmt: skip
    receiver.succeeds()
    assert receiver.shown["health"]["lane"] == "fast"
    receiver.succeeds(ms=5_001)
    listed = next(each for each in receiver.tenant.get("/v1/webhook-endpoints").data if each["id"] == receiver.id)
    assert (listed["health"]["lane"], listed["health"]["successRate"]) == ("slow", 0.8333)
    world.clock.advance(hours=29)
    assert receiver.shown["health"]["successRate"] is None


def test_16_ten_attempts_begin_in_a_window_and_successes_give_their_place_back(
    world: World, receiver: Receiver
) -> None:
    store, tenant_id = receiver.store, receiver.tenant.id
    assert [store.open_slot(tenant_id, receiver.id, world.clock()) for _ in range(11)] == [True] * 10 + [False]
    store.succeeded(tenant_id, receiver.id, world.clock(), 20)
    assert [store.open_slot(tenant_id, receiver.id, world.clock()) for _ in range(2)] == [True, False]
    store.failed(tenant_id, receiver.id, "evt_01KG9MFMM09XTR14QMA51RQP3D", world.clock(), "timeout")
    assert not store.open_slot(tenant_id, receiver.id, world.clock())
    world.clock.advance(seconds=15)
    assert store.open_slot(tenant_id, receiver.id, world.clock())


def test_16_the_item_of_a_busy_endpoint_stays_small(world: World, receiver: Receiver) -> None:
    """Counters of past windows, hours and days are removed on the way: an update pays for the whole item."""
    from billing.domain.kernel.ids import fresh

    store, tenant_id = receiver.store, receiver.tenant.id
    for n in range(40):
        now = world.clock()
        store.open_slot(tenant_id, receiver.id, now)
        if n % 3:
            store.failed(tenant_id, receiver.id, fresh("evt", now, world.entropy()), now, "dns")
        else:
            receiver.succeeds()
        world.clock.advance(hours=4)
    item = next(row for row in world.rows_of("webhook_health", tenant_id) if row["id"]["S"] == receiver.id)
    assert len(item) < 32
