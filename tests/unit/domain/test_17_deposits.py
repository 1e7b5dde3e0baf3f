"""Issue 17: a deposit is the sum of its parts, however its lines come, and Stripe's words have one column each."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.deposits import Deposit, Part, deposit, listed, part_of, parts_of
from billing.domain.kernel.money import Money, sum_money
from billing.domain.reconciliation import StripeLine

LAW = settings(max_examples=80, deadline=None)
AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
CATEGORIES = (
    "charge", "refund", "refund_failure", "dispute", "dispute_reversal", "transfer", "transfer_reversal", "fee",
    "payout", "payout_reversal", "topup", "other_adjustment", "network_cost", "something_new",
)  # fmt: skip
MINOR = st.integers(-(10**7), 10**7)


def line(
    amount: int, fee: int = 0, category: str | None = "charge", type_: str = "charge", of: str = "x"
) -> StripeLine:
    dollars = [Money.from_minor(each, "USD") for each in (amount, fee)]
    return StripeLine(f"txn_{of}", type_, of, *dollars, AT, AT, category)


def paid(minor: int) -> Deposit:
    made = deposit(line(-minor, category="payout", type_="payout", of="po_1"), "platform")
    assert made is not None
    return made


LINES = st.lists(st.builds(line, MINOR, st.integers(-1000, 1000), st.sampled_from(CATEGORIES)), max_size=12)


@LAW
@given(LINES, st.integers(0, 12))
def test_the_parts_are_what_the_lines_brought_in_one_page_or_two(lines: list[StripeLine], cut: int) -> None:
    net = sum_money((each.net for each in lines), "USD")
    before = paid(net.minor)
    assert before.unexplained == net
    at_once = listed(before, lines, None)
    assert (at_once.unexplained.is_zero, at_once.count, at_once.done) == (True, len(lines), True)
    first = listed(before, lines[:cut], "txn_1")
    assert (first.done, first.place) == (False, "txn_1")
    assert listed(first, lines[cut:], None) == at_once


@pytest.mark.parametrize(
    ("category", "type_", "part"),
    [
        ("charge", "charge", Part.GROSS), (None, "payment", Part.GROSS), ("refund", "refund", Part.REFUNDS),
        ("refund_failure", "refund_failure", Part.REFUNDS), ("dispute", "adjustment", Part.DISPUTES),
        ("dispute_reversal", "adjustment", Part.DISPUTES), ("transfer", "transfer", Part.TRANSFERS),
        ("fee", "stripe_fee", Part.FEES), ("topup", "topup", Part.ADJUSTMENTS),
        ("payout_reversal", "payout_failure", Part.ADJUSTMENTS), ("other_adjustment", "adjustment", Part.ADJUSTMENTS),
        ("unheard_of", "unheard_of", Part.ADJUSTMENTS),
    ],
)  # fmt: skip
def test_which_part_a_line_is(category: str | None, type_: str, part: Part) -> None:
    assert part_of(line(100, category=category, type_=type_)) is part


def test_a_charge_is_gross_before_its_fee_and_a_bill_of_stripes_is_all_fee() -> None:
    charge, bill = line(10_000, 320), line(-500, category="fee", type_="stripe_fee")
    assert {part: each.minor for part, each in parts_of(charge).items()} == {Part.GROSS: 10_000, Part.FEES: 320}
    assert {part: each.minor for part, each in parts_of(bill).items()} == {Part.FEES: 500}


def test_only_a_payout_is_a_deposit() -> None:
    """What a bank sends back is a movement of its own, and no second deposit of the same name."""
    assert deposit(line(500, category="payout_reversal", type_="payout_failure", of="po_1"), "platform") is None
    assert deposit(line(500, category="topup", type_="topup", of="tu_1"), "platform") is None
    assert (paid(500).id, paid(500).amount.minor) == ("po_1", 500)
