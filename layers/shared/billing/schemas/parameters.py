"""Query parameters that many routes have, for the handlers' signatures, from which the OpenAPI document is made."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from billing.schemas.base import ExternalId, Locale, QueryFlag, Time
from billing.services.invoicing.einvoice import Profile

Filter = Annotated[str | None, Query(min_length=1)]
"""An exact value; an empty one is refused, or ``?customer=`` would bring everybody's."""
MethodFilter = Annotated[str | None, Query(min_length=1, description="the payment method that is or was to be charged")]
ExternalIdFilter = Annotated[ExternalId | None, Query(alias="externalId", description="the one that has it")]
Cursor = Annotated[str | None, Query(description="where the page before ended: `meta.pagination.next_cursor`")]
CreatedFrom = Annotated[Time | None, Query(alias="from", description="created at this time or later")]
CreatedTo = Annotated[Time | None, Query(alias="to", description="created before this time")]
DueFrom = Annotated[Time | None, Query(alias="dueFrom", description="to be paid at this time or later")]
DueTo = Annotated[Time | None, Query(alias="dueTo", description="to be paid before this time")]


def _only_true(value: bool | None) -> bool | None:
    if value is False:
        raise PydanticCustomError("must_be_true", "leave it out for all")
    return value


Overdue = Annotated[
    QueryFlag | None,
    AfterValidator(_only_true),
    Query(description="`true`: only open invoices whose `dueAt` is over, on the wall clock"),
]
LastAttempt = Annotated[
    Literal["failed"] | None,
    Query(
        description="`failed`: only open invoices whose last attempt failed, or which nobody could charge; by"
        " `nextAttemptAt`, and last those that nobody tries again"
    ),
]
InLocale = Annotated[Locale | None, Query(description="another language than the document's own")]
AsProfile = Annotated[
    Profile,
    Query(alias="format", description="XRechnung, or the XML that is in the PDF: Factur-X (EN 16931)"),
]
