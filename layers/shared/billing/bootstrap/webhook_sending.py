"""Wires the sender of webhooks: how events get out."""

import time
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.bootstrap.deliveries import delivery_queue, delivery_store
from billing.bootstrap.webhook_endpoints import endpoint_health
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.schemas import events

if TYPE_CHECKING:
    from billing.edge.workers.webhook_sender import WebhookSender
    from billing.integrations.aws.event_bus import EventBusTransport
    from billing.services.webhooks.sending import Sender, ShownBody
    from billing.services.webhooks.transport import Transport


def to_url() -> "Transport":
    """How events get to URLs."""
    from billing.integrations.webhooks.dial import Dialler
    from billing.integrations.webhooks.http_transport import HttpTransport

    return HttpTransport(Dialler())


def to_bus() -> "EventBusTransport":
    """How events get to event buses."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.aws.event_bus import EventBusTransport

    s = process.settings()
    client = made_client("events") if s.webhook_event_buses else None
    return EventBusTransport(client, s.own_account, s.region)


def sender(body: "ShownBody") -> "Sender":
    """The use case.

    Args:
        body: shows an event as it is sent.
    """
    from billing.services.webhooks.sending import Ports, Sender
    from billing.storage.webhooks.events import DynamoEvents

    events.prepare(WebhookEndpoint)
    ports = Ports(
        units=storage.units(),
        deliveries=delivery_store(),
        health=endpoint_health(),
        events=DynamoEvents(storage.database(), storage.vault()),
        queue=delivery_queue(),
        to_url=to_url(),
        to_bus=to_bus(),
        body=body,
    )
    return Sender(ports, process.now, process.JITTER.random, time.sleep, loopback=loopback_allowed())


def loopback_allowed() -> bool:
    """Whether tenants in test mode may have events sent to this machine."""
    return process.settings().webhook_loopback


def webhook_sender(body: "ShownBody") -> "WebhookSender":
    """The edge of the sender; ``body`` shows an event as it is sent."""
    from billing.edge.workers.webhook_sender import WebhookSender
    from billing.integrations.aws.webhook_queue import parse_notice

    return WebhookSender(parse_notice, sender(body).send, process.logger())
