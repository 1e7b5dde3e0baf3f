"""What time it is for a customer: the wall clock's, or its test clock's."""

from datetime import datetime

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import Conflict, InvalidState
from billing.services.kernel.work import Ref, Work


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
