"""What a provider has earned and cannot be paid yet: pending, or held by disputes."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance, account_id
from billing.domain.marketplace.earning import OF_PROVIDER, Earning, EarningStatus
from billing.services.kernel.work import Query, Work, every

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

    Args:
        head: of an account that the caller may see.
    """
    pending, held = Money.zero(head.currency), head.held
    for each in pending_earnings(work, head.tenant_id):
        if account_id(each.marketplace_id, each.currency) != head.id:
            continue
        if each.status is EarningStatus.HELD:
            held += each.pending
        else:
            pending += each.pending
    return Waiting(pending, held)


def pending_earnings(work: Work, provider_id: str) -> Iterator[Earning]:
    """All earnings of a provider of which something is not on its account; some milliseconds old.

    Only they are in the index: of a provider with years of sales, those of the last weeks are read. All of them, for a
    sum of some is no sum.

    Args:
        provider_id: of whom the caller may see it.
    """
    return every(work, Query(Earning, index="pending", value=OF_PROVIDER, of_tenant=provider_id, limit=_PAGE))
