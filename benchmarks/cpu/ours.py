"""Our side of the CPU comparison: the real edge over ports that do nothing."""

import os
import random
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from benchmarks.cpu.samples import CUSTOMER, INVOICES, NOW, SUBSCRIPTION, TENANT
from billing.config import Settings
from billing.domain.access.caller import Limits
from billing.domain.kernel.ids import fresh
from billing.edge.http.api import CurrentWork, HttpApi, Listing
from billing.edge.http.call import Edge
from billing.edge.http.scopes import Scope, granted
from billing.schemas.base import Limit
from billing.schemas.customers import CustomerIn, CustomerOut
from billing.schemas.invoicing.invoices import InvoiceOut
from billing.schemas.subscriptions import SubscriptionIn, SubscriptionOut
from billing.services.access.callers import Bearer, Identity, RateState, RouteLimit
from billing.services.kernel.deadline import Deadline
from billing.services.kernel.work import KeyedRequest, Page, Unit

RATE = RateState(10_000, 9_999, 1_795_298_460)
_IDENTITY = Identity(TENANT.id, "key_1", granted("admin"), RATE)


class _Callers:
    """Identifies every caller."""

    def identify(self, key: str, route_limit: RouteLimit | None, user_id: str | None) -> Identity:
        return _IDENTITY

    def set_limits(self, key: str, limits: Limits) -> None:
        return None

    def identify_bearer(
        self, bearer: Bearer, limits: Limits, route_limit: RouteLimit | None, user_id: str | None
    ) -> Identity:
        return _IDENTITY


class _Unit:
    """Reads and writes nothing."""

    tenant = TENANT
    now = NOW

    def __getattr__(self, name: str) -> Any:
        return _nothing


class _Units:
    def begin(self, tenant_id: str, request: KeyedRequest | None = None) -> Unit:
        unit: Any = _UNIT
        return unit  # type: ignore[no-any-return]


def _nothing(*_: object) -> None:
    return None


_UNIT = _Unit()


def clock() -> datetime:
    """The wall clock, as bootstrap has it."""
    return datetime.now(UTC)


def request_id() -> str:
    """As bootstrap makes it."""
    return fresh("req", clock(), os.urandom(10))


def app(logger: Logger) -> HttpApi:
    """The routes, registered as the functions register theirs."""
    settings = Settings.from_environment({"KMS_KEY_ID": ""})
    edge = Edge(
        open_secret=lambda tenant_id, place, sealed: sealed,
        callers=_Callers(),
        units=_Units(),
        clock=clock,
        new_request_id=request_id,
        jitter=random.random,
        pause=time.sleep,
        stack="bench",
        documentation_base_url=settings.documentation_base_url,
        max_body_bytes=settings.max_body_bytes,
        max_json_depth=settings.max_json_depth,
        deadline=Deadline(time.monotonic),
    )
    api = HttpApi(edge, logger, "Ledgerline: benchmark")

    @api.post("/v1/customers", scope=Scope.BILLING_WRITE, answers=CustomerOut)
    def create_customer(body: Annotated[CustomerIn, Body()], work: CurrentWork) -> CustomerOut:
        body.new()
        return CustomerOut.of(CUSTOMER)

    @api.get("/v1/customers/{customer_id}", scope=Scope.BILLING_READ, answers=CustomerOut)
    def get_customer(customer_id: str, work: CurrentWork) -> CustomerOut:
        return CustomerOut.of(CUSTOMER)

    @api.post("/v1/subscriptions", scope=Scope.SUBSCRIPTIONS_MANAGE, answers=SubscriptionOut)
    def create_subscription(body: Annotated[SubscriptionIn, Body()], work: CurrentWork) -> SubscriptionOut:
        body.new()
        return SubscriptionOut.of(SUBSCRIPTION)

    @api.get("/v1/invoices", scope=Scope.BILLING_READ, limit=RouteLimit("q", 300), answers=InvoiceOut, many=True)
    def list_invoices(
        work: CurrentWork,
        customer: Annotated[str | None, Query()] = None,
        status: Annotated[str | None, Query()] = None,
        limit: Annotated[Limit, Query()] = 20,
        cursor: Annotated[str | None, Query()] = None,
    ) -> Listing:
        return Listing.of(Page(INVOICES, None, limit), InvoiceOut.of)

    return api
