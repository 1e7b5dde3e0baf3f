"""Tokens: issued, refreshed, revoked and looked into.

An access token is a signed text that nobody stores. A refresh token is ``rt_GRANT.GENERATION.PROOF``, and nobody stores
it either: the proof is derived from a key of the tenant's, the grant and the generation, so that the answer to a
repeated refresh is the same answer, byte for byte. What is stored is which generation is good.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from billing.domain import dashboard
from billing.domain.access.grant import GRANT_LIFE, AuthorizationCode, Grant, Issued, Presented, Session, code_id
from billing.domain.access.oauth_client import GrantType, OAuthClient
from billing.domain.access.scopes import Scope
from billing.domain.access.signing_keys import KEPT_AFTER, TOKEN_LIFE
from billing.domain.access.user import User
from billing.domain.kernel.errors import Unauthenticated
from billing.services.access.dashboard import end_session, find_client, find_session
from billing.services.access.oauth import OAuthError
from billing.services.kernel.work import Ref, Work

_LONGEST_TOKEN = 4096
_ORDER = {each.value: n for n, each in enumerate(Scope)}
_PURPOSE = "refresh token"


class TokenSigner(Protocol):
    """Signs access tokens, and reads those that it signed."""

    @property
    def issuer(self) -> str:
        """The ``iss`` of its tokens."""

    def sign(self, claims: dict[str, Any], now: datetime) -> str:
        """The token.

        Raises:
            Unavailable: the key service does not answer.
        """

    def claims(self, token: str, now: datetime) -> dict[str, Any]:
        """What a token of ours says.

        Raises:
            Unauthenticated: it is none, or has expired.
        """


class Revocations(Protocol):
    """What the first beat knows of revoked tokens."""

    def is_revoked(self, caller_id: str, grant_id: str) -> bool:
        """Whether tokens of a grant (a client's own: the token of this ``jti``) are refused."""


class Derivation(Protocol):
    """Derives secrets from a tenant's key."""

    def derived(self, tenant_id: str, purpose: str, text: str) -> str:
        """The same secret for the same text, base64url; nobody without the key can make it."""


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a client gets."""

    access_token: str
    scopes: tuple[str, ...]
    refresh_token: str | None = None
    life: timedelta = TOKEN_LIFE

    @property
    def body(self) -> dict[str, Any]:
        """As RFC 6749 wants it."""
        body: dict[str, Any] = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": int(self.life.total_seconds()),
            "scope": " ".join(self.scopes),
        }
        return body if self.refresh_token is None else {**body, "refresh_token": self.refresh_token}


def scopes_in(text: str | None, *, with_platform: bool = False) -> tuple[str, ...]:
    """The scopes that a text names, each once, in one order.

    Args:
        with_platform: whether ``platform`` is one: in the platform's dashboard alone.

    Raises:
        OAuthError: one of them does not exist.
    """
    names = set((text or "").split(" ")) - {""}
    if not names <= _ORDER.keys() - (set() if with_platform else {Scope.PLATFORM.value}):
        raise OAuthError("invalid_scope")
    return in_order(names)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Scopes in the order in which they are always told."""
    return tuple(sorted(names, key=lambda each: _ORDER.get(each, len(_ORDER))))


def may_act(grant: Grant | AuthorizationCode, user: User) -> bool:
    """Whether a grant still speaks for its user, who may have been disabled or signed out everywhere since."""
    return user.is_active and (user.signed_out_at is None or grant.created_at > user.signed_out_at)


def end_grant(work: Work, grant: Grant) -> Grant:
    """End a grant now: its refresh tokens, and the access tokens that were issued under it."""
    if grant.revoked_at is not None:
        return grant
    user_ref = Ref(User, grant.tenant_id, grant.user_id)
    user = work.load(user_ref).get(user_ref)
    if user is not None:
        work.revoke_grant(user.caller, grant.id, work.now + KEPT_AFTER)
    return work.save(replace(grant, revoked_at=work.now))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The use cases; each stages what it changes, and has signed before anything is committed."""

    signer: TokenSigner
    secrets: Derivation
    revocations: Revocations

    # --- a client for itself --------------------------------------------------------------------------------------

    def for_client(self, work: Work, client: OAuthClient, scope: str | None) -> IssuedTokens:
        """A token of the client's own: what it asks for, or all that it may have.

        Raises:
            OAuthError: it asks for more than it may have.
        """
        scopes = scopes_in(scope) or client.scopes
        if not scopes or not set(scopes) <= set(client.scopes):
            raise OAuthError("invalid_scope")
        issued = Issued(work.fresh_id("tok"), work.now, scopes)
        return IssuedTokens(self._access_token(client, client.id, issued, {}), scopes)

    # --- a client for a user --------------------------------------------------------------------------------------

    def code(self, work: Work, client: OAuthClient, code: str) -> AuthorizationCode:
        """An authorization code that is good.

        Raises:
            OAuthError: it is not. One that comes a second time ends the grant that came of it.
        """
        ref = Ref(AuthorizationCode, work.tenant.id, code_id(code))
        found = work.load(ref).get(ref)
        if found is None or found.client_id != client.id:
            raise OAuthError("invalid_grant")
        if found.used_at is not None:
            self._end_named(work, found.grant_id)
            raise OAuthError("invalid_grant")
        if found.expires_at <= work.now:
            raise OAuthError("invalid_grant")
        return found

    def redeem(
        self, work: Work, client: OAuthClient, code: AuthorizationCode, user: User
    ) -> tuple[IssuedTokens, Grant | None]:
        """The tokens for a code, and the grant to be saved with its use; None where the session is the grant.

        Raises:
            OAuthError: nothing of what was granted is left, or the session has ended.
        """
        scopes = self._now_granted(code.scopes, client, user)
        if client.is_built_in:
            return self._of_session(work, client, code.grant_id, user, scopes), None
        issued = Issued(work.fresh_id("tok"), work.now, scopes)
        grant = Grant(
            id=code.grant_id,
            tenant_id=code.tenant_id,
            client_id=client.id,
            user_id=user.id,
            scopes=code.scopes,
            created_at=work.now,
            expires_at=work.now + GRANT_LIFE,
            rotated_at=work.now,
            issued=issued,
        )
        return self._of_grant(client, grant), grant

    def grant(self, work: Work, client: OAuthClient, refresh_token: str) -> tuple[Grant, Presented]:
        """The grant of a refresh token, and whether it comes for the first time.

        Raises:
            OAuthError: it is not good. One that was used before ends the grant.
        """
        grant_id, generation, proof = _parts(refresh_token)
        ref = Ref(Grant, work.tenant.id, grant_id)
        found = work.load(ref).get(ref)
        if found is None or not hmac.compare_digest(self._proof(found, generation), proof):
            raise OAuthError("invalid_grant")
        if found.client_id != client.id or generation > found.generation or not found.is_good(work.now):
            raise OAuthError("invalid_grant")
        presented = found.presented(generation, work.now)
        if presented is Presented.REUSED:
            self.end(work, found)
            raise OAuthError("invalid_grant")
        return found, presented

    def refresh(
        self, work: Work, client: OAuthClient, grant: Grant, presented: Presented, user: User, scope: str | None
    ) -> tuple[IssuedTokens, Grant | None]:
        """Fresh tokens, and the grant to be saved; None where this is the answer that was given before.

        Raises:
            OAuthError: it asks for more than was granted, or nothing of it is left.
        """
        asked = scopes_in(scope) or grant.scopes
        if not set(asked) <= set(grant.scopes):
            raise OAuthError("invalid_scope")
        scopes = self._now_granted(asked, client, user)
        if presented is Presented.REPEATED:
            # A role that was lowered within the 30 seconds counts, too: then it is another token.
            kept = tuple(each for each in grant.issued.scopes if each in scopes) if scope is None else scopes
            again = replace(grant, issued=replace(grant.issued, scopes=kept or scopes))
            return self._of_grant(client, again), None
        rotated = grant.rotated(Issued(work.fresh_id("tok"), work.now, scopes), work.now)
        return self._of_grant(client, rotated), rotated

    # --- the end --------------------------------------------------------------------------------------------------

    def revoke(self, work: Work, client: OAuthClient, token: str) -> None:
        """End what a token is of, if it is the client's (RFC 7009): its grant, or a token of the client's own."""
        if token.startswith("rt_"):
            grant = self._of_token(work, token)
            if grant is not None and grant.client_id == client.id:
                self.end(work, grant)
            return
        claims = self._own_claims(work, token)
        if claims is None or claims.get("client_id") != client.id:
            return
        if "gid" not in claims:
            work.revoke_grant(client.caller, claims["jti"], work.now + KEPT_AFTER)
            return
        self._end_named(work, claims["gid"])

    def is_of_session(self, work: Work, token: str, session: Session) -> bool:
        """Whether this is an access token that the browser of a session has got, and that is good."""
        claims = self._own_claims(work, token)
        return claims is not None and claims.get("gid") == session.id

    def _end_named(self, work: Work, grant_id: str) -> None:
        """End a grant, or the session that is one."""
        ref = Ref(Grant, work.tenant.id, grant_id)
        grant, session = work.load(ref).get(ref), find_session(work, grant_id)
        if grant is not None:
            self.end(work, grant)
        if session is not None:
            end_session(work, session)

    @staticmethod
    def end(work: Work, grant: Grant) -> None:
        """End a grant now."""
        end_grant(work, grant)

    def introspect(self, work: Work, token: str) -> dict[str, Any]:
        """What a token of this tenant's is good for now (RFC 7662); only that it is not, where it is not."""
        if token.startswith("rt_"):
            grant = self._of_token(work, token)
            _, generation, _ = _parts(token) if grant else ("", 0, "")
            if grant is None or not grant.is_good(work.now) or generation != grant.generation:
                return {"active": False}
            user = self._user(work, grant)
            if user is None or not may_act(grant, user):
                return {"active": False}
            return {
                "active": True,
                "client_id": grant.client_id,
                "sub": grant.user_id,
                "scope": " ".join(grant.scopes),
                "exp": int(grant.expires_at.timestamp()),
                "token_type": "refresh_token",
            }
        claims = self._own_claims(work, token)
        if claims is None or not self._still_granted(work, claims):
            return {"active": False}
        told = ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti")
        return {"active": True, "token_type": "Bearer", **{name: claims[name] for name in told}}

    # --- parts ----------------------------------------------------------------------------------------------------

    def _still_granted(self, work: Work, claims: dict[str, Any]) -> bool:
        client = find_client(work, claims["client_id"], self.signer.issuer)
        if client is None or not client.is_active or not _is_after(claims["iat"], client.tokens_after):
            return False
        if "gid" not in claims:
            return not self.revocations.is_revoked(client.caller.id, claims["jti"])
        ref, user_ref = Ref(Grant, work.tenant.id, claims["gid"]), Ref(User, work.tenant.id, claims["sub"])
        found = work.load(ref, user_ref)
        grant, user = found.get(ref), found.get(user_ref)
        if user is None or not user.is_active or not _is_after(claims["iat"], user.tokens_after):
            return False
        if client.is_built_in:
            session = find_session(work, claims["gid"])
            return session is not None and session.is_good(work.now, user.signed_out_at)
        return grant is not None and grant.revoked_at is None and may_act(grant, user)

    def _of_token(self, work: Work, refresh_token: str) -> Grant | None:
        try:
            grant_id, generation, proof = _parts(refresh_token)
        except OAuthError:
            return None
        ref = Ref(Grant, work.tenant.id, grant_id)
        found = work.load(ref).get(ref)
        if found is None or not hmac.compare_digest(self._proof(found, generation), proof):
            return None
        return found

    def _own_claims(self, work: Work, token: str) -> dict[str, Any] | None:
        try:
            claims = self.signer.claims(token, work.now)
        except Unauthenticated:
            return None
        return claims if claims.get("tid") == work.tenant.id else None

    @staticmethod
    def _user(work: Work, grant: Grant) -> User | None:
        ref = Ref(User, grant.tenant_id, grant.user_id)
        return work.load(ref).get(ref)

    @staticmethod
    def _now_granted(scopes: Iterable[str], client: OAuthClient, user: User) -> tuple[str, ...]:
        """What is left of scopes by what the client and the user may have now."""
        left = in_order(set(scopes) & set(client.scopes) & {each.value for each in user.scopes})
        if not left:
            raise OAuthError("invalid_scope")
        return left

    def _of_session(
        self, work: Work, client: OAuthClient, session_id: str, user: User, scopes: tuple[str, ...]
    ) -> IssuedTokens:
        session = find_session(work, session_id)
        if session is None or not session.is_good(work.now, user.signed_out_at):
            raise OAuthError("invalid_grant")
        life = min(dashboard.TOKEN_LIFE, session.expires_at - work.now)
        # When the password was entered (RFC 9068, 2.2.1): what is dangerous asks for it again (RFC 9470).
        more = {"gid": session.id, "auth_time": int(session.authenticated_at.timestamp())}
        issued = Issued(work.fresh_id("tok"), work.now, scopes)
        return IssuedTokens(self._access_token(client, user.id, issued, more, life), scopes, life=life)

    def _of_grant(self, client: OAuthClient, grant: Grant) -> IssuedTokens:
        access = self._access_token(client, grant.user_id, grant.issued, {"gid": grant.id})
        refresh = None
        if GrantType.REFRESH_TOKEN in client.grant_types:
            refresh = f"rt_{grant.id}.{grant.generation}.{self._proof(grant, grant.generation)}"
        return IssuedTokens(access, grant.issued.scopes, refresh)

    def _access_token(
        self, client: OAuthClient, subject: str, issued: Issued, more: dict[str, Any], life: timedelta = TOKEN_LIFE
    ) -> str:
        at = int(issued.at.timestamp())
        claims = {
            "iss": self.signer.issuer,
            "aud": self.signer.issuer,
            "sub": subject,
            "client_id": client.id,
            "tid": client.tenant_id,
            "jti": issued.jti,
            "scope": " ".join(issued.scopes),
            "iat": at,
            "exp": at + int(life.total_seconds()),
            **more,
        }
        return self.signer.sign(claims, issued.at)

    def _proof(self, grant: Grant, generation: int) -> str:
        return self.secrets.derived(grant.tenant_id, _PURPOSE, f"{grant.id}/{generation}")


def _is_after(issued_at: int, ended_at: datetime | None) -> bool:
    return ended_at is None or issued_at > int(ended_at.timestamp())


def _parts(refresh_token: str) -> tuple[str, int, str]:
    """Grant, generation and proof.

    Raises:
        OAuthError: it is no refresh token.
    """
    parts = refresh_token.removeprefix("rt_").split(".") if len(refresh_token) <= _LONGEST_TOKEN else []
    if len(parts) != 3 or not refresh_token.isascii() or not parts[1].isdecimal() or len(parts[1]) > 9:
        raise OAuthError("invalid_grant")
    if str(int(parts[1])) != parts[1] or not parts[0]:
        raise OAuthError("invalid_grant")
    return parts[0], int(parts[1]), parts[2]
