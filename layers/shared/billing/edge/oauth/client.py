"""How a client says who it is: RFC 6749, 2.3."""

import base64
from binascii import Error as BadBase64
from collections.abc import Mapping
from urllib.parse import unquote_plus

from billing.edge.forms.form import CONTROL, FormRequest
from billing.services.access.authorization import ClientAuthentication
from billing.services.access.oauth import OAuthError


def client_of(request: FormRequest, form: Mapping[str, str]) -> ClientAuthentication:
    """How the client authenticates.

    Raises:
        OAuthError: by two ways at once, by none, or by one that is not understood.
    """
    authorization = request.headers.get("authorization")
    named, secret = form.get("client_id"), form.get("client_secret")
    if authorization is None:
        if named is None:
            raise OAuthError("invalid_client")
        method = "none" if secret is None else "client_secret_post"
        return ClientAuthentication(named, secret, method)
    if secret is not None:
        raise OAuthError("invalid_request")
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client")
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode()
        user, is_pair, password = decoded.partition(":")
        # Both are encoded as in a form, before they are joined (RFC 6749, 2.3.1).
        user, password = unquote_plus(user, errors="strict"), unquote_plus(password, errors="strict")
    except (BadBase64, ValueError):  # UnicodeError is one
        raise OAuthError("invalid_client") from None
    if not is_pair or not user or not password or CONTROL.search(user + password):
        raise OAuthError("invalid_client")
    if named is not None and named != user:
        raise OAuthError("invalid_request")
    return ClientAuthentication(user, password, "client_secret_basic")
