"""Tenants: the platform creates them, each edits its own settings."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.access import new_api_key
from billing.bootstrap.http import http_api
from billing.bootstrap.storage import vault
from billing.domain.access.api_key import first_key_id
from billing.domain.tenant import PLATFORM, Tenant, TenantStatus
from billing.edge.http.api import CurrentWork, Listing, current_call
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.edge.http.step_up import check_entered
from billing.schemas.base import Limit
from billing.schemas.parameters import Cursor
from billing.schemas.tenants import DataKeyOut, TenantChanges, TenantHeadOut, TenantIn, TenantOut
from billing.services.access.keys import still_shown
from billing.services.kernel.work import Window
from billing.services.tenants import GUARDS, OF_THE_PLATFORM, Tenants

api = http_api("tenants")
tenants = Tenants(vault().new_data_key, new_api_key)
ONCE = ShownOnce(("apiKey",), lambda _, data: still_shown(data["id"], first_key_id(data["id"])))


@api.post("/v1/tenants", scope=Scope.PLATFORM, steps_up=True, shown_once=ONCE, answers=TenantOut)
def create_tenant(body: Annotated[TenantIn, Body()], work: CurrentWork) -> TenantOut:
    """Create a tenant; only this answer has its first admin key."""
    return TenantOut.of(*tenants.create(work, body.new()))


@api.get("/v1/tenants", scope=Scope.PLATFORM, answers=TenantHeadOut, many=True)
def list_tenants(
    work: CurrentWork,
    status: Annotated[TenantStatus | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List tenants, newest first, without the platform's own."""
    return Listing.of(tenants.page(work, status, Window(limit, cursor)), TenantHeadOut.of)


@api.get("/v1/tenants/{tid}", scope=Scope.BILLING_READ, versioned=Tenant, answers=TenantOut)
def get_tenant(tid: str, work: CurrentWork) -> TenantOut:
    """Retrieve a tenant."""
    _require_reach(tid)
    return TenantOut.of(tenants.get(work, tid))


@api.patch("/v1/tenants/{tid}", scope=Scope.BILLING_ADMIN, versioned=Tenant, answers=TenantOut)
def update_tenant(tid: str, body: Annotated[TenantChanges, Body()], work: CurrentWork) -> TenantOut:
    """Change a tenant's settings; the change is everywhere within a minute.

    In the dashboard, what decides who gets in, and which refund asks for the password, needs one of the last ten
    minutes: `ipAllowList`, `adminsUseAuthenticator`, `refundReauthenticationAbove`.
    """
    changes = body.changes()
    if any(name in changes for name in GUARDS):
        check_entered(current_call().caller, current_call().edge.clock())
    _require_reach(tid, reserved=any(name in changes for name in OF_THE_PLATFORM))
    return TenantOut.of(tenants.update(work, tid, changes, current_call().ip))


def _require_reach(tid: str, *, reserved: bool = False) -> None:
    """To reach other tenants, or what only the platform changes, the platform's callers need its scope, too.

    A narrower key, a client or a user of the platform is one of that tenant, and no operator.
    """
    call = current_call()
    if call.caller.tenant_id == PLATFORM and (tid != PLATFORM or reserved):
        call.require_scope(Scope.PLATFORM)


@api.post("/v1/tenants/{tid}/data-key/rotate", scope=Scope.BILLING_ADMIN, versioned=Tenant, answers=DataKeyOut)
def rotate_data_key(tid: str, work: CurrentWork) -> DataKeyOut:
    """Give a tenant a new data key, which seals what is written from now on, everywhere within a minute.

    What was sealed before stays readable, and is sealed under the new key when it is written again. Customers are found
    by their email as before.
    """
    return DataKeyOut.of(tenants.rotate_data_key(work, tid))


lambda_handler = api.lambda_handler
