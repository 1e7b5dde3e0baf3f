"""The catalog: plans and their prices, the meters that count what they price, and the currencies that there are."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import Field

from billing.bootstrap.http import http_api
from billing.domain.catalog.meter import Meter
from billing.domain.catalog.plan import Plan
from billing.domain.kernel.currencies import currency_codes
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import InQuery, Limit, QueryFlag
from billing.schemas.catalog.meters import MeterChanges, MeterIn, MeterOut
from billing.schemas.catalog.plans import PlanChanges, PlanIn, PlanOut
from billing.schemas.currencies import CurrencyOut
from billing.schemas.parameters import Cursor
from billing.services.catalog import meters, plans
from billing.services.kernel.work import Page

api = http_api("catalog")
Version = Annotated[int, InQuery, Field(ge=1, le=10**9)]


@api.post("/v1/plans", scope=Scope.BILLING_WRITE, answers=PlanOut)
def create_plan(body: Annotated[PlanIn, Body()], work: CurrentWork) -> PlanOut:
    """Create a plan in the tenant's catalog."""
    return PlanOut.of(plans.create(work, body.new()))


@api.get("/v1/plans", scope=Scope.BILLING_READ, answers=PlanOut, many=True)
def list_plans(
    work: CurrentWork,
    of: Annotated[Literal["tenant", "platform"], Query(alias="catalog")] = "tenant",
    active: Annotated[QueryFlag | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the tenant's own plans, or the platform's: all, those on sale, or the archived ones."""
    return Listing.of(plans.page(work, of == "platform", active, limit, cursor), PlanOut.of)


@api.get("/v1/plans/{plan_id}", scope=Scope.BILLING_READ, versioned=Plan, answers=PlanOut)
def get_plan(plan_id: str, work: CurrentWork, version: Annotated[Version | None, Query()] = None) -> PlanOut:
    """Retrieve a plan, the tenant's own or else the platform's: as it is now, or one of its versions."""
    return PlanOut.of(plans.get(work, plan_id, version))


@api.patch("/v1/plans/{plan_id}", scope=Scope.BILLING_WRITE, versioned=Plan, answers=PlanOut)
def update_plan(plan_id: str, body: Annotated[PlanChanges, Body()], work: CurrentWork) -> PlanOut:
    """Change a plan: that makes its next version, while every subscription keeps the version it has."""
    return PlanOut.of(plans.update(work, plan_id, body.changes()))


@api.post("/v1/plans/{plan_id}/archive", status=200, scope=Scope.BILLING_WRITE, versioned=Plan, answers=PlanOut)
def archive_plan(plan_id: str, work: CurrentWork) -> PlanOut:
    """Archive a plan: it is sold no more, and the subscriptions that have it keep it."""
    return PlanOut.of(plans.archive(work, plan_id))


@api.post("/v1/meters", scope=Scope.BILLING_WRITE, answers=MeterOut)
def create_meter(body: Annotated[MeterIn, Body()], work: CurrentWork) -> MeterOut:
    """Create a meter: what is counted of usage, and how."""
    return MeterOut.of(meters.create(work, body.new()))


@api.get("/v1/meters", scope=Scope.BILLING_READ, answers=MeterOut, many=True)
def list_meters(
    work: CurrentWork,
    of: Annotated[Literal["tenant", "platform"], Query(alias="catalog")] = "tenant",
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the tenant's own meters, or the platform's, by key from Z to A."""
    return Listing.of(meters.page(work, of == "platform", limit, cursor), MeterOut.of)


@api.get("/v1/meters/{key}", scope=Scope.BILLING_READ, versioned=Meter, answers=MeterOut)
def get_meter(key: str, work: CurrentWork) -> MeterOut:
    """Retrieve a meter, the tenant's own or else the platform's."""
    return MeterOut.of(meters.get(work, key))


@api.patch("/v1/meters/{key}", scope=Scope.BILLING_WRITE, versioned=Meter, answers=MeterOut)
def update_meter(key: str, body: Annotated[MeterChanges, Body()], work: CurrentWork) -> MeterOut:
    """Change a meter's name, or over how many items its totals are spread; what it counts never changes."""
    return MeterOut.of(meters.update(work, key, body.changes()))


@api.get("/v1/currencies", scope=Scope.BILLING_READ, answers=CurrencyOut, many=True)
def list_currencies(work: CurrentWork) -> Listing:
    """List all currencies, with the digits of their minor unit: all of them on one page, in the alphabet's order."""
    codes = currency_codes()
    return Listing.of(Page(codes, None, len(codes)), CurrencyOut.of)


lambda_handler = api.lambda_handler
