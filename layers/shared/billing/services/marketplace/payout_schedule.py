"""When an account is paid out: its provider's schedule."""

from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.kernel.due import Due, clock_shard, payout_shard
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.provider import ACCOUNT_ID, PayoutSchedule, ProviderAccount
from billing.domain.marketplace.schedule import next_payout_at
from billing.services.kernel.due_items import load_due
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.payouts import Payouts, provider_time


@dataclass(frozen=True, slots=True)
class ScheduledPayouts:
    """Pays accounts out when their time has come."""

    payouts: Payouts

    def look(self, work: Work, head_id: str, now: datetime) -> Due | None:
        """The alarm clock's work on an account: pay it out if its time has come, else find out when that is.

        Args:
            work: the provider's.
            now: the wall clock's time; the test clock's where the schedule runs on one.

        Returns:
            when it is due next; None when never: it is paid on request only, or has nothing to be paid.
        """
        head, due = load_due(work, ProviderBalance, head_id, now)
        if head is None or due is None:
            return due
        ref = Ref(ProviderAccount, head.tenant_id, ACCOUNT_ID)
        provider = work.load(ref).get(ref)
        at = now if due.shard.startswith("clock#") else provider_time(work, provider)
        if head.next_payout_at is None or at < head.next_payout_at:
            return work.save(_scheduled(work, head, provider, at)).due
        made = self.payouts.make(work, head, at, manual=False)
        # What was staged of it just now.
        head_ref = Ref(ProviderBalance, head.tenant_id, head.id)
        head = work.load(head_ref).require(head_ref)
        if isinstance(made, Payout):
            return head.due
        return work.save(_scheduled(work, head, provider, at)).due


def _scheduled(work: Work, head: ProviderBalance, provider: ProviderAccount | None, at: datetime) -> ProviderBalance:
    """The account with the alarm of its next payout; none where there is nothing to pay."""
    schedule = provider.schedule if provider is not None else PayoutSchedule()
    if head.balance <= Money.zero(head.currency):
        return replace(head, due=None, next_payout_at=None)
    following = next_payout_at(schedule, work.tenant.timezone, at)
    if following is None:
        return replace(head, due=None, next_payout_at=None)
    clock_id = provider.test_clock_id if provider is not None else None
    of_wall_clock = payout_shard(f"{head.tenant_id}:{head.id}")
    shard = clock_shard(head.tenant_id, clock_id) if clock_id is not None else of_wall_clock
    return replace(head, due=Due(shard, following), next_payout_at=following)
