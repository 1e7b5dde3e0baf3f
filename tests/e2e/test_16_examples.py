"""Issue 16: the receivers of examples/webhooks, in both languages, behind endpoints of the deployed stack."""

import socket

import pytest

from tests.e2e.conftest import Seller, Stack
from tests.support.receiving import PYTHON, node, running

PATIENCE_S = 120.0
"""The emulator polls its streams and queues when it comes to it; on AWS an event takes a second."""


def free_port() -> int:
    """A port that nothing listens on: the endpoint has to be made first, for the receiver needs its secret."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("language", ["python", "node"])
def test_16_the_examples_receive_what_a_stack_sends(stack: Stack, language: str) -> None:
    command = PYTHON if language == "python" else node()
    seller, port = Seller.new(stack, f"Receives in {language}"), free_port()
    body = {"url": f"http://127.0.0.1:{port}/in", "eventTypes": ["customer.*"]}
    made = seller.client.post("/v1/webhook-endpoints", body)
    with running(command, made["secret"], port) as receiver:
        seller.client.post(f"/v1/webhook-endpoints/{made['id']}/test")
        assert receiver.said(PATIENCE_S) == f"act webhook_endpoint.test {made['id']} 1"
        customer = seller.client.post("/v1/customers", {"name": "Zoë", "email": "zoe@example.com"})["id"]
        assert receiver.said(PATIENCE_S) == f"act customer.created {customer} 1"
        seller.client.patch(f"/v1/customers/{customer}", {"name": "Ada"})
        assert receiver.said(PATIENCE_S) == f"act customer.updated {customer} 2"
