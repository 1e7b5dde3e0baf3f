"""When an earning goes to its provider's account, how much of it, and what its line shows."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.due import Due
from billing.domain.kernel.marketplace_terms import MarketplaceTerms
from billing.domain.kernel.money import Money, exact_fraction
from billing.domain.marketplace.account import Figures
from billing.domain.marketplace.earning import Earning, EarningStatus

ASK_AGAIN = timedelta(hours=1)
"""How long an earning waits whose charge Stripe has not said anything of."""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release comes to.

    Args:
        earning: as it is then.
        amount: of the line; zero for none.
        figures: what the line shows; None on that of a reserve, whose sale's line has shown them.
        note: on the line.
    """

    earning: Earning
    amount: Money
    figures: Figures | None = None
    note: str | None = None


def waits_until(earning: Earning, now: datetime) -> datetime | None:
    """Until when an earning has to wait; None where nothing speaks against its release.

    What a test clock's buyer paid is at Stripe in real time, which is no time of the clock's: there the transfer waits,
    on the wall clock, until Stripe has the money.

    Args:
        now: on the buyer's clock.
    """
    wanted = earning.reserve_until if earning.released is not None else earning.release_at
    if wanted is not None and now < wanted:
        return wanted
    if earning.released is not None or earning.test_clock_id is not None or earning.payment_id is None:
        return None
    if earning.available_on is None:
        return now + ASK_AGAIN
    return earning.available_on if now < earning.available_on else None


def release(earning: Earning, terms: MarketplaceTerms, now: datetime) -> Released:
    """An earning for which nothing has to be waited any more.

    85.00 with a reserve of 10 % for 30 days: 76.50 now, 8.50 in 30 days.

    Args:
        terms: of its order.
    """
    if earning.released is not None:
        rest = earning.pending
        after = replace(earning, released=earning.amount, reserve_until=None, due=None)
        return Released(after, rest, note="The reserve of an earlier sale")
    if earning.amount.is_zero:
        return Released(replace(earning, status=EarningStatus.VOID, due=None), earning.amount)
    kept = reserve_of(earning, terms)
    until = now + timedelta(days=terms.reserve_days)
    after = replace(
        earning,
        status=EarningStatus.RELEASED,
        released=earning.amount - kept,
        released_at=now,
        reserve_until=None if kept.is_zero else until,
        due=None,
    )
    note = None
    if not kept.is_zero:
        assert earning.due is not None
        after = replace(after, due=Due(earning.due.shard, until))
        note = f"{kept} are kept in reserve until {until:%Y-%m-%d}"
    return Released(after, earning.amount - kept, figures_of(earning), note)


def reserve_of(earning: Earning, terms: MarketplaceTerms) -> Money:
    """What of an earning is kept for longer; nothing of one below zero, and never all of the time for no days."""
    zero = Money.zero(earning.currency)
    if earning.amount.is_negative or not terms.reserve_days:
        return zero
    share = exact_fraction(terms.reserve_percent) / 100
    return Money.rounded(earning.amount.micros * share, earning.currency, charge_step(earning.currency))


def figures_of(earning: Earning) -> Figures:
    """What the line of a sale shows, so that it adds up: gross - discount - commission - its tax - fee = earning.

    The gross is without a tax that the marketplace owes, and with one that the provider does. The discount is what the
    provider pays for. What was given back before is in none of them: an order of 100.00 of which 30.00 were refunded
    in time shows 70.00.
    """
    sold, back = earning.split, earning.returned
    discount = earning.discount - sold.promotion
    if not sold.paid.is_zero:
        left = Fraction((sold.paid - back.paid).micros, sold.paid.micros)
        discount = Money.rounded(discount.micros * left, earning.currency)
    left_over = sold - back
    return Figures(
        gross=left_over.earning + left_over.commission + left_over.commission_tax + discount,
        discount=discount,
        commission=left_over.commission,
        commission_tax=left_over.commission_tax,
        tax=left_over.tax,
        fee=earning.fee,
    )
