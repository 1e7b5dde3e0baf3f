"""API keys in the API."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from billing.domain.access.api_key import LONGEST_OVERLAP_S, MOST_NETWORKS
from billing.schemas.access.networks import Network
from billing.schemas.base import Metadata, Name, Request, Resource, Time, TimeIn
from billing.services.access.keys import KeyView, NewKey, unknown_scopes

Expiry = Annotated[TimeIn | None, Field(description="until when it works; without end where it is not said")]
GivenScope = Annotated[str, Field(max_length=40)]


class ApiKeyIn(Request):
    name: Name
    scope: Annotated[
        Literal["read", "write", "admin", "platform"],
        Field(description="what it may do; `platform` is for the platform's own keys"),
    ]
    scopes: Annotated[
        list[GivenScope] | None,
        Field(
            min_length=1, max_length=6, description="only these of what its `scope` grants; all where it is not said"
        ),
    ] = None
    expires_at: Expiry = None
    ip_allow_list: Annotated[
        list[Network], Field(max_length=MOST_NETWORKS, description="from where it works; from everywhere if empty")
    ] = []
    require_signature: Annotated[
        bool, Field(description="whether each request with it has to be signed; the answer has the secret for that")
    ] = False
    metadata: Metadata = {}

    @field_validator("scopes", mode="after")
    @classmethod
    def _are_of_its_scope(cls, value: list[str] | None, info: ValidationInfo) -> list[str] | None:
        scope = info.data.get("scope")
        bad = unknown_scopes(scope, value) if scope and value else []
        if bad and value:
            reason = PydanticCustomError("not_of_its_scope", "what its scope grants")
            problems = [InitErrorDetails(type=reason, loc=(n,), input=value[n]) for n in bad]
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return value

    def new(self) -> NewKey:
        """The key that is asked for."""
        return NewKey(
            name=self.name,
            scope=self.scope,
            scopes=tuple(dict.fromkeys(self.scopes or ())),
            expires_at=self.expires_at,
            networks=tuple(dict.fromkeys(self.ip_allow_list)),
            signs=self.require_signature,
            metadata=self.metadata,
        )


class RotationIn(Request):
    overlap_seconds: Annotated[
        int | None,
        Field(
            ge=0,
            le=LONGEST_OVERLAP_S,
            description="how long the old key works beside the new one; a day where it is not said, and 0 for a key"
            " that leaked: it is revoked at once",
        ),
    ] = None
    expires_at: Annotated[
        TimeIn | None,
        Field(description="until when the new key works; where it is not said, as long as the old one was made for"),
    ] = None


class ApiKeyOut(Resource):
    id: str
    name: str
    hint: Annotated[str | None, Field(description="how the key begins and ends")]
    scope: str
    scopes: Annotated[list[str], Field(description="what it may do")]
    status: Annotated[str, Field(description="`active`, `expired` or `revoked`")]
    expires_at: Time | None
    revoked_at: Time | None
    replaced_by: Annotated[str | None, Field(description="the key that it was rotated to")]
    ip_allow_list: list[str]
    require_signature: bool
    last_used_on: Annotated[date | None, Field(description="the day (UTC) of its last call")]
    created_by: str | None
    created_at: Time
    metadata: dict[str, str]
    version: int
    key: Annotated[str | None, Field(description="the key itself, in the answer to the request that made it")] = None
    signing_secret: Annotated[str | None, Field(description="as `key`; null where requests need no signature")] = None

    @classmethod
    def of(cls, view: KeyView) -> "ApiKeyOut":
        key = view.key
        return cls(
            id=key.id,
            name=key.name,
            hint=key.hint,
            scope=key.scope,
            scopes=sorted(key.granted),
            status=view.status,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            replaced_by=key.replaced_by,
            ip_allow_list=list(key.networks),
            require_signature=key.sealed_signing_secret is not None,
            last_used_on=view.last_used_on,
            created_by=key.created_by,
            created_at=key.created_at,
            metadata=key.metadata,
            version=key.version,
            key=view.text,
            signing_secret=view.signing_secret,
        )
