"""Subscriptions: a customer's standing order for a plan; create, change, pause, resume, cancel, preview."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.subscriptions import subscription_creation, subscription_lifecycle
from billing.domain.subscriptions.subscription import Subscription, SubscriptionState
from billing.edge.http.api import CurrentWork, Listing, current_call, shaped
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.invoicing.change_preview import ChangePreviewOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, ExternalIdFilter, Filter
from billing.schemas.rows import Expand, View, rows
from billing.schemas.subscription_rows import SubscriptionRowOut, SubscriptionSummaryOut
from billing.schemas.subscriptions import CancelIn, SubscriptionChanges, SubscriptionIn, SubscriptionOut
from billing.services.customers.expansion import customers_of
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Page, Window, Work

api = http_api("subscriptions")
subscriptions = subscription_creation()
lifecycle = subscription_lifecycle()


def _listed(work: Work, found: Page[Subscription], expand: Literal["customer"] | None, view: str) -> Listing:
    shape = SubscriptionSummaryOut.of if view == "summary" else SubscriptionRowOut.of
    return Listing.of(found, rows(shape, customers_of(work, found.items, expand)))


@api.post("/v1/subscriptions", scope=Scope.SUBSCRIPTIONS_MANAGE, answers=SubscriptionOut)
def create_subscription(body: Annotated[SubscriptionIn, Body()], work: CurrentWork) -> SubscriptionOut | Refused:
    """Create a subscription; its first invoice is charged in the request."""
    return shaped(subscriptions.create(work, body.new()), SubscriptionOut.billed)


@api.get(
    "/v1/subscriptions", scope=Scope.BILLING_READ, answers=SubscriptionRowOut, many=True, summary=SubscriptionSummaryOut
)
def list_subscriptions(
    work: CurrentWork,
    customer: Filter = None,
    external_id: ExternalIdFilter = None,
    state: Annotated[SubscriptionState | None, Query()] = None,
    plan: Filter = None,
    expand: Expand = None,
    view: View = "full",
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List subscriptions, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    found = subscriptions.page(work, customer, external_id, state, plan, window)
    return _listed(work, found, expand, view)


@api.get(
    "/v1/tenants/{tid}/subscriptions",
    scope=Scope.BILLING_READ,
    answers=SubscriptionRowOut,
    many=True,
    summary=SubscriptionSummaryOut,
)
def list_tenant_subscriptions(
    tid: str,
    work: CurrentWork,
    customer: Filter = None,
    external_id: ExternalIdFilter = None,
    state: Annotated[SubscriptionState | None, Query()] = None,
    plan: Filter = None,
    expand: Expand = None,
    view: View = "full",
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List a tenant's subscriptions, newest first."""
    current_call().require_tenant(tid)
    window = Window(limit, cursor, created_from, created_to)
    found = subscriptions.page(work, customer, external_id, state, plan, window)
    return _listed(work, found, expand, view)


@api.get(
    "/v1/subscriptions/{subscription_id}", scope=Scope.BILLING_READ, versioned=Subscription, answers=SubscriptionOut
)
def get_subscription(subscription_id: str, work: CurrentWork) -> SubscriptionOut:
    """Retrieve a subscription."""
    return SubscriptionOut.of(subscriptions.get(work, subscription_id))


@api.patch(
    "/v1/subscriptions/{subscription_id}",
    scope=Scope.SUBSCRIPTIONS_MANAGE,
    versioned=Subscription,
    answers=SubscriptionOut,
)
def change_subscription(
    subscription_id: str, body: Annotated[SubscriptionChanges, Body()], work: CurrentWork
) -> SubscriptionOut:
    """Change a subscription: its plan, quantities or coupon, or pause or resume it."""
    return SubscriptionOut.billed(lifecycle.update(work, subscription_id, body.change()))


@api.post(
    "/v1/subscriptions/{subscription_id}/preview",
    status=200,
    scope=Scope.SUBSCRIPTIONS_MANAGE,
    versioned=Subscription,
    answers=ChangePreviewOut,
)
def preview_change(
    subscription_id: str, body: Annotated[SubscriptionChanges, Body()], work: CurrentWork
) -> ChangePreviewOut:
    """Preview what a change of a subscription would bill, and its next invoice after it; nothing is changed."""
    return ChangePreviewOut.shown(lifecycle.preview(work, subscription_id, body.change()))


@api.post(
    "/v1/subscriptions/{subscription_id}/resume",
    status=200,
    scope=Scope.SUBSCRIPTIONS_MANAGE,
    versioned=Subscription,
    answers=SubscriptionOut,
)
def resume_subscription(subscription_id: str, work: CurrentWork) -> SubscriptionOut:
    """Resume a paused subscription, or undo a cancellation that is still to come."""
    return SubscriptionOut.billed(lifecycle.resume(work, subscription_id))


@api.post(
    "/v1/subscriptions/{subscription_id}/cancel",
    status=200,
    scope=Scope.SUBSCRIPTIONS_MANAGE,
    versioned=Subscription,
    answers=SubscriptionOut,
)
def cancel_subscription(
    subscription_id: str, work: CurrentWork, body: Annotated[CancelIn | None, Body()] = None
) -> SubscriptionOut:
    """Cancel a subscription, now or at the end of its period."""
    wanted = body or CancelIn()
    return SubscriptionOut.billed(lifecycle.cancel(work, subscription_id, wanted.at_period_end, wanted.behavior))


lambda_handler = api.lambda_handler
