"""Payouts are begun, and canceled: by the schedule, by a marketplace, or by the provider itself.

To begin one is a single commit: the payout, its line on the account, the entry in the marketplace's books. Nothing is
sent before that (``payout_steps``). An account has one open payout; of two that begin at once, one loses the race on
the account's head, and finds the other's.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.clocks import Clock
from billing.domain.kernel.errors import PayoutRefused
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import Money
from billing.domain.marketplace import paying_out, payout_entries
from billing.domain.marketplace.account import (
    AccountLine,
    LineType,
    ProviderBalance,
    Skip,
    SkipReason,
    account_id,
    line_id,
)
from billing.domain.marketplace.payout import OF_MARKETPLACE, Payout
from billing.domain.marketplace.provider import ACCOUNT_ID, ProviderAccount
from billing.domain.tenant import SETTINGS_ID, Tenant
from billing.services.clocks.due_index import Alarm
from billing.services.kernel.work import Query, Ref, Work
from billing.services.marketplace.accounts import add_line
from billing.services.marketplace.payout_processor import PayoutProcessor, Refused

_log = logging.getLogger(__name__)
ACCOUNTS_A_CALL = 12
"""Of a trigger: a payout is six items of a transaction, which takes a hundred."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An account that was not paid out, and why."""

    head: ProviderBalance
    skip: Skip


@dataclass(frozen=True, slots=True)
class Triggered:
    """What a trigger came to; ``next_cursor`` is there where it was not all accounts."""

    payouts: list[Payout]
    skipped: list[Skipped]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Payouts:
    """Begins payouts.

    Args:
        processor: Stripe; only asked.
        alarm: wakes the payout worker.
    """

    processor: PayoutProcessor
    alarm: Alarm

    def trigger(self, work: Work, provider_id: str | None, currency: str | None, cursor: str | None) -> Triggered:
        """Pay out now: a marketplace its providers, or one of them; a provider (``own``) all that it has.

        Args:
            provider_id: None for all providers of the caller's, a page at a time; the caller's own id for all of the
                caller's own accounts.
            currency: None for all.

        Raises:
            PayoutRefused: the named provider has no account with the caller.
        """
        own = provider_id == work.tenant.id
        heads, following = self._heads(work, provider_id, own, cursor)
        heads = [each for each in heads if currency in (None, each.currency)]
        if provider_id is not None and not heads:
            raise PayoutRefused("There is no account that could be paid out: nothing was earned on it yet")
        result = Triggered([], [], following)
        for head in heads:
            made = self.make(work, head, self._time_of(work, head), manual=True)
            if isinstance(made, Payout):
                result.payouts.append(made)
            else:
                result.skipped.append(Skipped(head, made))
        return result

    def make(self, work: Work, head: ProviderBalance, at: datetime, manual: bool) -> Payout | Skip:
        """Stage a payout of all that an account can be paid, or note on it why there is none.

        Args:
            head: as it is loaded.
            at: now, in the provider's time.

        Raises:
            Unavailable: Stripe cannot be asked how the provider's account stands.
        """
        refs = (
            Ref(ProviderAccount, head.tenant_id, ACCOUNT_ID),
            Ref(AccountLine, head.tenant_id, line_id(head.id, head.statement_seq)),
            Ref(Tenant, head.marketplace_id, SETTINGS_ID),
            Ref(AccountLine, head.tenant_id, line_id(head.id, head.seq)),
        )
        found = work.load(*refs)
        provider = found.get(refs[0])
        skip = (
            paying_out.obstacle(head, provider, at)
            or _disagreement(head, found.get(refs[3]), at)
            or self._obstacle_at_stripe(head, provider, at)
        )
        if skip is not None:
            work.save(replace(head, skip=skip))
            return skip
        assert provider is not None
        prefix = found.require(refs[2]).invoice_prefix
        payout = work.save(paying_out.begun(head, provider, found.get(refs[1]), prefix, at, work.now, manual))
        begun = paying_out.in_transit_of(head, payout)
        add_line(work, begun, LineType.PAYOUT, -payout.amount, at, payout.id)
        work.save(payout_entries.claimed(payout, work.now))
        tell(work, EventType.PAYOUT_CREATED, payout)
        work.after_commit(self.waking(payout))
        return payout

    def cancel(self, work: Work, payout: Payout) -> Payout:
        """Give a payout up before anything was sent; its amount is on the account again.

        Raises:
            InvalidState: it may have been sent.
        """
        after = give_back(work, work.save(paying_out.canceled(payout)), work.now)
        work.save(payout_entries.unsent(after, work.now))
        tell(work, EventType.PAYOUT_CANCELED, after)
        return after

    def waking(self, payout: Payout) -> Callable[[], None]:
        """What wakes the worker of a payout."""
        due = payout.due
        return lambda: self.alarm.wake(due.shard, f"payout:{payout.id}") if due is not None else None

    def _obstacle_at_stripe(self, head: ProviderBalance, provider: ProviderAccount | None, at: datetime) -> Skip | None:
        """An account that owes Stripe something would swallow the transfer: nothing is sent to it."""
        account = provider.account if provider is not None else None
        assert account is not None
        try:
            there = self.processor.available(head.currency, account.id)
        except Refused as refusal:
            return Skip(SkipReason.ACCOUNT_NOT_READY, at, refusal.message)
        if there.is_negative:
            owed = f"The account at Stripe owes {-there}, which would take what is sent there"
            return Skip(SkipReason.ACCOUNT_NOT_READY, at, owed)
        return None

    @staticmethod
    def _heads(
        work: Work, provider_id: str | None, own: bool, cursor: str | None
    ) -> tuple[list[ProviderBalance], str | None]:
        if provider_id is not None and not own:
            return heads_with(work, provider_id), None
        index = None if own else "marketplace"
        page = work.query(
            Query(
                ProviderBalance,
                index=index,
                value=None if own else OF_MARKETPLACE,
                limit=ACCOUNTS_A_CALL,
                start=cursor,
            )
        )
        # The list may lag behind: what is decided on is read again.
        refs = [Ref(ProviderBalance, each.tenant_id, each.id) for each in page.items]
        found = work.load(*refs)
        return [found.require(ref) for ref in refs], page.next_cursor

    @staticmethod
    def _time_of(work: Work, head: ProviderBalance) -> datetime:
        ref = Ref(ProviderAccount, head.tenant_id, ACCOUNT_ID)
        return provider_time(work, work.load(ref).get(ref))


def _disagreement(head: ProviderBalance, last: AccountLine | None, at: datetime) -> Skip | None:
    skip = paying_out.disagreement(head, last, at)
    if skip is not None:
        _log.critical("an account disagrees with its lines", extra={"account_id": head.id, "tenant_id": head.tenant_id})
    return skip


def heads_with(work: Work, provider_id: str) -> list[ProviderBalance]:
    """A provider's accounts with the caller, in the currencies that it has any in."""
    page = work.query(
        Query(ProviderBalance, index="marketplace", value=OF_MARKETPLACE, limit=50, begins=f"{provider_id}/")
    )
    refs = [Ref(ProviderBalance, provider_id, each.id) for each in page.items]
    loaded = work.load(*refs)
    return [loaded.require(ref) for ref in refs]


def provider_time(work: Work, provider: ProviderAccount | None) -> datetime:
    """Now, in the time in which a provider's schedule runs: the wall clock's, or a test clock's."""
    if provider is None or provider.test_clock_id is None:
        return work.now
    ref = Ref(Clock, provider.tenant_id, provider.test_clock_id)
    clock = work.load(ref).get(ref)
    return clock.frozen_time if clock is not None else work.now


def give_back(work: Work, payout: Payout, at: datetime, part: Money | None = None) -> Payout:
    """Stage the line that brings a payout's amount, or a part of it, back to its account; that is on no way any more.

    Args:
        part: what of it came back; None for all of it.
    """
    amount = payout.amount if part is None else part
    ref = Ref(ProviderBalance, payout.tenant_id, account_id(payout.marketplace_id, payout.amount.currency))
    head = work.load(ref).require(ref)
    after = work.save(replace(payout, returned_seq=head.seq + 1))
    head = closed(head, payout)
    head = replace(head, in_transit=head.in_transit - amount)
    add_line(work, head, LineType.PAYOUT_RETURNED, amount, at, payout.id)
    return after


def closed(head: ProviderBalance, payout: Payout) -> ProviderBalance:
    """The head once a payout does not hold up the next one any more."""
    return replace(head, open_payout_id=None) if head.open_payout_id == payout.id else head


def tell(work: Work, event: EventType, payout: Payout) -> None:
    """Tell the provider, and the marketplace."""
    work.emit(event, payout)
    work.emit(event, payout, tenant_id=payout.marketplace_id)
