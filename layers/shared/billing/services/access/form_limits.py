"""Limits of the routes that take no API key: the token endpoint, and the pages on which people sign in."""

from dataclasses import dataclass
from typing import Protocol

MAILS_TO_ONE, MAILS_OF_TENANT = 10, 1_000
"""Mails a day (UTC): to one address because a stranger asks for them; of all that a tenant's admins send."""
OF_CLIENT, OF_ADDRESS, OF_SESSION, OF_ACCOUNT = 600, 60, 60, 5
"""Calls a minute: of a client that has authenticated; of an address, for what anybody may ask; of a browser that is
signed in to the dashboard, which takes nothing from its address: an office has one for all; tries to sign in to an
account. Nobody is locked out: a browser in which the user has signed in before has tries of its own."""


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client that has said who it is."""

    id: str
    tenant_id: str


class MailLimits(Protocol):
    """Counts mails."""

    def count_day(self, kind: str, name: str, per_day: int) -> None:
        """Count one.

        Args:
            kind: ``mail`` or ``mails``.
            name: whose; only its hash is kept.

        Raises:
            RateLimited: its day is used up.
        """


class FormLimits(MailLimits, Protocol):
    """Counts those who call without a key."""

    def client(self, client_id: str, secret: str | None, per_minute: int) -> KnownClient | None:
        """The client, where it is active and this is its secret (None for one that has none); counts the call.

        Raises:
            RateLimited: its minute is used up.
        """

    def tenant_of(self, client_id: str) -> str | None:
        """The tenant whose client this is, whatever its state; None where there is none.

        That of a dashboard may not exist: the id of one says whose it is.
        """

    def count(self, kind: str, name: str, per_minute: int) -> None:
        """Count a call.

        Args:
            kind: ``ip``, ``session`` or ``login``.
            name: whose; only its hash is kept.

        Raises:
            RateLimited: its minute is used up.
        """
