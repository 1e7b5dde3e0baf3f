"""The dashboard, as an OAuth client: each tenant has it, and nobody has registered it.

It is made anew each time from the tenant's id alone. What is stored nowhere can be neither changed nor disabled, and is
in no list. Its grant is the session of the browser (``Session``): what ends the one ends the other.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from billing.domain.access.oauth_client import BUILT_IN, ClientType, GrantType, OAuthClient
from billing.domain.access.scopes import Scope
from billing.domain.tenant import PLATFORM

PATH = "/dashboard/"
TOKEN_LIFE = timedelta(minutes=15)
"""Half of the idle time of a session, so that one renewal may be missed; each of them says that the page is open."""
_NAME = "Ledgerline"
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def tenant_of(client_id: str) -> str | None:
    """The tenant whose dashboard this is the id of, if there is such a tenant; None for another client's id."""
    return client_id.removeprefix(BUILT_IN) if client_id.startswith(BUILT_IN) else None


def url_of(tenant_id: str, issuer: str) -> str:
    """Where a tenant's dashboard is."""
    return f"{issuer}{PATH}{quote(tenant_id, safe='')}/"


def client_of(tenant_id: str, issuer: str) -> OAuthClient:
    """The dashboard of a tenant, whether or not there is such a tenant.

    Args:
        issuer: the stack's own address, where the page is.
    """
    scopes = [each.value for each in Scope if each is not Scope.PLATFORM or tenant_id == PLATFORM]
    return OAuthClient(
        id=BUILT_IN + tenant_id,
        tenant_id=tenant_id,
        name=_NAME,
        type=ClientType.PUBLIC,
        grant_types=(GrantType.AUTHORIZATION_CODE,),
        redirect_uris=(issuer + PATH,),
        scopes=tuple(scopes),
        created_at=_SINCE,
    )
