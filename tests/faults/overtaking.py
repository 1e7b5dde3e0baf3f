"""Stripe delivers each event before it answers the request that made it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.stripe_sandbox.testing import Received, WebhookSink
from tests.faults.processes import Driver
from tests.faults.stack import Stack
from tests.faults.world import AT, Tenant, World, step


@contextmanager
def overtaking_webhooks(stack: Stack, beside: Driver) -> Iterator[tuple[Tenant, list[Any]]]:
    """A tenant whose webhooks come in before Stripe has answered, and what the product answered to each of them.

    Args:
        beside: handles them, for the first driver waits for Stripe's answer.
    """
    delivered: list[Any] = []
    worlds: list[World] = []

    def deliver(delivery: Received) -> None:
        header = delivery.headers["Stripe-Signature"]
        job = worlds[0].job(AT, step("webhook", body=delivery.payload.decode(), signature=header))
        delivered.append(beside.run([job])[0].last())

    with WebhookSink(hook=deliver) as sink:
        world = stack.world(sink.url)
        worlds.append(world)
        tenant = world.new_tenant(AT)
        world.control("webhooks", mode="before_response")
        try:
            yield tenant, delivered
        finally:
            world.control("webhooks", mode="async")
