"""Users: the shapes of their requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import Field

from billing.domain.access.grant import Grant, Session
from billing.domain.access.user import Role, User, UserStatus
from billing.schemas.base import Email, Immutable, Name, Request, Resource, Time, not_null, unsaid

RoleName = Annotated[
    Literal["platform_admin", "admin", "finance", "support", "read_only"],
    Field(description="platform_admin: of the platform's own users; only who has the scope platform makes one"),
]
StatusName = Literal["active", "disabled"]


class UserIn(Request):
    email: Email
    name: Name | None = None
    role: RoleName


class UserChanges(Request):
    name: Name | None = unsaid()
    role: Annotated[RoleName | None, not_null(RoleName)] = unsaid()
    status: Annotated[StatusName | None, not_null(StatusName)] = unsaid()
    email: Immutable = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the entity's field names."""
        said = self.model_dump(exclude_unset=True)
        kinds = {"role": Role, "status": UserStatus}
        return {name: kinds[name](value) if name in kinds else value for name, value in said.items()}


class UserOut(Resource):
    id: str
    email: str
    name: str | None
    role: str
    scopes: list[str]
    status: str
    uses_authenticator: bool
    created_at: Time
    version: int

    @classmethod
    def of(cls, user: User) -> "UserOut":
        """A user; no secret of theirs."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role.value,
            scopes=sorted(each.value for each in user.scopes),
            status=user.status.value,
            uses_authenticator=user.totp_secret is not None,
            created_at=user.created_at,
            version=user.version,
        )


class GrantOut(Resource):
    id: str
    client_id: str
    scopes: list[str]
    created_at: Time
    expires_at: Time
    revoked_at: Time | None

    @classmethod
    def of(cls, grant: Grant) -> "GrantOut":
        """What a client may do in a user's name."""
        return cls(
            id=grant.id,
            client_id=grant.client_id,
            scopes=list(grant.scopes),
            created_at=grant.created_at,
            expires_at=grant.expires_at,
            revoked_at=grant.revoked_at,
        )


class SessionOut(Resource):
    id: str
    created_at: Time
    last_seen_at: Time
    expires_at: Time

    @classmethod
    def of(cls, session: Session) -> "SessionOut":
        """A browser in which a user is signed in."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_seen_at=session.seen_at,
            expires_at=session.expires_at,
        )
