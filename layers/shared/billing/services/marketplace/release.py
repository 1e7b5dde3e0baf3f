"""An earning goes to its provider's account, once nothing speaks against paying it out."""

from dataclasses import replace
from datetime import datetime

from billing.domain.kernel.due import Due
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace import payout_entries, releasing
from billing.domain.marketplace.account import LineType
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.order import Order
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.accounts import add_line, head_of, head_ref


def release_earning(work: Work, earning_id: str, now: datetime) -> Due | None:
    """The alarm clock's work on an earning.

    A refund at the same time changes the earning, too: one of both loses the race, and looks again. The refund that
    comes second finds an earning on the account, and takes its part from there.

    Args:
        work: the provider's.
        now: on the buyer's clock.

    Returns:
        when it is due next; None when never.
    """
    earning, due = load_due(work, Earning, earning_id, now)
    if earning is None or due is None:
        return due
    if earning.disputes:  # whoever closes the dispute sets the alarm again
        return work.save(replace(earning, due=None)).due
    until = releasing.waits_until(earning, now)
    if until is not None:
        return work.save(replace(earning, due=Due(due.shard, until))).due
    head = head_ref(earning.tenant_id, earning.marketplace_id, earning.currency)
    order = Ref(Order, earning.marketplace_id, earning.order_id)
    found = work.load(head, order)
    made = releasing.release(earning, found.require(order).terms, now)
    after = work.save(made.earning)
    if made.amount.is_zero:
        return after.due
    add_line(
        work,
        head_of(found, head, now),
        LineType.RELEASE,
        made.amount,
        now,
        earning.id,
        earning.order_id,
        earning.item_ids,
        made.figures,
        made.note,
    )
    work.save(payout_entries.released(earning, made.amount, earning.released is not None, now))
    work.emit(EventType.EARNING_RELEASED, after)
    work.emit(EventType.EARNING_RELEASED, after, tenant_id=after.marketplace_id)
    return after.due
