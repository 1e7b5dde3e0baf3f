"""Webhook endpoints of a test: the use cases behind the routes, and names that no name server has."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.world import Tenant

PUBLIC = "8.8.8.8"
URL = "https://hooks.example.com/in"


class Names:
    """The addresses behind names; every other name is public."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []

    def addresses(self, host: str, _port: int) -> tuple[str, ...]:
        """What a resolver would find."""
        self.asked.append(host)
        return self.known.get(host, (PUBLIC,))


@contextmanager
def names_known(**ground: Any) -> Iterator[Names]:
    """Let the routes ask ``Names``, on a stack of another ``Ground`` where that is said."""
    import functions.webhooks.handler as handler  # it is wired at its import, to the world that there is by then

    names = Names()
    with pytest.MonkeyPatch.context() as patch:
        real = handler.endpoints
        patch.setattr(handler, "endpoints", replace(real, resolver=names, ground=replace(real.ground, **ground)))
        yield names


def endpoint(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    """A new endpoint of a tenant's, for everything."""
    made: dict[str, Any] = tenant.post("/v1/webhook-endpoints", {"url": URL, "eventTypes": ["*"], **fields}).data
    return made
