"""Where a tenant's events are sent to, what became of them, and sending them again."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.deliveries import delivery_log, redeliveries
from billing.bootstrap.http import http_api
from billing.bootstrap.webhook_endpoints import webhook_endpoints
from billing.domain.webhooks.delivery import DeliveryState
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.edge.http.api import CurrentWork, Listing, current_call
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit, TimeIn
from billing.schemas.parameters import Cursor
from billing.schemas.webhooks.deliveries import (
    RedeliveryIn,
    RedeliveryOut,
    WebhookDeliveryLogOut,
    WebhookDeliveryOut,
)
from billing.schemas.webhooks.endpoints import (
    SecretRotationIn,
    WebhookEndpointChanges,
    WebhookEndpointIn,
    WebhookEndpointOut,
    WebhookEndpointViewOut,
    WebhookTestOut,
)
from billing.services.kernel.work import Window
from billing.services.webhooks.endpoints import still_shown

api = http_api("webhooks")
endpoints = webhook_endpoints()
log = delivery_log()
again = redeliveries()
ONCE = ShownOnce(("secret",), lambda tenant_id, data: still_shown(tenant_id, data["id"], data.get("secret")))


@api.post(
    "/v1/webhook-endpoints",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    shown_once=ONCE,
    answers=WebhookEndpointViewOut,
)
def create_webhook_endpoint(body: Annotated[WebhookEndpointIn, Body()], work: CurrentWork) -> WebhookEndpointViewOut:
    """Create a webhook endpoint; only this answer has its secret.

    It gets the events that are emitted from now on, in the shapes of the API version that this request names.
    """
    return WebhookEndpointViewOut.of_view(endpoints.create(work, body.new(), current_call().api_version))


@api.get("/v1/webhook-endpoints", scope=Scope.BILLING_READ, answers=WebhookEndpointViewOut, many=True)
def list_webhook_endpoints(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List webhook endpoints, newest first, with how they fare."""
    return Listing.of(endpoints.page(work, Window(limit, cursor)), WebhookEndpointViewOut.of_view)


@api.get(
    "/v1/webhook-endpoints/{endpoint_id}",
    scope=Scope.BILLING_READ,
    versioned=WebhookEndpoint,
    answers=WebhookEndpointViewOut,
)
def get_webhook_endpoint(endpoint_id: str, work: CurrentWork) -> WebhookEndpointViewOut:
    """Retrieve a webhook endpoint, with how it fares."""
    return WebhookEndpointViewOut.of_view(endpoints.get(work, endpoint_id))


@api.patch(
    "/v1/webhook-endpoints/{endpoint_id}",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    versioned=WebhookEndpoint,
    answers=WebhookEndpointViewOut,
)
def update_webhook_endpoint(
    endpoint_id: str, body: Annotated[WebhookEndpointChanges, Body()], work: CurrentWork
) -> WebhookEndpointViewOut:
    """Change a webhook endpoint, disable it, or enable it again.

    What is on its way goes where the endpoint points now. Enabling sends nothing of what was skipped meanwhile.
    """
    return WebhookEndpointViewOut.of_view(endpoints.update(work, endpoint_id, body.changes()))


@api.delete(
    "/v1/webhook-endpoints/{endpoint_id}",
    scope=Scope.BILLING_ADMIN,
    versioned=WebhookEndpoint,
    answers=WebhookEndpointOut,
)
def delete_webhook_endpoint(endpoint_id: str, work: CurrentWork) -> WebhookEndpointOut:
    """Delete a webhook endpoint; what is on its way to it ends."""
    return WebhookEndpointOut.of(endpoints.delete(work, endpoint_id))


@api.post(
    "/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
    200,
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    versioned=WebhookEndpoint,
    shown_once=ONCE,
    answers=WebhookEndpointViewOut,
)
def rotate_webhook_endpoint_secret(
    endpoint_id: str, work: CurrentWork, body: Annotated[SecretRotationIn | None, Body()] = None
) -> WebhookEndpointViewOut:
    """Give a webhook endpoint another secret; the one before signs beside it for a while.

    Both signatures are in `webhook-signature`, so a receiver that knows either verifies.
    """
    return WebhookEndpointViewOut.of_view(endpoints.rotate(work, endpoint_id, body.overlap_seconds if body else None))


@api.post("/v1/webhook-endpoints/{endpoint_id}/test", 202, scope=Scope.BILLING_ADMIN, answers=WebhookTestOut)
def test_webhook_endpoint(endpoint_id: str, work: CurrentWork) -> WebhookTestOut:
    """Send a webhook endpoint an event `webhook_endpoint.test`, which no other gets."""
    return WebhookTestOut.of(endpoints.test(work, endpoint_id))


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
