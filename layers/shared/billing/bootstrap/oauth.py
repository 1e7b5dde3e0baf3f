"""Wires the OAuth server."""

from functools import cache

from billing.bootstrap import process, storage, tokens, users
from billing.bootstrap.forms import form_edge
from billing.edge.forms.endpoint import FormApi
from billing.edge.oauth.account import AccountPages
from billing.edge.oauth.own import OwnPage
from billing.edge.oauth.pages import Pages
from billing.edge.oauth.protocol import Protocol
from billing.edge.oauth.reauthentication import Reauthentication
from billing.integrations import jwt
from billing.integrations.aws.clients import aws_client
from billing.integrations.oauth.server import OAuthServer
from billing.services.access.sign_in import SignIn
from billing.services.access.signing import Signing
from billing.services.access.tokens import Tokens
from billing.storage.callers import Callers


def _public_half(key_id: str) -> tuple[str, str, str]:
    modulus, exponent = jwt.public_members(aws_client("kms").get_public_key(KeyId=key_id)["PublicKey"])
    return jwt.thumbprint(modulus, exponent), modulus, exponent


@cache
def signing() -> Signing:
    """Makes and rotates signing keys."""
    directory = tokens.signing_keys()
    first = process.settings().signing_key_id
    return Signing(storage.units(), directory.get, directory.forget, _public_half, first)


@cache
def oauth_server() -> OAuthServer:
    """OAuth 2, apart from HTTP."""
    return OAuthServer(
        Tokens(tokens.access_tokens(), storage.vault(), Callers(storage.database(), process.now)), process.new_secret
    )


def oauth_api() -> FormApi:
    """The routes that programs call, and the pages that people see."""
    from billing.integrations.passwords import Argon2Passwords, Totp

    s = process.settings()
    api = FormApi(form_edge(), process.logger())
    Protocol(oauth_server(), s.issuer, signing().keys, process.now).add_to(api)
    sign_in = SignIn(users.users(), Argon2Passwords(), Totp(), process.new_secret)
    pages = Pages(oauth_server(), sign_in, storage.vault(), process.new_secret, s.issuer)
    pages.add_to(api)
    Reauthentication(pages).add_to(api)
    account = AccountPages(pages)
    account.add_to(api)
    OwnPage(account, users.users()).add_to(api)
    return api
