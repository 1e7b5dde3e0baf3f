"""The OAuth endpoints that programs call: tokens, revocation, introspection, keys, metadata."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.domain import dashboard
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.scopes import Scope
from billing.domain.access.signing_keys import SigningKeys
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.oauth.client import client_of
from billing.services.access.authorization import AuthorizationServer, ClientAuthentication
from billing.services.access.dashboard import find_client
from billing.services.access.form_limits import OF_ADDRESS, OF_CLIENT, KnownClient
from billing.services.access.oauth import OAuthAnswer, OAuthError
from billing.services.kernel.work import Work

TOKEN, REVOKE, INTROSPECT = "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"
AUTHORIZE, KEYS, METADATA = "/oauth2/authorize", "/oauth2/jwks", "/.well-known/oauth-authorization-server"
_Answers = Callable[[Work, OAuthClient, ClientAuthentication, Mapping[str, str]], OAuthAnswer]


@dataclass(frozen=True, slots=True)
class Protocol:
    """The handlers.

    Args:
        issuer: the stack's own address; empty where it issues no tokens.
        keys: gives the signing keys, made where there are none.
    """

    server: AuthorizationServer
    issuer: str
    keys: Callable[[], SigningKeys]
    clock: Callable[[], datetime]

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("POST", TOKEN, lambda call: self._of_client(call, self.server.token))
        api.route("POST", REVOKE, lambda call: self._of_client(call, self.server.revoke))
        api.route("POST", INTROSPECT, lambda call: self._of_client(call, self._introspected))
        api.route("GET", KEYS, self._published_keys)
        api.route("GET", METADATA, self._metadata)

    def _introspected(
        self, work: Work, client: OAuthClient, how: ClientAuthentication, form: Mapping[str, str]
    ) -> OAuthAnswer:
        return self.server.introspect(work, client, form)

    def _of_client(self, call: FormCall, answers: _Answers) -> FormResponse:
        """A request that a client authenticates. A stranger's is counted on the address."""
        basic = call.request.headers.get("authorization") is not None
        try:
            if not self.issuer:
                return FormResponse.error("temporarily_unavailable")
            form = call.request.form()
            how = client_of(call.request, form)
            is_public = how.method == "none"
            # Before it counts on the client, whose id anybody knows and would use its limit up with. A code of the
            # dashboard's is one that a session was counted for: what is not good is counted when that is known.
            if is_public and not (call.request.path == TOKEN and dashboard.tenant_of(how.client_id)):
                call.count_address(OF_ADDRESS)
            known = call.edge.limits.client(how.client_id, how.secret, OF_CLIENT)
        except OAuthError as error:
            call.count_address(OF_ADDRESS)
            return FormResponse.error(error.error, basic)
        if known is None:
            if not is_public:
                call.count_address(OF_ADDRESS)
            return FormResponse.error("invalid_client", basic)
        self.keys()
        response = self._committed(call, known, how, form, answers)
        if is_public and response.status != 200:
            call.count_address(OF_ADDRESS)  # after the commit: a code that came twice has ended its session
        return response

    def _committed(
        self,
        call: FormCall,
        known: KnownClient,
        how: ClientAuthentication,
        form: Mapping[str, str],
        answers: _Answers,
    ) -> FormResponse:
        def answered(work: Work) -> FormResponse:
            client = find_client(work, known.id, self.issuer)
            if client is None or not client.is_active:
                return FormResponse.error("invalid_client")
            return FormResponse.of(answers(work, client, how, form))

        try:
            return call.in_unit(known.tenant_id, known.id, answered)
        except OAuthError as error:
            return FormResponse.error(error.error)

    def _published_keys(self, call: FormCall) -> FormResponse:
        call.count_address(OF_ADDRESS)
        if not self.issuer:
            return FormResponse.error("temporarily_unavailable")
        published = [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid, "n": key.modulus, "e": key.exponent}
            for key, _ in self.keys().published(self.clock())
        ]
        return _public({"keys": published})

    def _metadata(self, call: FormCall) -> FormResponse:
        call.count_address(OF_ADDRESS)
        if not self.issuer:
            return FormResponse.error("temporarily_unavailable")
        methods = ["client_secret_basic", "client_secret_post"]
        return _public(
            {
                "issuer": self.issuer,
                "authorization_endpoint": self.issuer + AUTHORIZE,
                "token_endpoint": self.issuer + TOKEN,
                "revocation_endpoint": self.issuer + REVOKE,
                "introspection_endpoint": self.issuer + INTROSPECT,
                "jwks_uri": self.issuer + KEYS,
                "scopes_supported": [each.value for each in Scope if each is not Scope.PLATFORM],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [*methods, "none"],
                "revocation_endpoint_auth_methods_supported": [*methods, "none"],
                "introspection_endpoint_auth_methods_supported": methods,
                "authorization_response_iss_parameter_supported": True,
                "service_documentation": self.issuer + "/docs",
            }
        )


def _public(document: dict[str, Any]) -> FormResponse:
    text = json.dumps(document, separators=(",", ":"))
    return FormResponse(200, text, headers={"Cache-Control": "public, max-age=300", "Pragma": "public"})
