"""Events as the API shows them, and how a reader says which."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from billing.domain.kernel.times import format_time
from billing.domain.webhooks.patterns import is_pattern
from billing.schemas.base import QueryFlag, Resource, Time
from billing.schemas.webhooks.event import told
from billing.services.webhooks.events import Placed


def _pattern(value: str) -> str:
    if not is_pattern(value):
        raise PydanticCustomError("unknown_event_type", "neither a type of events nor a pattern of one")
    return value


def _only_false(value: bool | None) -> bool | None:
    if value:
        raise PydanticCustomError("must_be_false", "leave it out for all")
    return value


Types = Annotated[
    Annotated[str, AfterValidator(_pattern)] | None,
    Query(alias="type", description="a type, or all about one kind of object: `invoice.paid`, `invoice.*`"),
]
ObjectId = Annotated[
    str | None, Query(alias="objectId", min_length=1, max_length=200, description="events about this object")
]
AboutCustomer = Annotated[
    str | None, Query(alias="customer", min_length=1, max_length=200, description="events about this customer")
]
OnClock = Annotated[
    str | None,
    Query(alias="testClock", min_length=1, max_length=200, description="what happened in the time of this test clock"),
]
Order = Annotated[
    Literal["feed", "newest"],
    Query(
        description="`feed`: from the oldest on, to be followed. `newest`: backwards from the last place that was "
        "given; the last page has no cursor, and the cursors of one order do not fit the other"
    ),
]
DeliverySuccess = Annotated[
    QueryFlag | None,
    AfterValidator(_only_false),
    Query(
        alias="deliverySuccess",
        description="`false`: only events of which a delivery to a webhook endpoint failed or was skipped",
    ),
]


_DATA: dict[str, Any] = {
    "type": "object",
    "required": ["object"],
    "properties": {
        "object": {
            "type": "object",
            "description": "the resource as it was after the commit that the event is of; `webhooks` has its shapes",
        },
        "changed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "in `*.updated`, where it is known: the object's fields that have another value than before",
        },
    },
}


class EventOut(Resource):
    id: str
    type: str
    created: Time
    occurred_at: Annotated[
        Time | None, Field(description="what the test clock showed in whose time it happened; null for the wall clock")
    ]
    test_clock_id: Annotated[str | None, Field(description="that test clock")]
    api_version: str
    tenant_id: str
    sequence: Annotated[
        int | None,
        Field(
            description="its place in the tenant's feed, from 1 without a gap; null until it has one, a second or so"
        ),
    ]
    data: Annotated[dict[str, Any], WithJsonSchema(_DATA)]

    @classmethod
    def of(cls, placed: Placed) -> "EventOut":
        head = placed.event.head
        at = format_time(head.occurred_at) if head.occurred_at is not None else None
        beside = {"sequence": placed.place, "occurredAt": at, "testClockId": head.test_clock_id}
        return cls.model_validate(told(placed.event) | beside)
