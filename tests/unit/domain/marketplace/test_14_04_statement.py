"""Issue 14: statements add up. E21, C3, C4, C27, C28 and C29, by name, and the law for any lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.money import Money, sum_money
from billing.domain.marketplace.account import AccountLine, LineType, ProviderBalance, added, opened
from billing.domain.marketplace.payout import Payout, PayoutStatus
from billing.domain.marketplace.statement import Statement, UnevenStatement, by_day, statement

AT = datetime(2026, 6, 1, tzinfo=UTC)


def usd(text: str) -> Money:
    return Money(int(Decimal(text) * 100_000), "USD")


ZERO = usd("0")


class Account:
    """An account, and the payouts that its statements are of."""

    def __init__(self) -> None:
        self.head: ProviderBalance = opened("x", "shop", "USD", AT)
        self.lines: list[AccountLine] = []
        self.payouts: list[Payout] = []

    def add(self, kind: LineType, amount: Money, source_id: str = "src") -> None:
        at = AT + timedelta(hours=7 * len(self.lines))
        self.head, line = added(self.head, kind, amount, at, source_id)
        self.lines.append(line)

    def pay_out(self, amount: Money | None = None) -> Payout:
        first = self.head.statement_seq + 1
        opening = self.lines[first - 2].balance_after if first > 1 else ZERO
        amount = amount or self.head.balance
        payout_id = f"po_{len(self.payouts) + 1}"
        self.add(LineType.PAYOUT, -amount, payout_id)
        self.head = replace(self.head, statement_seq=self.head.seq)
        made = Payout(
            payout_id, "x", "shop", amount, PayoutStatus.PENDING, f"X-USD-{len(self.payouts) + 1:06d}", first,
            self.head.seq, opening, "acct_1", "6789", AT,
        )  # fmt: skip
        self.payouts.append(made)
        return made

    def send_back(self, payout: Payout) -> None:
        self.add(LineType.PAYOUT_RETURNED, payout.amount, payout.id)

    def stated(self, payout: Payout) -> Statement:
        lines = self.lines[payout.first_seq - 1 : payout.last_seq]
        return statement(payout, lines, ZERO, ZERO, AT)


def rows(stated: Statement) -> list[tuple[str, str]]:
    return [(each.type.value, str(each.amount)) for each in stated.lines]


def test_e21_both_statements_add_up_though_the_bank_sent_the_first_payout_back() -> None:
    """73.18 - 25.20 + 4.51 = 52.49 is paid out; it comes back, 45.00 come on top, and 97.49 are paid out."""
    account = Account()
    account.add(LineType.RELEASE, usd("73.18"))
    account.add(LineType.REFUND, usd("-25.20"))
    account.add(LineType.RELEASE, usd("4.51"))
    first = account.pay_out()
    account.send_back(first)
    account.add(LineType.RELEASE, usd("45.00"))
    second = account.pay_out()
    one, two = account.stated(first), account.stated(second)
    assert (one.opening, first.amount, one.closing) == (ZERO, usd("52.49"), ZERO)
    assert rows(one)[-1] == ("payout", "-52.49 USD")
    assert (two.opening, second.amount, two.closing) == (one.closing, usd("97.49"), ZERO)
    assert rows(two) == [("payout_returned", "52.49 USD"), ("release", "45.00 USD"), ("payout", "-97.49 USD")]
    assert [(each.type.value, each.count, str(each.amount)) for each in one.totals] == [
        ("release", 2, "77.69 USD"),
        ("refund", 1, "-25.20 USD"),
        ("payout", 1, "-52.49 USD"),
    ]


def test_c3_the_rows_of_a_payout_after_a_reversal_add_up_to_its_amount() -> None:
    account = Account()
    account.add(LineType.RELEASE, usd("80.00"))
    account.send_back(account.pay_out())
    account.add(LineType.REFUND, usd("-30.00"))
    again = account.pay_out()
    stated = account.stated(again)
    assert sum_money((each.amount for each in stated.lines[:-1]), "USD") == again.amount == usd("50.00")


def test_c4_money_of_a_canceled_payout_is_counted_once() -> None:
    account = Account()
    account.add(LineType.RELEASE, usd("80.00"))
    account.send_back(account.pay_out())  # canceled before anything was sent: its amount is on the account again
    second = account.pay_out()
    assert second.amount == usd("80.00")
    assert rows(account.stated(second)) == [("payout_returned", "80.00 USD"), ("payout", "-80.00 USD")]


def test_c27_what_makes_the_rows_differ_from_the_payout_has_a_row() -> None:
    """77.55 earned and 60.28 paid: the 17.27 between them are a line, or there is no statement."""
    account = Account()
    account.add(LineType.RELEASE, usd("77.55"))
    account.add(LineType.ADJUSTMENT, usd("-17.27"))
    payout = account.pay_out()
    assert payout.amount == usd("60.28")
    assert ("adjustment", "-17.27 USD") in rows(account.stated(payout))
    without = [account.lines[0], replace(account.lines[2], seq=2)]
    with pytest.raises(UnevenStatement):
        statement(replace(payout, last_seq=2), without, ZERO, ZERO, AT)


def test_c28_a_refund_after_the_period_closed_is_a_negative_row_of_the_next_statement() -> None:
    account = Account()
    account.add(LineType.RELEASE, usd("50.00"))
    closed = account.pay_out()
    account.add(LineType.REFUND, usd("-20.00"))
    account.add(LineType.RELEASE, usd("60.00"))
    following = account.pay_out()
    assert rows(account.stated(closed)) == [("release", "50.00 USD"), ("payout", "-50.00 USD")]
    assert rows(account.stated(following))[0] == ("refund", "-20.00 USD")
    assert following.amount == usd("40.00")


def test_c29_a_refund_is_shown_with_its_sign_and_is_in_the_net() -> None:
    account = Account()
    account.add(LineType.RELEASE, usd("73.18"))
    account.add(LineType.REFUND, usd("-25.20"))
    stated = account.stated(account.pay_out())
    assert [each.balance_after for each in stated.lines] == [usd("73.18"), usd("47.98"), ZERO]
    assert stated.payout.amount == usd("47.98")


def test_e23_what_the_currency_cannot_pay_out_is_carried_to_the_next_statement() -> None:
    account = Account()
    account.add(LineType.RELEASE, usd("12345.67"))
    first = account.pay_out(usd("12345"))
    account.add(LineType.RELEASE, usd("1.33"))
    second = account.pay_out()
    assert account.stated(first).closing == account.stated(second).opening == usd("0.67")
    assert second.amount == usd("2.00")


AMOUNTS = st.integers(min_value=-50_000, max_value=80_000).filter(bool)
MOVES = st.lists(st.one_of(AMOUNTS, st.sampled_from(["pay", "back"])), max_size=60)


@given(MOVES)
def test_statements_chain_whatever_happens_between_them(moves: Sequence[int | str]) -> None:
    """Opening + lines = closing = the next opening; each line is on one statement, also of payouts that come back."""
    account = Account()
    out: list[Payout] = []
    for move in moves:
        if isinstance(move, int):
            account.add(LineType.RELEASE if move > 0 else LineType.REFUND, Money.from_minor(move, "USD"))
        elif move == "pay" and not account.head.balance.is_zero and not account.head.balance.is_negative:
            out.append(account.pay_out())
        elif move == "back" and out:
            account.send_back(out.pop())
    balance, seen = ZERO, []
    for payout in account.payouts:
        stated = account.stated(payout)
        assert stated.opening == balance
        assert stated.opening + sum_money((each.amount for each in stated.lines), "USD") == stated.closing
        assert sum_money((each.amount for each in stated.totals), "USD") == stated.closing - stated.opening
        assert sum(each.count for each in stated.totals) == len(stated.lines)
        days = by_day(stated, UTC)
        assert days[-1].balance_after == stated.closing
        assert sum_money((each.total.amount for each in days), "USD") == stated.closing - stated.opening
        balance = stated.closing
        seen += [each.seq for each in stated.lines]
    assert seen == list(range(1, account.head.statement_seq + 1))


@pytest.mark.parametrize("spoilt", ["gap", "order", "amount", "account", "first", "none", "payout"])
def test_lines_that_are_not_the_payouts_are_no_statement(spoilt: str) -> None:
    """A gap, another order, another amount, another account: it is refused rather than printed."""
    account = Account()
    for text in ("10.00", "20.00", "30.00"):
        account.add(LineType.RELEASE, usd(text))
    payout = account.pay_out()
    one, two, three, last = account.lines
    wrong = {
        "gap": [one, three, last],
        "order": [two, one, three, last],
        "amount": [one, replace(two, amount=usd("21.00")), three, last],
        "account": [one, replace(two, account_id="shop:EUR"), three, last],
        "first": [two, three, last],
        "none": [],
        "payout": [one, two, three, replace(last, source_id="po_other")],
    }
    assert account.stated(payout).closing == ZERO
    with pytest.raises(UnevenStatement):
        statement(payout, wrong[spoilt], ZERO, ZERO, AT)
