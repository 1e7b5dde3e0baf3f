"""Who acts for a tenant: its users, and its OAuth clients."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.users import new_client_secret
from billing.bootstrap.users import users as made_users
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.user import Role, User
from billing.edge.http.api import CurrentWork, Listing, current_call
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.schemas.access.clients import OAuthClientChanges, OAuthClientIn, OAuthClientOut
from billing.schemas.access.users import GrantOut, SessionOut, UserChanges, UserIn, UserOut
from billing.schemas.base import Limit
from billing.schemas.parameters import Cursor
from billing.services.access.clients import Clients, still_shown
from billing.services.kernel.work import Page, Window

api = http_api("users")
clients = Clients(new_client_secret)
users = made_users()
ONCE = ShownOnce(("secret",), lambda tenant_id, data: still_shown(tenant_id, data["id"], data.get("secret")))


@api.post("/v1/oauth-clients", scope=Scope.BILLING_ADMIN, steps_up=True, shown_once=ONCE, answers=OAuthClientOut)
def create_oauth_client(body: Annotated[OAuthClientIn, Body()], work: CurrentWork) -> OAuthClientOut:
    """Register an OAuth client; only this answer has its secret."""
    return OAuthClientOut.of(*clients.register(work, body.new(), current_call().caller.scopes))


@api.get("/v1/oauth-clients", scope=Scope.BILLING_ADMIN, answers=OAuthClientOut, many=True)
def list_oauth_clients(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List OAuth clients, newest first."""
    return Listing.of(clients.page(work, Window(limit, cursor)), OAuthClientOut.of)


@api.get("/v1/oauth-clients/{client_id}", scope=Scope.BILLING_ADMIN, versioned=OAuthClient, answers=OAuthClientOut)
def get_oauth_client(client_id: str, work: CurrentWork) -> OAuthClientOut:
    """Retrieve an OAuth client."""
    return OAuthClientOut.of(clients.get(work, client_id))


@api.patch(
    "/v1/oauth-clients/{client_id}",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    versioned=OAuthClient,
    answers=OAuthClientOut,
)
def update_oauth_client(
    client_id: str, body: Annotated[OAuthClientChanges, Body()], work: CurrentWork
) -> OAuthClientOut:
    """Change an OAuth client; a disabled one gets no tokens, and those that it has are refused at once."""
    return OAuthClientOut.of(clients.update(work, client_id, body.changes(), current_call().caller.scopes))


@api.post(
    "/v1/oauth-clients/{client_id}/rotate-secret",
    200,
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    shown_once=ONCE,
    answers=OAuthClientOut,
)
def rotate_oauth_client_secret(client_id: str, work: CurrentWork) -> OAuthClientOut:
    """Give an OAuth client another secret; the old one is worth nothing from now on."""
    return OAuthClientOut.of(*clients.rotate(work, client_id, current_call().caller.scopes))


@api.post("/v1/users", scope=Scope.BILLING_ADMIN, steps_up=True, answers=UserOut)
def invite_user(body: Annotated[UserIn, Body()], work: CurrentWork) -> UserOut:
    """Invite a person: a mail with a link, good for 7 days, lets them choose a password."""
    return UserOut.of(users.invite(work, body.email, body.name, Role(body.role), current_call().caller.scopes))


@api.get("/v1/users", scope=Scope.BILLING_ADMIN, answers=UserOut, many=True)
def list_users(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List users, newest first."""
    return Listing.of(users.page(work, Window(limit, cursor)), UserOut.of)


@api.get("/v1/users/{user_id}", scope=Scope.BILLING_ADMIN, versioned=User, answers=UserOut)
def get_user(user_id: str, work: CurrentWork) -> UserOut:
    """Retrieve a user."""
    return UserOut.of(users.get(work, user_id))


@api.patch("/v1/users/{user_id}", scope=Scope.BILLING_ADMIN, steps_up=True, versioned=User, answers=UserOut)
def update_user(user_id: str, body: Annotated[UserChanges, Body()], work: CurrentWork) -> UserOut:
    """Change a user's name or role, disable or enable; it counts from the next call on. The last admin stays one."""
    return UserOut.of(users.update(work, user_id, body.changes(), current_call().caller.scopes))


@api.post("/v1/users/{user_id}/send-link", 200, scope=Scope.BILLING_ADMIN, steps_up=True, answers=UserOut)
def send_user_link(user_id: str, work: CurrentWork) -> UserOut:
    """Send the invitation again, or a link that resets the password; the link before ends."""
    return UserOut.of(users.send_link(work, user_id))


@api.post("/v1/users/{user_id}/reset-authenticator", 200, scope=Scope.BILLING_ADMIN, steps_up=True, answers=UserOut)
def reset_user_authenticator(user_id: str, work: CurrentWork) -> UserOut:
    """Take a lost authenticator off a user, who is signed out everywhere and told by mail.

    Not one's own: somebody else has to do that, or a key.
    """
    caller = current_call().caller
    return UserOut.of(users.reset_authenticator(work, user_id, caller.principal, caller.scopes))


@api.post("/v1/users/{user_id}/sign-out", 200, scope=Scope.BILLING_ADMIN, answers=UserOut)
def sign_user_out(user_id: str, work: CurrentWork) -> UserOut:
    """Sign a user out everywhere, and end what clients were granted in the user's name."""
    return UserOut.of(users.sign_out(work, user_id))


@api.get("/v1/users/{user_id}/sessions", scope=Scope.BILLING_ADMIN, answers=SessionOut, many=True)
def list_user_sessions(user_id: str, work: CurrentWork) -> Listing:
    """List the browsers in which a user is signed in."""
    return Listing.of(users.sessions(work, user_id), SessionOut.of)


@api.get("/v1/users/{user_id}/grants", scope=Scope.BILLING_ADMIN, answers=GrantOut, many=True)
def list_user_grants(user_id: str, work: CurrentWork) -> Listing:
    """List what OAuth clients may do in a user's name, newest first."""
    found = users.grants(work, users.get(work, user_id))
    return Listing.of(Page(found, None, len(found)), GrantOut.of)


@api.delete("/v1/users/{user_id}/grants/{grant_id}", scope=Scope.BILLING_ADMIN, answers=GrantOut)
def end_user_grant(user_id: str, grant_id: str, work: CurrentWork) -> GrantOut:
    """Take back what a client may do in a user's name; its access tokens are refused from now on."""
    return GrantOut.of(users.end_grant(work, user_id, grant_id))


@api.delete("/v1/users/{user_id}/sessions/{session_id}", scope=Scope.BILLING_ADMIN, answers=SessionOut)
def end_user_session(user_id: str, session_id: str, work: CurrentWork) -> SessionOut:
    """Sign a user out of one browser."""
    return SessionOut.of(users.end_session(work, user_id, session_id))


lambda_handler = api.lambda_handler
