"""Lines on a provider's account, staged together with its head: the one place that adds any."""

from datetime import datetime

from billing.domain.kernel.money import Money
from billing.domain.marketplace import account
from billing.domain.marketplace.account import Figures, LineType, ProviderBalance, account_id
from billing.services.kernel.work import Found, Ref, Work


def head_ref(provider_id: str, marketplace_id: str, currency: str) -> Ref[ProviderBalance]:
    """What has to be loaded to add a line."""
    return Ref(ProviderBalance, provider_id, account_id(marketplace_id, currency))


def head_of(found: Found, ref: Ref[ProviderBalance], at: datetime) -> ProviderBalance:
    """The head of an account; a new one where it has no line yet."""
    marketplace_id, _, currency = ref.id.rpartition(":")
    return found.get(ref) or account.opened(ref.tenant_id, marketplace_id, currency, at)


def add_line(
    work: Work,
    head: ProviderBalance,
    kind: LineType,
    amount: Money,
    at: datetime,
    source_id: str,
    order_id: str | None = None,
    item_ids: tuple[str, ...] = (),
    figures: Figures | None = None,
    note: str | None = None,
) -> ProviderBalance:
    """Stage one more line, and its head; returns that as it is staged.

    Args:
        head: as it is loaded or staged, with whatever else the caller has changed of it.
        amount: not zero; above zero where the provider is owed more.
    """
    after, line = account.added(head, kind, amount, at, source_id, order_id, item_ids, figures, note)
    work.save(line)
    return work.save(account.watched(after, work.now))
