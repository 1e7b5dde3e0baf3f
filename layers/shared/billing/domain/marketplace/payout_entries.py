"""What a marketplace's books say of its payouts, so that ``cash`` is the balance at Stripe after each step.

claimed    Dr provider payable   Cr payouts in transit
sent       Dr payouts in transit Cr cash                (the transfer is confirmed)
returned   Dr cash               Cr provider payable    (the transfer was reversed)
unsent     Dr payouts in transit Cr provider payable    (nothing was ever sent)
"""

from dataclasses import replace
from datetime import datetime

from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.payout import Payout


def released(earning: Earning, amount: Money, of_reserve: bool, at: datetime) -> LedgerEntry:
    """What of an earning can be paid out from now on: Dr provider pending, Cr provider payable.

    Args:
        amount: not zero; below zero where the provider owes it.
        of_reserve: it was kept for longer.
    """
    postings = _moved(Account.PROVIDER_PENDING, Account.PROVIDER_PAYABLE, amount, earning.tenant_id)
    made_id = derived("le", earning.created_at, "earning", earning.id, "reserve" if of_reserve else "released")
    return LedgerEntry(
        made_id,
        "earning_released",
        earning.id,
        at,
        postings,
        tenant_id=earning.marketplace_id,
        invoice_id=None,
        test_clock_id=earning.test_clock_id,
    )


def claimed(payout: Payout, at: datetime) -> LedgerEntry:
    """A payout was begun."""
    return _entry(payout, "claimed", Account.PROVIDER_PAYABLE, Account.PAYOUTS_IN_TRANSIT, at)


def sent(payout: Payout, at: datetime) -> LedgerEntry:
    """Its transfer is confirmed: the money has left the platform."""
    made = _entry(payout, "sent", Account.PAYOUTS_IN_TRANSIT, Account.CASH, at)
    return replace(made, balance_transaction_id=payout.transfer.balance_transaction_id)


def returned(payout: Payout, reversal_id: str, amount: Money, line_id: str | None, at: datetime) -> LedgerEntry:
    """Its transfer, or a part of it, was taken back.

    Args:
        reversal_id: at Stripe; what is taken back in parts is entered in parts.
        line_id: the line of the account at Stripe that it is.
    """
    made = _entry(payout, f"returned:{reversal_id}", Account.CASH, Account.PROVIDER_PAYABLE, at, amount)
    return replace(made, kind="payout_returned", balance_transaction_id=line_id)


def unsent(payout: Payout, at: datetime) -> LedgerEntry:
    """It was canceled, or refused, before anything had left."""
    return _entry(payout, "unsent", Account.PAYOUTS_IN_TRANSIT, Account.PROVIDER_PAYABLE, at)


def adjusted(
    made_id: str, provider_id: str, source_id: str, amount: Money, given_up: bool, at: datetime
) -> LedgerEntry:
    """A correction of a provider's account by hand, the marketplace's expense: Cr provider payable.

    Args:
        amount: not zero; above zero where the provider is owed more.
        given_up: a debt of the provider's that nobody will pay (Dr bad debt); else the commission goes down.
    """
    against = Account.BAD_DEBT if given_up else Account.COMMISSION_REVENUE
    return LedgerEntry(
        made_id,
        "provider_adjusted",
        source_id,
        at,
        (Posting(against, amount), Posting(Account.PROVIDER_PAYABLE, -amount, provider_id)),
        invoice_id=None,
        test_clock_id=None,
    )


def _entry(
    payout: Payout, step: str, debit: Account, credit: Account, at: datetime, part: Money | None = None
) -> LedgerEntry:
    made_id = derived("le", payout.created_at, "payout", payout.tenant_id, payout.id, step)
    postings = _moved(debit, credit, payout.amount if part is None else part, payout.tenant_id)
    return LedgerEntry(
        made_id,
        f"payout_{step}",
        payout.id,
        at,
        postings,
        tenant_id=payout.marketplace_id,
        invoice_id=None,
        test_clock_id=None,  # one account has what buyers of any clock brought, and Stripe pays in its own time
    )


_BY_PARTY = (Account.PROVIDER_PENDING, Account.PROVIDER_PAYABLE, Account.PAYOUTS_IN_TRANSIT)


def _moved(debit: Account, credit: Account, amount: Money, provider_id: str) -> tuple[Posting, Posting]:
    def party(account: Account) -> str | None:
        return provider_id if account in _BY_PARTY else None

    return Posting(debit, amount, party(debit)), Posting(credit, -amount, party(credit))
