"""Issue 17, number 6: a report is printed with every cell, in the tenant's words, and as archival as an invoice."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from string import Formatter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

import billing.domain.reports
from billing.bootstrap.reports import all_reports
from billing.domain.kernel.money import Money
from billing.domain.reports.span import Span
from billing.domain.reports.table import Column, Kind, Row, Table, summed
from billing.integrations.pdf.report import ReportContents, ReportPdfs
from billing.integrations.pdf.report_words import PHRASES
from billing.integrations.pdf.words import LANGUAGES, Words
from billing.services.reports.ledger import POSTING_COLUMNS
from billing.services.reports.printing import ReportDocument
from billing.services.reports.sources import Asked
from local.reference.report_samples import REPORTS, mrr, printed, trial_balance
from tests.unit.integrations.pdf.test_no_markup import MARKUP
from tests.unit.integrations.pdf.test_structure import tag_names

PDFS = ReportPdfs()
NOW = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
COLUMNS = (
    Column("customerId", Kind.TEXT, "Whose it is"),
    Column("currency", Kind.TEXT),
    Column("dueOn", Kind.DATE),
    Column("daysLate", Kind.INTEGER),
    Column("churnRate", Kind.DECIMAL),
    summed("net", Kind.AMOUNT, "Before tax"),
)


def document(rows: list[Row], columns: tuple[Column, ...] = COLUMNS, **changes: Any) -> ReportDocument:
    asked = Asked(NOW, "Europe/Berlin", Span(date(2026, 10, 1), date(2026, 11, 1), "Europe/Berlin"))
    return replace(printed("aging", asked, Table(columns, rows)), **changes)


def row(name: str, net: Money, **cells: Any) -> Row:
    said = {"dueOn": date(2026, 10, 15), "daysLate": 17, "churnRate": Decimal("0.125")} | cells
    return (name, net.currency, said["dueOn"], said["daysLate"], said["churnRate"], net)


def read(made: ReportDocument) -> PdfReader:
    return PdfReader(BytesIO(PDFS.render_report(made)), strict=True)


def text_of(made: ReportDocument) -> str:
    return "\n".join(page.extract_text() for page in read(made).pages).replace("\u00a0", " ").replace("\u202f", " ")


def squeezed(said: str) -> str:
    return re.sub(r"\s", "", said)


def is_archival(reader: PdfReader) -> bool:
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()  # type: ignore[index]
    return "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata and (
        "<pdfuaid:part>1</pdfuaid:part>" in metadata
    )


# What is on it


def test_it_says_whose_it_is_what_it_is_and_what_was_asked_for() -> None:
    asked = Asked(NOW, "Europe/Berlin", None, "clk_1", {"rows": "invoices", "day": "2026-10-31", "bom": "1"})
    said = text_of(document([row("cus_1", Money(119_000_000, "EUR"))], asked=asked))
    for expected in (
        *("Receivables aging", "Ledger Works GmbH", "Tax ID: DE123456788", "What customers owe on finalized invoices"),
        *("Posted before Nov 1, 2026 9:30 AM", "Time zone Europe/Berlin", "Test clock clk_1", "TEST CLOCK"),
        *("A row for each of invoices", "End of Oct 31, 2026", "Currencies EUR", "Rows 1", "Made Nov 1, 2026"),
        *("Customer Currency Due", "cus_1", "Oct 15, 2026", "17", "0.125", "€1,190.00"),
        *("What the columns say", "Whose it is", "Before tax", "Page 1 of 1", "Amtsgericht Charlottenburg"),
    ):
        assert expected in said, expected
    assert "bom" not in said


def test_days_are_from_the_first_to_the_last() -> None:
    assert "Period Oct 1, 2026 – Oct 31, 2026" in text_of(document([row("a", Money(1, "EUR"))]))


def test_money_is_written_as_on_invoices() -> None:
    """By ISO 4217's digits, exactly where it is finer than these, and in the look of the language."""
    rows = [row("a", Money(5_000, "JPY")), row("b", Money(123_456_789, "EUR")), row("c", Money(-12_345_000, "CHF"))]
    english, german = (text_of(document(rows, locale=locale)) for locale in ("en", "de"))
    assert {"¥5", "€1,234.56789", "-CHF123.45"} <= set(english.split())
    assert "1.234,56789 €" in german


def test_totals_are_per_currency_below_the_rows() -> None:
    rows = [row("a", Money(1_000_000, "EUR")), row("b", Money(-250_000, "EUR")), row("c", Money(5_000, "JPY"))]
    said = text_of(document(rows))
    assert "Total EUR €7.50" in said
    assert "Total JPY ¥5" in said
    assert said.index("¥5") < said.index("Total EUR")
    assert "Total" not in text_of(document(rows[1:]))  # a row each, which says it already


def test_a_test_tenant_s_report_is_stamped_as_other_documents_are() -> None:
    said = text_of(document([], test_mode=True))
    assert "TEST – made in test mode" in said
    assert "TEST" not in text_of(document([]))


def test_without_rows_it_says_so() -> None:
    made = document([])
    said = text_of(made)
    assert "There is nothing to report for what was asked." in said
    assert "Rows 0" in said
    assert tag_names(read(made)).count("/Table") == 0


# Nothing is lost

LETTERS = st.text(st.characters(codec="utf-8", categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F), min_size=1)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CHF"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(LETTERS, st.integers(-(10**13), 10**13), CURRENCIES), min_size=1, max_size=30),
    st.integers(0, 14),
    st.sampled_from(LANGUAGES),
)
def test_every_cell_of_every_row_is_printed(rows: list[tuple[str, int, str]], more: int, language: str) -> None:
    """Whatever the number of rows and columns, and however long a word or an amount is."""
    columns = (*COLUMNS, *(Column(f"amount{n}", Kind.AMOUNT) for n in range(more)))
    cells = [
        (*row(name, Money(micros, cur)), *[Money(micros + n, cur) for n in range(more)]) for name, micros, cur in rows
    ]
    made = document(cells, columns, locale=language)
    contents = ReportContents(made)
    said = squeezed(text_of(made))
    expected = Counter(squeezed(contents._cell(cell)).replace("\u200b", "") for one in cells for cell in one)
    for cell, count in expected.items():
        assert said.count(cell) >= count, cell


@pytest.mark.parametrize("rows", [1, 200, 1000])
def test_each_page_has_the_head_of_the_table_and_its_number(rows: int) -> None:
    reader = read(document([row(f"cus_{n:04d}", Money(n * 1_000_000, "EUR")) for n in range(rows)]))
    pages = [page.extract_text() for page in reader.pages]
    with_rows = [said for said in pages if "cus_" in said]
    assert all("Customer Currency Due" in said for said in with_rows)
    assert all(f"Page {n} of {len(pages)}" in said for n, said in enumerate(pages, start=1))
    assert [f"cus_{n:04d}" for n in range(rows)] == re.findall(r"cus_\d{4}", "\n".join(pages))


def test_parts_of_a_wide_table_are_told_apart_and_their_rows_found_by_number() -> None:
    said = text_of(mrr())
    assert re.findall(r"Spalten \d+ bis \d+ von 27", said) == [
        "Spalten 4 bis 11 von 27", "Spalten 12 bis 19 von 27", "Spalten 20 bis 27 von 27",
    ]  # fmt: skip
    assert len(re.findall(r"^24 01.10.2026", said, re.MULTILINE)) == 3
    reader = read(mrr())
    assert all(page.mediabox.width > page.mediabox.height for page in reader.pages)
    assert all(page.mediabox.width < page.mediabox.height for page in read(trial_balance()).pages)


@pytest.mark.parametrize(
    "name",
    [
        *MARKUP,
        "株式会社レジャー、東京都千代田区", "주식회사 한국", "خدمات محاسبة", "חשבונאות בע״מ", "बिलिंग सेवा", "ใบแจ้งหนี้",
        "🚀 Rocket 🧾", "W" * 23, "m" * 400, "a\u0301\u0308" * 30, "\u202eevil\u2066", "\x00\x1f", "ﷺ" * 40,
    ],
)  # fmt: skip
def test_whatever_a_name_is_made_of_the_rest_is_there_and_archival(name: str) -> None:
    made = document([row(name, Money(119_000_000, "EUR")), row("cus_2", Money(5_000_000, "EUR"))])
    made = replace(made, issuer=replace(made.issuer, name=name), asked=replace(made.asked, options={"customer": name}))
    reader = read(made)
    said = "\n".join(page.extract_text() for page in reader.pages)
    assert {"€1,190.00", "€50.00", "€1,240.00", "cus_2"} <= set(said.split())
    assert is_archival(reader)


# How it is made


@pytest.mark.parametrize("name", REPORTS)
def test_it_is_archival_accessible_and_the_same_bytes_each_time(name: str) -> None:
    first = PDFS.render_report(REPORTS[name]())
    assert first == ReportPdfs().render_report(REPORTS[name]())
    reader = PdfReader(BytesIO(first), strict=True)
    assert is_archival(reader)
    assert reader.metadata is not None
    assert reader.metadata.creation_date == datetime(2026, 11, 1, tzinfo=UTC)
    assert reader.metadata.author == "Ledger Works GmbH"


def test_tables_have_header_cells_and_language() -> None:
    reader = read(trial_balance())
    names = tag_names(reader)
    assert (names.count("/Table"), names.count("/TH"), names.count("/TD")) == (1, 6, (15 + 3) * 6)
    assert names.count("/H1") == 1
    assert reader.trailer["/Root"]["/Lang"] == "en"  # type: ignore[index]
    assert read(mrr()).trailer["/Root"]["/Lang"] == "de"  # type: ignore[index]


def test_a_warm_worker_s_memory_stays_small() -> None:
    pdfs = ReportPdfs()
    rows = [row(f"{n}", Money(n, "EUR")) for n in range(400)]
    for _ in range(4):
        pdfs.render_report(document(rows))
        assert pdfs.typesetter.lines_kept <= 1_500


# Words


@pytest.mark.parametrize("key", PHRASES)
def test_every_language_says_the_same(key: str) -> None:
    """No word is missing, and each sentence has a place for the same values."""

    def places(said: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(said) if name is not None}

    said = [Words(language, PHRASES)[key] for language in LANGUAGES]
    assert all(each.strip() == each != "" for each in said)
    assert all(places(each) == places(said[0]) for each in said)


def test_every_report_has_a_name_and_a_definition() -> None:
    for name in all_reports():
        assert {f"name_{name}", f"definition_{name}"} <= set(PHRASES), name


def test_every_column_has_a_title() -> None:
    """Those that the domain's modules name, wherever they do."""
    found = {each.name for each in POSTING_COLUMNS}
    for module in pkgutil.iter_modules(billing.domain.reports.__path__, "billing.domain.reports."):
        found |= {
            each.name for value in vars(importlib.import_module(module.name)).values() for each in _columns(value)
        }
    found |= {each.name for name in ("recognition", "revenue") for each in _made_columns(name)}
    assert len(found) > 100
    assert {name for name in found if f"column_{name}" not in PHRASES} == set()


def _columns(value: Any) -> list[Column]:
    if isinstance(value, Column):
        return [value]
    return [each for each in value if isinstance(each, Column)] if isinstance(value, tuple) else []


def _made_columns(name: str) -> list[Column]:
    from billing.domain.reports import recognition, revenue

    if name == "revenue":
        return [each for per in ("day", "month") for by in revenue.BY for each in revenue.columns(per, by)]
    divided = [each for by in recognition.BY for each in recognition.month_columns(by)]
    return [*divided, *(each for by in recognition.BY for each in recognition.waterfall_columns(by))]
