"""Users and OAuth clients, told to every route that they have."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.domain.access.grant import Grant, Issued, Session
from billing.domain.access.user import User
from billing.services.kernel.work import Ref
from tests.contract.lists import tell_lists


def tell_users(call: Any, tenant_id: str) -> None:
    """A person who is invited, and a client that acts for itself."""
    tell_lists(call)
    call("access", "GET", "/v1/me", 200)
    tell_platform(call)
    tell_portal(call)
    path = "/v1/users"
    user = call("users", "POST", path, 201, {"email": "ada@example.com", "role": "support"})["id"]
    call("users", "POST", path, 409, {"email": "ada@example.com", "role": "support"})
    call("users", "GET", path, 200)
    call("users", "GET", path + "/{user_id}", 200, user_id=user)
    call("users", "PATCH", path + "/{user_id}", 200, {"role": "finance"}, user_id=user)
    call("users", "POST", path + "/{user_id}/send-link", 200, user_id=user)
    call("users", "POST", path + "/{user_id}/sign-out", 200, user_id=user)
    call("users", "GET", path + "/{user_id}/sessions", 200, user_id=user)
    call("users", "DELETE", path + "/{user_id}/sessions/{session_id}", 404, user_id=user, session_id="ses_none")
    session = signed_in(tenant_id, user)
    call("users", "DELETE", path + "/{user_id}/sessions/{session_id}", 200, user_id=user, session_id=session)
    call("users", "GET", path + "/{user_id}/grants", 200, user_id=user)
    call("users", "DELETE", path + "/{user_id}/grants/{grant_id}", 404, user_id=user, grant_id="grt_none")
    call("users", "POST", path + "/{user_id}/reset-authenticator", 409, user_id=user)
    grant = allowed(tenant_id, user)
    call("users", "DELETE", path + "/{user_id}/grants/{grant_id}", 200, user_id=user, grant_id=grant)
    call("users", "POST", path + "/{user_id}/reset-authenticator", 200, user_id=user)
    path = "/v1/oauth-clients"
    body = {"name": "B", "type": "confidential", "grantTypes": ["client_credentials"], "scopes": ["billing:read"]}
    client = call("users", "POST", path, 201, body)["id"]
    call("users", "POST", path, 400, {**body, "type": "public"})
    call("users", "GET", path, 200)
    call("users", "GET", path + "/{client_id}", 200, client_id=client)
    call("users", "POST", path + "/{client_id}/rotate-secret", 200, client_id=client)
    call("users", "PATCH", path + "/{client_id}", 200, {"status": "disabled"}, client_id=client)


def tell_platform(call: Any) -> None:
    """What only the platform may list."""
    own = call.key
    call.key = call.platform_key
    call("tenants", "GET", "/v1/tenants", 200, query={"status": "active"})
    call.key = own


def signed_in(tenant_id: str, user_id: str) -> str:
    """The id of a session of a user's; the pages on which it begins are no part of the API's description."""
    from billing.bootstrap import storage

    unit = storage.units().begin(tenant_id)
    now = unit.now
    session = unit.save(Session("ses_1", tenant_id, user_id, now, now, now + timedelta(hours=1)))
    unit.commit()
    return session.id


def allowed(tenant_id: str, user_id: str) -> str:
    """The id of a grant of a user's, who has begun to set an authenticator up, too."""
    from billing.bootstrap import storage

    unit = storage.units().begin(tenant_id)
    now, ref = unit.now, Ref(User, tenant_id, user_id)
    unit.save(replace(unit.load(ref).require(ref), pending_totp="A" * 32))
    scopes = ("billing:read",)
    end, issued = now + timedelta(days=1), Issued("tok_1", now, scopes)
    grant = unit.save(Grant("grt_1", tenant_id, "cli_1", user_id, scopes, now, end, now, issued))
    unit.commit()
    return grant.id


def tell_portal(call: Any) -> None:
    """A customer who is let into the portal."""
    customer = call("customers", "POST", "/v1/customers", 201, {"name": "Peggy"})["id"]
    call("customers", "POST", "/v1/portal-sessions", 201, {"customerId": customer})
    call("customers", "POST", "/v1/portal-sessions", 404, {"customerId": "cus_none"})
