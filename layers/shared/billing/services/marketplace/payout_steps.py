"""The payout worker's steps at Stripe: a transfer, a payout to the bank, and after a failure the transfer's reversal.

Each call is committed before it is sent (``submitted_at``), and its outcome after. The key has the attempt's number:

    Refused          Stripe did nothing, and will answer that key so for a day: the attempt is over, the next has a new
                     key. What may come right by itself is tried again later, with an alarm; anything else has failed.
    OutcomeUnknown   the key stays. The next turn looks for what was made; within 23 h it may send the same key again.
    Unavailable      nothing was done (429, an outage): the same again later, and it counts as no failure.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.money import Money
from billing.domain.marketplace import paying_out, payout_entries
from billing.domain.marketplace.account import ProviderBalance, account_id
from billing.domain.marketplace.payout import Payout, PayoutStatus, Step
from billing.services.kernel.due_items import load_due
from billing.services.kernel.recovery import Repeat
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.payout_events import fail, settle
from billing.services.marketplace.payout_processor import (
    BankPayout,
    MoneyOrder,
    PayoutProcessor,
    Refused,
    Reversal,
    Transfer,
)
from billing.services.marketplace.payouts import closed, give_back, tell

T = TypeVar("T")
_log = logging.getLogger(__name__)
RESEND_WITHIN = timedelta(hours=23)
"""Stripe knows a key for 24 hours; after that the same request would move the money again."""
_LATER = timedelta(seconds=30)
_SETTLES = timedelta(hours=1)
_WATCH = timedelta(hours=6)
_COMES_RIGHT = ("balance_insufficient", "insufficient_funds", "lock_timeout", "payouts_not_allowed_yet")
"""Refusals that time may mend: the platform's charges settle, the provider's account gets its transfer."""


@dataclass(slots=True)
class _Turn:
    """A turn at one payout; ``payout`` is as it was committed or staged last."""

    work: Work
    payout: Payout

    def commit(self, after: Payout) -> None:
        """Commit now, before something is sent."""
        self.payout = self.work.save(after)
        self.work.checkpoint(Repeat())

    def save(self, after: Payout) -> None:
        self.payout = self.work.save(after)

    def wait(self, at: datetime) -> None:
        """Come again at a time."""
        self.save(replace(self.payout, due=paying_out.due_at(self.payout, at)))


@dataclass(frozen=True, slots=True)
class PayoutSteps:
    """Does what is due of a payout.

    Args:
        processor: Stripe.
        pace: waits until the next call may be made (Stripe's limits).
    """

    processor: PayoutProcessor
    pace: Callable[[], None]

    def advance(self, work: Work, payout_id: str, now: datetime) -> Due | None:
        """The alarm clock's work on a payout.

        Args:
            work: the provider's.
            now: the wall clock's time.

        Returns:
            when it is due next; None when never.

        Raises:
            OutcomeUnknown: something may have been sent, and Stripe does not say what became of it.
        """
        payout, due = load_due(work, Payout, payout_id, now)
        if payout is None or due is None:
            return due
        turn = _Turn(work, payout)
        try:
            self._step(turn)
        except Unavailable as error:
            _log.warning("payout waits for Stripe", extra={"payout_id": payout_id, "why": str(error)})
            later = work.now + timedelta(seconds=error.retry_after_s or _LATER.total_seconds())
            turn.save(replace(turn.payout, due=replace(due, at=later)))
        return turn.payout.due

    def _step(self, turn: _Turn) -> None:
        payout = turn.payout
        match payout.status:
            case PayoutStatus.PENDING:
                self._transfer(turn)
            case PayoutStatus.TRANSFERRING if payout.transfer.stripe_id is None:
                self._transfer(turn)
            case PayoutStatus.TRANSFERRING:
                self._pay_out(turn)
            case PayoutStatus.IN_TRANSIT | PayoutStatus.PAID:
                self._watch(turn)
            case PayoutStatus.FAILED if payout.reversal is not None and payout.reversal.stripe_id is None:
                self._reverse(turn)
            case _:
                turn.save(replace(payout, due=None))

    # The transfer

    def _transfer(self, turn: _Turn) -> None:
        again = turn.payout.transfer.submitted_at is not None
        if not again:
            begun = replace(turn.payout.transfer, submitted_at=turn.work.now)
            turn.commit(replace(turn.payout, status=PayoutStatus.TRANSFERRING, transfer=begun))
        order = _order(turn.payout, "transfer", turn.payout.transfer)
        try:
            made = self._found_or_sent(
                turn, turn.payout.transfer, again, order, self._find_transfer, self._send_transfer
            )
        except Refused as refusal:
            self._transfer_refused(turn, refusal)
            return
        if made is None:
            turn.save(replace(turn.payout, transfer=paying_out.next_attempt(turn.payout.transfer, "not_sent")))
            turn.wait(turn.work.now)
            return
        step = replace(
            turn.payout.transfer, stripe_id=made.id, balance_transaction_id=made.balance_transaction_id, refusal=None
        )
        # It is looked at in the same turn again, a moment after it was due.
        following = turn.payout.due.at + timedelta(milliseconds=1) if turn.payout.due else turn.work.now
        turn.save(
            replace(
                turn.payout, transfer=step, not_before=made.available_on, due=paying_out.due_at(turn.payout, following)
            )
        )
        turn.work.save(payout_entries.sent(turn.payout, turn.work.now))

    def _transfer_refused(self, turn: _Turn, refusal: Refused) -> None:
        step = turn.payout.transfer
        _log.critical("transfer of a payout refused", extra={"payout_id": turn.payout.id, "code": refusal.code})
        if refusal.code not in _COMES_RIGHT or step.attempt >= paying_out.MOST_ATTEMPTS:
            turn.payout = fail(turn.work, turn.payout, refusal.code, refusal.message)
            return
        turn.save(replace(turn.payout, transfer=paying_out.next_attempt(step, refusal.code)))
        turn.wait(turn.work.now + paying_out.pause_after(step))

    # The payout to the bank

    def _pay_out(self, turn: _Turn) -> None:
        again = turn.payout.bank.submitted_at is not None
        if not again:
            if not self._has_settled(turn):
                return
            turn.commit(replace(turn.payout, bank=replace(turn.payout.bank, submitted_at=turn.work.now)))
        order = _order(turn.payout, "bank", turn.payout.bank)
        try:
            made = self._found_or_sent(turn, turn.payout.bank, again, order, self._find_pay_out, self._send_pay_out)
        except Refused as refusal:
            self._bank_refused(turn, refusal)
            return
        if made is None:
            turn.save(replace(turn.payout, bank=paying_out.next_attempt(turn.payout.bank, "not_sent")))
            turn.wait(turn.work.now)
            return
        turn.payout = settle(turn.work, turn.payout, made)
        if turn.payout.status is PayoutStatus.IN_TRANSIT:
            turn.wait(turn.work.now + _WATCH)

    def _has_settled(self, turn: _Turn) -> bool:
        """Whether what was transferred can be paid out now; else it waits until then."""
        payout, work = turn.payout, turn.work
        assert payout.transfer.stripe_id is not None
        if payout.not_before is not None and work.now < payout.not_before:
            turn.wait(payout.not_before)
            return False
        self.pace()
        state = self.processor.transfer_state(payout.transfer.stripe_id, payout.stripe_account_id)
        if state.arrived is not None and state.arrived.currency != payout.amount.currency:
            turn.payout = fail(work, payout, "currency_converted", f"It arrived as {state.arrived.currency}")
            return False
        if state.available_on is None or work.now < state.available_on:
            turn.save(replace(payout, not_before=state.available_on))
            turn.wait(state.available_on or work.now + _SETTLES)
            return False
        return True

    def _bank_refused(self, turn: _Turn, refusal: Refused) -> None:
        step = turn.payout.bank
        if refusal.code not in _COMES_RIGHT or step.attempt >= paying_out.MOST_ATTEMPTS:
            turn.payout = fail(turn.work, turn.payout, refusal.code, refusal.message)
            return
        _log.critical("payout to a bank refused", extra={"payout_id": turn.payout.id, "code": refusal.code})
        turn.save(replace(turn.payout, bank=paying_out.next_attempt(step, refusal.code)))
        turn.wait(turn.work.now + paying_out.pause_after(step))

    def _watch(self, turn: _Turn) -> None:
        """Ask what became of it: a webhook tells, but may get lost."""
        payout, work = turn.payout, turn.work
        assert payout.bank.stripe_id is not None
        self.pace()
        state = self.processor.bank_payout(payout.bank.stripe_id, payout.stripe_account_id)
        turn.payout = settle(work, payout, state)
        if turn.payout.status is PayoutStatus.IN_TRANSIT:
            turn.wait(work.now + _WATCH)
        elif turn.payout is payout:  # still paid
            turn.save(replace(payout, due=paying_out.look_again(payout, work.now)))

    # Back

    def _reverse(self, turn: _Turn) -> None:
        """Take the transfer back; what somebody took back in Stripe's dashboard, or an unheard try of ours, is back."""
        payout, work = turn.payout, turn.work
        assert payout.reversal is not None
        assert payout.transfer.stripe_id is not None
        self.pace()
        left = _returned(turn, payout.amount, self.processor.reversals(payout.transfer.stripe_id))
        step = payout.reversal
        if left.is_zero:
            self._all_back(turn)
            return
        if step.submitted_at is not None and work.now - step.submitted_at >= RESEND_WITHIN:
            turn.save(replace(turn.payout, reversal=paying_out.next_attempt(step, "not_sent")))
            turn.wait(work.now)
            return
        if step.submitted_at is None:
            step = replace(step, submitted_at=work.now)
            turn.commit(replace(turn.payout, reversal=step))
        order = _order(turn.payout, "reversal", step, left)
        self.pace()
        try:
            made = self.processor.reverse(replace(order, source_id=payout.transfer.stripe_id))
        except Refused as refusal:
            self._strand(turn, step, left, refusal)
            return
        _returned(turn, left, [made])
        self._all_back(turn)

    def _all_back(self, turn: _Turn) -> None:
        """All of it is on the account again."""
        step = turn.payout.reversal
        assert step is not None
        done = replace(step, stripe_id=turn.payout.returned[-1], refusal=None)
        turn.save(replace(turn.payout, reversal=done, due=None))
        _stranded(turn, Money.zero(turn.payout.amount.currency))
        tell(turn.work, EventType.PAYOUT_UPDATED, turn.payout)

    @staticmethod
    def _strand(turn: _Turn, step: Step, left: Money, refusal: Refused) -> None:
        """Stripe will not take it back, as things are: it is not the account's again, and nobody is paid it twice."""
        _log.critical("reversal of a payout refused", extra={"payout_id": turn.payout.id, "code": refusal.code})
        new = turn.payout.stranded is None
        _stranded(turn, left)
        if new:
            tell(turn.work, EventType.PAYOUT_UPDATED, turn.payout)
        turn.save(replace(turn.payout, reversal=paying_out.next_attempt(step, refusal.code)))
        if step.attempt >= paying_out.MOST_ATTEMPTS:
            turn.save(replace(turn.payout, due=None))
        else:
            turn.wait(turn.work.now + paying_out.pause_after(step))

    # At Stripe

    def _found_or_sent(
        self,
        turn: _Turn,
        step: Step,
        again: bool,
        order: MoneyOrder,
        find: Callable[[MoneyOrder], T | None],
        send: Callable[[MoneyOrder], T],
    ) -> T | None:
        """What was made of an order: found, where it may have been sent before; else sent under its key.

        Returns:
            None where it was not made, and its key is too old to be sent again.
        """
        assert step.submitted_at is not None
        if again:
            self.pace()
            found = find(order)
            if found is not None or turn.work.now - step.submitted_at >= RESEND_WITHIN:
                return found
        self.pace()
        return send(order)

    def _find_transfer(self, order: MoneyOrder) -> Transfer | None:
        return self.processor.find_transfer(order)

    def _send_transfer(self, order: MoneyOrder) -> Transfer:
        return self.processor.transfer(order)

    def _find_pay_out(self, order: MoneyOrder) -> BankPayout | None:
        return self.processor.find_pay_out(order)

    def _send_pay_out(self, order: MoneyOrder) -> BankPayout:
        return self.processor.pay_out(order)


def _returned(turn: _Turn, of: Money, found: Sequence[Reversal]) -> Money:
    """Stage what has come back of a transfer, each reversal once, whoever made it; what is left of an amount."""
    for each in found:
        of -= each.amount
        if each.id in turn.payout.returned:
            continue
        after = replace(turn.payout, returned=(*turn.payout.returned, each.id))
        turn.payout = give_back(turn.work, after, turn.work.now, each.amount)
        entry = payout_entries.returned(turn.payout, each.id, each.amount, each.balance_transaction_id, turn.work.now)
        turn.work.save(entry)
    return of


def _stranded(turn: _Turn, amount: Money) -> None:
    """Note what of a payout Stripe does not take back, for now; its account can be paid out beside it."""
    zero = Money.zero(amount.currency)
    before = turn.payout.stranded or zero
    if before == amount:
        return
    head = _head(turn.work, turn.payout)
    sum_of_all = (head.stranded or zero) - before + amount
    turn.work.save(closed(replace(head, stranded=None if sum_of_all.is_zero else sum_of_all), turn.payout))
    turn.save(replace(turn.payout, stranded=None if amount.is_zero else amount))


def _order(payout: Payout, name: str, step: Step, part: Money | None = None) -> MoneyOrder:
    """A call, under the attempt's key: ``ten_1:payout:po_1:transfer:1``; of a part of the amount under one of its own,
    because Stripe takes no other request under a key."""
    amount = payout.amount if part is None else part
    of = "" if amount == payout.amount else f":{amount.micros}"
    return MoneyOrder(
        payout_id=payout.id,
        tenant_id=payout.tenant_id,
        marketplace_id=payout.marketplace_id,
        stripe_account_id=payout.stripe_account_id,
        amount=amount,
        key=f"{payout.tenant_id}:payout:{payout.id}:{name}:{step.attempt}{of}",
    )


def _head(work: Work, payout: Payout) -> ProviderBalance:
    ref = Ref(ProviderBalance, payout.tenant_id, account_id(payout.marketplace_id, payout.amount.currency))
    return work.load(ref).require(ref)
