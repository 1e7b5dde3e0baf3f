"""Wires the endpoints of outgoing webhooks, and what is known of how they fare."""

import base64
import secrets
from functools import cache

from billing.bootstrap import process, storage
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.integrations.webhooks.names import SystemResolver
from billing.schemas import events
from billing.services.webhooks.endpoints import Ground, WebhookEndpoints
from billing.storage.webhooks.endpoints import DynamoEndpoints
from billing.storage.webhooks.health import DynamoEndpointHealth

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with
_SECRET_BYTES = 32


def new_webhook_secret() -> str:
    """A secret as Standard Webhooks has it: 256 random bits in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


@cache
def endpoint_health() -> DynamoEndpointHealth:
    """How endpoints fare."""
    return DynamoEndpointHealth(storage.database(), process.now)


@cache
def endpoints() -> DynamoEndpoints:
    """Who wants an event."""
    return DynamoEndpoints(storage.database())


@cache
def resolver() -> SystemResolver:
    """The addresses behind names."""
    return SystemResolver()


def webhook_endpoints() -> WebhookEndpoints:
    """The use cases of endpoints."""
    s = process.settings()
    events.prepare(WebhookEndpoint)
    ground = Ground(s.own_account, s.region, event_buses=s.webhook_event_buses, loopback=s.webhook_loopback)
    return WebhookEndpoints(resolver(), endpoint_health(), ground, new_webhook_secret)
