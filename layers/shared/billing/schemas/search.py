"""What a search finds."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, Field, StringConstraints

from billing.schemas.base import Resource, Time, printable
from billing.services.search.search import Match

SearchText = Annotated[
    str,
    StringConstraints(min_length=2, max_length=200),
    AfterValidator(printable),
    Query(
        alias="q",
        description="an id or its beginning, a document's number, an external id, an id of Stripe's (`pi_`, `cus_`,"
        " `pm_`), an email address or its domain, or words of a customer's name or their beginnings of three letters",
    ),
]


class SearchHitOut(Resource):
    """Something that the text may mean."""

    type: Annotated[str, Field(description="`customer`, `invoice` and so on: what `GET` of its route answers with")]
    id: str
    title: Annotated[str | None, Field(description="a name or a number, where it has one")]
    matched: Annotated[
        str,
        Field(
            description="`id`, `number`, `external_id`, `stripe_id`, `email`, `name`, `email_domain` or `id_prefix`; in"
            " this order they are ranked"
        ),
    ]
    customer_id: str | None
    created_at: Time | None

    @classmethod
    def of(cls, match: Match) -> "SearchHitOut":
        return cls(
            type=match.type,
            id=match.id,
            title=match.title,
            matched=match.matched.name.lower(),
            customer_id=match.customer_id,
            created_at=match.created_at,
        )
