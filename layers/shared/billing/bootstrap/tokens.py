"""Wires access tokens: who verifies them, and who signs them."""

from functools import cache, partial
from typing import TYPE_CHECKING

from billing.bootstrap import process, storage
from billing.integrations.aws.clients import aws_client
from billing.services.access.callers import Bearer
from billing.storage.signing_keys import SigningKeyDirectory
from billing.storage.store import Store

if TYPE_CHECKING:
    from billing.integrations.access_tokens import AccessTokens


@cache
def signing_keys() -> SigningKeyDirectory:
    """The keys that sign tokens."""
    return SigningKeyDirectory(Store(storage.database(), storage.vault()), process.now)


@cache
def access_tokens() -> "AccessTokens":
    """Verifies access tokens; signs them, where the function's role may."""
    from billing.integrations.access_tokens import AccessTokens, foreign_issuers
    from billing.integrations.foreign_keys import ForeignKeys, fetched

    s = process.settings()
    foreign = tuple(
        (each, ForeignKeys(each.keys_url, fetched, process.now).get) for each in foreign_issuers(s.token_issuers)
    )
    return AccessTokens(s.issuer, signing_keys().get, partial(aws_client, "kms"), process.now, foreign)


class Bearers:
    """A ``BearerCheck`` that is made by the first token: who calls with a key does not pay for jose's import."""

    def verify(self, token: str) -> Bearer:
        """Who has this token."""
        return access_tokens().verify(token)
