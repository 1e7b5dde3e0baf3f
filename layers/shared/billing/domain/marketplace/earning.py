"""What a provider earns by an order: pending until nothing speaks against paying it out, then on its account.

pending ──> held (an open dispute) ──> pending ──> released
   └──────> void (nothing is left of it)

It is the provider's, and so is read with the provider's key; the order is the marketplace's. What is refunded of a
pending earning makes it smaller; of a released one, it is a line on the account (``account``).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money
from billing.domain.marketplace.split import Split

OF_PROVIDER = "pending"
"""In the index of what is pending: all of a provider's, whichever marketplace's."""


class EarningStatus(StrEnum):
    PENDING = "pending"
    HELD = "held"
    RELEASED = "released"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Earning:
    """One provider's share of one order.

    Args:
        tenant_id: the provider.
        marketplace_id: the tenant whose order it is.
        gross, discount: of the provider's items, as they were sold.
        split: of the provider's items, as they were sold.
        returned: what was given back of them before it was released.
        fee: what it bears of Stripe's fee; zero where the marketplace does.
        release_at: not before then.
        available_on: when Stripe has the money, if it said so.
        released: what of it is on the account.
        reserve_until: when the rest follows, where the marketplace keeps a reserve.
        disputes: the open disputes that hold it.
        test_clock_id: the buyer's, in whose time it waits.
    """

    entity_name: ClassVar[str] = "Earning"

    id: str
    tenant_id: str
    marketplace_id: str
    order_id: str
    payment_id: str | None
    item_ids: tuple[str, ...]
    currency: str
    gross: Money
    discount: Money
    split: Split
    returned: Split
    fee: Money
    status: EarningStatus
    created_at: datetime
    release_at: datetime
    available_on: datetime | None = None
    released: Money | None = None
    released_at: datetime | None = None
    reserve_until: datetime | None = None
    disputes: tuple[str, ...] = ()
    test_clock_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    version: int = 0

    @property
    def amount(self) -> Money:
        """What the provider gets of it in the end: its earning, less what was given back and its share of the fee."""
        return self.split.earning - self.returned.earning - self.fee

    @property
    def pending(self) -> Money:
        """What of it is not on the account yet."""
        return self.amount - (self.released or Money.zero(self.currency))


def standing(earning: Earning, shard: str, at: datetime) -> Earning:
    """The earning with the status, and the alarm, that follow from what is left of it and from its disputes.

    One that was released stays so: what comes after is on the account. Of one whose rest waits for its reserve, an open
    dispute stops the alarm.

    Args:
        shard: of the due index.
        at: now, on the buyer's clock.
    """
    if earning.released is not None:
        wakes = earning.reserve_until is not None and not earning.pending.is_zero and not earning.disputes
        return replace(earning, due=_due(earning, shard, earning.reserve_until or at, at) if wakes else None)
    if earning.disputes:
        return replace(earning, status=EarningStatus.HELD, due=None)
    if earning.amount.is_zero:
        return replace(earning, status=EarningStatus.VOID, due=None)
    return replace(earning, status=EarningStatus.PENDING, due=_due(earning, shard, earning.release_at, at))


def _due(earning: Earning, shard: str, wanted: datetime, at: datetime) -> Due:
    """The alarm that it has, where that is right; else a new one, not before now: a clock's time never goes back."""
    known = earning.due
    return known if known is not None and known.at == wanted else Due(shard, max(wanted, at))
