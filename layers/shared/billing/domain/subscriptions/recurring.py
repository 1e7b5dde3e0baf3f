"""What of a subscription recurs: the price of its full period, and the monthly revenue that it counts for (MRR)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.domain.kernel.money import Money


class MrrStanding(StrEnum):
    """What a subscription's monthly price counts as."""

    NOT_BEGUN = "not_begun"
    """Nothing: its first invoice is unpaid, or it starts later."""
    TRIAL = "trial"
    NOT_CONVERTED = "not_converted"
    """Its trial is over, and its first charge has not been paid (yet)."""
    COUNTED = "counted"
    """Monthly recurring revenue; also while it is past due, until dunning has ended."""
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RecurringPrice:
    """What a full period costs in advance: flat and licensed components, before discounts.

    Args:
        micros: exact micro-units; 3 seats at half a cent are 15.
        tax_inclusive: the tax is within it.
    """

    currency: str
    micros: Decimal
    tax_inclusive: bool = False


@dataclass(frozen=True, slots=True)
class MrrFigures:
    """What a subscription adds to each sum of a report, in one currency."""

    mrr: Money
    after_discounts: Money
    at_risk: Money
    trial: Money
    not_converted: Money
    scheduled_churn: Money


@dataclass(frozen=True, slots=True)
class Mrr:
    """What a subscription counts for, stored with it; it changes only with a movement.

    Args:
        amount: a month of it, less a discount that holds for ever, without tax; rounded half-even, once. What it counts
            as is ``standing``.
        discounted: less the discount of the running period, too.
        plan_id: which plan it is a month of.
        at: since when; a test clock's time for a customer on one.
        at_risk: an invoice of it is unpaid, after it had counted.
        ending: it is to end with its period.
        involuntary: it ended, or is paused, because nobody paid.
        counted_since: when it first counted; None if it never did.
        tax_percent: of the tax within its price, as its last invoice had it.
    """

    standing: MrrStanding
    amount: Money
    discounted: Money
    plan_id: str
    at: datetime
    at_risk: bool = False
    ending: bool = False
    involuntary: bool = False
    counted_since: datetime | None = None
    tax_percent: Decimal = Decimal(0)

    @property
    def currency(self) -> str:
        """Of its amounts."""
        return self.amount.currency

    @property
    def counts(self) -> bool:
        """Whether it is monthly recurring revenue."""
        return self.standing is MrrStanding.COUNTED

    @property
    def sums(self) -> tuple[int, int, int, int, int, int]:
        """What it adds to each sum, in micro-units, in the order of ``MrrFigures``."""
        amount, counts = self.amount.micros, self.counts
        return (
            amount if counts else 0,
            self.discounted.micros if counts else 0,
            amount if counts and self.at_risk else 0,
            amount if self.standing is MrrStanding.TRIAL else 0,
            amount if self.standing is MrrStanding.NOT_CONVERTED else 0,
            amount if counts and self.ending else 0,
        )

    @property
    def figures(self) -> MrrFigures:
        """What it adds to each sum."""
        return MrrFigures(*(Money(each, self.currency) for each in self.sums))
