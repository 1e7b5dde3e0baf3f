"""The trial balance: what each account of a tenant's books has, and whether it all sums to zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry

_BY_PARTY = {Account.PROVIDER_PENDING, Account.PROVIDER_PAYABLE, Account.PROVIDER_HELD, Account.PAYOUTS_IN_TRANSIT}
"""Accounts that are shown for each provider. Customers' are one sum: a tenant may have a million of them."""


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What one account has in one currency.

    Args:
        party: the provider whose it is; None for an account that is shown as one sum.
        debit, credit: the sums of its postings, neither below zero.
    """

    account: Account
    party: str | None
    debit: Money
    credit: Money

    @property
    def balance(self) -> Money:
        """A debit balance if positive, a credit balance if negative."""
        return self.debit - self.credit


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account that was posted to, by currency, account and party.

    Args:
        at: what was posted before it is in.
    """

    at: datetime
    accounts: tuple[AccountBalance, ...]
    entries: int

    @property
    def out_of_balance(self) -> dict[str, Money]:
        """By currency, by how much debits and credits differ; empty as a rule, for each entry sums to zero."""
        sums: dict[str, Money] = {}
        for each in self.accounts:
            currency = each.debit.currency
            sums[currency] = sums.get(currency, Money.zero(currency)) + each.balance
        return {currency: rest for currency, rest in sums.items() if not rest.is_zero}


def trial_balance(entries: Iterable[LedgerEntry], at: datetime) -> TrialBalance:
    """The trial balance of a tenant's books.

    110.00 received, with a fee of 3.49: cash has debits of 110.00 and credits of 3.49, processing_fees debits of 3.49,
    receivable credits of 110.00; it sums to zero.

    Args:
        entries: all of a tenant's, in any order.
        at: aware, UTC; entries that were posted at this time or later are left out.
    """
    sums: dict[tuple[str, Account, str | None], tuple[Money, Money]] = {}
    count = 0
    for entry in entries:
        if entry.posted_at >= at:
            continue
        count += 1
        for posting in entry.postings:
            currency = posting.amount.currency
            key = (currency, posting.account, posting.party if posting.account in _BY_PARTY else None)
            debit, credit = sums.get(key) or (Money.zero(currency), Money.zero(currency))
            if posting.amount.is_negative:
                credit -= posting.amount
            else:
                debit += posting.amount
            sums[key] = (debit, credit)
    ordered = sorted(sums.items(), key=lambda each: (each[0][0], list(Account).index(each[0][1]), each[0][2] or ""))
    accounts = tuple(AccountBalance(account, party, *moved) for (_, account, party), moved in ordered)
    return TrialBalance(at, accounts, count)
