"""The printed invoice: everything an accountant looks for is there, in any script, always the same bytes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pypdf import PageObject

from billing.domain.kernel.money import Money
from billing.integrations.pdf.renderer import PdfRenderer
from billing.services.invoicing.documents import CreditedTo, Party, TaxLine
from tests.unit.integrations.pdf.documents import BUYER, SELLER, invoice, line, read, text_of, usd


def fonts_of(page: PageObject) -> dict[str, bool]:
    """Name of each font without its subset tag and instance, and whether the file carries it."""
    found: dict[str, bool] = {}
    for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        name = str(descriptor["/FontName"]).split("+")[1].split("-")[0]
        found[name] = bool({"/FontFile2", "/FontFile3"} & set(descriptor))
    return found


def test_every_field_is_printed() -> None:
    text = text_of(
        invoice(
            lines=(
                line(),
                line("Seats", quantity=Decimal(1500), unit_amount=usd(500_000), amount=usd(750_000_000)),
                line("Unused time", quantity=None, unit_amount=None, amount=usd(-750_000), proration=True),
            ),
            discount=usd(1_000_000),
            taxes=(
                TaxLine("State tax", Decimal("7.25"), usd(362_000)),
                TaxLine("City tax", Decimal("1.375"), usd(69_000)),
            ),
            tax=usd(431_000),
            subtotal=usd(754_249_000),
            total=usd(753_680_000),
            amount_paid=usd(3_680_000),
            amount_due=usd(750_000_000),
            notes="Thank you.\nPlease quote the number.",
        )
    )
    expected_texts = (
        *("Invoice number", "INV-2026-000042", "Jan 1, 2026", "Jan 31, 2026", "USD"),
        *("$7,500.00 due Jan 31, 2026", "Page 1 of 1"),
        *(SELLER.name, *SELLER.address_lines, "Tax ID: DE123456789", "billing@seller.example"),
        *(BUYER.name, *BUYER.address_lines, "Tax ID: US12-3456789", "ap@acme.example"),
        *("Business plan", "Jan 1, 2026 \u2013 Jan 31, 2026", "1,500", "$5.00", "-$7.50", "Prorated"),
        *("$7,542.49", "-$10.00", "State tax (7.25%)", "$3.62", "City tax (1.375%)", "$0.69", "$4.31"),
        *("$7,536.80", "$36.80", "Thank you.", "Please quote the number."),
    )
    for expected in expected_texts:
        assert expected in text


def test_no_tax_is_said_and_no_discount_is_not() -> None:
    text = text_of(invoice())
    assert "Tax $0.00" in text.replace("\n", " ")
    assert "Discount" not in text


def test_paid_test_invoice_is_stamped_with_its_date() -> None:
    document = invoice(
        status="paid",
        paid_at=datetime(2026, 1, 2, 8, tzinfo=UTC),
        amount_paid=usd(4_999_000),
        amount_due=usd(0),
        test_mode=True,
    )
    text = text_of(document)
    for expected in ("PAID", "TEST", "$49.99 paid on Jan 2, 2026", "Date paid", "made in test mode"):
        assert expected in text
    assert "TEST" not in text_of(replace(document, test_mode=False))


def test_what_balance_and_credit_notes_took_off_is_shown() -> None:
    document = invoice(balance_applied=usd(1_000_000), amount_credited=usd(999_000), amount_due=usd(3_000_000))
    text = text_of(document)
    for expected in ("Credit balance applied -$10.00", "Credit notes -$9.99", "$30.00 due"):
        assert expected in text
    owed = text_of(invoice(total=usd(-4_999_000), balance_applied=usd(-4_999_000), amount_due=usd(0)))
    assert "Added to credit balance $49.99" in owed
    assert "Credit" not in text_of(invoice(balance_applied=usd(0), amount_credited=usd(0)))


def test_an_invoice_that_nothing_was_paid_on_says_when_it_was_settled() -> None:
    text = text_of(
        invoice(
            status="paid",
            balance_applied=usd(4_999_000),
            amount_due=usd(0),
            paid_at=datetime(2026, 1, 2, tzinfo=UTC),
        )
    )
    assert "Settled on Jan 2, 2026" in text
    assert "$0.00 paid" not in text


def test_tax_that_the_prices_contain_says_so() -> None:
    taxes = (
        TaxLine("VAT", Decimal("20"), usd(833_000), inclusive=True),
        TaxLine("Levy", Decimal("1"), usd(10_000)),
    )
    text = text_of(invoice(taxes=taxes, tax=usd(843_000)))
    for expected in ("VAT (20%, included) $8.33", "Levy (1%) $0.10", "Total tax $8.43"):
        assert expected in text


def test_a_lines_discount_stands_under_it() -> None:
    discounted = line(discount=usd(500_000), proration=True)
    text = text_of(invoice(lines=(discounted, line("Free of discount", discount=usd(0))), discount=usd(500_000)))
    assert "Jan 31, 2026 \u00b7 Discount -$5.00 \u00b7 Prorated" in text
    assert text.count("Discount") == 2  # under the line, and with the totals
    without_period = line(discount=usd(500_000), period_start=None, period_end=None)
    assert "\u00b7 Discount" not in text_of(invoice(lines=(without_period,)))


def test_a_credit_note_says_whose_it_is_and_where_its_money_went() -> None:
    text = text_of(
        invoice(
            title="Credit note",
            number="ACME-CN-000007",
            about_invoice="ACME-000042",
            status="",
            due_at=None,
            taxes=(TaxLine("VAT", Decimal("20"), usd(833_000)),),
            tax=usd(833_000),
            subtotal=usd(4_166_000),
            amount_due=usd(0),
            credited_to=(
                CreditedTo("Taken off invoice ACME-000042", usd(999_000)),
                CreditedTo("Refunded to your payment method", usd(4_000_000)),
            ),
        )
    )
    for expected in (
        *("Credit note number ACME-CN-000007", "For invoice ACME-000042", "$49.99 credited on Jan 1, 2026"),
        *("Subtotal $41.66", "VAT (20%) $8.33", "Total credited (USD) $49.99"),
        *("Taken off invoice ACME-000042 $9.99", "Refunded to your payment method $40.00"),
    ):
        assert expected in text, text
    assert not any(word in text for word in ("Amount paid", "Amount due", "Date due"))


def test_draft_has_no_number() -> None:
    text = text_of(invoice(number=None, status="draft", issued_at=None, due_at=None))
    assert "Not yet numbered" in text
    assert "DRAFT" in text


def test_unit_price_below_a_cent_is_exact() -> None:
    text = text_of(invoice(lines=(line("Calls", quantity=Decimal(123_456), unit_amount=usd(10)),)))
    assert "$0.0001" in text
    assert "123,456" in text


@pytest.mark.parametrize(
    ("currency", "locale", "expected"),
    [
        ("JPY", "en", "¥4,999"),
        ("JPY", "ja", "¥4,999"),
        ("KWD", "en", "KWD4.999"),
        ("EUR", "de-DE", "49,99 €"),
        ("RSD", "en", "RSD49.99"),  # CLDR would round dinars to whole ones; ISO 4217 and Stripe do not.
        ("USD", "xx-nonsense", "$49.99"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(currency: str, locale: str, expected: str) -> None:
    text = text_of(invoice(currency, locale=locale)).replace("\uffe5", "¥")
    assert expected in text
    assert f"{expected}." not in text


def test_dates_are_days_of_the_documents_zone() -> None:
    # 1 Jan 15:00 UTC is 2 Jan in Tokyo.
    text = text_of(invoice(timezone="Asia/Tokyo", issued_at=datetime(2026, 1, 1, 15, tzinfo=UTC)))
    assert "Jan 2, 2026" in text


def test_markup_in_names_is_plain_text() -> None:
    text = text_of(invoice(buyer=Party('<b>&amp;</b> "Ünï" (x) \\ <br/>'), lines=(line("<font size=99>&lt;"),)))
    assert '<b>&amp;</b> "Ünï" (x) \\ <br/>' in text
    assert "<font size=99>&lt;" in text


def test_control_characters_and_overrides_are_dropped() -> None:
    text = text_of(invoice(buyer=Party("A\x00B\x07C \u202eevil\u202c \ud800")))
    assert "A B C evil" in text


def test_five_hundred_lines_repeat_the_header_and_count_pages() -> None:
    reader = read(invoice(lines=tuple(line(f"Position {number}.") for number in range(1, 501))))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) > 10
    for index, text in enumerate(pages, start=1):
        assert f"Page {index} of {len(pages)}" in text
        assert "Unit price" in text or "Position" not in text
    everything = "\n".join(pages)
    assert all(f"Position {number}." in everything for number in range(1, 501))
    assert "Amount due (USD)" in pages[-1]


def test_long_text_stays_inside_the_page() -> None:
    word = "Donaudampfschifffahrtsgesellschaft" * 8
    document = invoice(
        seller=replace(SELLER, name=word),
        buyer=replace(BUYER, address_lines=(word,) * 20),
        lines=(line("long words " * 900), line(word), line(amount=usd(999_999_999_999_999_000))),
        notes=word * 30,
    )
    positions: list[float] = []

    def note(text: str, page: list[float], matrix: list[float], _font: object, _size: float) -> None:
        if text.strip():
            positions.append(matrix[4] * page[0] + matrix[5] * page[2] + page[4])

    text = ""
    reader = read(document)
    for page in reader.pages:
        text += page.extract_text(visitor_text=note)
    assert len(reader.pages) > 2
    assert min(positions) >= 47
    assert max(positions) < 548
    assert "$9,999,999,999,999.99" in text


def test_same_document_gives_the_same_bytes() -> None:
    document = invoice(buyer=Party("株式会社東京 حساب"))
    assert PdfRenderer().render_invoice(document) == PdfRenderer().render_invoice(document)


def test_metadata_names_title_author_and_language() -> None:
    reader = read(invoice(locale="de-CH"))
    assert reader.metadata is not None
    assert reader.metadata.title == "Rechnung INV-2026-000042"
    assert reader.metadata.author == SELLER.name
    assert reader.trailer["/Root"]["/Lang"] == "de-CH"  # type: ignore[index]
    assert [round(float(edge)) for edge in reader.pages[0].mediabox[2:]] == [595, 842]


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Żółć Świętokrzyska Łódź ÅÆØ", "NotoSans"),
        ("Ελληνική Εταιρεία", "NotoSans"),
        ("Пример Петербург", "NotoSans"),
        ("Công ty Thương mại Việt Nam", "NotoSans"),
        ("हिन्दी कंपनी", "NotoSans"),
        ("株式会社カナ", "NotoSansCJKjp"),
        ("北京科技有限公司", "NotoSansCJKsc"),
        ("주식회사 한국", "NotoSansCJKkr"),
        ("บริษัท ตัวอย่าง", "NotoSansThai"),
        ("شركة الفوترة", "NotoSansArabic"),
        ("חברת הדוגמה", "NotoSansHebrew"),
    ],
)
def test_names_of_all_scripts_are_embedded_and_extractable(name: str, font: str) -> None:
    document = invoice(buyer=Party("Buyer", (name,)))
    page = read(document).pages[0]
    assert fonts_of(page)[font]
    assert all(fonts_of(page).values())
    text = page.extract_text()
    assert "\ufffd" not in text  # no box instead of a letter
    # pypdf gives right-to-left words in the order drawn, in pieces around vowel signs: count the letters.
    assert Counter(filter(str.isalpha, name)) <= Counter(text)


def test_letter_without_a_font_is_shown_as_the_replacement_character() -> None:
    page = read(invoice(buyer=Party("Buyer", ("a \U0001f600 b", "\ue000")))).pages[0]
    assert "a \ufffd b\n\ufffd" in page.extract_text()


def test_only_needed_fonts_are_in_the_file() -> None:
    assert set(fonts_of(read(invoice()).pages[0])) == {"NotoSans"}
    assert len(PdfRenderer().render_invoice(invoice())) < 30_000


def test_a_foreign_currency_or_a_naive_date_is_refused() -> None:
    with pytest.raises(ValueError, match="holds an amount in EUR"):
        invoice(total=Money(1000, "EUR"))
    for change in (
        {"balance_applied": Money(0, "EUR")},
        {"credited_to": (CreditedTo("Balance", Money(0, "EUR")),)},
        {"lines": (line(discount=Money(0, "EUR")),)},
    ):
        with pytest.raises(ValueError, match="holds an amount in EUR"):
            invoice(**change)
    with pytest.raises(ValueError, match="needs a time zone"):
        invoice(issued_at=datetime(2026, 1, 1))
