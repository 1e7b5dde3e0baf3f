"""The trial balance: what each account of a tenant's books has, and whether it all sums to zero."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account
from billing.domain.reports.fold import Posted
from billing.domain.reports.table import Column, Kind, Table, summed

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


@dataclass(slots=True)
class Balances:
    """What was posted so far: debits and credits, by currency, account and (where it is shown by party) party."""

    sums: dict[tuple[str, Account, str | None], tuple[int, int]] = field(default_factory=dict)
    entries: int = 0

    def at(self, at: datetime) -> TrialBalance:
        """The trial balance that they are, as of an instant."""
        ordered = sorted(
            self.sums.items(), key=lambda each: (each[0][0], list(Account).index(each[0][1]), each[0][2] or "")
        )
        accounts = tuple(
            AccountBalance(account, party, Money(debit, currency), Money(credit, currency))
            for (currency, account, party), (debit, credit) in ordered
        )
        return TrialBalance(at, accounts, self.entries)


class TrialBalanceFold:
    """Adds up a tenant's books: a fold (see ``domain.reports.fold``).

    110.00 received, with a fee of 3.49: cash has debits of 110.00 and credits of 3.49, processing_fees debits of 3.49,
    receivable credits of 110.00; it sums to zero.
    """

    name = "trial-balance"
    version = 1
    with_documents = False

    def empty(self) -> Balances:
        """Books without an entry."""
        return Balances()

    def add(self, state: Balances, record: Posted) -> None:
        """Add an entry's postings."""
        state.entries += 1
        for posting in record.entry.postings:
            party = posting.party if posting.account in _BY_PARTY else None
            key = (posting.amount.currency, posting.account, party)
            debit, credit = state.sums.get(key, (0, 0))
            micros = posting.amount.micros
            state.sums[key] = (debit, credit - micros) if micros < 0 else (debit + micros, credit)

    def dump(self, state: Balances) -> Any:
        """As JSON."""
        return {"entries": state.entries, "sums": [[*key, *sums] for key, sums in state.sums.items()]}

    def read(self, dumped: Any) -> Balances:
        """From JSON."""
        sums = {(cur, Account(acc), party): (debit, credit) for cur, acc, party, debit, credit in dumped["sums"]}
        return Balances(sums, dumped["entries"])


_COLUMNS = (
    Column("account", Kind.TEXT, "The account; docs/finance.md says what is posted to it"),
    Column("currency", Kind.TEXT),
    Column("providerId", Kind.TEXT, "Whose it is, of the accounts that are kept by provider"),
    summed("debit", Kind.AMOUNT, "The sum of its debits"),
    summed("credit", Kind.AMOUNT, "The sum of its credits"),
    summed("balance", Kind.AMOUNT, "Debits less credits"),
)


def table(found: TrialBalance) -> Table:
    """A trial balance as a table."""
    rows = [
        (each.account.value, each.debit.currency, each.party, each.debit, each.credit, each.balance)
        for each in found.accounts
    ]
    return Table(_COLUMNS, rows)
