"""API keys, which whoever administers a tenant makes, rotates and revokes; the audit log; and who calls."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.access import api_keys, audit
from billing.bootstrap.http import http_api
from billing.domain.access.api_key import ApiKey
from billing.domain.access.user import User
from billing.edge.http.api import CurrentWork, File, Listing, current_call
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.schemas.access.audit import (
    AuditEntryOut,
    OfStrangers,
    Principal,
    RouteName,
    Since,
    Status,
    Until,
    audit_csv,
    wanted,
)
from billing.schemas.access.keys import ApiKeyIn, ApiKeyOut, RotationIn
from billing.schemas.access.me import MeOut
from billing.schemas.base import Limit
from billing.schemas.parameters import Cursor
from billing.services.access import audit_log
from billing.services.access.keys import Maker, still_shown
from billing.services.kernel.work import Ref

api = http_api("access")
keys = api_keys()
log = audit()
ONCE = ShownOnce(("key", "signingSecret"), lambda tenant_id, data: still_shown(tenant_id, data["id"]))


@api.post("/v1/api-keys", scope=Scope.BILLING_ADMIN, steps_up=True, shown_once=ONCE, answers=ApiKeyOut)
def create_api_key(body: Annotated[ApiKeyIn, Body()], work: CurrentWork) -> ApiKeyOut:
    """Create an API key; only this answer has the key.

    Nobody makes a key that may do more than its maker, or works from other networks than its maker does, or need not
    sign where its maker must. The same request under the same Idempotency-Key within 24 h
    shows the key again, to the same principal and as long as it is not revoked.
    """
    return ApiKeyOut.of(keys.create(work, body.new(), _maker()))


@api.get("/v1/api-keys", scope=Scope.BILLING_ADMIN, answers=ApiKeyOut, many=True)
def list_api_keys(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List the tenant's API keys, newest first; none shows what it is."""
    return Listing.of(keys.page(work, limit, cursor), ApiKeyOut.of)


@api.get("/v1/api-keys/{key_id}", scope=Scope.BILLING_ADMIN, versioned=ApiKey, answers=ApiKeyOut)
def get_api_key(key_id: str, work: CurrentWork) -> ApiKeyOut:
    """Retrieve an API key, with the day of its last use."""
    return ApiKeyOut.of(keys.get(work, key_id))


@api.post(
    "/v1/api-keys/{key_id}/rotate",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    shown_once=ONCE,
    versioned=ApiKey,
    answers=ApiKeyOut,
)
def rotate_api_key(key_id: str, work: CurrentWork, body: Annotated[RotationIn | None, Body()] = None) -> ApiKeyOut:
    """Make the successor of an API key; only this answer has it.

    The old key works for a day more, or for `overlapSeconds`: 0 revokes it at once. Its name, scopes and addresses are
    the successor's. Shown again as when a key is created.
    """
    overlap_s, expires_at = (body.overlap_seconds, body.expires_at) if body else (None, None)
    made = keys.rotate(work, key_id, overlap_s, expires_at, _maker())
    return ApiKeyOut.of(made)


@api.post(
    "/v1/api-keys/{key_id}/revoke",
    status=200,
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    versioned=ApiKey,
    answers=ApiKeyOut,
)
def revoke_api_key(key_id: str, work: CurrentWork) -> ApiKeyOut:
    """Revoke an API key: the next call with it is refused."""
    return ApiKeyOut.of(keys.revoke(work, key_id))


@api.get("/v1/me", scope=None, answers=MeOut)
def get_me(work: CurrentWork) -> MeOut:
    """Who calls: the credential's kind, its user, what it may do, for which tenant, and for how long."""
    identity = current_call().caller
    ref = Ref(User, work.tenant.id, identity.user_id or "")
    user = work.load(ref).get(ref) if identity.user_id is not None else None
    return MeOut.of(identity, user, work.tenant)


@api.get("/v1/audit-log", scope=Scope.BILLING_ADMIN, answers=AuditEntryOut, many=True)
def list_audit_log(
    work: CurrentWork,
    since: Since = None,
    until: Until = None,
    principal: Principal = None,
    status: Status = None,
    route: RouteName = None,
    strangers: OfStrangers = False,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the tenant's calls, newest first, refused ones too.

    A page may have fewer entries than `limit`, or none, and still a next one: where a filter leaves few of many.
    """
    _check_strangers(strangers)
    asked = wanted(since, until, principal, status, route)
    return Listing.of(audit_log.page(log, work, asked, strangers, limit, cursor), AuditEntryOut.of)


@api.get("/v1/audit-log/export.csv", scope=Scope.BILLING_ADMIN)
def export_audit_log(
    work: CurrentWork,
    since: Since = None,
    until: Until = None,
    principal: Principal = None,
    status: Status = None,
    route: RouteName = None,
    strangers: OfStrangers = False,
) -> File:
    """The newest of the tenant's calls as CSV, 10,000 at most.

    What is older comes with `to`, the time of the last row.
    """
    _check_strangers(strangers)
    asked = wanted(since, until, principal, status, route)
    return File(audit_csv(audit_log.export(log, work, asked, strangers)), "text/csv", "audit-log.csv")


def _maker() -> Maker:
    caller = current_call().caller
    return Maker(caller.principal, caller.scopes, caller.networks, caller.sealed_signing_secret is not None)


def _check_strangers(strangers: bool) -> None:
    if strangers:
        current_call().require_scope(Scope.PLATFORM)


lambda_handler = api.lambda_handler
