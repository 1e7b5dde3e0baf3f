"""Which of a tenant's events did not reach an endpoint: over all its endpoints, each event once, the oldest first."""

from collections.abc import Sequence

from billing.services.webhooks.endpoint_ports import Endpoints
from billing.services.webhooks.ports import DeliveryStore

_READS = 20
"""Of the table in a page, or one for each endpoint where there are more of these: all of them together take a second.

Twenty for each of 50 endpoints, nearly all of whose million deliveries were accepted, would take longer than a request.
"""


class FailedDeliveries:
    """Events that at least one of the endpoints that there are now has not accepted.

    Its delivery was skipped, or has failed for good, or has failed so far and is tried again.
    """

    def __init__(self, endpoints: Endpoints, store: DeliveryStore) -> None:
        self._endpoints = endpoints
        self._store = store

    def page(self, tenant_id: str, limit: int, start: str | None) -> tuple[Sequence[str], str | None]:
        """The ids of such events, and where to go on.

        Args:
            limit: at most so many; there may be fewer, and more behind them.
            start: where the page before ended.
        """
        endpoints = self._endpoints.of_tenant(tenant_id)
        reads = max(1, _READS // max(1, len(endpoints)))
        of_endpoints = [self._store.unaccepted(tenant_id, each.id, start, limit, reads) for each in endpoints]
        # What one endpoint was not asked about yet may come before what another one has told.
        bounds = [each.complete_until for each in of_endpoints if each.complete_until is not None]
        until = min(bounds) if bounds else None
        told = {event_id for each in of_endpoints for event_id in each.event_ids}
        found = sorted(each for each in told if until is None or each <= until)
        if len(found) > limit:
            return found[:limit], found[limit - 1]
        return found, until
