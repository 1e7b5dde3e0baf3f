"""Issue 16: deliveries as they are kept: put once, claimed by one, and what became of an attempt is not lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState, delivery_id, webhook_shard
from billing.domain.webhooks.schedule import after_attempt, claimed_until, redelivered
from billing.services.webhooks.ports import Added
from billing.storage.webhooks.deliveries import DynamoDeliveries
from tests.integration.world import World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ENDPOINT = fresh("we", NOW, b"endpoint01")
OTHER = fresh("we", NOW, b"endpoint02")


@pytest.fixture(scope="module")
def tenant_id(world: World) -> str:
    return world.tenant().id


@pytest.fixture(scope="module")
def _stopped(world: World) -> Iterator[None]:
    yield
    world.clock.reset()


@pytest.fixture
def store(world: World, tenant_id: str) -> DynamoDeliveries:
    from billing.bootstrap import storage

    world.clock.freeze(NOW)
    return DynamoDeliveries(storage.database(), storage.vault(), world.clock)


def _event(n: int, after: timedelta = timedelta()) -> str:
    return fresh("evt", NOW + after, n.to_bytes(10))


def _new(tenant_id: str, event_id: str, endpoint_id: str = ENDPOINT) -> Delivery:
    return Delivery(
        id=delivery_id(endpoint_id, event_id),
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        event_id=event_id,
        event_type="invoice.paid",
        created_at=NOW,
        due_at=NOW + timedelta(seconds=60),
    )


def _loaded(store: DynamoDeliveries, delivery: Delivery) -> Delivery:
    found = store.get(delivery.tenant_id, delivery.id)
    assert found is not None
    return found


def _attempt(delivery: Delivery, number: int, **more: Any) -> Attempt:
    return Attempt(delivery.id, number, NOW, 12, **{"status": 500, "reason": "status", "excerpt": "no <b>", **more})


def test_a_delivery_is_put_once(store: DynamoDeliveries, tenant_id: str) -> None:
    delivery = _new(tenant_id, _event(1))
    assert store.add([delivery]) == Added([replace(delivery, version=1)], [])
    assert store.add([replace(delivery, due_at=NOW)]) == Added([], [])
    assert _loaded(store, delivery) == replace(delivery, version=1)
    assert store.get("ten_other", delivery.id) is None
    assert store.get(tenant_id, "dlv_nothing") is None
    assert store.get(tenant_id, delivery_id(OTHER, delivery.event_id)) is None


def test_a_batch_is_put_eight_at_a_time(
    store: DynamoDeliveries, tenant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of eight waits for the others: with one thread less, none would ever be put."""
    together, plain = Barrier(8, timeout=30), store._put

    def put(item: dict[str, Any]) -> None:
        together.wait()
        plain(item)

    monkeypatch.setattr(store, "_put", put)
    endpoint = fresh("we", NOW, b"endpoint08")
    made = [_new(tenant_id, _event(n), endpoint) for n in range(8)]
    assert [each.id for each in store.add(made).new] == [each.id for each in made]


def test_one_of_two_has_the_attempt(store: DynamoDeliveries, tenant_id: str) -> None:
    delivery = _new(tenant_id, _event(2))
    store.add([delivery])
    loaded = _loaded(store, delivery)
    until = claimed_until(loaded, NOW, 0)
    assert store.claim(loaded, 1, until)
    assert not store.claim(loaded, 1, until + timedelta(seconds=1))
    found = _loaded(store, delivery)
    assert (found.attempt, found.step, found.due_at) == (1, 1, until)


def test_a_claim_whose_answer_was_lost_is_ours(
    store: DynamoDeliveries, tenant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The put has happened, the answer has not come, and the next try fails on what the first one wrote."""
    delivery = _new(tenant_id, _event(3))
    store.add([delivery])
    loaded = _loaded(store, delivery)
    client = store._database.client
    plain, lost = client.update_item, [True]

    def update_item(**request: Any) -> Any:
        answer = plain(**request)
        if lost.pop() if lost else False:
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        return answer

    monkeypatch.setattr(client, "update_item", update_item)
    monkeypatch.setattr(store._database, "_pause", lambda _: None)
    assert store.claim(loaded, 1, NOW + timedelta(minutes=2))


def test_an_attempt_is_logged_and_what_the_receiver_said_is_sealed(
    store: DynamoDeliveries, tenant_id: str, world: World
) -> None:
    delivery = _new(tenant_id, _event(4))
    store.add([delivery])
    loaded = _loaded(store, delivery)
    store.claim(loaded, 1, claimed_until(loaded, NOW, 0))
    attempt = _attempt(loaded, 1, retry_after_s=3)
    store.settle(loaded, attempt, after_attempt(loaded, attempt, 0))
    again = _loaded(store, delivery)
    assert again.due_at == NOW + timedelta(seconds=5, milliseconds=12)
    store.claim(again, 2, claimed_until(again, NOW, 0))
    second = _attempt(again, 2, status=200, reason=None)
    store.settle(again, second, after_attempt(again, second, 0))
    assert store.attempts(tenant_id, delivery.id) == [second, attempt]
    assert _loaded(store, delivery).state is DeliveryState.SUCCEEDED
    assert "no <b>" not in str(world.rows("webhook_deliveries"))
    world.clock.freeze(NOW + timedelta(days=30, seconds=1))
    assert store.attempts(tenant_id, delivery.id) == []


def test_a_first_success_is_logged_in_the_delivery_and_stays_there_whatever_comes(
    store: DynamoDeliveries, tenant_id: str, world: World
) -> None:
    """One write less; and it is shown, sealed, and forgotten, as if it were an item of its own."""
    delivery = replace(_new(tenant_id, _event(8)), due_at=None)
    store.add([delivery])
    loaded, before = _loaded(store, delivery), len(world.rows("webhook_deliveries"))
    first = _attempt(loaded, 1, status=201, reason=None)
    store.settle(loaded, first, after_attempt(loaded, first, 0), claimed=False)
    assert len(world.rows("webhook_deliveries")) == before
    done = _loaded(store, delivery)
    assert (done.state, done.attempt, done.due_at, done.version) == (DeliveryState.SUCCEEDED, 1, None, 2)
    assert store.attempts(tenant_id, delivery.id) == [first]
    asked = redelivered(done, NOW)
    assert store.change(done, asked)
    again = _loaded(store, delivery)
    store.claim(again, 2, claimed_until(again, NOW, 0))
    second = _attempt(again, 2)
    store.settle(again, second, after_attempt(again, second, 0))
    assert store.attempts(tenant_id, delivery.id) == [second, first]
    assert "no <b>" not in str(world.rows("webhook_deliveries"))
    world.clock.freeze(NOW + timedelta(days=30, seconds=1))
    assert store.attempts(tenant_id, delivery.id) == []


def test_of_two_that_have_one_message_both_are_logged_and_one_success_is_enough(
    store: DynamoDeliveries, tenant_id: str
) -> None:
    """SQS may give a message twice at once, and a first attempt has no claim."""
    delivery = replace(_new(tenant_id, _event(9)), due_at=None)
    store.add([delivery])
    loaded = _loaded(store, delivery)
    good, bad = _attempt(loaded, 1, status=200, reason=None), _attempt(loaded, 1)
    store.settle(loaded, good, after_attempt(loaded, good, 0), claimed=False)
    store.settle(loaded, bad, after_attempt(loaded, bad, 0), claimed=False)
    found = _loaded(store, delivery)
    assert (found.state, found.attempt, found.due_at) == (DeliveryState.SUCCEEDED, 1, None)


@pytest.mark.parametrize("status", [200, 500])
def test_an_alarm_that_comes_during_a_first_attempt_costs_the_attempt_nothing(
    store: DynamoDeliveries, tenant_id: str, status: int
) -> None:
    """The endpoint's watch took the message for lost; number and step of the attempt are counted all the same."""
    delivery = replace(_new(tenant_id, _event(10 + status)), due_at=None)
    store.add([delivery])
    loaded = _loaded(store, delivery)
    assert store.change(loaded, replace(loaded, due_at=NOW))
    attempt = _attempt(loaded, 1, status=status, reason=None if status == 200 else "status")
    store.settle(loaded, attempt, after_attempt(loaded, attempt, 0), claimed=False)
    found = _loaded(store, delivery)
    assert (found.attempt, found.step) == (1, 1)
    retry = NOW + timedelta(seconds=5, milliseconds=12)
    assert found.due_at == (None if status == 200 else retry)


def test_what_somebody_asks_for_during_an_attempt_is_not_lost(store: DynamoDeliveries, tenant_id: str) -> None:
    delivery = _new(tenant_id, _event(5))
    store.add([delivery])
    loaded = _loaded(store, delivery)
    store.claim(loaded, 1, claimed_until(loaded, NOW, 0))
    under_way = _loaded(store, delivery)
    assert store.change(under_way, redelivered(under_way, NOW))
    assert not store.change(under_way, redelivered(under_way, NOW))
    attempt = _attempt(loaded, 1, status=200, reason=None)
    store.settle(loaded, attempt, after_attempt(loaded, attempt, 0))
    found = _loaded(store, delivery)
    assert (found.state, found.asked, found.due_at) == (DeliveryState.SUCCEEDED, 2, NOW + timedelta(seconds=60))


def test_an_endpoint_lists_its_deliveries_the_latest_first(store: DynamoDeliveries, tenant_id: str) -> None:
    endpoint = fresh("we", NOW, b"endpoint03")
    made = [_new(tenant_id, _event(n, timedelta(minutes=n)), endpoint) for n in range(7)]
    made[3] = replace(made[3], state=DeliveryState.SKIPPED, due_at=None)
    store.add(made)
    ids = [each.id for each in reversed(made)]
    pages, cursor = [], None
    while True:
        page = store.of_endpoint(tenant_id, endpoint, state=None, since=None, limit=3, cursor=cursor)
        pages.append([each.id for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [ids[:3], ids[3:6], ids[6:]]
    since = NOW + timedelta(minutes=5)
    some = store.of_endpoint(tenant_id, endpoint, state=None, since=since, limit=3, cursor=None)
    assert ([each.id for each in some.items], some.next_cursor) == (ids[:2], None)
    state = DeliveryState.SKIPPED
    skipped = store.of_endpoint(tenant_id, endpoint, state=state, since=None, limit=1, cursor=None)
    assert [each.id for each in skipped.items] == [made[3].id]
    with pytest.raises(ValidationFailed):
        store.of_endpoint(tenant_id, endpoint, state=state, since=None, limit=1, cursor="v1.nonsense")
    first = store.range_of(tenant_id, endpoint, since=NOW, until=NOW + timedelta(minutes=5), after=None, limit=4)
    rest = store.range_of(tenant_id, endpoint, since=NOW, until=NOW + timedelta(minutes=5), after=first.last, limit=4)
    assert [each.id for each in (*first.items, *rest.items)] == ids[:0:-1]
    assert rest.last is None


def test_what_is_due_is_found_by_shard_the_earliest_first(store: DynamoDeliveries, tenant_id: str) -> None:
    endpoint = fresh("we", NOW, b"endpoint06")
    made = [_new(tenant_id, _event(n), endpoint) for n in range(200)]
    made = [each for each in made if webhook_shard(each.id) == "w03"]
    store.add([replace(each, due_at=NOW + timedelta(days=1, seconds=n)) for n, each in enumerate(made)])
    until = NOW + timedelta(days=1, seconds=len(made) - 2)
    page = store.due("w03", until)
    mine = [each.delivery_id for each in page.items if each.delivery_id.startswith(f"dlv_{endpoint[3:]}")]
    assert mine == [each.id for each in made[:-1]]
    assert {each.tenant_id for each in page.items} == {tenant_id}
