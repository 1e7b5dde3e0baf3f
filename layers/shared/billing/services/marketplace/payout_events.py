"""What Stripe says of a payout to a bank: by a webhook, or asked by the worker. Whoever learns it settles it.

A failure after success wins, and nothing un-fails: a bank may send back what had arrived, and events come in any order.
"""

import logging
from dataclasses import dataclass, replace

from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace import paying_out, payout_entries
from billing.domain.marketplace.account import ProviderBalance, account_id
from billing.domain.marketplace.payout import Payout, PayoutStatus
from billing.domain.marketplace.provider import ACCOUNT_ID, ProviderAccount
from billing.services.kernel.work import Ref, Work
from billing.services.marketplace.payout_processor import BankPayout, Transfer
from billing.services.marketplace.payouts import closed, give_back, tell

_log = logging.getLogger(__name__)
_FAILED = ("failed", "canceled")


def bank_payout_changed(work: Work, payout_id: str, stripe_account_id: str, snapshot: BankPayout) -> Payout | None:
    """Stage what follows for a payout of ours from its present state at Stripe.

    Args:
        work: the provider's (``metadata.tenant_id`` of the payout at Stripe).
        payout_id: ours (``metadata.payout_id``).
        stripe_account_id: the connected account on which it was found; never that of the platform.
        snapshot: as Stripe has it now, retrieved on that account.

    Returns:
        The payout; None where there is none of that id on that account.
    """
    ref = Ref(Payout, work.tenant.id, payout_id)
    payout = work.load(ref).get(ref)
    if payout is None or payout.stripe_account_id != stripe_account_id:
        return None
    return settle(work, payout, snapshot)


@dataclass(frozen=True, slots=True)
class PayoutsNews:
    """``connect_news.PayoutNews``: what becomes of our payouts when Stripe tells of them."""

    def bank_payout_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: BankPayout) -> bool:
        """The payout to the bank has another state, perhaps."""
        ref = Ref(Payout, work.tenant.id, payout_id)
        before = work.load(ref).get(ref)
        after = bank_payout_changed(work, payout_id, stripe_account_id, seen)
        return before is not None and after is not None and after.version != before.version

    def transfer_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: Transfer) -> bool:
        """A transfer was made, which its own turn finds; or taken back, which only an operator may do beside us.

        Of a payout that has failed its turn comes at once, also where it had given up: the money is there.
        """
        ref = Ref(Payout, work.tenant.id, payout_id)
        payout = work.load(ref).get(ref)
        if payout is None or seen.reversed_amount.is_zero:
            return False
        if payout.status is not PayoutStatus.FAILED:
            _log.critical("a transfer of ours was taken back at Stripe", extra={"payout_id": payout_id})
            return False
        if payout.reversal is None or payout.reversal.stripe_id is not None:
            return False
        work.save(replace(payout, due=paying_out.due_at(payout, work.now)))
        return True


def settle(work: Work, payout: Payout, snapshot: BankPayout) -> Payout:
    """Stage what follows from the state of a payout to the bank; nothing where it is settled already."""
    if payout.transfer.stripe_id is None or payout.status in (PayoutStatus.FAILED, PayoutStatus.CANCELED):
        return payout
    if payout.bank.stripe_id not in (None, snapshot.id):
        note = {"payout_id": payout.id, "stripe_id": snapshot.id}
        _log.critical("a second payout to the bank was made of one of ours", extra=note)
        return payout
    if payout.bank.stripe_id is None:
        payout = _on_its_way(work, payout, snapshot)
    if snapshot.status in _FAILED:
        return fail(work, payout, snapshot.failure_code or snapshot.status, snapshot.failure_message)
    if snapshot.status == "paid" and payout.status is PayoutStatus.IN_TRANSIT:
        return _arrived(work, payout)
    return payout


def fail(work: Work, payout: Payout, code: str, message: str | None) -> Payout:
    """Stage a payout's failure. What has left the platform comes back to the account once Stripe has taken it back."""
    after = work.save(paying_out.failed(payout, code, message, work.now))
    if payout.status is PayoutStatus.PAID:
        head = _head(work, payout)
        work.save(replace(head, paid=head.paid - payout.amount, in_transit=head.in_transit + payout.amount))
    if after.reversal is None:
        after = give_back(work, after, work.now)
        work.save(payout_entries.unsent(after, work.now))
    _log.critical("payout failed", extra={"payout_id": payout.id, "failure_code": code})
    _alarm_if_retired(work, after)
    tell(work, EventType.PAYOUT_FAILED, after)
    return after


def _on_its_way(work: Work, payout: Payout, snapshot: BankPayout) -> Payout:
    after = work.save(
        replace(
            payout,
            status=PayoutStatus.IN_TRANSIT,
            bank=replace(payout.bank, stripe_id=snapshot.id),
            arrives_at=snapshot.arrives_at,
            destination=snapshot.destination_last4 or payout.destination,
        )
    )
    tell(work, EventType.PAYOUT_UPDATED, after)
    return after


def _arrived(work: Work, payout: Payout) -> Payout:
    after = replace(payout, status=PayoutStatus.PAID, paid_at=work.now)
    after = work.save(replace(after, due=paying_out.look_again(after, work.now)))
    head = _head(work, payout)
    head = replace(head, in_transit=head.in_transit - payout.amount, paid=head.paid + payout.amount)
    work.save(closed(head, payout))
    tell(work, EventType.PAYOUT_PAID, after)
    return after


def _alarm_if_retired(work: Work, payout: Payout) -> None:
    """What comes back to an account that was replaced meanwhile needs a person's eye."""
    ref = Ref(ProviderAccount, payout.tenant_id, ACCOUNT_ID)
    provider = work.load(ref).get(ref)
    if provider is not None and payout.stripe_account_id in provider.retired:
        _log.critical("a payout to a retired account failed", extra={"payout_id": payout.id})


def _head(work: Work, payout: Payout) -> ProviderBalance:
    ref = Ref(ProviderBalance, payout.tenant_id, account_id(payout.marketplace_id, payout.amount.currency))
    return work.load(ref).require(ref)
