"""Issue 17, number 6: what the rows of a report come to, per currency, and of those columns alone that add."""

from hypothesis import given
from hypothesis import strategies as st

from billing.bootstrap.reports import all_reports
from billing.domain.kernel.money import Money
from billing.domain.reports.mrr_tables import COHORT_COLUMNS, MRR_COLUMNS, RETENTION_COLUMNS
from billing.domain.reports.recognition import month_columns
from billing.domain.reports.table import Column, Kind, totals
from billing.services.reports.listing import Listing

COLUMNS = (
    Column("name", Kind.TEXT),
    Column("currency", Kind.TEXT),
    Column("debit", Kind.AMOUNT, adds=True),
    Column("start", Kind.AMOUNT),
    Column("count", Kind.INTEGER, adds=True),
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["EUR", "USD", "JPY"]), st.integers(-(10**12), 10**12), st.integers(0, 99)), max_size=30
)


@given(ROWS)
def test_totals_are_the_sums_of_each_currency(rows: list[tuple[str, int, int]]) -> None:
    made = totals(COLUMNS, [("x", cur, Money(micros, cur), Money(1, cur), count) for cur, micros, count in rows])
    currencies = sorted({currency for currency, _, _ in rows})
    if len(currencies) == len(rows):
        assert made == ()  # each row says it already
        return
    assert [row[1] for row in made] == currencies
    for _, currency, debit, start, count in made:
        assert debit == Money(sum(micros for cur, micros, _ in rows if cur == currency), str(currency))
        assert count == sum(each for cur, _, each in rows if cur == currency)
        assert start is None  # a balance of several months is nobody's


def test_what_is_told_of_no_row_has_no_total() -> None:
    rows = [("x", "EUR", None, None, None), ("y", "EUR", None, None, None)]
    assert totals(COLUMNS, rows) == ([None, "EUR", None, None, None],)


def test_without_a_currency_or_a_column_that_adds_there_are_none() -> None:
    rows = [("x", "EUR", Money(1, "EUR")), ("y", "EUR", Money(1, "EUR"))]
    assert totals((COLUMNS[0], COLUMNS[1], COLUMNS[3]), rows) == ()
    assert totals((COLUMNS[0], COLUMNS[0], COLUMNS[2]), rows) == ()


def test_what_is_as_of_an_instant_adds_over_no_months() -> None:
    """Deferred at the end of March and of April are not two sums of money; nor are shares of anything."""
    adding = {each.name for columns in (MRR_COLUMNS, month_columns("")) for each in columns if each.adds}
    assert adding.isdisjoint({"start", "end", "deferredAtStart", "deferredAtEnd", "customersStart", "customersEnd"})
    assert {"new", "churnVoluntary", "billed", "recognised", "customersNew"} <= adding
    assert not any(each.adds for each in (*COHORT_COLUMNS, *RETENTION_COLUMNS))


def test_the_journal_has_a_total_of_debits_and_one_of_credits() -> None:
    journal = all_reports()["ledger-entries"]
    assert isinstance(journal, Listing)
    assert [each.name for each in journal.columns(None) if each.adds] == ["debit", "credit"]  # type: ignore[arg-type]
