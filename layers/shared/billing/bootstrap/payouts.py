"""Wires payouts."""

from typing import TYPE_CHECKING

from billing.bootstrap import connect
from billing.domain.marketplace.payout import Payout
from billing.schemas import events

if TYPE_CHECKING:
    from billing.services.clocks.due_index import Alarm
    from billing.services.marketplace.payout_schedule import ScheduledPayouts
    from billing.services.marketplace.payouts import Payouts

CALLS_A_SECOND = 8
"""Of one payout worker at Stripe, which takes 25 of an operation; two workers run at once."""


def payouts(alarm: "Alarm") -> "Payouts":
    """The service that begins payouts."""
    from billing.services.marketplace.payouts import Payouts

    events.prepare(Payout)
    return Payouts(connect.connect_gateway(), alarm)


def scheduled_payouts(alarm: "Alarm") -> "ScheduledPayouts":
    """The service that pays accounts out when it is time."""
    from billing.services.marketplace.payout_schedule import ScheduledPayouts

    return ScheduledPayouts(payouts(alarm))
