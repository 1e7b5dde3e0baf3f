"""What a dispute does to an order: while it is open nothing is released; what it takes is held, given back, or lost.

    an inquiry, or open     no earning of the order is released
    its money withdrawn     of each provider its part: held, off the account where it is on one already
    won                     all of it is the providers' again
    lost                    the held part is gone, of each provider, of the commission, and of the tax

It may come in any order and again, for Stripe decides: whatever it was before is taken back first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.ledger import Account, LedgerEntry
from billing.domain.marketplace import books
from billing.domain.marketplace.account import LineType
from billing.domain.marketplace.order import Order, OrderReturn
from billing.domain.marketplace.returning import by_amount, by_provider, taken
from billing.domain.marketplace.split import Split
from billing.domain.payments.dispute import Dispute, DisputeStatus
from billing.services.clocks.shards import DueShards
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.shares import Shares, figures_of, items_of


def follow(work: Work, order: Order, before: Dispute | None, after: Dispute, shards: DueShards, at: datetime) -> None:
    """Stage what a dispute's new state changes.

    Args:
        before: None for one that is new here.
        after: as it is staged.
        at: now, on the buyer's clock.
    """
    order = _noted(work, order, after, shards, at)
    ref = Ref(OrderReturn, order.tenant_id, after.id)
    back = work.load(ref).get(ref)
    if back is not None and back.undone:
        back = replace(back, undone=False, parts={}, short=None)
    lost = after.withdrawn and after.status is DisputeStatus.LOST
    changed = before is not None and back is not None and before.amount != after.amount
    step = _Step(work, shards, at, str(after.version))
    if back is not None and back.lost and (not lost or changed):
        order, back = step.lose(order, back, undone=True)
    if back is not None and (back.parts or back.short) and (not after.withdrawn or changed):
        order, back = step.let_go(order, back)
    if after.withdrawn and (back is None or not (back.parts or back.short)):
        order, back = step.hold(order, after, back)
    if lost and back is not None and not back.lost:
        step.lose(order, back)


def more_taken(
    work: Work,
    order: Order,
    back: OrderReturn,
    items: Mapping[str, Split],
    fact: tuple[str, ...],
    shards: DueShards,
    at: datetime,
) -> None:
    """Stage that a dispute takes more of the items, because a refund that had taken it came to nothing.

    Args:
        back: as it is staged.
    """
    step = _Step(work, shards, at, ":".join(fact))
    step.held(order, back.id, items)
    if back.lost:
        step.gone(order, back.id, items, undone=False)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a dispute.

    Args:
        fact: what its entries' ids are derived from: the dispute's version.
    """

    work: Work
    shards: DueShards
    at: datetime
    fact: str

    def hold(self, order: Order, dispute: Dispute, known: OrderReturn | None) -> tuple[Order, OrderReturn]:
        """The dispute's money is withdrawn: of what is left of the items, its part of each is held."""
        within = min(dispute.amount, order.left)
        parts = {} if within.is_zero else by_amount(order, within)
        short = None if within == dispute.amount else dispute.amount - within
        back = known or OrderReturn(dispute.id, order.tenant_id, order.id, {}, self.at, is_dispute=True)
        back = self.work.save(replace(back, parts=parts, short=short))
        self.held(order, back.id, parts)
        order = taken(order, back)
        return self.work.save(order if short is None else replace(order, short=(*order.short, back.id))), back

    def let_go(self, order: Order, back: OrderReturn) -> tuple[Order, OrderReturn]:
        """The dispute's money came back: what it held is the sellers' again."""
        self.held(order, back.id, {each: -part for each, part in back.parts.items()})
        undone = replace(back, undone=True)
        order = replace(taken(order, undone), short=tuple(each for each in order.short if each != back.id))
        undone = self.work.save(undone)
        return self.work.save(order), replace(undone, undone=False, parts={}, short=None)

    def lose(self, order: Order, back: OrderReturn, undone: bool = False) -> tuple[Order, OrderReturn]:
        """What the dispute held is gone; or, ``undone``, it is held once more."""
        self.gone(order, back.id, back.parts, undone)
        if back.short is not None:
            short = -back.short if undone else back.short
            fact = ("dispute short", back.id, self.fact, str(undone))
            _post(self.work, books.beyond_the_items(order, fact, back.id, short, self.at, of_dispute=True))
        others = {each: amount for each, amount in order.lost.items() if each != back.id}
        took = {} if undone else {back.id: back.amount(order.currency)}
        return self.work.save(replace(order, lost={**others, **took})), self.work.save(replace(back, lost=not undone))

    def held(self, order: Order, dispute_id: str, items: Mapping[str, Split]) -> None:
        """Hold parts of what is on providers' accounts; parts below zero are let go."""
        parts = by_provider(order, items)
        shares = Shares.of(self.work, order, parts, self.shards, self.at)
        moved = {each: part.earning for each, part in parts.items() if each is not None and shares.is_released(each)}
        released = any(amount.is_negative for amount in moved.values())
        fact = ("dispute held", dispute_id, self.fact, str(released))
        _post(self.work, books.dispute_held(order, fact, dispute_id, moved, self.at))
        kind = LineType.DISPUTE_RELEASED if released else LineType.DISPUTE_HOLD
        for provider_id, amount in moved.items():
            about = items_of(order, provider_id, items)
            figures = figures_of(parts[provider_id], -1)
            shares.line(provider_id, kind, -amount, dispute_id, about, figures, held=amount)

    def gone(self, order: Order, dispute_id: str, items: Mapping[str, Split], undone: bool) -> None:
        """Enter that parts are lost: of what is held on accounts, and of what is pending."""
        parts = by_provider(order, items)
        shares = Shares.of(self.work, order, parts, self.shards, self.at)
        fact = ("dispute lost", dispute_id, self.fact, str(undone))
        accounts = shares.accounts(released=Account.PROVIDER_HELD)
        _post(self.work, books.dispute_lost(order, fact, dispute_id, items, accounts, self.at, undone))
        for provider_id, part in parts.items():
            if provider_id is None:
                continue
            if shares.is_released(provider_id):
                shares.let_go(provider_id, -part.earning if undone else part.earning)
            else:
                shares.shrink(provider_id, -part if undone else part)


def _noted(work: Work, order: Order, dispute: Dispute, shards: DueShards, at: datetime) -> Order:
    """The order with its open disputes; while there is any, none of its earnings is released."""
    others = tuple(each for each in order.disputes if each != dispute.id)
    open_now = others if dispute.status.is_closed else (*others, dispute.id)
    if set(open_now) == set(order.disputes):
        return order
    shares = Shares.of(work, order, order.provider_ids, shards, at)
    for earning in list(shares.earnings.values()):
        shares.change(replace(earning, disputes=open_now))
    return work.save(replace(order, disputes=open_now))


def _post(work: Work, entry: LedgerEntry | None) -> None:
    if entry is not None:
        work.save(entry)
