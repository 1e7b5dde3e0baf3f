"""Usage: report events, read what was counted of them."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.storage import vault
from billing.bootstrap.usage import usage_queue, usage_store
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit, TimeIn
from billing.schemas.parameters import Cursor, Filter
from billing.schemas.usage.events import UsageAcceptedOut, UsageEventOut, UsageEventsIn, UsageRowOut
from billing.schemas.usage.rejections import UsageRejectionOut
from billing.services.usage import acceptance, queries
from billing.services.usage.queries import Granularity, UsageQuery

api = http_api("usage")
queue = usage_queue()
store = usage_store()
cursors = vault()

Named = Annotated[str, Query(min_length=1)]


@api.post("/v1/usage/events", status=202, scope=Scope.BILLING_WRITE, answers=UsageAcceptedOut)
def report_usage(body: Annotated[UsageEventsIn, Body()], work: CurrentWork) -> UsageAcceptedOut:
    """Report up to 1,000 usage events: all of them are accepted, or none.

    They are counted a little later, each id once. What cannot be counted then is in `GET /v1/usage/rejections`, and in
    an event `usage.events_rejected`.
    """
    return UsageAcceptedOut.of(acceptance.accept(work, body.all(), queue))


@api.get("/v1/usage/events/{event_id}", scope=Scope.BILLING_READ, answers=UsageEventOut)
def get_usage_event(event_id: str, work: CurrentWork) -> UsageEventOut:
    """Retrieve a usage event by its own id, once it is counted."""
    # An HTTP API decodes a path, except for this one escape.
    return UsageEventOut.of(*queries.event(work, store, event_id.replace("%25", "%")))


@api.get("/v1/usage/rejections", scope=Scope.BILLING_READ, answers=UsageRejectionOut, many=True)
def list_usage_rejections(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List usage events that were accepted and could not be counted, the latest usage first.

    Those of one message are together; each says why.
    """
    return Listing.of(queries.rejections(work, limit, cursor), UsageRejectionOut.of)


@api.get("/v1/usage", scope=Scope.BILLING_READ, answers=UsageRowOut, many=True)
def list_usage(
    work: CurrentWork,
    subscription: Named,
    meter: Filter = None,
    start: Annotated[TimeIn | None, Query(alias="from")] = None,
    end: Annotated[TimeIn | None, Query(alias="to")] = None,
    granularity: Annotated[Literal["period", "hour", "day"], Query()] = "period",
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List a subscription's usage: totals by period, meter and dimensions, or a meter's hours or days.

    Periods are those that have a part in [from, to). Hours and days (UTC; those with usage) need `meter`, `from` and
    `to`, at most 31 and 366 days apart. A day of a `unique` meter has the values that were first seen in it.
    """
    query = UsageQuery(subscription, meter, start, end, Granularity(granularity), limit, cursor)
    return Listing.of(queries.rows(work, store, cursors, query), UsageRowOut.of)


lambda_handler = api.lambda_handler
