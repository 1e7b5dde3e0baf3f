"""Issue 14, number 6: the trial balance has every account once per currency, and sums to zero."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.domain import ledger
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.reports.fold import Posted
from billing.domain.reports.trial_balance import TrialBalance, TrialBalanceFold

AT = datetime(2027, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
DEBT = ledger.Receivable("cus_1", None, None)
FOLD = TrialBalanceFold()


def trial_balance(entries: list[LedgerEntry]) -> TrialBalance:
    state = FOLD.empty()
    for each in entries:
        FOLD.add(state, Posted(each))
    return FOLD.read(json.loads(json.dumps(FOLD.dump(state)))).at(LATER)


def entry(amount: Money, debit: Account, credit: Account, party: str | None = None) -> LedgerEntry:
    return LedgerEntry("le_1", "k", "s", AT, (Posting(debit, amount, party), Posting(credit, -amount, party)))


def test_a_charge_and_its_fee() -> None:
    received = ledger.payment_received("le_1", "pay_1", DEBT, Money.from_minor(11_000, "USD"), AT)
    fee = entry(Money.from_minor(349, "USD"), Account.PROCESSING_FEES, Account.CASH)
    found = trial_balance([received, fee])
    assert [(each.account.value, each.debit.minor, each.credit.minor) for each in found.accounts] == [
        ("receivable", 0, 11_000), ("cash", 11_000, 349), ("processing_fees", 349, 0),
    ]  # fmt: skip
    assert (found.entries, found.out_of_balance) == (2, {})


def test_providers_are_apart_and_customers_are_not() -> None:
    one = Money.from_minor(1, "USD")
    entries = [entry(one, Account.RECEIVABLE, Account.PROVIDER_PENDING, party) for party in ("a", "b")]
    found = {(each.account, each.party) for each in trial_balance(entries).accounts}
    assert found == {("receivable", None), ("provider_pending", "a"), ("provider_pending", "b")}


_ENTRY = st.builds(
    lambda minor, currency, debit, credit: entry(Money.from_minor(minor, currency), debit, credit, "p"),
    st.integers(-(10**9), 10**9),
    st.sampled_from(["USD", "EUR", "JPY"]),
    st.sampled_from(list(Account)),
    st.sampled_from(list(Account)),
)


@given(st.lists(_ENTRY, max_size=30))
def test_it_always_sums_to_zero(entries: list[LedgerEntry]) -> None:
    found = trial_balance(entries)
    assert found.out_of_balance == {}
    keys = [(each.debit.currency, each.account, each.party) for each in found.accounts]
    assert len(keys) == len(set(keys))
    assert all(not each.debit.is_negative and not each.credit.is_negative for each in found.accounts)
