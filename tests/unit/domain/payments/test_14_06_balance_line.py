"""Issue 14, number 6: cash is posted to only by line of Stripe's account, with the line's id, once for each line."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from billing.domain import ledger
from billing.domain.kernel.money import Money
from billing.domain.ledger import LedgerEntry
from billing.domain.payments.balance_line import BalanceLine, Source, entered, unknown

AT = datetime(2027, 1, 1, tzinfo=UTC)
PAID = Money.from_minor(11_000, "USD")
FEE = Money.from_minor(349, "USD")
NOTHING = Money.zero("USD")
SOURCE = Source("pay_1", AT, None)


def received(amount: Money = PAID) -> LedgerEntry:
    return ledger.payment_received("le_1", "pay_1", ledger.Receivable("cus_1", "in_1", None), amount, AT)


def line(amount: Money = PAID, moved: Money | None = None, fee: Money = FEE, line_id: str = "txn_1") -> BalanceLine:
    return BalanceLine(line_id, moved or amount, amount, fee)


def sums(*entries: LedgerEntry) -> dict[str, int]:
    """The accounts that are not zero, in minor units; and the law: what posts to cash names its line."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        for posting in entry.postings:
            found[posting.account, posting.amount.currency] += posting.amount.micros
            if posting.account == "cash":
                assert entry.balance_transaction_id is not None
    return {account: micros // 1000 for (account, _), micros in found.items() if micros}


def test_the_fee_is_entered_with_the_charge() -> None:
    """110.00 with a fee of 3.49: Dr cash 110.00, Cr receivable; Dr processing_fees 3.49, Cr cash."""
    entries = entered((received(),), (line(),), SOURCE, AT)
    assert [entry.kind for entry in entries] == ["payment_received", "processing_fee"]
    assert {entry.balance_transaction_id for entry in entries} == {"txn_1"}
    assert sums(*entries) == {"cash": 10_651, "receivable": -11_000, "processing_fees": 349}


def test_a_line_that_comes_late_brings_the_books_to_the_same() -> None:
    at_first = entered((received(),), (), SOURCE, AT)
    assert sums(*at_first) == {"cash_clearing": 11_000, "receivable": -11_000}
    assert at_first[0].balance_transaction_id is None
    late = entered((), (line(),), SOURCE, AT)
    assert sums(*at_first, *late) == sums(*entered((received(),), (line(),), SOURCE, AT))


@pytest.mark.parametrize("late", [False, True])
def test_what_stripe_converts_is_entered_in_both_currencies(late: bool) -> None:
    """EUR 100.00 brought USD 108.00, of which 3.49 are the fee: each entry balances in its own currency."""
    euros = Money.from_minor(10_000, "EUR")
    converted = line(Money.from_minor(10_800, "USD"), euros)
    first = entered((received(euros),), () if late else (converted,), SOURCE, AT)
    rest = entered((), (converted,), SOURCE, AT) if late else ()
    found: Counter[tuple[str, str]] = Counter()
    for posting in (posting for entry in (*first, *rest) for posting in entry.postings):
        found[posting.account, posting.amount.currency] += posting.amount.micros
    assert {name: micros for name, micros in found.items() if micros} == {
        ("receivable", "EUR"): -10_000_000,
        ("currency_exchange", "EUR"): 10_000_000,
        ("currency_exchange", "USD"): -10_800_000,
        ("cash", "USD"): 10_451_000,
        ("processing_fees", "USD"): 349_000,
    }


def test_yen_have_no_cents() -> None:
    yen = Money.from_minor(500, "JPY")
    entries = entered((received(yen),), (line(yen, fee=Money.from_minor(45, "JPY")),), SOURCE, AT)
    assert sums(*entries) == {"cash": 455, "receivable": -500, "processing_fees": 45}


def test_a_dispute_that_is_heard_of_when_it_is_won_leaves_its_fee() -> None:
    """Taken and given back before anybody told: nothing is held, and 15.00 are gone for good."""
    back = Money.from_minor(5_000, "USD")
    lines = (line(-back, fee=Money.from_minor(1_500, "USD")), line(back, fee=NOTHING, line_id="txn_2"))
    entries = entered((), lines, Source("dp_1", AT, None), AT)
    assert sums(*entries) == {"cash": -1_500, "processing_fees": 1_500}


def test_a_fee_that_stripe_gives_back_is_less_of_a_fee() -> None:
    entries = entered((), (line(PAID, fee=-FEE),), SOURCE, AT)
    assert sums(*entries)["processing_fees"] == -349


def test_another_amount_than_was_booked_is_left_in_clearing() -> None:
    """What Stripe's account shows is cash; the rest is there for whoever looks at the trial balance."""
    entries = entered((received(),), (line(Money.from_minor(10_000, "USD")),), SOURCE, AT)
    assert sums(*entries)["cash_clearing"] == 1_000


def test_a_line_is_entered_once() -> None:
    """Whoever enters it again makes the same ids, which the ledger refuses; known lines are not entered at all."""
    twice = [entered((), (line(),), SOURCE, AT) for _ in range(2)]
    assert [entry.id for entry in twice[0]] == [entry.id for entry in twice[1]]
    assert len({entry.id for entry in twice[0]}) == 2
    assert unknown(["txn_1"], [line(), line(line_id="txn_2")]) == (line(line_id="txn_2"),)
