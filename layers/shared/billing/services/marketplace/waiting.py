"""What a provider has earned and cannot be paid yet: pending, or held by disputes."""

from dataclasses import dataclass

from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.earning import Earning, EarningStatus
from billing.services.kernel.work import Query, Work

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """Beside an account's balance.

    Args:
        pending: earned, and not on the account yet: its refund window, Stripe or a reserve holds it back.
        held: what open disputes hold, of pending earnings and of what was on the account.
    """

    pending: Money
    held: Money


def waiting(work: Work, head: ProviderBalance) -> Waiting:
    """What waits beside an account; some milliseconds old, as the index is that it is added up from.

    Only what is still pending is in that index: of a provider with years of sales, those of the last weeks are read.

    Args:
        head: of an account that the caller may see.
    """
    pending, held = Money.zero(head.currency), head.held
    cursor = None
    while True:
        query = Query(Earning, index="pending", value=head.id, of_tenant=head.tenant_id, limit=_PAGE, start=cursor)
        page = work.query(query)
        for each in page.items:
            if each.status is EarningStatus.HELD:
                held += each.pending
            else:
                pending += each.pending
        cursor = page.next_cursor
        if cursor is None:
            return Waiting(pending, held)
