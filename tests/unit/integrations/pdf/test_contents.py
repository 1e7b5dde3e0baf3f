"""Issue 13: what buyers and accountants look for: steps, coupon, supply, order number, card, tax by rate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.kernel.money import Money
from billing.integrations.pdf.renderer import PdfRenderer
from billing.services.invoicing.documents import (
    Branding,
    DocumentStep,
    InvoiceDocument,
    PaidBy,
    TaxLine,
    TaxTreatment,
)
from tests.unit.integrations.pdf.documents import JANUARY, invoice, line, read, text_of, usd


def said(document: InvoiceDocument) -> str:
    return " ".join(text_of(document).split())


def test_issue_13_a_graduated_price_shows_its_steps() -> None:
    """Eight seats for 870.00 are five at 120.00 and three at 90.00; a step may have a flat price, too, or alone."""
    steps = (
        DocumentStep(Decimal(5), usd(12_000_000), None, usd(60_000_000)),
        DocumentStep(Decimal(3), usd(9_000_000), usd(500_000), usd(27_500_000)),
        DocumentStep(Decimal(100), None, usd(1_000_000), usd(1_000_000)),
    )
    text = text_of(invoice(lines=(line("Seats", quantity=Decimal(8), unit_amount=None, steps=steps),)))
    assert "5 × $120.00 = $600.00\n3 × $90.00 + $5.00 (flat) = $275.00\n100 · flat = $10.00" in text


def test_issue_13_the_coupon_has_its_name() -> None:
    text = said(invoice(discount=usd(1_000_000), coupon="LAUNCH26, 25 % off"))
    assert "Discount (LAUNCH26, 25 % off) -$10.00" in text
    assert "LAUNCH26" not in said(invoice(coupon="LAUNCH26"))  # it took nothing off


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (JANUARY[0], JANUARY[1], "Period of supply Jan 1, 2026 – Jan 31, 2026"),
        (JANUARY[0], datetime(2026, 1, 2, tzinfo=UTC), "Date of supply Jan 1, 2026 "),
        (None, JANUARY[1], "Date of supply Jan 31, 2026 "),
    ],
)
def test_issue_13_the_supply_has_its_first_and_last_day(start: datetime | None, end: datetime, expected: str) -> None:
    """The period is half-open: its end is the first moment that is no longer in it."""
    assert expected in said(invoice(supplied_from=start, supplied_until=end))
    assert "supply" not in said(invoice())


def test_issue_13_a_buyers_own_fields_are_printed() -> None:
    text = said(invoice(po_number="4500012345", custom_fields=(("Cost centre", "IT-7100"), ("Project", "South"))))
    for expected in ("PO number 4500012345", "Cost centre IT-7100", "Project South"):
        assert expected in text


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        (PaidBy("visa", "4242"), "Visa •••• 4242"),
        (PaidBy("amex", "0005"), "American Express •••• 0005"),
        (PaidBy("new_brand", "1"), "New Brand •••• 1"),
    ],
)
def test_issue_13_a_paid_invoice_is_a_receipt_and_names_the_card(card: PaidBy, shown: str) -> None:
    paid = invoice(status="paid", paid_at=JANUARY[0], paid_by=card, amount_paid=usd(4_999_000), amount_due=usd(0))
    text = said(paid)
    assert f"Payment method {shown}" in text
    assert f"Paid with {shown}. This invoice is also your receipt." in text
    assert "receipt" not in said(invoice())


def test_issue_13_each_rate_has_its_base() -> None:
    """Directive 2006/112/EC, article 226 point 8: the taxable amount per rate."""
    taxes = (
        TaxLine("VAT", Decimal(20), usd(800_000), base=usd(4_000_000)),
        TaxLine("VAT", Decimal("5.5"), usd(55_000), base=usd(1_000_000)),
        TaxLine("VAT", Decimal(0), usd(0), base=usd(500_000), treatment=TaxTreatment.ZERO),
        TaxLine("VAT", Decimal(0), usd(0), base=usd(300_000), treatment=TaxTreatment.EXEMPT),
    )
    text = said(invoice(taxes=taxes, tax=usd(855_000)))
    assert "Tax Rate Taxable amount Amount VAT 20% $40.00 $8.00 VAT 5.5% $10.00 $0.55 VAT 0% $5.00 $0.00" in text
    assert "VAT Exempt $3.00 – Tax exempt." in text
    assert "VAT (20%) $8.00 VAT (5.5%) $0.55 VAT (0%) $0.00 Total tax $8.55" in text


def test_issue_13_without_bases_there_is_no_table_of_taxes() -> None:
    """Invoices of before the bases were kept."""
    assert "Tax summary" not in said(invoice(taxes=(TaxLine("VAT", Decimal(20), usd(1_000)),)))


def test_issue_13_a_column_that_no_line_has_is_left_out() -> None:
    text = said(invoice(lines=(line(quantity=None, unit_amount=None), line(quantity=None, unit_amount=None))))
    assert "Description Amount" in text
    assert "Unit price" not in text


def test_issue_13_every_page_has_the_tenants_foot() -> None:
    branding = Branding(footer="Thank you!", legal_line="HRB 12345\nVAT DE123", color="#00aa88")
    reader = read(invoice(branding=branding, lines=tuple(line(f"Position {n}") for n in range(60))))
    assert len(reader.pages) > 1
    for page in reader.pages:
        assert "Thank you!\nHRB 12345\nVAT DE123" in page.extract_text()


def test_issue_13_a_foot_is_only_so_long() -> None:
    """Each page repeats it: the lines must have room, too."""
    branding = Branding(footer="word " * 5_000, legal_line="line\n" * 500)
    reader = read(invoice(branding=branding))
    assert len(reader.pages) == 1
    assert reader.pages[0].extract_text().count("line") == 5


@pytest.mark.parametrize("color", ["#ffffff", "#FFFF00", "#000000", "#2f5bea"])
def test_issue_13_any_colour_leaves_text_readable(color: str) -> None:
    """A pale one is for the bar alone: a title in it could not be read."""
    content = read(invoice(branding=Branding(color=color))).pages[0].get_contents()
    assert content is not None
    drawn = content.get_data()
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    assert f"{red:.6g}".encode()[:4] in drawn
    as_text = drawn[drawn.index(b"BT") - 120 : drawn.index(b"BT")]
    assert (b"0.10980392" in as_text) == (color in ("#ffffff", "#FFFF00"))
    assert green + blue >= 0


@pytest.mark.parametrize("color", ["red", "#12", "url(x)", "#12345g", ""])
def test_issue_13_a_colour_that_is_none_is_not_used(color: str) -> None:
    plain = PdfRenderer().render_invoice(invoice())
    assert PdfRenderer().render_invoice(invoice(branding=Branding(color=color))) == plain


def test_issue_13_an_amount_below_zero_and_one_of_no_digits() -> None:
    document = invoice("JPY", lines=(line(amount=Money(-4_999_000, "JPY")),), total=Money(-4_999_000, "JPY"))
    assert "-¥4,999" in said(document).replace("\uffe5", "¥")


def test_issue_13_a_warm_renderer_forgets_what_it_laid_out() -> None:
    """Typst keeps ten documents; many long ones would fill a Lambda's memory (see `_forget_some`)."""
    renderer = PdfRenderer()
    for number in range(5):
        renderer.render_invoice(invoice(number=str(number), lines=tuple(line(f"{number}.{n}") for n in range(400))))
        assert renderer.typesetter.lines_kept <= 1_500
