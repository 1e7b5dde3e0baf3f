"""What is known of endpoints outside the unit of work: who wants an event, and how each endpoint fares."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from billing.domain.webhooks.endpoint import Subscriber
from billing.domain.webhooks.health import EndpointHealth


class Endpoints(Protocol):
    """Reads all endpoints of a tenant at once."""

    def of_tenant(self, tenant_id: str) -> list[Subscriber]:
        """Every endpoint of a tenant as it is now, disabled ones too.

        Read consistently and from no cache: whoever makes an endpoint and then a customer is told of the customer.
        """


class EndpointHealthStore(Protocol):
    """How endpoints fare: an item each, only ever updated in place, so that no attempt races a PATCH."""

    def get(self, tenant_id: str, endpoint_id: str) -> EndpointHealth:
        """How an endpoint fares; of one that nothing was sent to yet, nothing is known."""

    def of(self, tenant_id: str, endpoint_ids: Iterable[str]) -> dict[str, EndpointHealth]:
        """How several endpoints fare, each of them, in one batch."""

    def open_slot(self, tenant_id: str, endpoint_id: str, at: datetime) -> bool:
        """Whether an attempt may begin now; if so it is counted in its window, the quarter of a minute.

        Ten that have not succeeded may begin in a window, so that 20 connections to one endpoint are open at most: an
        attempt takes 15 s. One that succeeds gives its slot back (``succeeded``), so a healthy endpoint is not slowed
        down. Nobody has to release anything else: a new window begins from nothing, whoever crashed in the old one.
        """

    def succeeded(self, tenant_id: str, endpoint_id: str, at: datetime, ms: int) -> None:
        """An attempt succeeded: the endpoint is not failing any more.

        Args:
            at: when it began, as ``open_slot`` was told.
            ms: how long it took.
        """

    def failed(self, tenant_id: str, endpoint_id: str, event_id: str, at: datetime, reason: str) -> EndpointHealth:
        """An attempt failed.

        Args:
            at: when it began, as ``open_slot`` was told.
            reason: see ``domain.webhooks.delivery.Attempt``.

        Returns:
            how the endpoint fares with that; ``domain.webhooks.health.judge`` says what follows.
        """
