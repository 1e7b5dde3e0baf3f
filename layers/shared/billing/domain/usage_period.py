"""What is known of a subscription's usage in a period: what was read of its meters, and what was billed of that."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.discounts import Discount
from billing.domain.lines import InvoiceLine
from billing.domain.meter import Amount
from billing.domain.money import Money
from billing.domain.proration import portion
from billing.domain.usage import Cell, UsageSpan

Place = tuple[datetime | None, str, tuple[str, ...]]
"""Since when in a period (None from its begin), of which component, and of which group of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A total, or a part of one: what a meter shows in a cell."""

    meter: str
    cell: Cell
    amount: Amount


@dataclass(frozen=True, slots=True)
class UsageCharge:
    """What was billed of a component, or of one group of it, in a period, or in the part of it after ``since``.

    Args:
        quantity: so much of it.
        billed: in micro-units, before discounts.
        discounted, coupon_id: what discounts took off that, and the latest of them.
        forgiven: what was billed and nobody shall pay: it was void, or credited. No correction gives it back.
    """

    since: datetime | None
    component: str
    group: tuple[str, ...]
    quantity: Decimal = Decimal(0)
    billed: int = 0
    discounted: int = 0
    coupon_id: str = ""
    forgiven: int = 0

    @property
    def place(self) -> Place:
        """What it is the charge of."""
        return self.since, self.component, self.group


@dataclass(frozen=True, slots=True)
class UsagePeriod:
    """What is known of a subscription's usage in a period, as of the last time that it was closed.

    Args:
        span: the whole period.
        ended: the subscription ran to its end, and was billed then: minimums are part of what it costs.
        discount: what held at its end.
    """

    id: str
    tenant_id: str
    subscription_id: str
    span: UsageSpan
    readings: tuple[Reading, ...] = ()
    charges: tuple[UsageCharge, ...] = ()
    ended: bool = False
    discount: Discount | None = None
    version: int = 0


def period_id(subscription_id: str, span: UsageSpan) -> str:
    """The id of a subscription's usage period."""
    return f"{subscription_id}#{span.whole.key}"


def forgiven(period: UsagePeriod, lines: Iterable[tuple[InvoiceLine, Money]]) -> UsagePeriod:
    """The period after something was taken off lines that billed it: an invoice was void, or a credit note issued.

    Args:
        lines: those that billed it, each with what was taken off its amount.
    """
    charges = {each.place: each for each in period.charges}
    for line, off in lines:
        place = (line.usage.since if line.usage else None, line.component or "", tuple(line.dimensions.values()))
        charge = charges[place]
        charges[place] = replace(
            charge,
            billed=charge.billed - off.micros,
            discounted=charge.discounted - portion(line.discount, Fraction(off.micros, line.amount.micros)).micros,
            forgiven=charge.forgiven + off.micros,
        )
    return replace(period, charges=tuple(charges.values()))
