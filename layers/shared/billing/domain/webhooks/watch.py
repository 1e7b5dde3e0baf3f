"""The safety alarm of an endpoint's new deliveries: one an hour for all of them, rather than one for each.

A first attempt is brought by its message, and nothing else waits for it: an alarm of its own would be a third of what
a delivery writes. What was lost (a message, or whoever had it) is found by a look at the endpoint's deliveries.

    09:00 the first delivery: watched, looked at 10:00       10:00 a look at events from 08:50 on; what is pending since
    09:00 - 09:58 deliveries without an alarm                       before 09:45 gets an alarm; next look 11:00,
    09:58 - 10:00 deliveries with an alarm of their own             or none, if nothing came since 09:45

Nothing falls between two looks. Whoever addresses events writes for a minute at most, and relies only on a look that is
two minutes away or more; so at a look everything stands there that was to be found by it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.domain.webhooks.delivery import Delivery, DeliveryState

LOOK_EVERY = timedelta(hours=1)
MARGIN = timedelta(minutes=2)
"""A look that is nearer is relied on by nobody: more than the minute that a publisher runs, and clocks that differ."""
FRESH = timedelta(minutes=10)
"""How old an event may be that a watch which begins now is to find."""
OVERDUE = timedelta(minutes=15)
"""What was not attempted by then is taken for lost. More than the six minutes after which SQS gives a message again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """An endpoint's watch.

    Args:
        since: it finds deliveries of events that were made from then on.
        due_at: when somebody looks.
    """

    tenant_id: str
    endpoint_id: str
    since: datetime
    due_at: datetime

    def covers(self, made_at: datetime, now: datetime) -> bool:
        """Whether a delivery that is written now, of an event of that time, needs no alarm of its own."""
        return self.due_at > now + MARGIN and made_at >= self.since


def watch_from(tenant_id: str, endpoint_id: str, now: datetime) -> Watch:
    """A watch that begins now."""
    return Watch(tenant_id, endpoint_id, now - FRESH, now + LOOK_EVERY)


def is_carried(delivery: Delivery) -> bool:
    """Whether nothing but its message, and the endpoint's watch, waits for a delivery's first attempt."""
    return delivery.state is DeliveryState.PENDING and delivery.attempt == 0 and delivery.due_at is None


def is_lost(delivery: Delivery, now: datetime) -> bool:
    """Whether its message has not come for so long that it gets an alarm."""
    return is_carried(delivery) and delivery.created_at <= now - OVERDUE


def after_look(watch: Watch, latest: datetime | None, now: datetime) -> Watch | None:
    """The watch after a look at everything; None where it ends.

    Args:
        latest: when the latest event was made of which there is a delivery; None where there is none.
    """
    if latest is None or latest <= now - OVERDUE:
        return None
    return replace(watch, since=now - OVERDUE, due_at=now + LOOK_EVERY)


def cut_short(watch: Watch, until: datetime, now: datetime) -> Watch:
    """The watch after a look that came only to events of a time: it goes on with those in a minute."""
    return replace(watch, since=min(until, now - OVERDUE), due_at=now + timedelta(minutes=1))
