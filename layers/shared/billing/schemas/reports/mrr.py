"""Parameters of the reports of MRR."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

Interval = Annotated[Literal["day", "month"], Query(description="a row for each day, or for each month's part of it")]
Over = Annotated[
    Literal["month", "year"], Query(description="whole months, or the twelve months that end with each of them")
]
MrrBy = Annotated[
    Literal["plan"] | None,
    Query(description="what divides the figures further; a customer may be on two plans, so none are counted then"),
]
OfCustomer = Annotated[str | None, Query(min_length=1, description="movements of this customer alone")]
