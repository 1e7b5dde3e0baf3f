"""Events: the feed, and one by its id."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap.events import reader
from billing.bootstrap.http import http_api
from billing.domain.kernel.errors import ValidationFailed
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor
from billing.schemas.webhooks.reading import (
    AboutCustomer,
    DeliverySuccess,
    EventOut,
    ObjectId,
    OnClock,
    Order,
    Types,
)
from billing.services.webhooks.events import Wanted

api = http_api("events")
events = reader()


@api.get("/v1/events", scope=Scope.BILLING_READ, answers=EventOut, many=True)
def list_events(
    work: CurrentWork,
    type_: Types = None,
    object_id: ObjectId = None,
    customer: AboutCustomer = None,
    test_clock: OnClock = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    delivery_success: DeliverySuccess = None,
    order: Order = "feed",
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the tenant's events, as a feed that can be followed, or newest first.

    `next_cursor` is always there: ask with it again, now or later, and no event is missed or comes twice, whatever is
    committed meanwhile. `has_more` says whether to ask again at once. A page may have fewer events than `limit`, or
    none, and still more behind it. A cursor stays good whatever the filters; the events of the last 30 days are kept.
    `order=newest` goes backwards from the last place that was given, for whoever looks: each event that has its place
    by the first page comes once, what gets one later comes in none of the pages that follow.
    `deliverySuccess=false` is a list of its own, oldest first. The cursors of these lists fit no other, and the last
    page of each has none.
    """
    wanted = Wanted(type_, object_id, created_from, created_to, customer, test_clock)
    read = {"feed": events.page, "newest": events.newest}[order]
    if delivery_success is not None:
        if order == "newest":
            raise ValidationFailed.of("order", "not_with_delivery_success")
        read = events.failed
    page = read(work.tenant.id, wanted, limit, cursor)
    return Listing([EventOut.of(each) for each in page.items], page.next_cursor, page.limit, page.has_more)


@api.get("/v1/events/{event_id}", scope=Scope.BILLING_READ, answers=EventOut)
def get_event(event_id: str, work: CurrentWork) -> EventOut:
    """Retrieve an event, whole however long it is."""
    return EventOut.of(events.get(work.tenant.id, event_id))


lambda_handler = api.lambda_handler
