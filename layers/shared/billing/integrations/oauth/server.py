"""The OAuth server: Authlib's, without a framework, corrected where it takes more than may be taken.

what Authlib does                                           what is done here
---------------------------------------------------------   ------------------------------------------------------
client_credentials grants any scope of the server           ``Tokens.for_client``: what the client may have
a challenge without a method is "plain"                     ``S256``: the method is said, and is S256
without a challenge, a code is issued                       ``S256``: refused for every client
/token reads the query; the last of equal parameters wins   ``Request``: the body alone; the edge refuses doubles
fewer scopes on refresh narrow the grant for good           ``Grant.rotated``: its scopes stay
no new refresh token                                        ``_RefreshGrant``
saves a token, then deletes the code                        one unit of work, one commit
two ways to authenticate are tried in turn                  the edge authenticates; more than one way is refused
an unknown token_type_hint is an error                      ``_Revocation``: it is a hint
errors repeat what was sent, or raise ValueError over it    fixed texts (``OAuthAnswer.of``)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from billing.domain.access.grant import CODE_LIFE, AuthorizationCode, Grant, Session, code_id
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.scopes import Scope
from billing.domain.access.user import User
from billing.integrations.oauth.adapters import Client, Code, Credential, Request
from billing.services.access.authorization import AuthorizationRefused, AuthorizationRequest, ClientAuthentication
from billing.services.access.oauth import OAuthAnswer, OAuthError
from billing.services.access.tokens import Tokens, may_act, scopes_in
from billing.services.kernel.work import Ref, Work

_METHODS = ["client_secret_basic", "client_secret_post", "none"]
_LONGEST_STATE = 2048


class S256(CodeChallenge):  # type: ignore[misc]
    """PKCE for every client, by the one method that hides the verifier."""

    DEFAULT_CODE_CHALLENGE_METHOD = None
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    CODE_CHALLENGE_METHODS = {"S256": CodeChallenge.CODE_CHALLENGE_METHODS["S256"]}  # noqa: RUF012 - Authlib's

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        challenge = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or len(challenge) != 43:  # 256 bits in base64url
            raise OAuthError("invalid_request")
        super().validate_code_challenge(grant, redirect_uri)


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server for one request."""

    def __init__(self, tokens: Tokens, work: Work | None, client: OAuthClient) -> None:
        known = {each.value for each in Scope if each is not Scope.PLATFORM} | set(client.scopes)
        super().__init__(scopes_supported=sorted(known))
        self.tokens = tokens
        self.work = work
        self._client = client
        self.register_grant(_CodeGrant, [S256(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientGrant)
        self.register_endpoint(_Revocation)

    def query_client(self, client_id: str) -> Client | None:
        return Client(self._client) if client_id == self._client.id else None

    def authenticate_client(self, request: Request, methods: list[str], endpoint: str = "token") -> Client:
        client = Client(self._client)
        if not client.check_endpoint_auth_method(request.auth_method or "none", endpoint):
            raise OAuthError("invalid_client")
        request.client = client
        return client

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> OAuthAnswer:
        return OAuthAnswer(status, dict(body))

    def handle_error_response(self, request: Request, error: OAuth2Error) -> OAuthAnswer:
        return OAuthAnswer.of(error.error)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _acting(work: Work, granted: AuthorizationCode | Grant) -> User:
    """The user for whom it still speaks, also when what comes of it is committed.

    A code that was on its way when its user was signed out everywhere, or chose another password, is worth nothing.
    """
    ref = Ref(User, granted.tenant_id, granted.user_id)
    user = work.load(ref).get(ref)
    if user is None or not may_act(granted, user):
        raise OAuthError("invalid_grant")
    work.rely_on(user)
    return user


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    _made: Grant | None

    def query_authorization_code(self, code: str, client: Client) -> Code:
        return Code(self.server.tokens.code(self.server.work, client.of, code))

    def authenticate_user(self, authorization_code: Code) -> User:
        return _acting(self.server.work, authorization_code.of)

    def generate_token(self, user: User, **_: Any) -> dict[str, Any]:  # type: ignore[override, unused-ignore]
        code: Code = self.request.authorization_code
        issued, self._made = self.server.tokens.redeem(self.server.work, self.client.of, code.of, user)
        body: dict[str, Any] = issued.body
        return body

    def save_token(self, token: Any) -> None:
        if self._made is not None:
            self.server.work.save(self._made)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        work: Work = self.server.work
        work.save(replace(authorization_code.of, used_at=work.now))

    @staticmethod
    def validate_authorization_redirect_uri(request: Request, client: Client) -> str:
        uri = request.payload.redirect_uri
        if not uri or not client.check_redirect_uri(uri):
            raise AuthorizationRefused("invalid_request")
        return str(uri)


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    _rotated: Grant | None = None

    def authenticate_refresh_token(self, refresh_token: str) -> Credential:
        return Credential(*self.server.tokens.grant(self.server.work, self.client.of, refresh_token))

    def authenticate_user(self, credential: Credential) -> User:
        return _acting(self.server.work, credential.of)

    def issue_token(self, user: User, credential: Credential) -> dict[str, Any]:
        issued, self._rotated = self.server.tokens.refresh(
            self.server.work, self.client.of, credential.of, credential.presented, user, self.request.payload.scope
        )
        body: dict[str, Any] = issued.body
        return body

    def save_token(self, token: Any) -> None:
        if self._rotated is not None:
            self.server.work.save(self._rotated)

    def revoke_old_credential(self, refresh_token: Credential) -> None:
        """The grant says which one is good."""


class _ClientGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def generate_token(self, scope: str | None = None, **_: Any) -> dict[str, Any]:  # type: ignore[override, unused-ignore]
        if self.client.of.secret_sha256 is None:
            raise OAuthError("unauthorized_client")
        body: dict[str, Any] = self.server.tokens.for_client(self.server.work, self.client.of, scope).body
        return body

    def save_token(self, token: Any) -> None:
        """A signed token is stored nowhere."""


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = _METHODS

    def authenticate_token(self, request: Request, client: Client) -> str:
        token = request.form.get("token")
        if not token:
            raise OAuthError("invalid_request")
        return token

    def revoke_token(self, token: str, request: Request) -> None:
        self.server.tokens.revoke(self.server.work, request.client.of, token)


@dataclass(frozen=True, slots=True)
class OAuthServer:
    """A ``services.access.authorization.AuthorizationServer``.

    Args:
        new_code: gives the secrets that codes are.
    """

    tokens: Tokens
    new_code: Any

    def token(self, work: Work, client: OAuthClient, how: ClientAuthentication, form: Mapping[str, str]) -> OAuthAnswer:
        server = _Server(self.tokens, work, client)
        return _answer(lambda: server.create_token_response(Request("POST", form, how.method)))

    def revoke(
        self, work: Work, client: OAuthClient, how: ClientAuthentication, form: Mapping[str, str]
    ) -> OAuthAnswer:
        server = _Server(self.tokens, work, client)
        return _answer(lambda: server.create_endpoint_response("revocation", Request("POST", form, how.method)))

    def introspect(self, work: Work, client: OAuthClient, form: Mapping[str, str]) -> OAuthAnswer:
        if client.secret_sha256 is None:
            return OAuthAnswer.of("invalid_client")
        if not form.get("token"):
            return OAuthAnswer.of("invalid_request")
        return OAuthAnswer(200, self.tokens.introspect(work, form["token"]))

    def request(self, client: OAuthClient, query: Mapping[str, str]) -> AuthorizationRequest:
        uri = query.get("redirect_uri", "")
        if not client.is_active or not client.may_redirect_to(uri):
            raise AuthorizationRefused("invalid_request")  # told to the user alone: whose address that is, nobody knows
        state = query.get("state")
        if query.get("response_type") != "code":
            known = "response_type" in query
            raise AuthorizationRefused("unsupported_response_type" if known else "invalid_request", uri)
        if len(state or "") > _LONGEST_STATE or query.get("response_mode", "query") != "query" or "request" in query:
            raise AuthorizationRefused("invalid_request", uri)
        request = Request("GET", query)
        try:
            _Server(self.tokens, None, client).get_consent_grant(request)
        except (OAuth2Error, OAuthError) as error:
            raise AuthorizationRefused(error.error, uri) from error
        asked = scopes_in(request.scope, with_platform=Scope.PLATFORM in client.scopes)
        scopes = asked or (client.scopes if client.is_built_in else ())
        is_silent = client.is_built_in and query.get("prompt") == "none"
        return AuthorizationRequest(client, uri, scopes, query["code_challenge"], state, is_silent)

    def allow(self, work: Work, asked: AuthorizationRequest, user: User, session: Session | None = None) -> str:
        # What the page showed: a role that is raised later gives a client nothing that nobody was asked about.
        scopes = tuple(each for each in asked.scopes if each in {scope.value for scope in user.scopes})
        if not scopes:
            return self.error_uri(asked.redirect_uri, "invalid_scope", asked.state)
        work.rely_on(user)
        code = f"ac_{self.new_code()}"
        work.save(
            AuthorizationCode(
                id=code_id(code),
                tenant_id=asked.client.tenant_id,
                grant_id=_grant_id(work, asked.client, session),
                client_id=asked.client.id,
                user_id=user.id,
                redirect_uri=asked.redirect_uri,
                scopes=scopes,
                challenge=asked.challenge,
                expires_at=work.now + CODE_LIFE,
            )
        )
        return self._with(asked.redirect_uri, {"code": code}, asked.state)

    def is_of_session(self, work: Work, token: str, session: Session) -> bool:
        return self.tokens.is_of_session(work, token, session)

    def error_uri(self, asked_uri: str, error: str, state: str | None) -> str:
        body = OAuthAnswer.of(error).body
        return self._with(asked_uri, body, state if len(state or "") <= _LONGEST_STATE else None)

    def _with(self, uri: str, values: Mapping[str, str], state: str | None) -> str:
        """The redirect URI with an answer; each says who answers (RFC 9207), so that no client mixes two up."""
        parts = urlsplit(uri)
        more = {**values, **({"state": state} if state is not None else {}), "iss": self.tokens.signer.issuer}
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *more.items()])
        return urlunsplit(parts._replace(query=query))


def _grant_id(work: Work, client: OAuthClient, session: Session | None) -> str:
    """The id of the grant that a code becomes; what is built in has the session for one."""
    if not client.is_built_in:
        return work.fresh_id("grt")
    assert session is not None, "the dashboard acts under a session"
    return session.id


def _answer(action: Any) -> OAuthAnswer:
    """An answer; an error, too, is one, and what was staged beside it is committed."""
    try:
        answer: OAuthAnswer = action()
    except OAuthError as error:
        return OAuthAnswer.of(error.error)
    except OAuth2Error as error:
        return OAuthAnswer.of(error.error)
    return answer
