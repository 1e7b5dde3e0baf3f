"""What the reconciliation with Stripe's account has found, for the platform's operator."""

from billing.domain.reconciliation import RECONCILIATION_ID, ReconciledLine, Reconciliation
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Page, Query, Ref, Work

_MOST = 100


def differences(work: Work) -> tuple[Reconciliation | None, Page[ReconciledLine]]:
    """How far it is, and the lines that do not agree (those that only wait, too).

    The caller is the platform: the route's scope sees to that, and the index's key is made of the caller's tenant.
    """
    ref = Ref(Reconciliation, PLATFORM, RECONCILIATION_ID)
    state = work.load(ref).get(ref)
    return state, work.query(Query(ReconciledLine, index="open", value="lines", limit=_MOST))
