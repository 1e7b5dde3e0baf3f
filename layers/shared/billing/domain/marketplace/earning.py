"""What a provider earns by an order: pending until nothing speaks against paying it out, then on its account.

pending ──> held (an open dispute) ──> pending ──> released
   └──────> void (nothing is left of it)

It is the provider's, and so is read with the provider's key; the order is the marketplace's. What is refunded of a
pending earning makes it smaller; of a released one, it is a line on the account (``account``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money
from billing.domain.marketplace.split import Split


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
