"""Who acts for a tenant: its OAuth clients."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.users import new_client_secret
from billing.domain.access.oauth_client import OAuthClient
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.access.clients import OAuthClientChanges, OAuthClientIn, OAuthClientOut
from billing.schemas.base import Limit
from billing.schemas.parameters import Cursor
from billing.services.access.clients import Clients
from billing.services.kernel.work import Window

api = http_api("users")
clients = Clients(new_client_secret)


@api.post("/v1/oauth-clients", scope=Scope.BILLING_ADMIN, answers=OAuthClientOut)
def create_oauth_client(body: Annotated[OAuthClientIn, Body()], work: CurrentWork) -> OAuthClientOut:
    """Register an OAuth client; only this answer has its secret."""
    return OAuthClientOut.of(*clients.register(work, body.new()))


@api.get("/v1/oauth-clients", scope=Scope.BILLING_ADMIN, answers=OAuthClientOut, many=True)
def list_oauth_clients(work: CurrentWork, limit: Annotated[Limit, Query()] = 20, cursor: Cursor = None) -> Listing:
    """List OAuth clients, newest first."""
    return Listing.of(clients.page(work, Window(limit, cursor)), OAuthClientOut.of)


@api.get("/v1/oauth-clients/{client_id}", scope=Scope.BILLING_ADMIN, versioned=OAuthClient, answers=OAuthClientOut)
def get_oauth_client(client_id: str, work: CurrentWork) -> OAuthClientOut:
    """Retrieve an OAuth client."""
    return OAuthClientOut.of(clients.get(work, client_id))


@api.patch("/v1/oauth-clients/{client_id}", scope=Scope.BILLING_ADMIN, versioned=OAuthClient, answers=OAuthClientOut)
def update_oauth_client(
    client_id: str, body: Annotated[OAuthClientChanges, Body()], work: CurrentWork
) -> OAuthClientOut:
    """Change an OAuth client; a disabled one gets no tokens, and its own are refused at once."""
    return OAuthClientOut.of(clients.update(work, client_id, body.changes()))


@api.post("/v1/oauth-clients/{client_id}/rotate-secret", 200, scope=Scope.BILLING_ADMIN, answers=OAuthClientOut)
def rotate_oauth_client_secret(client_id: str, work: CurrentWork) -> OAuthClientOut:
    """Give an OAuth client another secret; the old one is worth nothing from now on."""
    return OAuthClientOut.of(*clients.rotate(work, client_id))


lambda_handler = api.lambda_handler
