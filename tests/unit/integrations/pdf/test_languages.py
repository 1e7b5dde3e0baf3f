"""Issue 13: documents in the customer's language: words, numbers, dates, countries, and the phrases that laws want."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from billing.domain.customers.customer import Address
from billing.domain.kernel.money import Money
from billing.services.invoicing.documents import (
    CreditDestination,
    CreditedTo,
    InvoiceDocument,
    Party,
    TaxLine,
    TaxTreatment,
)
from tests.unit.integrations.pdf.documents import invoice, line, read, text_of, usd

PHRASES = {
    "en": "Reverse charge: VAT to be accounted for by the recipient (Art. 196 Directive 2006/112/EC).",
    "de": "Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge, Art. 196 Richtlinie 2006/112/EG).",
    "fr": "Autoliquidation : TVA due par le preneur (art. 196 de la directive 2006/112/CE).",
    "es": "Inversión del sujeto pasivo (art. 196 de la Directiva 2006/112/CE).",
}


def said(document: InvoiceDocument) -> str:
    """The text on one line, with plain spaces."""
    return " ".join(text_of(document).replace("\u202f", " ").split())


def party(country: str | None) -> Party:
    return Party("Somebody", address=Address("1 Street", city="Town", country=country))


def untaxed(locale: str, seller: str | None = "DE", buyer: str | None = "FR") -> InvoiceDocument:
    tax = TaxLine("VAT", Decimal(0), usd(0), base=usd(4_999_000), treatment=TaxTreatment.REVERSE_CHARGE)
    return invoice(locale=locale, taxes=(tax,), seller=party(seller), buyer=party(buyer))


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (
            "de",
            (
                "Rechnungsnummer INV-2026-000042",
                "Fällig am 31.01.2026",
                "49,99 $ fällig am 31.01.2026",
                "Seite 1 von 1",
            ),
        ),
        ("de-CH", ("Rechnungsnummer INV-2026-000042", "Zahlbetrag (USD) $ 49.99", "$ 49.99 fällig am 31.01.2026")),
        ("fr-FR", ("Facture", "49,99 $US à régler au plus tard le 31 janv. 2026", "Net à payer (USD)", "Page 1 sur 1")),
        ("fr-CA", ("Facture", "49,99 $ US", "Numéro de facture")),
        ("es", ("Factura", "Importe a pagar (USD)", "Página 1 de 1", "31 ene 2026")),
        ("es-MX", ("Número de factura", "USD49.99", "Base imponible")),
        ("nl-NL", ("Invoice number INV-2026-000042", "US$ 49,99 due 31 jan 2026", "Page 1 of 1")),
        ("ja", ("Invoice number INV-2026-000042", "$49.99 due 2026/01/31")),
    ],
)
def test_issue_13_a_language_has_its_words_and_a_region_its_numbers(locale: str, expected: tuple[str, ...]) -> None:
    """What has no words of its own has English ones, with its own numbers and dates."""
    tax = TaxLine("VAT", Decimal(20), usd(0), base=usd(4_999_000))
    text = said(invoice(locale=locale, taxes=(tax,)))
    for each in expected:
        assert each in text


@pytest.mark.parametrize(
    ("locale", "language"), [("de-CH", "de-CH"), ("fr", "fr"), ("nl-NL", "en"), ("ja", "en"), ("xx-nonsense", "en")]
)
def test_issue_13_the_file_says_the_language_of_its_words(locale: str, language: str) -> None:
    """A screen reader would read English words in Dutch."""
    assert read(invoice(locale=locale)).trailer["/Root"]["/Lang"] == language  # type: ignore[index]


def test_issue_13_a_locale_whose_digits_have_no_font_gets_english_ones() -> None:
    """Tibetan digits would be boxes, and boxes are no amount; Hindi's and Arabic's are in the layer."""
    assert "$49.99 due Jan 31, 2026" in said(invoice(locale="dz"))
    assert "جنيه" not in said(invoice(locale="ar-EG"))
    assert "\ufffd" not in said(invoice(locale="ar-EG")) + said(invoice(locale="hi")) + said(invoice(locale="fa"))


@pytest.mark.parametrize("locale", PHRASES)
def test_issue_13_reverse_charge_names_its_article_and_has_no_row_of_no_tax(locale: str) -> None:
    text = said(untaxed(locale))
    assert PHRASES[locale] in text
    for zero in ("Tax $0.00", "Steuer 0,00", "Taxe 0,00", "Impuesto 0,00", "VAT (0"):
        assert zero not in text


@pytest.mark.parametrize(
    ("seller", "buyer", "is_196"),
    [("DE", "FR", True), ("US", "FR", True), (None, None, True), ("DE", "CH", False), ("DE", "DE", False)],
)
def test_issue_13_the_article_is_of_a_buyer_in_another_country_of_the_union(
    seller: str | None, buyer: str | None, is_196: bool
) -> None:
    """Article 196 is about suppliers of another country; at home, and outside of the Union, other laws say it."""
    text = said(untaxed("en", seller, buyer))
    assert "Reverse charge: VAT to be accounted for by the recipient" in text
    assert ("Art. 196" in text) == is_196


def test_issue_13_the_note_that_the_tax_engine_left_is_said_in_the_documents_language() -> None:
    """Invoices of before tax lines had a treatment have the note alone."""
    text = said(invoice(locale="de", notes="Reverse charge\nDanke!"))
    assert "Steuerschuldnerschaft des Leistungsempfängers" in text
    assert "Anmerkungen Danke!" in text
    assert "Steuer 0,00" not in text
    assert "Reverse charge" not in text.replace("Reverse Charge", "")
    exempt = said(invoice(notes="Tax exempt"))
    assert "Tax exempt." in exempt
    assert "Notes" not in exempt


@pytest.mark.parametrize(
    ("locale", "title", "went"),
    [
        ("en", "Credit note", ("Taken off invoice INV-1", "Added to your credit balance", "Refunded to your payment")),
        ("de", "Rechnungskorrektur", ("Von Rechnung INV-1 abgezogen", "Ihrem Guthaben", "Auf Ihr Zahlungsmittel")),
        ("fr", "Avoir", ("Déduit de la facture INV-1", "Ajouté à votre solde", "Remboursé sur votre moyen")),
        ("es", "Factura rectificativa", ("Deducido de la factura INV-1", "Añadido a su saldo", "Reembolsado a su")),
    ],
)
def test_issue_13_a_credit_note_has_its_legal_name_and_says_where_the_money_went(
    locale: str, title: str, went: tuple[str, ...]
) -> None:
    kinds = (CreditDestination.INVOICE, CreditDestination.BALANCE, CreditDestination.REFUND)
    document = invoice(
        locale=locale,
        title="Credit note",
        about_invoice="INV-1",
        status="",
        due_at=None,
        credited_to=tuple(CreditedTo("not this", usd(1_000), kind) for kind in kinds),
    )
    text = said(document)
    assert text.startswith(title)
    assert "not this" not in text
    for each in went:
        assert each in text
    assert "Gutschrift" not in text


def test_issue_13_countries_have_names_and_addresses_their_own_order() -> None:
    seller = Party("A", address=Address("Königsallee 92a", None, "Düsseldorf", "40212", None, "DE"))
    buyer = Party("B", address=Address("350 Fifth Avenue", "Floor 21", "New York", "10118", "NY", "us"))
    text = text_of(invoice(seller=seller, buyer=buyer, locale="fr"))
    lines = text.split("\n")
    assert lines[lines.index("Königsallee 92a") + 1 :][:2] == ["40212 Düsseldorf", "Allemagne"]
    assert lines[lines.index("350 Fifth Avenue") + 1 :][:3] == ["Floor 21", "New York, NY 10118", "États-Unis"]


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("de", "USt-IdNr.: DE123"), ("fr", "N° TVA : DE123"), ("es", "NIF-IVA: DE123"), ("en", "Tax ID: DE123")],
)
def test_issue_13_a_vat_number_is_called_by_its_name(locale: str, expected: str) -> None:
    assert expected in said(invoice(locale=locale, seller=Party("A", tax_id="DE123")))


def test_issue_13_a_title_of_its_own_is_kept() -> None:
    text = said(invoice(title="Pro forma", locale="de"))
    assert "Pro forma: Nummer INV-2026-000042" in text


def test_issue_13_an_amount_in_another_script_keeps_its_place() -> None:
    """The dates of a right-to-left locale are isolated: the period does not run backwards."""
    text = said(invoice(locale="he", lines=(line(),)))
    assert "Period" not in text
    assert "$49.99" in text.replace("\u200f", "") or "49.99" in text


def test_issue_13_money_of_one_document_is_in_one_look() -> None:
    document = replace(
        invoice("EUR", locale="de"), taxes=(TaxLine("USt", Decimal(19), Money(798_000, "EUR"), base=Money(0, "EUR")),)
    )
    assert "USt (19 %) 7,98 €" in said(document)


@pytest.mark.parametrize(
    ("locale", "name"), [("en", "VAT"), ("de", "USt"), ("fr-CA", "TVA"), ("es", "IVA"), ("it", "VAT")]
)
def test_issue_13_the_built_in_tables_vat_is_called_as_the_language_does(locale: str, name: str) -> None:
    tax = TaxLine("VAT", Decimal(20), usd(1_000_000), base=usd(4_999_000))
    text = said(replace(invoice(locale=locale), taxes=(tax,), tax=usd(1_000_000)))
    assert f"{name} (20" in text
    assert "VAT" not in text.replace(name, "")
