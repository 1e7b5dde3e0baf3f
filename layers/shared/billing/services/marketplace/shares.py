"""What the providers of an order have of it just now: their pending earnings, or what is on their accounts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account
from billing.domain.marketplace.account import Figures, LineType, ProviderBalance
from billing.domain.marketplace.earning import Earning, standing
from billing.domain.marketplace.order import Order, earning_id
from billing.domain.marketplace.split import Split
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.accounts import add_line, head_of, head_ref


@dataclass(slots=True)
class Shares:
    """The earnings of an order, and the accounts of those that are on one already; whatever changes is staged at once.

    Args:
        earnings, heads: by provider.
        at: now, on the buyer's clock.
    """

    work: Work
    order: Order
    shards: DueShards
    at: datetime
    earnings: dict[str, Earning]
    heads: dict[str, ProviderBalance]

    @classmethod
    def of(
        cls, work: Work, order: Order, provider_ids: Iterable[str | None], shards: DueShards, at: datetime
    ) -> "Shares":
        """What these providers have of an order that was paid."""
        wanted = [each for each in provider_ids if each is not None]
        refs = {each: Ref(Earning, each, earning_id(order, each)) for each in wanted}
        found = work.load(*refs.values())
        earnings = {each: found.require(ref) for each, ref in refs.items()}
        released = [each for each, earning in earnings.items() if earning.released is not None]
        accounts = {each: head_ref(each, order.tenant_id, order.currency) for each in released}
        heads = {}
        if accounts:
            on_file = work.load(*accounts.values())
            heads = {each: head_of(on_file, ref, at) for each, ref in accounts.items()}
        return cls(work, order, shards, at, earnings, heads)

    def accounts(self, released: Account = Account.PROVIDER_PAYABLE) -> dict[str, Account]:
        """By provider, the ledger's account that its share is on.

        Args:
            released: of those whose earning is on their account.
        """
        return {
            each: Account.PROVIDER_PENDING if earning.released is None else released
            for each, earning in self.earnings.items()
        }

    def is_released(self, provider_id: str) -> bool:
        """Whether a provider's share is on its account."""
        return self.earnings[provider_id].released is not None

    def shrink(self, provider_id: str, part: Split) -> None:
        """Take a part of a pending earning; a part below zero is given again."""
        earning = self.earnings[provider_id]
        self.change(replace(earning, returned=earning.returned + part))

    def change(self, earning: Earning) -> None:
        """Stage an earning, with the status that follows."""
        shard = self.shards.of_id(self.order.tenant_id, self.order.test_clock_id, earning.id)
        self.earnings[earning.tenant_id] = self.work.save(standing(earning, shard, self.at))

    def line(
        self,
        provider_id: str,
        kind: LineType,
        amount: Money,
        source_id: str,
        item_ids: tuple[str, ...] = (),
        figures: Figures | None = None,
        held: Money | None = None,
    ) -> None:
        """Add a line to a provider's account; none where it would change nothing.

        Args:
            held: what more of the account is held by disputes; below zero what is not any more.
        """
        if amount.is_zero:
            return
        head = self.heads[provider_id]
        head = head if held is None else replace(head, held=head.held + held)
        self.heads[provider_id] = add_line(
            self.work, head, kind, amount, self.at, source_id, self.order.id, item_ids, figures
        )

    def let_go(self, provider_id: str, amount: Money) -> None:
        """Note that disputes hold less of an account, without a line: what they held is gone. Below zero, again."""
        if amount.is_zero:
            return
        head = self.heads[provider_id]
        self.heads[provider_id] = self.work.save(replace(head, held=head.held - amount))


def figures_of(part: Split, sign: int) -> Figures:
    """What a line shows of a part that is taken of an account (``sign`` -1), or given again (1).

    The discount of a coupon is off the gross already: how much of it there was is on the sale's own line.
    """
    zero = Money.zero(part.paid.currency)

    def signed(amount: Money) -> Money:
        return amount if sign > 0 else -amount

    return Figures(
        gross=signed(part.paid + part.promotion - part.tax_owed),
        discount=zero,
        commission=signed(part.commission),
        commission_tax=signed(part.commission_tax),
        tax=signed(part.tax),
        fee=zero,
    )


def items_of(order: Order, provider_id: str, parts: Iterable[str]) -> tuple[str, ...]:
    """Those of some items that a provider sold."""
    wanted = set(parts)
    return tuple(each.id for each in order.items if each.provider_id == provider_id and each.id in wanted)
