"""What became of events on their way to endpoints, and sending them again."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.deliveries import delivery_log, redeliveries
from billing.bootstrap.http import http_api
from billing.domain.webhooks.delivery import DeliveryState
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit, TimeIn
from billing.schemas.parameters import Cursor
from billing.schemas.webhooks.deliveries import (
    RedeliveryIn,
    RedeliveryOut,
    WebhookDeliveryLogOut,
    WebhookDeliveryOut,
)

api = http_api("webhook-deliveries")
log = delivery_log()
again = redeliveries()


@api.get(
    "/v1/webhook-endpoints/{endpoint_id}/deliveries", scope=Scope.BILLING_READ, answers=WebhookDeliveryOut, many=True
)
def list_webhook_deliveries(
    endpoint_id: str,
    work: CurrentWork,
    state: Annotated[DeliveryState | None, Query()] = None,
    since: Annotated[TimeIn | None, Query(description="of events that were at this time or later")] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List what was sent, or is to be sent, to an endpoint, the latest event first.

    A delivery is `skipped` where the endpoint was disabled; it can be redelivered.
    """
    return Listing.of(log.of_endpoint(work, endpoint_id, state, since, limit, cursor), WebhookDeliveryOut.of)


@api.post("/v1/webhook-endpoints/{endpoint_id}/redeliver", status=202, scope=Scope.BILLING_WRITE, answers=RedeliveryOut)
def redeliver_to_webhook_endpoint(
    endpoint_id: str, body: Annotated[RedeliveryIn, Body()], work: CurrentWork
) -> RedeliveryOut:
    """Send an endpoint again what it did not get of the events since a time, at a pace that it can take.

    That is what failed for good or was skipped, unless `status` says otherwise. What is pending comes by itself.
    """
    return RedeliveryOut.of(again.all_since(work, endpoint_id, body.since, body.selection()))


@api.get("/v1/webhook-redeliveries/{redelivery_id}", scope=Scope.BILLING_READ, answers=RedeliveryOut)
def get_webhook_redelivery(redelivery_id: str, work: CurrentWork) -> RedeliveryOut:
    """Retrieve a redelivery: how far it is, and how many deliveries it has had sent again."""
    return RedeliveryOut.of(again.get(work, redelivery_id))


@api.get("/v1/webhook-deliveries/{delivery_id}", scope=Scope.BILLING_READ, answers=WebhookDeliveryLogOut)
def get_webhook_delivery(delivery_id: str, work: CurrentWork) -> WebhookDeliveryLogOut:
    """Retrieve a delivery with its attempts of the last 30 days.

    `response` is the first KiB of what the receiver answered. It is the receiver's own text: escape it before you show
    it in a page.
    """
    return WebhookDeliveryLogOut.of_view(log.get(work, delivery_id))


@api.post(
    "/v1/webhook-deliveries/{delivery_id}/redeliver",
    status=202,
    scope=Scope.BILLING_WRITE,
    answers=WebhookDeliveryOut,
)
def redeliver_webhook_delivery(delivery_id: str, work: CurrentWork) -> WebhookDeliveryOut:
    """Send an event to an endpoint once more, now: with the same `webhook-id`, as another attempt.

    The schedule of retries is not begun anew, unless the delivery was skipped.
    """
    return WebhookDeliveryOut.of(again.one(work, delivery_id))


lambda_handler = api.lambda_handler
