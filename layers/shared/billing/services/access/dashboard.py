"""The dashboard's client, and its grant: the session of the browser."""

from dataclasses import replace

from billing.domain import dashboard
from billing.domain.access.grant import Session
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.signing_keys import KEPT_AFTER
from billing.domain.access.user import User
from billing.services.kernel.work import Ref, Work


def find_client(work: Work, client_id: str, issuer: str) -> OAuthClient | None:
    """A client of the unit's tenant: a registered one, or its dashboard."""
    of_dashboard = dashboard.tenant_of(client_id)
    if of_dashboard is not None:
        return dashboard.client_of(work.tenant.id, issuer) if of_dashboard == work.tenant.id else None
    ref = Ref(OAuthClient, work.tenant.id, client_id)
    return work.load(ref).get(ref)


def find_session(work: Work, session_id: str) -> Session | None:
    """A session, whether or not it has ended; None also for the id of something else."""
    ref = Ref(Session, work.tenant.id, session_id)
    return work.load(ref).get(ref)


def end_session(work: Work, session: Session) -> Session:
    """Sign a browser out now: it gets no more tokens, and those that it got are refused from the next call on."""
    user_ref = Ref(User, session.tenant_id, session.user_id)
    user = work.load(user_ref).get(user_ref)
    if user is not None:
        work.revoke_grant(user.caller, session.id, work.now + KEPT_AFTER)
    return work.save(replace(session, expires_at=work.now))
