"""Issue 17, number 7: CSV files as objects; what a spreadsheet has damaged is refused by row and column."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.imports.source import Kind, PlanHere, Record, SourceCustomer, SourceSubscription
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.money import Money
from billing.schemas.csv_table import csv_rows_of, text_of
from billing.schemas.imports.csv_rows import read_rows
from billing.schemas.imports.reading import READERS
from billing.services.imports.asking import SourceFile

TEXTS = st.text(alphabet="'=+-@ \t\r\nab\uff1d,;\"", max_size=8)
CUSTOMERS = "id,name,email\nc1,Ada,ada@example.com\n"
PRICES = (
    "Price ID,Product ID,Product Name,Amount,Currency,Interval,Interval Count,Usage Type,Billing Scheme,Tax Behavior\n"
    "price_1,prod_1,Seats,29.90,aud,month,1,licensed,per_unit,unspecified\n"
)
SUBSCRIPTIONS = (
    "id,Customer ID,Plan,Quantity,Currency,Interval,Amount,Status,Start Date (UTC),Current Period Start (UTC),"
    "Current Period End (UTC),Trial End (UTC),Coupon,Canceled At (UTC),team (metadata)\n"
    "sub_1,cus_1,price_1,3,aud,month,29.90,active,2026-01-15 09:30,2026-02-15 09:30,2026-03-15 09:30,,,,red\n"
)


def read(source: str, *, delimiter: str = ",", **files: str | bytes) -> list[Record]:
    return READERS[source](
        [
            SourceFile(kind, text if isinstance(text, bytes) else text.encode(), delimiter)
            for kind, text in files.items()
        ]
    )


def refused(**files: str | bytes) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as error:
        read("other", **files)
    assert error.value.message
    return {each.field: each.reason for each in error.value.details}


def problems(record: Record) -> dict[str, str]:
    return {each.field: each.reason for each in record.problems}


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_17_what_an_export_writes_is_read_as_it_was(texts: list[str]) -> None:
    """The apostrophe comes off where the export put it, and nowhere else."""
    (row,) = csv.reader(io.StringIO(csv_rows_of([texts]).decode(), newline=""), strict=True) or [[]]
    assert [text_of(each) for each in row] == texts


def test_17_a_text_may_have_line_feeds_delimiters_and_a_byte_order_mark_before_it() -> None:
    text = '\ufeffid,name\r\nc1,"Ada\nLovelace, Ltd. ""AL"""\r\n\r\nc2,Grace\r\n'
    rows = list(read_rows("customers", text.encode(), ",", ["id"]))
    assert [each.cells["name"] for each in rows] == ['Ada\nLovelace, Ltd. "AL"', "Grace"]
    assert [each.number for each in rows] == [2, 4]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"id,name\n\xff\n", {"data": "invalid_utf_8"}),
        ("id;name\nc1;Ada\n", {"delimiter": "does_not_fit"}),
        ("id\tname\nc1\tAda\n", {"delimiter": "does_not_fit"}),
        ("id,name,name\n", {"name": "duplicate_column"}),
        ("name\n", {"id": "missing_column"}),
        ("", {"id": "missing_column", "name": "missing_column"}),
        ('id,name\nc1,"Ada\n', {"data": "invalid_csv"}),
        ('id,name\nc1,"Ada"x\n', {"data": "invalid_csv"}),
        ("id,name" + ",x" * 600, {"data": "too_many_columns"}),
    ],
)
def test_17_what_is_no_such_csv_is_refused_as_a_whole(text: str | bytes, wrong: dict[str, str]) -> None:
    assert refused(customers=text) == wrong


def test_17_a_row_that_does_not_fit_its_header_is_refused_alone() -> None:
    first, ragged = read("other", customers=CUSTOMERS + "c2,Grace\n")
    assert first.item is not None
    assert (ragged.kind, ragged.line, problems(ragged)) == (Kind.CUSTOMER, 3, {"": "cells_do_not_fit"})
    assert "Row 3 has 2 cells" in ragged.problems[0].text


def test_17_each_bad_cell_is_said_by_its_row_and_column() -> None:
    text = (
        "id,customerId,planId,quantity,currentPeriodStart,currentPeriodEnd,currency,monthlyAmount,cancelAtPeriodEnd,"
        'metadata\n,c1,gold,1.5,2026-02-01,2026-03-01T00:00:00Z,EUR,"1,50",perhaps,{\n'
    )
    (record,) = read("other", subscriptions=text)
    assert problems(record) == {
        "id": "missing_required_field", "quantity": "must_be_a_number", "currentPeriodStart": "must_be_a_time",
        "monthlyAmount": "must_be_an_amount", "cancelAtPeriodEnd": "must_be_a_boolean", "metadata": "invalid_json",
    }  # fmt: skip
    assert "Row 2, column quantity" in " ".join(each.text for each in record.problems)


def test_17_a_subscription_of_another_system_is_to_a_plan_that_is_here() -> None:
    text = (
        "id;customerId;planId;quantity;currentPeriodStart;currentPeriodEnd;billedUntil;currency;monthlyAmount\n"
        "s1;c1;gold;5;2026-02-01T00:00:00Z;2026-03-01T00:00:00Z;2026-03-01T00:00:00Z;EUR;49.99\n"
        "s2;c1;gold;5;2026-02-01T00:00:00Z;2026-03-01T00:00:00Z;2026-04-01T00:00:00Z;EUR;49.99\n"
    )
    one, ahead = read("other", subscriptions=text, delimiter=";")
    assert isinstance(one.item, SourceSubscription)
    assert one.item.plan == PlanHere("gold", "EUR", 5)
    assert one.item.per_month == Money(4_999_000, "EUR")
    assert problems(ahead) == {"billedUntil": "not_supported"}


def stripe_subscription(**cells: str) -> Record:
    """The one of ``SUBSCRIPTIONS``, with other cells."""
    rows = list(csv.DictReader(io.StringIO(SUBSCRIPTIONS)))
    rows[0] |= {name.replace("_", " "): value for name, value in cells.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    records = read("stripe", subscriptions=text.getvalue(), prices=PRICES)
    return next(each for each in records if each.kind is Kind.SUBSCRIPTION)


def test_17_stripes_exports_are_read_as_its_objects() -> None:
    customers = "id,Email,Name,Currency,Account Balance,team (metadata)\ncus_1,a@example.com,Ada,aud,0.00,red\n"
    records = read("stripe", subscriptions=SUBSCRIPTIONS, prices=PRICES, customers=customers)
    assert [(each.kind, each.line, each.problems) for each in records] == [
        (Kind.CUSTOMER, 2, ()), (Kind.PLAN, 2, ()), (Kind.SUBSCRIPTION, 2, ()),
    ]  # fmt: skip
    customer, plan, made = (each.item for each in records)
    assert isinstance(customer, SourceCustomer)
    assert isinstance(made, SourceSubscription)
    assert (customer.name, customer.currency, customer.metadata) == ("Ada", "AUD", {"team": "red"})
    assert made.plan == plan
    assert made.per_month == Money(3 * 2_990_000, "AUD")
    assert made.period.end.isoformat() == "2026-03-15T09:30:00+00:00"
    assert made.metadata == {"team": "red"}


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ({"Plan": ""}, {"Plan", "items.data.0.price"}),
        ({"Plan": "price_2"}, {"Plan", "items.data.0.price"}),
        ({"Coupon": "FRIENDS"}, {"discounts"}),
        ({"Status": "unpaid"}, {"status"}),
        ({"Canceled_At_(UTC)": "2026-02-20 10:00"}, {"Canceled At (UTC)"}),
        ({"Quantity": "3,0"}, {"Quantity"}),
    ],
)
def test_17_what_stripes_export_does_not_tell_is_refused(cells: dict[str, str], wrong: set[str]) -> None:
    assert problems(stripe_subscription(**cells)).keys() == wrong


def test_17_tiers_are_not_in_stripes_export_and_a_krona_has_no_hundredths() -> None:
    text = PRICES + "price_2,prod_1,Tiers,,eur,month,1,licensed,tiered,\n"
    text += "price_3,prod_1,Ice,500,isk,year,1,licensed,per_unit,\nprice_4,prod_1,Once,5.00,eur,,,,per_unit,\n"
    found = {each.id: each for each in read("stripe", prices=text)}
    assert problems(found["price_2"]) == {"tiers": "missing_required_field"}
    assert found["price_3"].item.components[0].unit_amount == 500_000  # type: ignore[union-attr]
    assert found["price_4"].ignored == "It is for once"
