"""Issue 14: a payout's statement is printed with every number, in the four languages, as PDF/A and PDF/UA."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from billing.domain.marketplace.account import Figures, LineType
from billing.domain.marketplace.payout import PayoutStatus
from billing.domain.marketplace.statement import statement
from billing.integrations.pdf.renderer import PdfRenderer
from billing.integrations.pdf.statement import MOST_LINES, StatementContents
from billing.integrations.pdf.words import LANGUAGES
from billing.services.marketplace.statements import StatementDocument
from local.reference.document_samples import day
from local.reference.statement_samples import Written, eur, second_statement


def text_of(document: StatementDocument) -> str:
    pages = PdfReader(BytesIO(PdfRenderer().render_statement(document)), strict=True).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u00a0", " ")


def long_statement(lines: int) -> StatementDocument:
    """So many sales of 10.00, each with a commission of 1.00, one a minute."""
    account = Written(day("2026-10-30"), timedelta(minutes=1))
    zero = eur("0")
    for _ in range(lines):
        account.add(LineType.RELEASE, eur("9.00"), Figures(eur("10.00"), zero, eur("1.00"), zero, zero, zero))
    payout = account.pay_out(zero)
    return replace(second_statement(), statement=statement(payout, account.lines, zero, zero, account.at))


def test_14_every_number_of_a_statement_is_printed() -> None:
    """Parties, number, period, every line with its figures, totals by type, both balances, and what is beside them."""
    document = second_statement()
    text = text_of(document)
    for expected in (
        *("Payout statement", "KERAMIK-EUR-000002", "Nov 2, 2026", "Account ending in 3000", "EUR"),
        *("Bazaar Marketplace GmbH", "Tax ID: DE287654329", "Keramik am Fluss, Inh. Jana Vogt", "Elbufer 4"),
        *("€1,370.02 paid out on Nov 12, 2026", "Opening balance", "Closing balance €0.00"),
        *("Payout came back", "€169.63", "-€86.50", "-€12.98", "-€71.05", "Held for a dispute", "-€53.31"),
        *("€7.50", "-€7.50", "Adjustment: Verpackung", "-€1,370.02", "Sale (4)", "€1,263.94"),
        *("Pending", "€318.47", "Held by disputes", "Page 1 of 2", "ord_01KB4715"),
    ):
        assert expected in text, expected
    for line in document.statement.lines:
        assert StatementContents(document).formats.money(line.balance_after) in text


def test_14_what_a_line_does_not_have_is_no_column() -> None:
    text = text_of(long_statement(3))
    assert "Commission" in text
    assert "Discount" not in text
    assert "Fee" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_14_a_statement_is_printed_in_each_language(language: str) -> None:
    """No key is missing, and the words fit their columns: no heading is broken."""
    words = StatementContents(replace(second_statement(), locale=language)).words
    text = text_of(replace(second_statement(), locale=language))
    for key in ("statement", "opening_balance", "closing_balance", "line_release", "commission", "balance", "pending"):
        assert words[key] in text


@pytest.mark.parametrize(
    ("status", "returned", "said"),
    [
        (PayoutStatus.FAILED, 14, "did not arrive and are on the account again"),
        (PayoutStatus.FAILED, None, "The payout of €1,370.02 of Nov 10, 2026 failed"),
        (PayoutStatus.CANCELED, 14, "CANCELED"),
    ],
)
def test_14_a_payout_that_came_to_nothing_says_so(status: PayoutStatus, returned: int | None, said: str) -> None:
    document = second_statement()
    payout = replace(document.statement.payout, status=status, returned_seq=returned, paid_at=None)
    assert said in text_of(replace(document, statement=replace(document.statement, payout=payout)))


def test_14_a_statement_is_archival_and_the_same_bytes_each_time() -> None:
    """PDF/A-3a and PDF/UA-1 as all documents, with table heads, language and title; nothing of the moment in it."""
    document = replace(second_statement(), locale="de-DE")
    first = PdfRenderer().render_statement(document)
    assert first == PdfRenderer().render_statement(document)
    reader = PdfReader(BytesIO(first), strict=True)
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "de-DE"
    assert reader.metadata is not None
    assert reader.metadata.title == "Auszahlungsabrechnung KERAMIK-EUR-000002"
    metadata = root["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part[^0-9]+3", metadata)
    assert re.search(r"pdfuaid:part[^0-9]+1", metadata)


def test_14_a_test_marketplace_s_statement_is_stamped() -> None:
    assert "TEST" in text_of(replace(second_statement(), test_mode=True))


def test_14_a_long_statement_is_printed_by_day_and_adds_up_all_the_same() -> None:
    """1,001 sales are a few rows of days, with the payout last; the heading says where each of them is."""
    document = long_statement(MOST_LINES + 1)
    contents = StatementContents(document).gathered()["lines"]
    assert "1,002 lines" in contents["heading"]
    assert len(contents["rows"]) < 10
    assert contents["rows"][-1]["cells"][-1] == "€0.00"
    made = PdfRenderer().render_statement(document)
    assert len(made) < 200_000
