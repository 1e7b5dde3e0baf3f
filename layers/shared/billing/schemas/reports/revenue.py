"""What the reports on revenue and on its recognition are asked for, beside their time."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.domain.kernel.errors import Detail, ValidationFailed

Per = Annotated[Literal["month", "day"], Query(description="whether a row is a month or a day")]
RevenueBy = Annotated[
    Literal["plan", "component", "customer", "country"] | None,
    Query(description="what divides the figures further; those that it cannot divide exactly are null"),
]
RecognitionBy = Annotated[
    Literal["plan", "component", "customer"] | None, Query(description="what divides the figures further")
]
RecognitionRows = Annotated[
    Literal["months", "lines", "waterfall"],
    Query(
        description="`lines`: a row for each invoice line and month; `waterfall`: how much of what was billed in a"
        " month is earned in which month"
    ),
]


def recognition_options(by: str | None, rows: str) -> dict[str, str | None]:
    """The options of the report on recognition.

    Raises:
        ValidationFailed: lines are to be divided further.
    """
    if by is not None and rows == "lines":
        raise ValidationFailed("A line has a customer, a plan and a component", (Detail("by", "not_with_lines"),))
    return {"by": by, "rows": rows}
