"""What is dangerous wants a password that was entered a moment ago, in the dashboard (RFC 9470).

Keys, and the tokens of other clients, are not concerned: nobody could enter anything there.
"""

from datetime import datetime

from billing.domain.kernel.errors import ReauthenticationRequired
from billing.services.access.callers import Identity

WITHIN_S = 600


def check_entered(caller: Identity, now: datetime) -> None:
    """Require that a user in the dashboard has entered the password within ten minutes.

    Raises:
        ReauthenticationRequired: it is longer ago.
    """
    entered = caller.authenticated_at
    if entered is not None and (now - entered).total_seconds() > WITHIN_S:
        raise ReauthenticationRequired("The password has to be entered again for this")
