"""Outgoing webhooks of the deployed stack: stream, queues and functions as they are, and receivers on this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.conftest import Seller, Stack, soon
from tests.support.receiver import LocalReceiver, receiving

PATIENCE_S = 120.0
"""The emulator polls its streams and queues when it comes to it; on AWS an event takes a second."""


@contextmanager
def listening() -> Iterator[str]:
    """A receiver that takes connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hooks"


def registered(seller: Seller, receiver: LocalReceiver, *event_types: str) -> str:
    body = {"url": receiver.url, "eventTypes": list(event_types)}
    made = seller.client.post("/v1/webhook-endpoints", body)
    receiver.secret = made["secret"]
    return str(made["id"])


def customer(seller: Seller, name: str) -> str:
    return str(seller.client.post("/v1/customers", {"name": name, "email": "zoe@example.com"})["id"])


def test_16_an_event_arrives_signed_and_is_retried_in_the_same_bytes_until_it_is_accepted(stack: Stack) -> None:
    seller = Seller.new(stack, "Webhooks")
    with receiving(answers=[503]) as receiver:
        endpoint_id = registered(seller, receiver, "customer.*")
        made = customer(seller, "Zoë")
        event = receiver.wait_for("customer.created", PATIENCE_S)
        assert event["data"]["object"]["id"] == made
        assert event["tenantId"] == seller.tenant_id
        soon(lambda: len(receiver.bodies) >= 2, PATIENCE_S)  # five seconds later, by the queue's own delay
        assert len(set(receiver.bodies)) == 1
        assert {each["webhook-id"] for each in receiver.headers} == {event["id"]}
        assert receiver.forged == 0

        def delivered() -> bool:
            (delivery,) = seller.client.get(f"/v1/webhook-endpoints/{endpoint_id}/deliveries")
            return bool(delivery["state"] == "succeeded")

        soon(delivered, PATIENCE_S)
        (delivery,) = seller.client.get(f"/v1/webhook-endpoints/{endpoint_id}/deliveries")
        told = seller.client.get(f"/v1/webhook-deliveries/{delivery['id']}")
        assert [each["status"] for each in told["log"]][-2:] == [200, 503]
        shown = seller.client.get(f"/v1/events/{event['id']}")
        assert shown["data"]["object"] == event["data"]["object"]


def test_16_receivers_that_hang_keep_none_of_the_others_waiting(stack: Stack) -> None:
    """All of what eight hanging endpoints are sent is in the air for 15 s; the healthy one's arrives meanwhile."""
    seller = Seller.new(stack, "Hanging")
    with listening() as hanging, receiving() as receiver:
        for _ in range(8):
            seller.client.post("/v1/webhook-endpoints", {"url": hanging, "eventTypes": ["customer.*"]})
        registered(seller, receiver, "customer.*")
        made = {customer(seller, f"Customer {n}") for n in range(3)}
        soon(lambda: {each["data"]["object"]["id"] for each in receiver.events} == made, PATIENCE_S)
