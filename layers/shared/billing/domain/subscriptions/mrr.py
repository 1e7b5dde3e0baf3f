"""Monthly recurring revenue: what a subscription counts for, and the movement between before and after a commit.

What counts is defined in docs/decisions/0054. It is computed from the subscription alone, by whoever saves one, so that
no use case can forget it: a subscription whose figures changed is written with its movement, or not at all.

    100 seats at 5.00 and 49.99 a month: 549.99; graduated 5 x 120 + 3 x 90 + 1,200 a year: 172.50
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import Plan, TaxBehavior
from billing.domain.catalog.pricing import ComponentType, exact_price
from billing.domain.kernel.money import Money, exact_fraction
from billing.domain.kernel.periods import Cadence, Interval
from billing.domain.kernel.times import sort_key
from billing.domain.lines.line import InvoiceLine
from billing.domain.subscriptions.recurring import Mrr, MrrStanding, RecurringPrice
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState

_PER_MONTH = {
    Interval.MONTH: Fraction(1),
    Interval.YEAR: Fraction(1, 12),
    Interval.WEEK: Fraction(52, 12),
    Interval.DAY: Fraction(365, 12),
}
"""Periods of one interval in a month: a year has 52 weeks and 365 days here, as Stripe and Baremetrics count them."""


class MrrCause(StrEnum):
    """What happened to a subscription; what that is to its customer (new, expansion, churn) a report finds out."""

    OPENING = "opening"
    """It was there before movements were recorded, or was taken over from elsewhere."""
    STARTED = "started"
    TRIAL_STARTED = "trial_started"
    TRIAL_CONVERTED = "trial_converted"
    TRIAL_NOT_CONVERTED = "trial_not_converted"
    """The trial is over and its first charge is unpaid; or it was ended in, or after, that."""
    CURRENCY = "currency"
    PLAN = "plan"
    CHANGED = "changed"
    """Quantities, or a discount that holds for ever."""
    DISCOUNT = "discount"
    """A discount for some periods began or ended."""
    PAUSED = "paused"
    RESUMED = "resumed"
    PAST_DUE = "past_due"
    RECOVERED = "recovered"
    CANCELLATION_SCHEDULED = "cancellation_scheduled"
    CANCELLATION_WITHDRAWN = "cancellation_withdrawn"
    ENDED_VOLUNTARILY = "ended_voluntarily"
    ENDED_INVOLUNTARILY = "ended_involuntarily"


@dataclass(frozen=True, slots=True)
class MrrMovement:
    """What one commit changed in what a subscription counts for; written once, never changed.

    A movement is the difference of two rounded values, so that sums of movements have no remainder.

    Args:
        id: derived from the subscription and the version that it has since.
        at: when; on a test clock, that clock's time. Never before the subscription's movement before it.
        recorded_at: on the wall clock; a test clock stands still while much happens, and this is its order.
        before: None if nothing was recorded before.
        opening: the subscription is older than the record: it began before there was one, or elsewhere.
    """

    entity_name: ClassVar[str] = "MrrMovement"

    id: str
    tenant_id: str
    subscription_id: str
    subscription_version: int
    customer_id: str
    at: datetime
    recorded_at: datetime
    before: Mrr | None
    after: Mrr
    opening: bool = False
    test_clock_id: str | None = None

    @property
    def place(self) -> str:
        """Where it is among movements: places sort as they do."""
        return f"{sort_key(self.at)}/{sort_key(self.recorded_at)}/{self.id}"

    @property
    def cause(self) -> MrrCause:
        """What happened; of several things in one commit the one that matters most."""
        return MrrCause.OPENING if self.opening else _cause(self.before, self.after)


def recurring_price(plan: Plan, quantities: Mapping[str, int]) -> RecurringPrice:
    """What a full period of a plan costs in advance. What is metered is no part of it, nor is its minimum."""
    exact = sum(
        exact_price(each, Decimal(quantities.get(each.key, 1)))
        for each in plan.components
        if each.type is not ComponentType.METERED
    )
    whole = Fraction(exact)  # tiers may end at 0.5; a product of decimals is one, and 10^15 leaves 13 digits for it
    micros = Decimal(whole.numerator) / Decimal(whole.denominator)
    return RecurringPrice(plan.currency, micros, plan.tax_behavior is TaxBehavior.INCLUSIVE)


def awaits_payment(subscription: Subscription, lines: Sequence[InvoiceLine]) -> bool:
    """Whether a subscription that begins a period with these lines waits for its first payment since.

    The first lines that come to anything are the first charge: what follows a trial, or a start that was set.
    """
    is_first = subscription.period_index < 0 and any(not line.taxable.is_zero for line in lines)
    return subscription.awaits_first_payment or is_first


def recounted(subscription: Subscription, before: Mrr | None, at: datetime) -> Subscription:
    """The subscription with what it counts for now; as it was before, where nothing of that changed.

    Args:
        before: what it counted for when it was loaded; None for a new one, or one from before this was recorded.
        at: now, on the customer's clock.
    """
    if subscription.price is None:  # older than its price; the next step that knows its plan sets that
        return subscription
    found = _counted(subscription, subscription.price, before, at)
    if before is not None and replace(found, at=before.at) == before:
        found = before
    return replace(subscription, mrr=found)


def movement(
    subscription: Subscription, before: Mrr | None, recorded_at: datetime, *, is_new: bool
) -> MrrMovement | None:
    """The movement of a commit; None where no figure of a report changes.

    Args:
        subscription: as it is saved, ``recounted``.
        is_new: it is saved for the first time.
    """
    after = subscription.mrr
    if after is None or not (any(after.sums) or (before is not None and any(before.sums))):
        return None
    if before is not None and _told(before) == _told(after):
        return None
    return MrrMovement(
        id=f"mrr_{subscription.id}@{subscription.version:08d}",
        tenant_id=subscription.tenant_id,
        subscription_id=subscription.id,
        subscription_version=subscription.version,
        customer_id=subscription.customer_id,
        at=after.at,
        recorded_at=recorded_at,
        before=before,
        after=after,
        opening=before is None and (not is_new or subscription.billed_until is not None),
        test_clock_id=subscription.test_clock_id,
    )


def _told(mrr: Mrr) -> tuple[object, ...]:
    """What reports tell of it."""
    return mrr.sums, mrr.currency, mrr.plan_id


def _counted(subscription: Subscription, price: RecurringPrice, before: Mrr | None, at: datetime) -> Mrr:
    standing = _standing(subscription)
    is_counted = standing is MrrStanding.COUNTED
    at = at if before is None else max(at, before.at)  # two machines' clocks differ, and movements are in order
    tax_percent = _tax_percent(subscription, price, before)
    per_month = _months(subscription.cadence) / (1 + exact_fraction(tax_percent) / 100)
    lasting = subscription.discount if subscription.discount is not None and subscription.discount.is_lasting else None
    amount = _rounded(_less(price, lasting) * per_month)
    # A coupon that waits for the next period takes nothing off this one yet; one that lasts is agreed on already.
    discounted = min(amount, _rounded(_less(price, subscription.period_discount) * per_month))
    first = before.counted_since if before is not None else None
    return Mrr(
        standing=standing,
        amount=Money(amount, price.currency),
        discounted=Money(discounted, price.currency),
        plan_id=subscription.plan_id,
        at=at,
        at_risk=is_counted and subscription.state is SubscriptionState.PAST_DUE,
        ending=is_counted and subscription.cancel_at_period_end,
        involuntary=_is_involuntary(subscription),
        counted_since=first or (at if is_counted else None),
        tax_percent=tax_percent,
    )


def _standing(subscription: Subscription) -> MrrStanding:
    if subscription.state is SubscriptionState.CANCELED:
        return MrrStanding.ENDED
    if subscription.state is SubscriptionState.INCOMPLETE or subscription.paused_by is PausedBy.START:
        return MrrStanding.NOT_BEGUN
    if subscription.state is SubscriptionState.PAUSED:
        return MrrStanding.PAUSED
    if subscription.state is SubscriptionState.TRIALING:
        return MrrStanding.TRIAL
    return MrrStanding.NOT_CONVERTED if subscription.awaits_first_payment else MrrStanding.COUNTED


def _is_involuntary(subscription: Subscription) -> bool:
    if subscription.state is SubscriptionState.PAUSED:
        return subscription.paused_by is PausedBy.DUNNING
    return subscription.state is SubscriptionState.CANCELED and subscription.ended_unpaid


def _months(cadence: Cadence) -> Fraction:
    """How many of its periods a month has: a third of a quarter."""
    return _PER_MONTH[cadence.interval] / cadence.interval_count


def _less(price: RecurringPrice, discount: Discount | None) -> Fraction:
    """The price of a full period less a discount, exact: 25 % off 2,070.00 is 1,552.50; 5.00 off 3.00 is nothing."""
    whole = exact_fraction(price.micros)
    if discount is None:
        return whole
    if discount.percent_off is not None:
        return whole * (1 - exact_fraction(discount.percent_off) / 100)
    assert discount.amount_off is not None
    return max(whole - discount.amount_off.micros, Fraction(0))


def _rounded(micros: Fraction) -> int:
    return round(micros)  # half-even


def _tax_percent(subscription: Subscription, price: RecurringPrice, before: Mrr | None) -> Decimal:
    """The percent of tax within the price: 19 of a 119.00 that is billed in Germany.

    Only an invoice knows it. Until the first one (in a trial) it is 0; while lines wait for theirs, what it was before.
    """
    if not price.tax_inclusive:
        return Decimal(0)
    taxed = [line for line in subscription.billed if line.id and line.tax_inclusive and not line.amount.is_zero]
    if not taxed:
        return before.tax_percent if before is not None else Decimal(0)
    percents = [_percent_within(line) for line in taxed]
    if len(set(percents)) == 1:
        return percents[0]
    # Goods of two rates: what all of it together has, to a hundredth of a percent.
    whole = sum(Fraction(line.amount.micros) for line in taxed)
    net = sum(
        Fraction(line.amount.micros) / (1 + exact_fraction(percent) / 100)
        for line, percent in zip(taxed, percents, strict=True)
    )
    return Decimal(round((whole / net - 1) * 10_000)) / 100


def _percent_within(line: InvoiceLine) -> Decimal:
    return sum((tax.rate_percent for tax in line.taxes if tax.inclusive), Decimal(0))


def _cause(before: Mrr | None, after: Mrr) -> MrrCause:
    if before is not None and before.currency != after.currency:
        return MrrCause.CURRENCY
    was = before.standing if before is not None else MrrStanding.NOT_BEGUN
    if was is not after.standing:
        return _entered(was, before, after)
    assert before is not None  # a new one has entered what it is
    if before.plan_id != after.plan_id:
        return MrrCause.PLAN
    if before.amount != after.amount:
        return MrrCause.CHANGED
    if before.ending is not after.ending:
        return MrrCause.CANCELLATION_SCHEDULED if after.ending else MrrCause.CANCELLATION_WITHDRAWN
    if before.at_risk is not after.at_risk:
        return MrrCause.PAST_DUE if after.at_risk else MrrCause.RECOVERED
    return MrrCause.DISCOUNT


def _entered(was: MrrStanding, before: Mrr | None, after: Mrr) -> MrrCause:
    has_counted = before is not None and before.counted_since is not None
    if after.standing is MrrStanding.TRIAL:
        return MrrCause.RESUMED if was is MrrStanding.PAUSED else MrrCause.TRIAL_STARTED
    if after.standing is MrrStanding.NOT_CONVERTED:
        return MrrCause.TRIAL_NOT_CONVERTED
    if after.standing is MrrStanding.PAUSED:
        return MrrCause.PAUSED
    if after.standing is MrrStanding.ENDED:
        if was in (MrrStanding.TRIAL, MrrStanding.NOT_CONVERTED):
            return MrrCause.TRIAL_NOT_CONVERTED
        return MrrCause.ENDED_INVOLUNTARILY if after.involuntary else MrrCause.ENDED_VOLUNTARILY
    if was is MrrStanding.PAUSED and has_counted:
        return MrrCause.RESUMED
    return MrrCause.TRIAL_CONVERTED if was in (MrrStanding.TRIAL, MrrStanding.NOT_CONVERTED) else MrrCause.STARTED
