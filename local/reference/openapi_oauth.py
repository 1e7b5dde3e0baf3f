"""The paths of the OAuth server: what programs call, and the pages that people see. Forms and HTML, no envelope.

Their handlers have no signatures to read (``billing.edge.oauth``); one test holds these paths to the routes that are
there, another calls each of them and looks whether the answer is described.
"""

from typing import Any

from local.reference.openapi_parts import REF

_AT_ROOT = {"servers": [{"url": "/"}]}
_ERRORS = {
    400: ("OauthRefused", "Not understood, or refused: RFC 6749, 5.2"),
    401: ("OauthInvalidClient", "The client is unknown, or did not authenticate as it has to"),
    403: ("OauthDenied", "The password is not right, nobody is signed in, or another site has sent it"),
    429: ("OauthLimited", "Too many requests from this client or address"),
    500: ("OauthFailed", "Our fault"),
    503: ("OauthUnavailable", "Something that this depends on is down, or the stack issues no tokens"),
}
_FORM = "application/x-www-form-urlencoded"


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_CLIENT = {
    "client_id": _text("where the client does not authenticate by HTTP Basic"),
    "client_secret": _text("a confidential client's, likewise"),
}
_TOKEN = _text("an access token or a refresh token")
_HINT = _text("not needed: a token says what it is", enum=["access_token", "refresh_token"])
_REQUEST = _text("the query with which the client sent the browser to `/oauth2/authorize`")
_CSRF = _text("of the page")
_PASSWORD = {"format": "password"}

_ASKED = {
    "client_id": _text("of `POST /v1/oauth-clients`; that of a tenant's dashboard is `dashboard.TENANT_ID`"),
    "redirect_uri": _text("one that is registered; of a loopback address any port"),
    "response_type": _text("", enum=["code"]),
    "code_challenge": _text("RFC 7636: base64url of the verifier's SHA-256", pattern="^[A-Za-z0-9_-]{43}$"),
    "code_challenge_method": _text("", enum=["S256"]),
    "scope": _text("separated by spaces; all of the client's where it is left out"),
    "state": _text("comes back as it is"),
    "prompt": _text("`none` shows the dashboard no page: `error` is `login_required` or `interaction_required` then"),
}
_NEEDED = ["client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method"]


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _body(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    described = {name: {k: v for k, v in each.items() if v != ""} for name, each in properties.items()}
    schema = {"type": "object", "required": required, "properties": described}
    return {"required": True, "content": {_FORM: {"schema": schema}}}


def _query(properties: dict[str, Any], required: list[str]) -> list[dict[str, Any]]:
    found = []
    for name, each in properties.items():
        schema = {key: value for key, value in each.items() if key != "description"}
        described = {"description": each["description"]} if each["description"] else {}
        found.append({"name": name, "in": "query", "required": name in required, **described, "schema": schema})
    return found


def _json(model: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REF.format(model=model)}}}
    return {"description": description, "headers": _headers(), "content": content}


def _headers(**more: str) -> dict[str, Any]:
    return {
        name.replace("_", "-"): _ref("headers", each) for name, each in {"X_Request_Id": "XRequestId", **more}.items()
    }


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _ref("responses", _ERRORS[status][0]) for status in statuses}


def _operation(id: str, summary: str, description: str, **more: Any) -> dict[str, Any]:
    return {"tags": ["oauth2"], "summary": summary, "description": description, "operationId": id, **more}


def _of_client(id: str, summary: str, description: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """An endpoint at which a client authenticates: by HTTP Basic, in the body, or by its id alone."""
    operation = _operation(
        id, summary, description, security=[{"clientBasic": []}, {}], requestBody=body,
        responses={"200": answer, **_errors(400, 401, 429, 500, 503)},
    )  # fmt: skip
    return {**_AT_ROOT, "post": operation}


def _page(id: str, summary: str, description: str, answers: dict[int, str], **more: Any) -> dict[str, Any]:
    """A page for people."""
    responses = {str(status): _ref("responses", name) for status, name in answers.items()}
    return _operation(id, summary, description, security=[], **more, responses={**responses, **_errors(429, 500, 503)})


_SHOWN = {200: "Page", 400: "PageOrRefused", 403: "PageRefused"}
_LEADS_ON = {**_SHOWN, 303: "GoesOn"}

PATHS: dict[str, Any] = {
    "/.well-known/oauth-authorization-server": {
        **_AT_ROOT,
        "get": _operation(
            "get_oauth_metadata", "What this server can", "Authorization server metadata (RFC 8414).", security=[],
            responses={"200": _json("OauthMetadata", "What it can."), **_errors(429, 500, 503)},
        ),
    },
    "/oauth2/jwks": {
        **_AT_ROOT,
        "get": _operation(
            "get_oauth_keys", "The keys that sign tokens", "A JWK set (RFC 7517); one is published before it signs.",
            security=[], responses={"200": _json("OauthKeys", "Public keys."), **_errors(429, 500, 503)},
        ),
    },
    "/oauth2/token": _of_client(
        "issue_token", "Get tokens",
        "By an authorization code with its PKCE verifier, a refresh token, or the client's own credentials. Only the"
        " body counts; a parameter that is there twice is refused. The same refresh token repeated within 30 seconds,"
        " while its successor is unused, gives the same answer; later it ends the grant.",
        _body(
            {
                "grant_type": _text("", enum=["authorization_code", "refresh_token", "client_credentials"]),
                "code": _text("of the redirect, for `authorization_code`"),
                "redirect_uri": _text("the one of the request, for `authorization_code`"),
                "code_verifier": _text("RFC 7636, for `authorization_code`"),
                "refresh_token": _text("for `refresh_token`"),
                "scope": _text("fewer than granted, separated by spaces"),
                **_CLIENT,
            },
            ["grant_type"],
        ),
        _json("OauthTokens", "Tokens."),
    ),
    "/oauth2/revoke": _of_client(
        "revoke_token", "End a token",
        "A refresh token ends with all tokens of its grant (RFC 7009). What is no token of the client's is answered"
        " with 200, too.",
        _body({"token": _TOKEN, "token_type_hint": _HINT, **_CLIENT}, ["token"]),
        _json("OauthNothing", "It is good for nothing (any more)."),
    ),
    "/oauth2/introspect": _of_client(
        "introspect_token", "Look into a token", "For confidential clients: what a token of their tenant is worth"
        " (RFC 7662).",
        _body({"token": _TOKEN, "token_type_hint": _HINT, **_CLIENT}, ["token"]),
        _json("OauthIntrospection", "`active`, and what it says where it is."),
    ),
    "/oauth2/authorize": {
        **_AT_ROOT,
        "get": _page(
            "authorize", "Ask a user", "Where a client sends the browser: the user signs in, and is asked. The answer"
            " goes to `redirect_uri`, with `iss` (RFC 9207).", _LEADS_ON, parameters=_query(_ASKED, _NEEDED),
        ),
        "post": _page(
            "decide", "The user allows it, or does not", "The consent page's form.", _LEADS_ON,
            requestBody=_body(
                {"request": _REQUEST, "csrf": _CSRF, "decision": _text("", enum=["allow", "deny"])},
                ["request", "csrf", "decision"],
            ),
        ),
    },
    "/oauth2/login": {
        **_AT_ROOT,
        "post": _page(
            "sign_in", "Sign in", "The sign-in page's form. 403 where address, password or code is not right.",
            _LEADS_ON,
            requestBody=_body(
                {
                    "request": _REQUEST, "visit": _CSRF, "email": _text(""), "password": _text("", **_PASSWORD),
                    "code": _text("of the authenticator, where one is used"),
                },
                ["request", "visit", "email", "password"],
            ),
        ),
    },
    "/oauth2/logout": {
        **_AT_ROOT,
        "post": _page(
            "sign_out_here", "Sign out",
            "Of this browser: the session ends, and its access tokens are refused from now on. By a page's form; the"
            " dashboard sends one of its tokens, with `Accept: application/json`, and gets 204.",
            {**_SHOWN, 204: "Done", 403: "PageRefusedOrDenied"},
            requestBody=_body({"csrf": _CSRF, "token": _text("an access token of this session's")}, []),
        ),
    },
    "/oauth2/reauthenticate": {
        **_AT_ROOT,
        "post": _operation(
            "enter_password_again", "Enter the password again",
            "In the dashboard, for what needs a password of the last ten minutes: by the session's cookie, and from a"
            " page of this origin alone. The next access token says when that was (`auth_time`).",
            security=[],
            requestBody=_body(
                {"password": _text("", **_PASSWORD), "code": _text("of the authenticator, where one is used")},
                ["password"],
            ),
            responses={"204": _ref("responses", "Done"), **_errors(400, 403, 429, 500, 503)},
        ),
    },
    "/oauth2/forgot": {
        **_AT_ROOT,
        "get": _page(
            "ask_for_link", "Forgot your password?", "Asks for the address.", _SHOWN,
            parameters=_query({"client_id": _text("the application from which the user came")}, []),
        ),
        "post": _page(
            "send_password_link", "Send a link", "To whoever has this address; the same answer where nobody has.",
            _SHOWN, requestBody=_body({"client_id": _text(""), "email": _text("")}, ["client_id", "email"]),
        ),
    },
    "/oauth2/password": {
        **_AT_ROOT,
        "get": _page(
            "follow_link", "Choose a password", "A mail leads here; looking at it uses nothing up.", _SHOWN,
            parameters=_query({"token": _text("of the mail's link")}, ["token"]),
        ),
        "post": _page(
            "set_password", "Set the password", "The link ends with it, and so do the user's sessions and grants.",
            _SHOWN, requestBody=_body(
                {"token": _text("of the mail's link"), "password": _text("", **_PASSWORD)}, ["token", "password"]
            ),
        ),
    },
    "/oauth2/codes": {
        **_AT_ROOT,
        "get": _page("show_authenticator", "Set an authenticator up", "For whoever is signed in.", _SHOWN),
        "post": _page(
            "confirm_authenticator", "Confirm it", "With the first code that it shows.", _SHOWN,
            requestBody=_body({"csrf": _CSRF, "code": _text("six digits")}, ["csrf", "code"]),
        ),
    },
    "/oauth2/account": {
        **_AT_ROOT,
        "get": _page("show_account", "See what is signed in and allowed", "For whoever is signed in.", _SHOWN),
        "post": _page(
            "end_of_account", "End a session, or take a consent back", "Or everything that is the user's.", _SHOWN,
            requestBody=_body(
                {
                    "csrf": _CSRF, "session": _text("the session to end"), "grant": _text("the consent to take back"),
                    "everything": _text("whatever it says: sign out everywhere"),
                },
                ["csrf"],
            ),
        ),
    },
}  # fmt: skip

_OAUTH_ERROR = {"application/json": {"schema": {"$ref": REF.format(model="OauthError")}}}
_HTML = {"text/html": {"schema": {"type": "string"}}}


def _error_response(status: int, description: str) -> dict[str, Any]:
    more = {"WWW_Authenticate": "WwwAuthenticate"} if status == 401 else {}
    more |= {"Retry_After": "RetryAfter"} if status in (429, 503) else {}
    return {"description": f"{description}.", "headers": _headers(**more), "content": _OAUTH_ERROR}


RESPONSES: dict[str, Any] = {
    **{name: _error_response(status, text) for status, (name, text) in _ERRORS.items()},
    "Page": {"description": "A page.", "headers": _headers(Set_Cookie="SetCookie"), "content": _HTML},
    "PageRefused": {"description": "A page that says what went wrong.", "headers": _headers(), "content": _HTML},
    "PageOrRefused": {
        "description": "A page that says what went wrong; JSON where no page has sent the form.",
        "headers": _headers(),
        "content": {**_HTML, **_OAUTH_ERROR},
    },
    "PageRefusedOrDenied": {
        "description": "It is not of this session.",
        "headers": _headers(),
        "content": {**_HTML, **_OAUTH_ERROR},
    },
    "Done": {"description": "Done.", "headers": _headers(Set_Cookie="SetCookie")},
    "GoesOn": {
        "description": "The browser goes on, with GET: to the next page, or to the client with `code` or `error`.",
        "headers": _headers(Location="Location", Set_Cookie="SetCookie"),
    },
}

HEADERS: dict[str, Any] = {
    "Location": {"description": "Where to.", "schema": {"type": "string"}},
    "SetCookie": {
        "description": "`__Host-` cookies: Secure, HttpOnly, SameSite=Lax.", "schema": {"type": "string"}
    },
}  # fmt: skip


def _object(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_STRING: dict[str, Any] = {"type": "string"}
_STRINGS: dict[str, Any] = {"type": "array", "items": _STRING}
_NUMBER: dict[str, Any] = {"type": "integer"}
_ENDPOINTS = ("authorization", "token", "revocation", "introspection")
_LISTS = (
    "scopes", "response_types", "response_modes", "grant_types", "code_challenge_methods",
    "token_endpoint_auth_methods", "revocation_endpoint_auth_methods", "introspection_endpoint_auth_methods",
)  # fmt: skip
_METADATA = {
    "issuer": _STRING,
    **{f"{name}_endpoint": {"type": "string", "format": "uri"} for name in _ENDPOINTS},
    "jwks_uri": {"type": "string", "format": "uri"},
    **{f"{name}_supported": _STRINGS for name in _LISTS},
    "authorization_response_iss_parameter_supported": {"const": True},
    "service_documentation": {"type": "string", "format": "uri"},
}
_KEY = {
    "kty": {"const": "RSA"}, "use": {"const": "sig"}, "alg": {"const": "RS256"},
    "kid": _STRING, "n": _STRING, "e": _STRING,
}  # fmt: skip
_TOKENS = {
    "access_token": _text("a JWT (RFC 9068)"),
    "token_type": {"const": "Bearer"},
    "expires_in": _NUMBER,
    "scope": _STRING,
    "refresh_token": _text("for users' tokens; each is good once"),
}
SCHEMAS: dict[str, Any] = {
    "OauthError": _object(["error", "error_description"], {"error": _STRING, "error_description": _STRING}),
    "OauthTokens": _object(["access_token", "token_type", "expires_in", "scope"], _TOKENS),
    "OauthNothing": _object([], {}),
    "OauthIntrospection": {
        "type": "object",
        "required": ["active"],
        "properties": {"active": {"type": "boolean"}, "scope": _STRING, "client_id": _STRING, "sub": _STRING},
    },
    "OauthKeys": _object(["keys"], {"keys": {"type": "array", "items": _object(list(_KEY), _KEY)}}),
    "OauthMetadata": _object(list(_METADATA), _METADATA),
}

SECURITY: dict[str, Any] = {
    "clientBasic": {
        "type": "http",
        "scheme": "basic",
        "description": "An OAuth client's id and secret, each encoded as in a form.",
    }
}
TAG = {
    "oauth2": "Access tokens for programs; the pages on which people sign in and allow them what they ask for."
    " Forms, not JSON; at the root; no envelope; what they do not know of a request is ignored (RFC 6749, 3.1)."
}


def routes() -> list[tuple[str, str, str]]:
    """(group, method, path) of each route that is really there."""
    from functions.oauth.handler import forms  # importable only after openapi.handlers()

    return [("oauth", method.lower(), path) for method, path in forms.routes]


def lines_of_scopes() -> list[str]:
    """Their lines of docs/scopes.md."""
    lines = []
    for group, method, path in routes():
        if PATHS[path][method]["security"]:
            cells = "the client authenticates | the client's | 600 of a client, 60 of a stranger's address"
        else:
            cells = "none: open to everybody | the request's | 60 of an address"
        lines.append(f"| {method.upper()} | `{path}` | {cells} | yes | {group} |")
    return lines
