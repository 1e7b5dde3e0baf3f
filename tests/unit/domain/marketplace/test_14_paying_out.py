"""Issue 14, 3 and 4: what of an account can be paid out, what stands in its way, and what a release shows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.marketplace_terms import MarketplaceTerms, Party
from billing.domain.kernel.money import Money
from billing.domain.marketplace import account, paying_out, releasing
from billing.domain.marketplace.account import AccountLine, LineType, ProviderBalance
from billing.domain.marketplace.earning import Earning, EarningStatus
from billing.domain.marketplace.payout import PayoutStatus
from billing.domain.marketplace.provider import BankDestination, ConnectedAccount, ProviderAccount
from billing.domain.marketplace.split import Split, split

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = ConnectedAccount("acct_1", "US", "USD", True, True, True, banks=(BankDestination("USD", "6789"),))
PROVIDER = ProviderAccount("ten_x", "US", NOW, account=ACCOUNT)


def usd(text: str) -> Money:
    return Money.from_minor(round(float(text) * 100), "USD")


def with_lines(*lines: tuple[LineType, str]) -> tuple[ProviderBalance, list[AccountLine]]:
    head = account.opened("ten_x", "shop", "USD", NOW)
    made = []
    for kind, amount in lines:
        head, line = account.added(head, kind, usd(amount), NOW, "fact")
        made.append(line)
    return head, made


def paid_out(head: ProviderBalance, lines: list[AccountLine]) -> tuple[ProviderBalance, list[AccountLine], str]:
    """The next payout's line; the number of the payout."""
    before = lines[head.statement_seq - 1] if head.statement_seq else None
    payout = paying_out.begun(head, PROVIDER, before, "ACME", NOW, NOW, manual=False)
    assert payout.opening_balance + sum_of(lines[payout.first_seq - 1 :]) == payout.amount
    head, line = account.added(paying_out.in_transit_of(head, payout), LineType.PAYOUT, -payout.amount, NOW, payout.id)
    assert line.seq == payout.last_seq
    return replace(head, open_payout_id=None), [*lines, line], payout.number


def sum_of(lines: list[AccountLine]) -> Money:
    total = usd("0")
    for each in lines:
        total += each.amount
    return total


def test_e21_a_statement_is_the_lines_since_the_last_and_adds_up_across_a_payout_that_came_back() -> None:
    """73.18 - 25.20 + 4.51 = 52.49 paid; the bank returns it; + 45.00: 97.49 paid. Both begin where the last ended."""
    head, lines = with_lines((LineType.RELEASE, "73.18"), (LineType.REFUND, "-25.20"), (LineType.RELEASE, "4.51"))
    head, lines, number = paid_out(head, lines)
    assert (lines[-1].amount, lines[-1].balance_after, number) == (usd("-52.49"), usd("0"), "ACME-USD-000001")
    for kind, amount in ((LineType.PAYOUT_RETURNED, "52.49"), (LineType.RELEASE, "45.00")):
        head, line = account.added(head, kind, usd(amount), NOW, "fact")
        lines.append(line)
    head, lines, number = paid_out(head, lines)
    assert (lines[-1].amount, lines[-1].balance_after, number) == (usd("-97.49"), usd("0"), "ACME-USD-000002")
    assert [each.seq for each in lines] == list(range(1, 8))


def test_e22_what_is_owed_blocks_and_what_is_little_is_carried_over() -> None:
    """-90.00 after a dispute; a sale of 45.00: -45.00 is blocked; one of 54.00: 9.00 are below the minimum of 10.00;
    the dispute is won: 99.00 are paid."""
    provider = replace(PROVIDER, minimums={"USD": 10_00_000})
    head, _ = with_lines((LineType.RELEASE, "90.00"), (LineType.PAYOUT, "-90.00"), (LineType.DISPUTE_HOLD, "-90.00"))
    seen = []
    for kind, amount in ((LineType.RELEASE, "45.00"), (LineType.RELEASE, "54.00"), (LineType.DISPUTE_RELEASED, "90")):
        head, _ = account.added(head, kind, usd(amount), NOW, "fact")
        skip = paying_out.obstacle(head, provider, NOW)
        seen.append((head.balance, skip.reason.value if skip else None))
    assert seen == [(usd("-45"), "negative_balance"), (usd("9"), "below_minimum"), (usd("99"), None)]


@pytest.mark.parametrize(
    ("balance", "paid"),
    [
        (Money(12_345_670_00, "HUF"), Money(12_345_000_00, "HUF")),
        (Money(67_000, "HUF"), Money(0, "HUF")),
        (Money(4_301_000, "KWD"), Money(4_300_000, "KWD")),
        (Money(10_049_000, "USD"), Money(10_049_000, "USD")),
        (Money(-5_000, "USD"), Money(0, "USD")),
        (Money(17_000, "ISK"), Money(17_000, "ISK")),
    ],
)
def test_e23_what_a_currency_cannot_be_paid_out_in_stays(balance: Money, paid: Money) -> None:
    """HUF 12,345.67 -> 12,345.00 are paid, 0.67 stay on the account."""
    assert paying_out.payable(balance) == paid


def test_c31_each_obstacle_has_a_reason_that_a_person_understands() -> None:
    """No account, one that is not verified, no bank in the currency, a bank that sent money back."""
    head, _ = with_lines((LineType.RELEASE, "90.00"))
    not_ready = replace(ACCOUNT, payouts_enabled=False, currently_due=("external_account",))
    no_bank = replace(ACCOUNT, banks=(BankDestination("EUR", "3000"),))
    errored = replace(ACCOUNT, banks=(BankDestination("USD", "6789", errored=True),))
    cases: list[tuple[ConnectedAccount | None, str, str]] = [
        (None, "account_not_ready", "No account"),
        (not_ready, "account_not_ready", "external_account"),
        (no_bank, "currency_not_settled", "USD"),
        (errored, "account_not_ready", "6789"),
    ]
    for connected, reason, words in cases:
        skip = paying_out.obstacle(head, replace(PROVIDER, account=connected), NOW)
        assert skip is not None
        assert (skip.reason.value, words in skip.detail) == (reason, True)


@pytest.mark.parametrize("residue", ["0.01", "-0.01"])
def test_c14_a_head_that_disagrees_with_its_last_line_is_paid_by_neither(residue: str) -> None:
    """More or less: refused on disagreement, not on its sign."""
    head, lines = with_lines((LineType.RELEASE, "90.00"))
    assert paying_out.disagreement(head, lines[-1], NOW) is None
    changed = replace(head, balance=head.balance + usd(residue))
    skip = paying_out.disagreement(changed, lines[-1], NOW)
    assert skip is not None
    assert (skip.reason.value, "90.00" in skip.detail) == ("lines_disagree", True)
    assert paying_out.disagreement(head, None, NOW) is not None
    assert paying_out.disagreement(replace(head, balance=usd("0")), None, NOW) is None


def test_only_what_was_not_sent_can_be_canceled() -> None:
    head, _ = with_lines((LineType.RELEASE, "90.00"))
    payout = paying_out.begun(head, PROVIDER, None, "ACME", NOW, NOW, manual=True)
    assert paying_out.canceled(payout).status is PayoutStatus.CANCELED
    for status in set(PayoutStatus) - {PayoutStatus.PENDING}:
        with pytest.raises(InvalidState):
            paying_out.canceled(replace(payout, status=status))


def earned(made: Split, **changes: object) -> Earning:
    zero = Money.zero("USD")
    values: dict[str, object] = {
        "gross": made.paid + made.promotion, "discount": made.promotion, "split": made,
        "returned": Split.nothing("USD"), "fee": zero, "status": EarningStatus.PENDING,
        "available_on": NOW, "payment_id": "pay_1", "due": Due("07", NOW),
    }  # fmt: skip
    return Earning(
        "earn_1", "ten_x", "shop", "ord_1", item_ids=("item_1",), currency="USD", created_at=NOW, release_at=NOW,
        **(values | changes),
    )  # type: ignore[arg-type]  # fmt: skip


SOLD = split(usd("100"), usd("0"), usd("0"), 1500, MarketplaceTerms(), Party.MARKETPLACE)


def test_an_earning_waits_for_its_window_for_stripe_and_for_its_reserve() -> None:
    """D7: none of them is passed over; what nothing is known of is asked again; a clock's buyer waits for no Stripe."""
    later = NOW + timedelta(days=2)
    assert releasing.waits_until(earned(SOLD), NOW - timedelta(seconds=1)) == NOW
    assert releasing.waits_until(earned(SOLD), NOW) is None
    assert releasing.waits_until(earned(SOLD, available_on=later), NOW) == later
    assert releasing.waits_until(earned(SOLD, available_on=None), NOW) == NOW + timedelta(hours=1)
    assert releasing.waits_until(earned(SOLD, available_on=later, test_clock_id="clock_1"), NOW) is None
    assert releasing.waits_until(earned(SOLD, available_on=None, payment_id=None), NOW) is None
    part = earned(SOLD, released=usd("76.50"), reserve_until=later, status=EarningStatus.RELEASED)
    assert releasing.waits_until(part, NOW) == later


def test_a_reserve_follows_later_and_both_parts_are_the_earning() -> None:
    """85.00 at 10 % for 30 days: 76.50 now, 8.50 then; the sale's figures are shown once."""
    from decimal import Decimal

    terms = MarketplaceTerms(reserve_percent=Decimal(10), reserve_days=30)
    first = releasing.release(earned(SOLD), terms, NOW)
    assert (first.amount, first.earning.reserve_until) == (usd("76.50"), NOW + timedelta(days=30))
    assert first.earning.due == Due("07", NOW + timedelta(days=30))
    second = releasing.release(first.earning, terms, NOW + timedelta(days=30))
    assert (second.amount, second.figures, second.earning.due) == (usd("8.50"), None, None)
    assert second.earning.pending.is_zero


def test_c5_c30_what_was_given_back_before_is_deducted_once() -> None:
    """Three refunds before the release leave what is left, and no line of their own; all of it leaves nothing."""
    back = split(usd("60"), usd("0"), usd("0"), 1500, MarketplaceTerms(), Party.MARKETPLACE)
    made = releasing.release(earned(SOLD, returned=back), MarketplaceTerms(), NOW)
    assert (made.amount, made.figures.gross if made.figures else None) == (usd("34"), usd("40"))
    void = releasing.release(earned(SOLD, returned=SOLD), MarketplaceTerms(), NOW)
    assert (void.amount.is_zero, void.earning.status, void.earning.due) == (True, EarningStatus.VOID, None)


@given(
    paid=st.integers(1, 10**7), promotion=st.integers(0, 10**6), bps=st.integers(0, 5000), share=st.integers(0, 100),
    fee=st.integers(0, 500),
)  # fmt: skip
def test_the_figures_of_a_release_add_up(paid: int, promotion: int, bps: int, share: int, fee: int) -> None:
    """gross - discount - commission - its tax - fee = amount, whatever was given back before."""
    made = split(
        Money.from_minor(paid, "USD"), Money.from_minor(promotion, "USD"), usd("0"), bps, MarketplaceTerms(),
        Party.MARKETPLACE,
    )  # fmt: skip
    back = split(
        Money.from_minor(paid * share // 100, "USD"), usd("0"), usd("0"), 0, MarketplaceTerms(), Party.MARKETPLACE
    )
    earning = earned(made, returned=back, fee=Money.from_minor(fee, "USD"))
    shown = releasing.figures_of(earning)
    assert shown.gross - shown.discount - shown.commission - shown.commission_tax - shown.fee == earning.amount
