"""The catalog: plans and their prices."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing import bootstrap
from billing.edge.http import CurrentWork, Listing
from billing.edge.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.catalog import PlanIn, PlanOut
from billing.services import catalog

api = bootstrap.http_api("catalog")


@api.post("/v1/plans", scope=Scope.BILLING_WRITE, answers=PlanOut)
def create_plan(body: Annotated[PlanIn, Body()], work: CurrentWork) -> PlanOut:
    """Create a plan in the tenant's catalog."""
    return PlanOut.of(catalog.create(work, body.new()))


@api.get("/v1/plans", scope=Scope.BILLING_READ, answers=PlanOut, many=True)
def list_plans(
    work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Annotated[str | None, Query()] = None
) -> Listing:
    """List the tenant's own plans."""
    return Listing.of(catalog.page(work, limit, cursor), PlanOut.of)


@api.get("/v1/plans/{plan_id}", scope=Scope.BILLING_READ, answers=PlanOut)
def get_plan(plan_id: str, work: CurrentWork) -> PlanOut:
    """Retrieve a plan: the tenant's own, or else the platform's."""
    return PlanOut.of(catalog.get(work, plan_id))


lambda_handler = api.lambda_handler
