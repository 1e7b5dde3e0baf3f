"""Issue 16: an event about an endpoint goes to the other ones, and says nothing that lets anybody use this one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.webhooks import feeding
from tests.integration.webhooks.receivers import URL, endpoint, names_known
from tests.integration.world import Tenant, World

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def acme(world: World) -> Iterator[Tenant]:
    """A tenant whose endpoints' names are known."""
    world.clock.freeze(NOW)
    with names_known():
        yield world.tenant()


def test_16_no_event_tells_the_path_of_an_endpoint(world: World, acme: Tenant) -> None:
    """Many a path is a credential, and whoever is behind another endpoint is told when this one is disabled."""
    made = endpoint(acme, url=f"{URL}/T0KEN?key=s3cret")
    path = f"/v1/webhook-endpoints/{made['id']}"
    acme.post(f"{path}/test")
    acme.patch(path, {"status": "disabled"})
    feeding.feed(world, acme)
    told: list[dict[str, Any]] = [each["data"]["object"] for each in acme.get("/v1/events").data]
    assert [each["url"] for each in told] == ["https://hooks.example.com/"] * 2
    assert acme.get(path).data["url"] == f"{URL}/T0KEN?key=s3cret"
