"""Issue 14, number 6: what a line of Stripe's account is compared with, and what the platform's own lines enter."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.kernel.money import Money
from billing.domain.reconciliation import (
    GRACE,
    LineStatus,
    Reason,
    Reconciliation,
    StripeLine,
    judged,
    platform_entries,
)

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def line(kind: str = "charge", amount: int = 10_000, fee: int = 320) -> StripeLine:
    return StripeLine("txn_1", kind, "ch_1", usd(amount), usd(fee), AT, AT)


@pytest.mark.parametrize(
    ("at_stripe", "cash", "reason"),
    [
        (line(), usd(9_680), None),
        (line(), usd(10_000), Reason.AMOUNT_DIFFERS),
        (line(), Money.from_minor(9_680, "EUR"), Reason.AMOUNT_DIFFERS),
        (line(), None, Reason.MISSING_IN_LEDGER),
        (line(amount=0, fee=0), None, None),
        (None, usd(9_680), Reason.MISSING_AT_STRIPE),
    ],
)
def test_a_line_agrees_or_waits_and_then_is_a_difference(
    at_stripe: StripeLine | None, cash: Money | None, reason: Reason | None
) -> None:
    """It waits for three hours since it was first seen; what agrees, agrees at once."""
    first = judged("txn_1", "platform", at_stripe, cash, None, AT)
    assert (first.reason, first.is_open) == (reason, reason is not None)
    almost = judged("txn_1", "platform", at_stripe, cash, first, AT + GRACE - timedelta(microseconds=1))
    later = judged("txn_1", "platform", at_stripe, cash, almost, AT + GRACE)
    expected = LineStatus.MATCHED if reason is None else LineStatus.WAITING
    assert first.status is almost.status is expected
    assert later.status is (LineStatus.MATCHED if reason is None else LineStatus.DIFFERENT)


def test_what_agreed_for_long_waits_from_when_it_does_not() -> None:
    matched = judged("txn_1", "platform", line(), usd(9_680), None, AT)
    now = judged("txn_1", "platform", line(), usd(9_681), matched, AT + 2 * GRACE)
    assert (now.status, now.found_at) == (LineStatus.WAITING, AT + 2 * GRACE)


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "expected"),
    [
        ("payout", -100_000, 0, {"cash": -100_000, "bank": 100_000}),
        ("payout", -100_000, 250, {"cash": -100_250, "bank": 100_000, "processing_fees": 250}),
        ("payout_failure", 100_000, 0, {"cash": 100_000, "bank": -100_000}),
        ("topup", 50_000, 0, {"cash": 50_000, "bank": -50_000}),
        ("stripe_fee", -1_234, 0, {"cash": -1_234, "processing_fees": 1_234}),
        ("reserve_transaction", -3_000, 0, {"cash": -3_000, "cash_clearing": 3_000}),
        ("charge", 10_000, 320, {}),
        ("transfer", -10_000, 0, {}),
        ("adjustment", -10_000, 1_500, {}),
    ],
)
def test_only_the_platforms_own_lines_are_entered_in_its_books(
    kind: str, amount: int, fee: int, expected: dict[str, int]
) -> None:
    """To the cent of what the line changed; a charge, a transfer or a dispute is somebody's, and never guessed."""
    sums: dict[str, int] = {}
    entries = platform_entries(line(kind, amount, fee), "platform", AT)
    for posting in (posting for entry in entries for posting in entry.postings):
        sums[posting.account.value] = sums.get(posting.account.value, 0) + posting.amount.minor
    assert sums == expected
    assert {entry.balance_transaction_id for entry in entries} <= {"txn_1"}
    assert entries == platform_entries(line(kind, amount, fee), "platform", AT)


def test_a_surplus_in_one_currency_covers_no_other() -> None:
    state = Reconciliation(
        "platform",
        AT,
        AT,
        AT,
        at_stripe={"USD": usd(1_000_000)},
        providers={"USD": usd(5), "EUR": Money.from_minor(7, "EUR")},
    )
    assert state.short == {"EUR": Money.from_minor(7, "EUR")}
