"""Reading deliveries: what became of an event on its way to an endpoint, and of each attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.kernel.errors import NotFound
from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.services.kernel.work import Page, Work
from billing.services.webhooks.endpoint_ports import Endpoints
from billing.services.webhooks.ports import DeliveryStore

_BLOCKED = "blocked_address"


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery with its attempts, the latest first."""

    delivery: Delivery
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """The use cases."""

    store: DeliveryStore
    endpoints: Endpoints

    def of_endpoint(
        self,
        work: Work,
        endpoint_id: str,
        state: DeliveryState | None,
        since: datetime | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Delivery]:
        """A page of an endpoint's deliveries, the latest event's first.

        Args:
            since: only of events from then on.

        Raises:
            NotFound: the tenant has no such endpoint.
        """
        if not any(each.id == endpoint_id for each in self.endpoints.of_tenant(work.tenant.id)):
            raise NotFound.of(WebhookEndpoint, endpoint_id)
        return self.store.of_endpoint(work.tenant.id, endpoint_id, state=state, since=since, limit=limit, cursor=cursor)

    def get(self, work: Work, delivery_id: str) -> DeliveryView:
        """A delivery with the attempts of the last 30 days.

        Raises:
            NotFound: the tenant has no such delivery.
        """
        delivery = delivery_of(self.store, work.tenant.id, delivery_id)
        return DeliveryView(delivery, [_shown(each) for each in self.store.attempts(work.tenant.id, delivery_id)])


def delivery_of(store: DeliveryStore, tenant_id: str, delivery_id: str) -> Delivery:
    """A delivery.

    Raises:
        NotFound: the tenant has none of this id.
    """
    delivery = store.get(tenant_id, delivery_id)
    if delivery is None:
        raise NotFound.of(Delivery, delivery_id)
    return delivery


def _shown(attempt: Attempt) -> Attempt:
    """Nothing of what an address says that nobody may ask: an excerpt would be a way to read it."""
    return replace(attempt, excerpt="") if attempt.reason == _BLOCKED else attempt
