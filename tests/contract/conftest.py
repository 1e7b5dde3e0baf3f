"""A Stripe sandbox of its own for each test: eight milliseconds, and no test sees what another one left."""

from collections.abc import Iterator

import pytest
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, WebhookSink, client


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A sandbox that holds its own answers against Stripe's description."""
    with SandboxServer(check_responses=True, retry_base_s=0.02) as running:
        yield running
        assert running.sandbox is not None
        assert running.sandbox.violations == []


@pytest.fixture
def api(server: SandboxServer) -> stripe.StripeClient:
    """The real SDK against it; each answer is checked."""
    return client(server)


@pytest.fixture
def control(server: SandboxServer) -> Control:
    """What happens beside the API: payers, banks, faults, time."""
    return Control(server.url)


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    """Whoever receives webhooks."""
    with WebhookSink() as running:
        yield running
