"""Rows of lists: what is shown beside an entity where the caller wants a page in one call."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from billing.domain.customers.customer import Customer
from billing.schemas.base import Resource
from billing.schemas.customers import CustomerOut

Expand = Annotated[
    Literal["customer"] | None, Query(description="`customer`: each row has its customer, as it is now, in `customer`")
]
ExpandOne = Annotated[Literal["customer"] | None, Query(description="`customer`: with its customer, as it is now")]
View = Annotated[
    Literal["full", "summary"], Query(description="`summary`: each row is short: what a table shows, without lines")
]


class Row(Resource):
    customer: Annotated[CustomerOut | None, Field(description="only with `expand=customer`")] = None

    def model_dump_json(self, **options: Any) -> str:
        """The row; without a customer it has no such field, as where the same thing is shown alone."""
        return super().model_dump_json(exclude={"customer"} if self.customer is None else None, **options)


R = TypeVar("R", bound=Row)


def rows(shape: Callable[[Any], R], customers: Mapping[str, Customer]) -> Callable[[Any], R]:
    """A row's shape with its customer, where that is one of these.

    Args:
        customers: by id; empty where nobody asked.
    """

    def row(item: Any) -> R:
        made = shape(item)
        found = customers.get(item.customer_id)
        made.customer = CustomerOut.of(found) if found is not None else None
        return made

    return row if customers else shape
