"""Issues 15 and 16: an erased person is in nothing that is sent again, and in nothing that a receiver said."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from billing.domain.webhooks.delivery import Attempt, Delivery
from billing.domain.webhooks.schedule import after_attempt, claimed_until
from billing.schemas.webhooks.event import body
from billing.storage.webhooks import excerpts
from tests.integration import lambdas
from tests.integration.access.test_privacy import readable
from tests.integration.webhooks import flow
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Json, Tenant, World
from tests.support.receiver import LocalReceiver, receiving

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAYS = count(1)
PERSON: Json = {"name": "Anneliese Zwickelbauer", "email": "anneliese.zwickelbauer@private.example"}
SECRETS = ("Anneliese", "Zwickelbauer", "anneliese.zwickelbauer")


@pytest.fixture(scope="module")
def shop(world: World) -> Iterator[Tenant]:
    world.clock.freeze(NOW)
    with names_known(loopback=True):
        made = world.tenant()
        world.made.clear()  # shared by the module's tests
        yield made
    world.clock.reset()


@pytest.fixture
def day(world: World) -> datetime:
    """A time of a frozen clock, a week from any other test's."""
    at = NOW + timedelta(days=7 * next(DAYS))
    world.clock.freeze(at)
    flow.clear(world)
    return at


@pytest.fixture
def receiver(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalReceiver]:
    """A receiver on this machine that says what it was told."""
    import functions.webhook_sender.handler as handler
    from billing.bootstrap import webhook_sending

    monkeypatch.setattr(webhook_sending, "loopback_allowed", lambda: True)
    monkeypatch.setattr(handler, "lambda_handler", webhook_sending.webhook_sender(body).lambda_handler)
    with receiving(echoes=True) as made:
        yield made


def _sent(world: World, tenant: Tenant) -> int:
    """Have the sender work what waits in either lane."""
    found = [each["Body"] for lane in flow.LANES.values() for each in flow.received(world, lane)]
    bodies = [each for each in found if json.loads(each)["t"] == tenant.id]
    assert not bodies or lambdas.invoke("webhook_sender", world.sqs_event(*bodies)) == {"batchItemFailures": []}
    return len(bodies)


def _work(world: World) -> None:
    assert world.work(*(f"{n:02d}" for n in range(16))) == {"batchItemFailures": []}


def _erase(world: World, tenant: Tenant, customer: str) -> None:
    """Deleted; the worker waits for senders before it goes through what receivers said."""
    assert tenant.delete(f"/v1/customers/{customer}").status == 202
    world.clock.advance(seconds=61)
    _work(world)
    assert tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is None
    world.clock.advance(seconds=121)
    _work(world)
    assert tenant.get(f"/v1/customers/{customer}").data["erasedAt"] is not None


def _told(world: World, tenant: Tenant, endpoint_id: str, *customers: str) -> list[Delivery]:
    """An event about each customer, attempted at an endpoint that said its name; of each the delivery."""
    from billing.bootstrap.webhook_endpoints import endpoint_health

    world.clock.advance(minutes=1)
    for each in customers:
        assert tenant.patch(f"/v1/customers/{each}", {"name": f"Anneliese {next(DAYS)}"}).status == 200
    flow.publish(world, tenant, world.rows_of("events", tenant.id)[-len(customers) :])
    flow.clear(world)
    endpoint_health().open_slot(tenant.id, endpoint_id, world.clock())
    found = flow.deliveries(tenant, endpoint_id)[: len(customers)]
    return [flow.attempted(world, tenant.id, each.id, status=200, excerpt="Hello Anneliese") for each in found]


def _said(tenant: Tenant, delivery: Delivery) -> list[str]:
    return [each.excerpt for each in flow.store().attempts(tenant.id, delivery.id)]


def test_16_scenario_41_an_old_event_that_is_sent_again_after_an_erasure_has_nothing_personal(
    world: World, tenant: Tenant, receiver: LocalReceiver
) -> None:
    """The same event id and type, of the same customer. What the receiver had said of it before is gone, too."""
    # The receiver's library goes by the real time, and takes what is five minutes off.
    world.clock.freeze(datetime.now(UTC) - timedelta(seconds=90))
    with names_known(loopback=True):
        made = endpoint(tenant, url=receiver.url, eventTypes=["customer.created"])
    receiver.secret = made["secret"]
    flow.clear(world)
    customer = tenant.post("/v1/customers", PERSON).data["id"]
    flow.publish(world, tenant)
    assert _sent(world, tenant) == 1
    (delivery,) = tenant.get(f"/v1/webhook-endpoints/{made['id']}/deliveries").data
    path = f"/v1/webhook-deliveries/{delivery['id']}"
    assert readable(tenant.get(path).content.decode(), "Zwickelbauer")
    _erase(world, tenant, customer)
    flow.clear(world)
    assert tenant.post(f"{path}/redeliver").status == 202
    assert _sent(world, tenant) == 1
    before, after = receiver.events
    assert (after["id"], after["type"]) == (before["id"], before["type"])
    assert (after["data"]["object"]["id"], after["data"]["object"]["email"]) == (customer, None)
    log = tenant.get(path)
    assert [each["status"] for each in log.data["log"]] == [200, 200]
    for secret in SECRETS:
        assert readable(receiver.bodies[0].decode(), secret), secret
        assert not readable(receiver.bodies[1].decode(), secret), secret
        assert not readable(log.content.decode(), secret), secret


def test_15_what_receivers_said_of_a_customer_goes_page_by_page_also_where_the_endpoint_is_gone(
    world: World, shop: Tenant, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One delivery a turn. An endpoint that was deleted a week ago is in no list any more; another customer's stay."""
    monkeypatch.setattr(excerpts, "_READ_A_TURN", 2)
    monkeypatch.setattr(excerpts, "_REDACTED_A_TURN", 1)
    customer, other = shop.customer(), shop.customer()
    gone, stays = (endpoint(shop, eventTypes=["customer.updated"])["id"] for _ in range(2))
    told = _told(world, shop, gone, customer, other, customer)
    twice = next(each for each in told if each.customer_id == customer)
    flow.attempted(world, shop.id, twice.id, status=200, excerpt="Hello again")
    assert shop.delete(f"/v1/webhook-endpoints/{gone}").status == 200
    world.clock.advance(days=7)
    told += _told(world, shop, stays, customer, customer, other)
    _erase(world, shop, customer)
    about = {each.id: each.customer_id for each in told}
    assert sorted(about.values()) == sorted([customer] * 4 + [other] * 2)
    for each in told:
        said = _said(shop, each)
        assert len(said) == (2 if each.id == twice.id else 1)
        assert set(said) == ({""} if about[each.id] == customer else {"Hello Anneliese"})


def test_15_what_a_receiver_says_while_its_event_is_erased_goes_too(world: World, shop: Tenant, day: datetime) -> None:
    """A sender had read the event, and writes down the answer when the events are done with."""
    customer = shop.customer()
    made = endpoint(shop, eventTypes=["customer.updated"])["id"]
    (told,) = _told(world, shop, made, customer)
    loaded = flow.store().get(shop.id, told.id)
    number = loaded.attempt + 1
    assert shop.delete(f"/v1/customers/{customer}").status == 202
    world.clock.advance(seconds=61)
    assert flow.store().claim(loaded, number, claimed_until(loaded, world.clock(), 0))
    _work(world)
    late = Attempt(told.id, number, world.clock(), 10, 200, None, "Hello Anneliese")
    flow.store().settle(loaded, late, after_attempt(loaded, late, 0))
    world.clock.advance(seconds=121)
    _work(world)
    assert shop.get(f"/v1/customers/{customer}").data["erasedAt"] is not None
    assert _said(shop, told) == ["", ""]


@pytest.mark.parametrize("mode", MODES)
def test_15_a_worker_that_dies_over_what_receivers_said_does_that_page_again(
    world: World, shop: Tenant, day: datetime, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its calls. Where it ended is written with the customer, so the page begins again where it began."""
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)
    customer = shop.customer()
    made = endpoint(shop, eventTypes=["customer.updated"])["id"]
    told = _told(world, shop, made, customer, customer)
    copies = excerpts.ExcerptCopies(storage.database())
    start = json.dumps([made, None])

    def once(n: int) -> list[str]:
        for each in told:
            flow.attempted(world, shop.id, each.id, status=200, excerpt="Hello Anneliese")
        with cut(mode, n) as calls:
            copies.redact(shop.id, customer, start, lambda said: said)
        assert copies.redact(shop.id, customer, start, lambda said: said) is None
        assert {said for each in told for said in _said(shop, each)} == {""}
        return calls

    assert every_cut(mode, once) >= 6  # deliveries; of each its attempts, and an update; the next endpoint
