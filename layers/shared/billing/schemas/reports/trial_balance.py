"""The trial balance, as the API shows it."""

from billing.domain.reports.trial_balance import AccountBalance, TrialBalance
from billing.schemas.base import Resource, Time


class AccountBalanceOut(Resource):
    """An account in one currency: the sums of its debits and credits, and their difference (above zero: debits)."""

    account: str
    currency: str
    provider_id: str | None
    debit: int
    credit: int
    balance: int

    @classmethod
    def of(cls, each: AccountBalance) -> "AccountBalanceOut":
        return cls(
            account=each.account.value,
            currency=each.debit.currency,
            provider_id=each.party,
            debit=each.debit.micros,
            credit=each.credit.micros,
            balance=each.balance.micros,
        )


class TrialBalanceOut(Resource):
    """Every account that was posted to before a time; ``outOfBalance`` is empty, for each entry sums to zero."""

    as_of: Time
    entries: int
    accounts: list[AccountBalanceOut]
    out_of_balance: dict[str, int]

    @classmethod
    def of(cls, found: TrialBalance) -> "TrialBalanceOut":
        """Amounts in micro-units, by currency, account and provider."""
        return cls(
            as_of=found.at,
            entries=found.entries,
            accounts=[AccountBalanceOut.of(each) for each in found.accounts],
            out_of_balance={currency: rest.micros for currency, rest in found.out_of_balance.items()},
        )
