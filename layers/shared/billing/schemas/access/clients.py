"""OAuth clients: the shapes of their requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from billing.domain.access.oauth_client import ClientType, GrantType, OAuthClient
from billing.schemas.base import Immutable, Name, Request, Resource, Time, not_null, unsaid
from billing.services.access.clients import NewClient

GrantName = Literal["authorization_code", "refresh_token", "client_credentials"]
ScopeName = Literal["billing:read", "billing:write", "subscriptions:manage", "payments:process", "billing:admin"]
RedirectUri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512),
    Field(
        description="where answers may go, exactly: https; http only to 127.0.0.1 or [::1], there with any port; or an"
        " app's own scheme (com.example.app:/done)",
        examples=["https://app.example/oauth/done"],
    ),
]
Grants = Annotated[list[GrantName], Field(min_length=1, max_length=3)]
Redirects = Annotated[list[RedirectUri], Field(max_length=10)]
Scopes = Annotated[list[ScopeName], Field(min_length=1, max_length=5)]


class OAuthClientIn(Request):
    name: Name
    type: Annotated[
        Literal["confidential", "public"],
        Field(description="public: it runs at the user's, where a secret would not be one"),
    ]
    grant_types: Grants
    redirect_uris: Redirects = []
    scopes: Annotated[Scopes, Field(description="the most that a token of its may have")]

    def new(self) -> NewClient:
        """As the service takes it."""
        return NewClient(
            name=self.name,
            type=ClientType(self.type),
            grant_types=tuple(map(GrantType, self.grant_types)),
            redirect_uris=tuple(self.redirect_uris),
            scopes=tuple(self.scopes),
        )


class OAuthClientChanges(Request):
    name: Annotated[Name | None, not_null(Name)] = unsaid()
    grant_types: Annotated[Grants | None, not_null(Grants)] = unsaid()
    redirect_uris: Annotated[Redirects | None, not_null(Redirects)] = unsaid()
    scopes: Annotated[Scopes | None, not_null(Scopes)] = unsaid()
    status: Annotated[Literal["active", "disabled"] | None, not_null(Literal["active", "disabled"])] = unsaid()
    type: Immutable = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the entity's field names."""
        said = self.model_dump(exclude_unset=True)
        if "grant_types" in said:
            said["grant_types"] = tuple(map(GrantType, said["grant_types"]))
        return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


class OAuthClientOut(Resource):
    id: str
    name: str
    type: str
    grant_types: list[str]
    redirect_uris: list[str]
    scopes: list[str]
    status: str
    created_at: Time
    version: int
    secret: str | None = Field(default=None, description="only in the answers that make one; it cannot be read again")

    @classmethod
    def of(cls, client: OAuthClient, secret: str | None = None) -> "OAuthClientOut":
        """A client, with its secret where that was made just now."""
        return cls(
            id=client.id,
            name=client.name,
            type=client.type.value,
            grant_types=[each.value for each in client.grant_types],
            redirect_uris=list(client.redirect_uris),
            scopes=list(client.scopes),
            status=client.status,
            created_at=client.created_at,
            version=client.version,
            secret=secret,
        )
