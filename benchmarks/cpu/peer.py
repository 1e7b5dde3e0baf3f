"""The peer of the CPU comparison: the same routes, models and answers under FastAPI and Mangum, as one writes them.

What may be chosen is chosen in the peer's favour: coroutines (a plain function would go through a thread pool), no
lifespan, no middleware (they cost more than a dependency), no OpenAPI route. It checks no Idempotency-Key, limits no
body and fingerprints no request; ours does, in the figures. The log line is the same on both sides.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from aws_lambda_powertools import Logger
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from pydantic import BaseModel

from benchmarks.cpu.ours import RATE, clock, request_id
from benchmarks.cpu.samples import CUSTOMER, INVOICES, SUBSCRIPTION, TENANT
from billing.domain.kernel.times import format_time
from billing.edge.http.api import _REASONS
from billing.schemas.base import Limit
from billing.schemas.customers import CustomerIn, CustomerOut
from billing.schemas.invoicing.invoices import InvoiceOut
from billing.schemas.subscriptions import SubscriptionIn, SubscriptionOut

T = TypeVar("T")


class Pagination(BaseModel):
    next_cursor: str | None
    has_more: bool
    limit: int


class Meta(BaseModel):
    request_id: str
    timestamp: str


class ListMeta(Meta):
    pagination: Pagination


class Envelope(BaseModel, Generic[T]):
    data: T
    meta: Meta


class ListEnvelope(BaseModel, Generic[T]):
    data: list[T]
    meta: ListMeta


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the names of this call."""

    tenant_id: str
    request_id: str
    at: str

    def meta(self) -> Meta:
        return Meta(request_id=self.request_id, timestamp=self.at)


async def authenticate(response: Response) -> Caller:
    """Admits every caller, and sets the headers of every answer."""
    caller = Caller(TENANT.id, request_id(), format_time(clock()))
    response.headers.update(_headers(caller.request_id))
    return caller


CurrentCaller = Annotated[Caller, Depends(authenticate)]


def _headers(request: str) -> dict[str, str]:
    return {
        "X-API-Version": "1.0",
        "Cache-Control": "no-store",
        "Vary": "Accept-Encoding",
        "X-Request-Id": request,
        "X-RateLimit-Limit": str(RATE.limit),
        "X-RateLimit-Remaining": str(RATE.remaining),
        "X-RateLimit-Reset": str(RATE.reset),
    }


async def _bad_shape(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = [
        {
            "field": ".".join(str(part) for part in problem["loc"] if part not in ("body", "query", "path")) or "body",
            "reason": _REASONS.get(problem["type"], problem["type"]),
        }
        for problem in error.errors()
    ]
    request = request_id()
    body = {
        "code": "VALIDATION_FAILED",
        "message": ", ".join(f"{detail['field']}: {detail['reason']}" for detail in details[:5]),
        "details": details,
        "request_id": request,
        "documentation_url": "https://ledgerline.dev/docs/errors.md#validation",
    }
    return JSONResponse({"error": body}, 400, headers=_headers(request))


def app() -> FastAPI:
    """The routes."""
    api = FastAPI(openapi_url=None)
    api.add_exception_handler(RequestValidationError, _bad_shape)

    @api.post("/v1/customers", status_code=201)
    async def create_customer(body: CustomerIn, caller: CurrentCaller) -> Envelope[CustomerOut]:
        body.new()
        return Envelope(data=CustomerOut.of(CUSTOMER), meta=caller.meta())

    @api.get("/v1/customers/{customer_id}")
    async def get_customer(customer_id: str, caller: CurrentCaller) -> Envelope[CustomerOut]:
        return Envelope(data=CustomerOut.of(CUSTOMER), meta=caller.meta())

    @api.post("/v1/subscriptions", status_code=201)
    async def create_subscription(body: SubscriptionIn, caller: CurrentCaller) -> Envelope[SubscriptionOut]:
        body.new()
        return Envelope(data=SubscriptionOut.of(SUBSCRIPTION), meta=caller.meta())

    @api.get("/v1/invoices")
    async def list_invoices(
        caller: CurrentCaller,
        customer: Annotated[str | None, Query()] = None,
        status: Annotated[str | None, Query()] = None,
        limit: Annotated[Limit, Query()] = 20,
        cursor: Annotated[str | None, Query()] = None,
    ) -> ListEnvelope[InvoiceOut]:
        pagination = Pagination(next_cursor=None, has_more=False, limit=limit)
        meta = ListMeta(request_id=caller.request_id, timestamp=caller.at, pagination=pagination)
        return ListEnvelope(data=[InvoiceOut.of(invoice) for invoice in INVOICES], meta=meta)

    return api


def lambda_handler(logger: Logger) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The function, with the one log line that ours writes, too."""
    asyncio.set_event_loop(asyncio.new_event_loop())  # else Mangum looks for one in a way that warns
    mangum = Mangum(app(), lifespan="off")

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        started = clock()
        answer = mangum(event, context)
        logger.info(
            "request",
            extra={
                "request_id": answer["headers"].get("x-request-id"),
                "gateway_request_id": event["requestContext"]["requestId"],
                "tenant_id": TENANT.id,
                "principal": "key_1",
                "route": event["routeKey"],
                "status": answer["statusCode"],
                "duration_ms": int((clock() - started).total_seconds() * 1000),
                "replayed": False,
            },
        )
        return answer

    return handle
