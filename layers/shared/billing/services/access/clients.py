"""A tenant's OAuth clients: registered, changed, disabled; their secrets are shown once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from billing.domain.access.caller import digest
from billing.domain.access.oauth_client import ClientType, GrantType, OAuthClient
from billing.domain.access.redirects import may_be_registered
from billing.domain.access.scopes import Scope
from billing.domain.access.signing_keys import KEPT_AFTER
from billing.domain.access.user import User
from billing.domain.kernel.errors import Detail, Forbidden, InvalidState, ValidationFailed
from billing.services.access.tokens import in_order
from billing.services.kernel.recovery import Repeat
from billing.services.kernel.work import Page, Query, Ref, Window, Work, every

_PAGE = 100
_MOST_AT_ONCE = 90


@dataclass(frozen=True, slots=True)
class NewClient:
    """What a client is to be."""

    name: str
    type: ClientType
    grant_types: tuple[GrantType, ...]
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clients:
    """The use cases.

    Args:
        new_secret: gives a client's secret: 256 random bits.
    """

    new_secret: Callable[[], str]

    def register(self, work: Work, new: NewClient, allowed: frozenset[Scope]) -> tuple[OAuthClient, str | None]:
        """A client, and its secret if it has one: nobody can read it again.

        Args:
            allowed: what the caller may do; nobody makes a client that may do more.

        Raises:
            Forbidden: it is to do more than its maker.
            ValidationFailed: it could get no token so, or a redirect URI is none that answers may go to.
        """
        secret = self.new_secret() if new.type is ClientType.CONFIDENTIAL else None
        client = OAuthClient(
            id=work.fresh_id("cli"),
            tenant_id=work.tenant.id,
            name=new.name,
            type=new.type,
            grant_types=_each_once(new.grant_types),
            redirect_uris=tuple(dict.fromkeys(new.redirect_uris)),
            scopes=in_order(set(new.scopes)),
            created_at=work.now,
            secret_sha256=digest(secret) if secret is not None else None,
        )
        _check(client)
        check_reach(client.scopes, allowed)
        return work.save(client), secret

    def get(self, work: Work, client_id: str) -> OAuthClient:
        """A client.

        Raises:
            NotFound: there is none with this id.
        """
        ref = Ref(OAuthClient, work.tenant.id, client_id)
        return work.load(ref).require(ref)

    def page(self, work: Work, window: Window) -> Page[OAuthClient]:
        """Clients, newest first."""
        return work.query(window.query(OAuthClient))

    def update(self, work: Work, client_id: str, changes: dict[str, Any], allowed: frozenset[Scope]) -> OAuthClient:
        """The client with some of it changed; a disabled one gets no token.

        The tokens that it has, its own and those that users gave it, end at once; also where it may do less from now
        on.

        Raises:
            NotFound: there is none with this id.
            ValidationFailed: see ``register``.
        """
        client = self.get(work, client_id)
        changed = replace(client, **changes)
        changed = replace(changed, grant_types=_each_once(changed.grant_types), scopes=in_order(set(changed.scopes)))
        if changed == client:
            if _ended_lately(client, work.now):
                _end_tokens(work, client, 0)  # the request before may have been cut off in the middle
            return client
        _check(changed)
        check_reach(changed.scopes, allowed)
        does_less = bool(set(client.scopes) - set(changed.scopes)) or not changed.is_active
        if does_less:
            changed = replace(changed, tokens_after=work.now)
        saved = work.save(changed)
        if does_less:
            _end_tokens(work, saved, 1)
        return saved

    def rotate(self, work: Work, client_id: str, allowed: frozenset[Scope]) -> tuple[OAuthClient, str]:
        """The client with another secret; the old one is worth nothing from now on.

        Raises:
            Forbidden: it may do more than the caller, who would have its secret.
            NotFound: there is none with this id.
            InvalidState: it has no secret.
        """
        client = self.get(work, client_id)
        if client.type is ClientType.PUBLIC:
            raise InvalidState.of("oauth_client", "public", "given a secret")
        check_reach(client.scopes, allowed)
        secret = self.new_secret()
        return work.save(replace(client, secret_sha256=digest(secret))), secret


def _ended_lately(client: OAuthClient, now: datetime) -> bool:
    """Whether tokens of a client's were ended, of which one could still be good if that was cut off in the middle."""
    return client.tokens_after is not None and client.tokens_after + KEPT_AFTER > now


def _end_tokens(work: Work, client: OAuthClient, staged: int) -> None:
    """Have no access token be let in that a user gave this client until its ``tokens_after``.

    Each user's item says so: the update that identifies a token's user looks there. If there are more users than fit
    into one commit, some are committed on the way; repeating that is safe, for it is always the same time that is
    written. Each commit relies on the client: whoever has ended its tokens later is not overwritten.
    """
    until = (client.tokens_after or work.now) + KEPT_AFTER
    work.rely_on(client)
    for user in every(work, Query(User, limit=_PAGE)):
        if staged >= _MOST_AT_ONCE:
            work.checkpoint(Repeat())
            work.rely_on(client)
            staged = 0
        work.revoke_grant(user.caller, client.id, until)
        staged += 1


def check_reach(scopes: Iterable[str], allowed: frozenset[Scope]) -> None:
    """Refuse to let somebody else do what the caller may not.

    Raises:
        Forbidden: one of the scopes is not the caller's.
    """
    if not set(scopes) <= {each.value for each in allowed}:
        raise Forbidden("Nobody gives away more than they may do themselves")


def still_shown(tenant_id: str, client_id: str, secret: str | None) -> Callable[[Work], bool]:
    """Whether an answer may show a client's secret again: while it is the client's, and the client is active."""
    ref = Ref(OAuthClient, tenant_id, client_id)

    def check(work: Work) -> bool:
        client = work.load(ref).get(ref)
        return client is not None and client.is_active and bool(secret) and client.secret_sha256 == digest(secret or "")

    return check


def _each_once(grant_types: tuple[GrantType, ...]) -> tuple[GrantType, ...]:
    return tuple(each for each in GrantType if each in grant_types)


def _check(client: OAuthClient) -> None:
    problems = [
        Detail(f"redirectUris.{n}", "not_allowed")
        for n, uri in enumerate(client.redirect_uris)
        if not may_be_registered(uri)
    ]
    uses_code = GrantType.AUTHORIZATION_CODE in client.grant_types
    if uses_code and not client.redirect_uris:
        problems.append(Detail("redirectUris", "missing_required_field"))
    if not uses_code and client.redirect_uris:
        problems.append(Detail("redirectUris", "needs_authorization_code"))
    if GrantType.REFRESH_TOKEN in client.grant_types and not uses_code:
        problems.append(Detail("grantTypes", "refresh_needs_authorization_code"))
    if GrantType.CLIENT_CREDENTIALS in client.grant_types and client.type is ClientType.PUBLIC:
        problems.append(Detail("grantTypes", "needs_a_secret"))
    if problems:
        raise ValidationFailed.all(problems)
