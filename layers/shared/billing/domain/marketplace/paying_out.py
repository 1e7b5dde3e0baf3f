"""What of an account can be paid out, what stands in the way of it, and how a payout goes from state to state."""

from dataclasses import replace
from datetime import datetime, timedelta

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.due import Due, payout_shard
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.marketplace.account import AccountLine, ProviderBalance, Skip, SkipReason
from billing.domain.marketplace.payout import Payout, PayoutStatus, Step
from billing.domain.marketplace.provider import ProviderAccount

_WHOLE_UNITS = {"HUF": 100, "TWD": 100}
"""Charged with decimals, and paid out in whole units only. Source: docs.stripe.com/currencies, "Special cases"."""
MOST_ATTEMPTS = 12
"""So often a refused step is tried again, under another key each time; about five days."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=12)
_LOOKS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""After so long a payout that was paid is looked at again: a bank sends one back within five business days."""


def payable(balance: Money) -> Money:
    """What of a balance can be paid out; the rest stays on the account.

    HUF 12,345.67 -> 12,345.00, of which 0.67 stay; KWD 4.301 -> 4.300; zero of one below zero.
    """
    step = _WHOLE_UNITS.get(balance.currency, charge_step(balance.currency)) * MICROS_PER_MINOR
    return Money(max(balance.micros, 0) // step * step, balance.currency)


def obstacle(head: ProviderBalance, provider: ProviderAccount | None, at: datetime) -> Skip | None:
    """Why an account cannot be paid out, in words that its provider understands; None where it can.

    Args:
        provider: None for a tenant that has begun no onboarding.
    """
    found = _of_balance(head, provider) or _of_account(head, provider)
    return Skip(found[0], at, found[1]) if found is not None else None


def _of_balance(head: ProviderBalance, provider: ProviderAccount | None) -> tuple[SkipReason, str] | None:
    if head.open_payout_id is not None:
        return SkipReason.PAYOUT_OPEN, f"The payout {head.open_payout_id} is under way"
    if head.balance.is_negative:
        return SkipReason.NEGATIVE_BALANCE, f"{-head.balance} are owed; later earnings pay for it"
    amount = payable(head.balance)
    if amount.is_zero:
        why = f"{head.balance} are less than can be paid out" if not head.balance.is_zero else "The balance is zero"
        return SkipReason.NOTHING_AVAILABLE, why
    minimum = Money(provider.minimums.get(head.currency, 0) if provider else 0, head.currency)
    if amount < minimum:
        return SkipReason.BELOW_MINIMUM, f"{amount} are less than the minimum of {minimum}; they are carried over"
    return None


def _of_account(head: ProviderBalance, provider: ProviderAccount | None) -> tuple[SkipReason, str] | None:
    account = provider.account if provider is not None else None
    if account is None:
        return SkipReason.ACCOUNT_NOT_READY, "No account to be paid out to is connected yet"
    if not account.ready:
        wanted = account.disabled_reason or ", ".join(account.currently_due) or "not yet verified"
        return SkipReason.ACCOUNT_NOT_READY, f"The account cannot be paid: {wanted}"
    bank = account.bank_of(head.currency)
    if bank is None:
        # Stripe would convert it, at a rate that nobody has agreed on, and a transfer that comes back loses by it.
        return SkipReason.CURRENCY_NOT_SETTLED, f"No bank account takes {head.currency}"
    if bank.errored:
        return SkipReason.ACCOUNT_NOT_READY, f"A payout to the bank account ending in {bank.last4} has failed"
    return None


def disagreement(head: ProviderBalance, last: AccountLine | None, at: datetime) -> Skip | None:
    """Why an account whose head and lines disagree is not paid; None where they agree, as they always should.

    Both are written in one transaction. Where they differ all the same, somebody has changed one of them by hand, and
    either may be the wrong one, whichever is more: nobody is paid by either of them.

    Args:
        last: the line of the head's number; None where there is none.
    """
    said = last.balance_after if last is not None else Money.zero(head.currency)
    if said == head.balance:
        return None
    return Skip(SkipReason.LINES_DISAGREE, at, f"The balance is {head.balance}, by the account's lines it is {said}")


def begun(
    head: ProviderBalance,
    provider: ProviderAccount,
    before: AccountLine | None,
    prefix: str,
    at: datetime,
    now: datetime,
    manual: bool,
) -> Payout:
    """A new payout of all that an account can be paid.

    Args:
        before: the last line of the statement before; None for the first payout.
        prefix: of the marketplace's documents.
        at: now, in the provider's time.
        now: the wall clock's time, in which its steps are done.
    """
    account = provider.account
    assert account is not None
    bank = account.bank_of(head.currency)
    number = head.payouts + 1
    payout_id = derived("po", at, head.tenant_id, head.id, str(number))
    return Payout(
        id=payout_id,
        tenant_id=head.tenant_id,
        marketplace_id=head.marketplace_id,
        amount=payable(head.balance),
        status=PayoutStatus.PENDING,
        number=f"{prefix}-{head.currency}-{number:06d}",
        first_seq=head.statement_seq + 1,
        last_seq=head.seq + 1,
        opening_balance=before.balance_after if before is not None else Money.zero(head.currency),
        stripe_account_id=account.id,
        destination=bank.last4 if bank is not None else None,
        created_at=at,
        manual=manual,
        due=Due(payout_shard(payout_id), now),
    )


def in_transit_of(head: ProviderBalance, payout: Payout) -> ProviderBalance:
    """The head of an account whose payout has begun; the payout's line is added to it."""
    return replace(
        head,
        payouts=head.payouts + 1,
        open_payout_id=payout.id,
        statement_seq=payout.last_seq,
        in_transit=head.in_transit + payout.amount,
        skip=None,
        due=None,
        next_payout_at=None,
    )


def canceled(payout: Payout) -> Payout:
    """A payout that is not to be made after all.

    Raises:
        InvalidState: it may have been sent.
    """
    if payout.status is not PayoutStatus.PENDING:
        raise InvalidState.of("payout", payout.status, "canceled")
    return replace(payout, status=PayoutStatus.CANCELED, due=None)


def failed(payout: Payout, code: str, message: str | None, now: datetime) -> Payout:
    """A payout that has failed; what has left the platform is to be taken back at once."""
    sent = payout.transfer.stripe_id is not None
    return replace(
        payout,
        status=PayoutStatus.FAILED,
        failure_code=code,
        failure_message=message,
        failed_at=now,
        reversal=Step() if sent else None,
        due=due_at(payout, now) if sent else None,
    )


def due_at(payout: Payout, at: datetime) -> Due:
    """Its alarm, at another time."""
    return Due(payout_shard(payout.id), at)


def next_attempt(step: Step, refusal: str | None) -> Step:
    """The attempt after one that has ended, and the key of which Stripe would answer the same for a day."""
    return Step(attempt=step.attempt + 1, refusal=refusal)


def pause_after(step: Step) -> timedelta:
    """How long to wait after a refusal: 15 minutes, 30 ... 12 hours."""
    pause: timedelta = min(_FIRST_PAUSE * 2 ** (step.attempt - 1), _LONGEST_PAUSE)
    return pause


def look_again(payout: Payout, now: datetime) -> Due | None:
    """When a payout that was paid is looked at next; None for never."""
    assert payout.paid_at is not None
    following = [payout.paid_at + each for each in _LOOKS if payout.paid_at + each > now]
    return due_at(payout, following[0]) if following else None
