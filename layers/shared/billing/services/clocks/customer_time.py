"""What time it is for a customer: the wall clock's, or its test clock's."""

from datetime import datetime
from typing import Protocol

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import Conflict, InvalidState
from billing.services.kernel.work import Ref, Work


class OnAClock(Protocol):
    """Something of a customer: a payment, or a refund."""

    @property
    def test_clock_id(self) -> str | None:
        """The customer's clock."""

    @property
    def created_at(self) -> datetime:
        """When it was made, on that clock."""


def outcome_time(work: Work, money: OnAClock) -> datetime:
    """When the outcome of something that was begun earlier is learnt, on its customer's clock.

    On the wall clock that is now: the month in which it was begun may be over, and a month that is over never changes.
    A test clock may be on its way meanwhile, and then has no present: there it is when that thing was begun.
    """
    return work.now if money.test_clock_id is None else money.created_at


def customer_time(work: Work, customer: Customer, *, of_the_past: bool = False) -> datetime:
    """Now, as the customer's clock has it; once that is deleted, time stands still.

    One more read for a customer on a test clock, and only for those.

    Args:
        of_the_past: whether this is about what was done already (a refund, a credit note), which goes on for a customer
            that was deleted; nothing new begins for one.

    Raises:
        InvalidState: the clock is advancing: what is due comes first. Or the customer was deleted.
    """
    if not of_the_past:
        customer.require_there("billed")
    if customer.test_clock_id is None:
        return work.now
    ref = Ref(Clock, customer.tenant_id, customer.test_clock_id)
    clock = work.load(ref).get(ref)
    if clock is None:
        raise Conflict(f"The test clock {customer.test_clock_id} of customer {customer.id} is gone")
    if clock.status is ClockStatus.ADVANCING:
        raise InvalidState.of("test_clock", clock.status, "used before it is ready")
    return clock.frozen_time
