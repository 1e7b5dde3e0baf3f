"""The flows that bring events to webhook endpoints, ready to be cut: publisher, sender and worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.faults.books import Books
from tests.faults.child import ONLY_WEBHOOK_SHARD
from tests.faults.crashes import Flow, Scene
from tests.faults.messages import stream_record
from tests.faults.processes import Json
from tests.faults.strict_receiver import Mailbox, receiver
from tests.faults.world import Tenant, World, post, step

EVENTS = ENDPOINTS = 2
_MINUTE, _HOUR = 60, 3600
_ROUNDS_S = (2 * _MINUTE, _HOUR, 10 * _MINUTE, _HOUR, 10 * _MINUTE)
_COMES_AGAIN_S = 6 * _MINUTE
"""After which SQS gives a message again whose sender died."""
_MOST = 3
"""How often an event may come: once more for whoever died after it was sent, and once more for a refusal."""
_DRAIN = step("webhook_drain")


class _Told:
    """A tenant whose endpoints are to be told of its customers; nothing is published yet."""

    def __init__(self, world: World, at: datetime, refusals: int = 0) -> None:
        self.tenant: Tenant = world.new_tenant(at, customers=0, plans=())
        self.mailboxes: list[Mailbox] = []
        for n in range(ENDPOINTS):
            url, mailbox = receiver().open(f"{self.tenant.id}/{n}", refusals)
            body = {"url": url, "eventTypes": ["customer.created"]}
            request = post("webhooks", "/v1/webhook-endpoints", self.tenant.key, f"endpoint-{n}", body)
            made = world.run(at, request).last()
            assert made["status"] == 201, made
            mailbox.secret = made["body"]["data"]["secret"]
            self.mailboxes.append(mailbox)
        self.at = at + timedelta(seconds=30)  # what is older than an endpoint is not for it
        person = {"name": "Ada", "email": "ada@example.com"}
        asked = [post("customers", "/v1/customers", self.tenant.key, f"c{n}", person) for n in range(EVENTS)]
        world.run(self.at, *asked).all()
        rows = self.tenant.books(self.at).rows["events"]
        self.event_ids = [row["id"] for row in rows if row["type"] == "customer.created"]
        event = {"Records": [stream_record(row, n) for n, row in enumerate(rows)]}
        self.publish = step("invoke", group="webhook_publisher", event=event)

    def turn(self, after_s: int) -> list[Json]:
        """The alarm clock comes round, and what it hands over is sent."""
        return [step("later", seconds=after_s), step("webhook_turn", shard=ONLY_WEBHOOK_SHARD), _DRAIN]

    def looks(self, _: Books) -> list[str]:
        """What is wrong with what arrived."""
        return [problem for each in self.mailboxes for problem in each.problems(self.event_ids, _MOST)]

    def scene(self, world: World, steps: list[Json], *again: Json) -> Scene:
        """Cut in these steps; ``again`` is what happens before all alarms have come."""
        # The clock begins where the scene did, and whoever died may have set an alarm an hour or two after that.
        rest = [*again, *(each for after_s in _ROUNDS_S for each in self.turn(after_s))]
        want = {"deliveries": [("succeeded", False)] * EVENTS * ENDPOINTS}
        return Scene(self.at, steps, rest, self.tenant, want, looks=self.looks)


def _first_attempts(world: World, at: datetime) -> Scene:
    """The stream gives the batch again where the publisher died; the queue, a message whose sender did."""
    told = _Told(world, at)
    return told.scene(world, [told.publish, _DRAIN], told.publish, step("later", seconds=_COMES_AGAIN_S), _DRAIN)


def _messages_lost(world: World, at: datetime) -> Scene:
    """Nobody ever gets the first messages; the endpoints' watches find what was in them."""
    told = _Told(world, at)
    world.run(told.at, told.publish, step("take_usage", queue="webhook_queue_url")).all()
    return told.scene(world, [*told.turn(_HOUR + _MINUTE), *told.turn(2 * _MINUTE)])


def _retried(world: World, at: datetime) -> Scene:
    """The receivers refuse what comes first; the alarm clock has it tried again."""
    told = _Told(world, at, refusals=1)
    world.run(told.at, told.publish).all()
    return told.scene(world, [_DRAIN, *told.turn(2 * _MINUTE)])


FLOWS = (
    Flow("bring events to webhook endpoints", _first_attempts, keyed=False),
    Flow("find the events whose messages were lost", _messages_lost, keyed=False),
    Flow("try again what webhook endpoints refused", _retried, keyed=False),
)
