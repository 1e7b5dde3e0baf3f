"""Issue 17: aging, as a fold: as of any moment it is what was posted before, and it sums to the ledger."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain import ledger
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Receivable
from billing.domain.reports.aging import AgingFold, Bucket, Dated, Debts, Rows, columns, keyed
from billing.domain.reports.fold import Posted

LAW = settings(max_examples=80, deadline=None)
AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = date(2026, 3, 31)
FOLD = AgingFold()
DEBTS = st.builds(
    Receivable,
    st.sampled_from(["cus_1", "cus_2", "cus_3"]),
    st.sampled_from([None, "in_1", "in_2", "in_3", "in_4"]),
    st.none(),
)
AMOUNTS = st.builds(Money.from_minor, st.integers(1, 10**6), st.sampled_from(["USD", "EUR", "JPY"]))
DUE = st.dates(date(2025, 11, 1), date(2026, 5, 1))
INVOICES = st.dictionaries(
    st.sampled_from(["in_1", "in_2", "in_3", "in_4"]),
    st.builds(Dated, st.just("N-1"), st.just(AT), DUE, st.just(Money.from_minor(1, "USD"))),
)


@st.composite
def entries(draw: st.DrawFn) -> LedgerEntry:
    debt, amount = draw(DEBTS), draw(AMOUNTS)
    signed = draw(st.sampled_from([amount, -amount]))
    zero = Money.zero(amount.currency)
    made = draw(
        st.sampled_from(
            [
                ledger.invoice_finalized("le_1", "s", debt, signed, zero, AT),
                ledger.payment_received("le_1", "s", debt, amount, AT),
                ledger.balance_used("le_1", "s", debt, signed, AT),
                ledger.credit_noted("le_1", "s", debt, amount, zero, AT),
                ledger.written_off("le_1", "s", debt, signed, AT),
                ledger.refund_paid("le_1", "s", debt, amount, AT),
                ledger.dispute_moved("le_1", "s", debt, signed, zero, AT),
            ]
        )
    )
    assert made is not None
    return made


def folded(found: list[LedgerEntry], state: Debts | None = None) -> Debts:
    state = FOLD.empty() if state is None else state
    for each in found:
        FOLD.add(state, Posted(each))
    return state


def sums(found: list[LedgerEntry], account: Account, currency: str) -> int:
    postings = [posting for each in found for posting in each.postings if posting.account is account]
    return sum(each.amount.micros for each in postings if each.amount.currency == currency)


@pytest.mark.parametrize(
    ("late", "bucket"),
    [
        (-400, Bucket.NOT_DUE), (0, Bucket.NOT_DUE), (1, Bucket.UP_TO_30), (30, Bucket.UP_TO_30),
        (31, Bucket.UP_TO_60), (60, Bucket.UP_TO_60), (61, Bucket.UP_TO_90), (90, Bucket.UP_TO_90),
        (91, Bucket.BEYOND), (4000, Bucket.BEYOND),
    ],
)  # fmt: skip
def test_buckets_begin_the_day_after_the_one_before_ends(late: int, bucket: Bucket) -> None:
    assert Bucket.of(late) is bucket


@LAW
@given(st.lists(entries(), max_size=30), st.sampled_from(Rows), INVOICES)
def test_whatever_the_rows_they_sum_to_the_ledger(
    found: list[LedgerEntry], rows: Rows, invoices: dict[str, Dated]
) -> None:
    names = [column.name for column in columns(rows)]
    made = list(keyed(folded(found), DAY, rows, invoices))
    assert [key for key, _ in made] == sorted(key for key, _ in made)
    cells = [dict(zip(names, row, strict=True)) for _, row in made]
    for currency in ("USD", "EUR", "JPY"):
        of = [each for each in cells if each["currency"] == currency]

        def total(name: str, of: list[dict[str, object]] = of) -> int:
            return sum(cell.micros for each in of if isinstance(cell := each[name], Money))

        assert total("receivable") == sums(found, Account.RECEIVABLE, currency)
        assert total("customerBalance") == sums(found, Account.CUSTOMER_BALANCE, currency)
        assert total("disputed") == sums(found, Account.DISPUTES, currency)
        buckets = ("notDue", "days1To30", "days31To60", "days61To90", "days91AndMore")
        assert sum(total(name) for name in (*buckets, "unappliedCredit")) == total("receivable")
        assert all(cell.micros >= 0 for each in of for name in buckets if isinstance(cell := each[name], Money))
        assert total("unappliedCredit") <= 0


@LAW
@given(st.lists(entries(), max_size=30), st.data())
def test_it_may_be_kept_anywhere_on_the_way(found: list[LedgerEntry], data: st.DataObject) -> None:
    """The state of a finished month, written and read, and the entries since, give what all entries give."""
    cut = data.draw(st.integers(0, len(found)))
    kept = FOLD.read(json.loads(json.dumps(FOLD.dump(folded(found[:cut])))))
    assert folded(found[cut:], kept) == folded(found)


@LAW
@given(st.lists(entries(), max_size=30))
def test_what_is_settled_leaves_nothing_behind(found: list[LedgerEntry]) -> None:
    """So the state is as large as what is open, however long the history is."""
    back = [ledger.reversed_entry("le_2", each.kind, each) for each in found]
    assert folded([*found, *back]) == FOLD.empty()


def test_of_one_invoice_the_same_amount_moves_to_the_next_bucket_with_time() -> None:
    owed = ledger.invoice_finalized(
        "le_1", "in_1", Receivable("cus_1", "in_1", None), Money.from_minor(100, "USD"), Money.zero("USD"), AT
    )
    assert owed is not None
    invoices = {"in_1": Dated("N-1", AT, DAY, Money.from_minor(100, "USD"))}
    found = []
    for days in (0, 1, 31, 61, 91):
        ((_, row),) = keyed(folded([owed]), DAY + timedelta(days=days), Rows.CURRENCIES, invoices)
        found.append([cell.minor for cell in row[1:6] if isinstance(cell, Money)])
    assert found == [[100 * (n == m) for m in range(5)] for n in range(5)]


def test_money_in_another_currency_than_the_invoices_shows_no_total_of_another_currency() -> None:
    """JPY 100 came for an invoice over USD 200.00, and are on their way back: what the invoice was about is no yen."""
    back = ledger.balance_used("le_1", "re_1", Receivable("cus_1", "in_1", None), Money.from_minor(100, "JPY"), AT)
    invoices = {"in_1": Dated("N-1", AT, DAY, Money.from_minor(20_000, "USD"))}
    names = [column.name for column in columns(Rows.INVOICES)]
    found = [dict(zip(names, row, strict=True)) for _, row in keyed(folded([back]), DAY, Rows.INVOICES, invoices)]
    assert [(each["currency"], each["invoiceId"], each["total"]) for each in found] == [
        ("JPY", None, None), ("JPY", "in_1", None),
    ]  # fmt: skip
