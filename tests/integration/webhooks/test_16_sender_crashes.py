"""Issue 16, scenario 30: a sender dies at any of its calls, or loses its answer: each event arrives, unchanged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from billing.domain.webhooks.delivery import DeliveryState, webhook_shard
from billing.schemas.webhooks.event import body
from billing.services.webhooks.transport import Answer, Parcel, Reason
from tests.integration import lambdas
from tests.integration.webhooks import flow
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.webhooks.receivers import endpoint, names_known
from tests.integration.world import Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAYS = count(1)
OK, BROKEN = Answer(5, 200), Answer(5, 500, Reason.STATUS)


class Receiver:
    """A transport to a receiver that answers as it is told once, and then accepts."""

    def __init__(self) -> None:
        self.first = OK
        self.got: list[Parcel] = []

    def send(self, parcel: Parcel) -> Answer:
        self.got.append(parcel)
        return self.first if len(self.got) == 1 else OK


@pytest.fixture(scope="module")
def acme(world: World) -> Iterator[Tenant]:
    world.clock.freeze(NOW)
    with names_known():
        tenant = world.tenant()
        endpoint(tenant, eventTypes=["customer.created"])
        yield tenant
    world.clock.reset()


@pytest.fixture
def receiver(world: World, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    import functions.webhook_sender.handler as handler
    from billing.bootstrap import storage, webhook_sending

    made = Receiver()
    monkeypatch.setattr(webhook_sending, "to_url", lambda: made)
    monkeypatch.setattr(handler, "lambda_handler", webhook_sending.webhook_sender(body).lambda_handler)
    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)
    world.clock.freeze(NOW + timedelta(days=10 * next(DAYS)))
    flow.clear(world)
    return made


def _taken(world: World) -> list[str]:
    """All that waits in both lanes."""
    return [each["Body"] for lane in flow.LANES.values() for each in flow.received(world, lane)]


def _sent(world: World) -> None:
    """Work all that waits in both lanes."""
    if bodies := _taken(world):
        lambdas.invoke("webhook_sender", world.sqs_event(*bodies))


@pytest.mark.parametrize("first", [OK, BROKEN], ids=["accepted", "refused"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fate", ["comes again", "is lost"])
def test_scenario_30_a_sender_that_is_cut_at_any_call_sends_at_least_once_and_the_same(
    world: World, acme: Tenant, receiver: Receiver, fate: str, mode: str, first: Answer
) -> None:
    """Its message comes again, as SQS has it; or is lost, which SQS does not do: the endpoint's watch finds it."""

    def once(n: int) -> list[str]:
        receiver.got.clear()
        receiver.first = first
        world.clock.advance(hours=3)
        acme.customer()
        flow.publish(world, acme, world.rows_of("events", acme.id)[-1:])
        bodies, answer = _taken(world), None
        with cut(mode, n) as calls:
            answer = lambdas.invoke("webhook_sender", world.sqs_event(*bodies))
        made = len(calls)
        if fate == "comes again" and answer != {"batchItemFailures": []}:
            world.clock.advance(minutes=6)
            assert lambdas.invoke("webhook_sender", flow.again(world.sqs_event(*bodies))) == {"batchItemFailures": []}
        (endpoint_id,) = {each["id"] for each in acme.get("/v1/webhook-endpoints").data}
        newest = flow.deliveries(acme, endpoint_id)[0]
        shards = {webhook_shard(newest.id), webhook_shard(endpoint_id)}
        for minutes in (1, 60, 1, 10, 30, 60):  # the alarm clock, until nothing is left to do
            world.clock.advance(minutes=minutes)
            flow.work(world, *sorted(shards))
            _sent(world)
        done = flow.store().get(acme.id, newest.id)
        assert done.state is DeliveryState.SUCCEEDED, (n, calls)
        assert done.due_at is None
        assert 1 <= len(receiver.got) <= 3, (n, calls)
        assert {each.event_id for each in receiver.got} == {newest.event_id}
        assert len({each.body for each in receiver.got}) == 1
        return calls[:made]

    assert every_cut(mode, once) >= 6
