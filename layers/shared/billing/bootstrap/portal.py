"""Wires the customer portal."""

from functools import cache

from billing.bootstrap import process
from billing.services.portal.sessions import PortalSessions


@cache
def portal_sessions() -> PortalSessions:
    """The service of links into the portal and of the sessions that they open."""
    return PortalSessions(process.new_secret, process.settings().issuer)
