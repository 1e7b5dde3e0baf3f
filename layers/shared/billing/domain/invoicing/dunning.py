"""Dunning: what happens to an invoice whose charge failed, and in the end to its subscription.

The first failure is day 0. On each day of the tenant's schedule (1, 3, 5, 7) the charge is tried again, with whatever
method the subscription has then. A method that was refused for good (a stolen card) is not tried again, but the
schedule goes on. After its last day the tenant's ``DunningAction`` is taken. A successful charge ends dunning at any
point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Dunning:
    """Where an invoice stands in its tenant's schedule.

    Args:
        failed_at: its first failure; the schedule's days are counted from here.
        steps_done: how many days of the schedule are over, whether the charge was tried on them or not.
        refused_method_id: the payment method that was refused for good, or None.
    """

    failed_at: datetime
    steps_done: int = 0
    refused_method_id: str | None = None

    def next_at(self, schedule_days: Sequence[int]) -> datetime | None:
        """When the next step is; None when the schedule is used up.

        Day 0 is 1 March, the schedule 1, 3: steps on 2 and 4 March, and then nothing is left.
        """
        if self.steps_done >= len(schedule_days):
            return None
        return self.failed_at + timedelta(days=schedule_days[self.steps_done])

    def may_charge(self, payment_method_id: str | None) -> bool:
        """Whether a method is worth an attempt: there is one, and it is not the one that was refused for good."""
        return payment_method_id is not None and payment_method_id != self.refused_method_id

    def stepped(self) -> "Dunning":
        """After one more of the schedule's days has come."""
        return replace(self, steps_done=self.steps_done + 1)

    def refused(self, payment_method_id: str | None, for_good: bool) -> "Dunning":
        """After a failed attempt. A failed attempt by another method does not make a refused one worth trying again."""
        refused_id = payment_method_id if for_good and payment_method_id is not None else self.refused_method_id
        return replace(self, refused_method_id=refused_id)
