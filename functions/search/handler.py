"""Search: what a person pastes or types, over everything of a tenant."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap.http import http_api
from billing.bootstrap.search import search
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.limits import INVOICE_QUERIES
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.search import SearchHitOut, SearchText
from billing.services.kernel.work import Page

api = http_api("search")
everything = search()


@api.get("/v1/search", scope=Scope.BILLING_READ, limit=INVOICE_QUERIES, answers=SearchHitOut, many=True)
def search_everything(text: SearchText, work: CurrentWork, limit: Annotated[Limit, Query()] = 20) -> Listing:
    """Find by id, number, external id, Stripe's id, email address or domain, or words of a name.

    One page, the likeliest first: a longer text narrows what is found. What is as common as a frequent first name is
    looked for among the newest few hundred customers.
    """
    found = everything.find(work, text, limit)
    return Listing.of(Page(found, None, limit), SearchHitOut.of)


lambda_handler = api.lambda_handler
