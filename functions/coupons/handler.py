"""Coupons, under their own name and under /commerce: the same coupons."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Limit
from billing.schemas.catalog.coupons import CouponIn, CouponOut, RedeemedOut, RedeemIn
from billing.schemas.parameters import Cursor
from billing.services.catalog import coupons

api = http_api("coupons")


@api.post("/v1/coupons", scope=Scope.BILLING_WRITE, answers=CouponOut)
def create_coupon(body: Annotated[CouponIn, Body()], work: CurrentWork) -> CouponOut:
    """Create a coupon."""
    return CouponOut.of(coupons.create(work, body.new()))


@api.post("/v1/commerce/coupons", scope=Scope.BILLING_WRITE, answers=CouponOut)
def create_commerce_coupon(body: Annotated[CouponIn, Body()], work: CurrentWork) -> CouponOut:
    """Create a coupon; the same as under /coupons."""
    return CouponOut.of(coupons.create(work, body.new()))


@api.get("/v1/coupons", scope=Scope.BILLING_READ, answers=CouponOut, many=True)
def list_coupons(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List the tenant's coupons, by code from Z to A, archived ones too."""
    return Listing.of(coupons.page(work, limit, cursor), CouponOut.of)


@api.get("/v1/commerce/coupons", scope=Scope.BILLING_READ, answers=CouponOut, many=True)
def list_commerce_coupons(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List the tenant's coupons; the same as under /coupons."""
    return Listing.of(coupons.page(work, limit, cursor), CouponOut.of)


@api.post("/v1/commerce/coupons/redeem", status=200, scope=Scope.BILLING_WRITE, answers=RedeemedOut)
def redeem_coupon(body: Annotated[RedeemIn, Body()], work: CurrentWork) -> RedeemedOut:
    """Redeem a coupon once for a customer, for a use of the caller's own."""
    return RedeemedOut.of(coupons.redeem(work, body.code, body.customer_id, body.plan_id))


@api.get("/v1/coupons/{code}", scope=Scope.BILLING_READ, answers=CouponOut)
def get_coupon(code: str, work: CurrentWork) -> CouponOut:
    """Retrieve a coupon by its code, in any case."""
    return CouponOut.of(coupons.get(work, code))


@api.delete("/v1/coupons/{code}", scope=Scope.BILLING_WRITE, answers=CouponOut)
def archive_coupon(code: str, work: CurrentWork) -> CouponOut:
    """Archive a coupon: nobody can redeem it any more; discounts that it became go on."""
    return CouponOut.of(coupons.archive(work, code))


lambda_handler = api.lambda_handler
