"""Query parameters that many routes have, for the handlers' signatures, from which the OpenAPI document is made."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.schemas.base import Time

Filter = Annotated[str | None, Query(min_length=1)]
"""An exact value; an empty one is refused, or ``?customer=`` would bring everybody's."""
Cursor = Annotated[str | None, Query(description="where the page before ended: `meta.pagination.next_cursor`")]
CreatedFrom = Annotated[Time | None, Query(alias="from", description="created at this time or later")]
CreatedTo = Annotated[Time | None, Query(alias="to", description="created before this time")]
