"""Ten documents in four languages and one in five scripts, as tenants of different countries make them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.domain.customers.customer import Address
from billing.domain.kernel.bank import BankDetails
from billing.domain.kernel.money import Money
from billing.services.invoicing.documents import (
    Branding,
    CreditDestination,
    CreditedTo,
    DocumentLine,
    DocumentStep,
    HowToPay,
    InvoiceDocument,
    PaidBy,
    Party,
    TaxLine,
    TaxTreatment,
)

_LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="3 3 185 54"><rect width="54" height="54" x="3" y="3" rx="14" '
    'fill="{color}"/><path d="M19 16v28h24" fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round"/>'
    '<circle cx="40" cy="22" r="5" fill="#fff"/><path d="M74 18v24h16M104 18h16M104 30h13M104 42h16M104 18v24M134 18v24'
    'h6a12 12 0 0 0 0-24zM178 22a10 12 0 1 0 4 14v-6h-8" fill="none" stroke="{color}" stroke-width="5" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def logo(color: str) -> bytes:
    """A mark and four letters of lines, in a colour."""
    return _LOGO.format(color=color).encode()


def day(text: str) -> datetime:
    """Midnight of a day in UTC: day("2026-11-01")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOVEMBER = (day("2026-11-01"), day("2026-12-01"))
BERLIN = Party(
    "Ledger Works GmbH",
    tax_id="DE123456788",
    email="billing@ledgerworks.example",
    address=Address("Friedrichstraße 12", None, "Berlin", "10117", None, "DE"),
)
PARIS = Party(
    "Atelier Numérique SARL",
    tax_id="FR83404833048",
    email="compta@atelier-numerique.example",
    address=Address("24 rue de la Paix", "Bâtiment B", "Paris", "75002", None, "FR"),
)
MADRID = Party(
    "Servicios Nube, S.L.",
    tax_id="ESB58378431",
    email="facturas@serviciosnube.example",
    address=Address("Calle de Alcalá 45", "3.º izquierda", "Madrid", "28014", "Madrid", "ES"),
)
NEW_YORK = Party(
    "Northwind Traders Inc.",
    tax_id="12-3456789",
    email="ap@northwind.example",
    address=Address("350 Fifth Avenue", "Floor 21", "New York", "10118", "NY", "US"),
)
LONDON = Party(
    "Harbour & Sons Ltd",
    email="accounts@harbour.example",
    address=Address("10 Fleet Street", None, "London", "EC4Y 1AU", None, "GB"),
)
BANK = BankDetails("Ledger Works GmbH", "DE89370400440532013000", "COBADEFFXXX", bank_name="Commerzbank Berlin")
BRAND = Branding(
    logo("#2f5bea"),
    "#2f5bea",
    "Thank you for your business. Questions? billing@ledgerworks.example",
    "Ledger Works GmbH · Amtsgericht Charlottenburg HRB 12345 B · Managing director: Ada Lovelace · VAT DE123456788",
)
BRAND_DE = replace(
    BRAND,
    footer="Vielen Dank für Ihren Auftrag. Fragen? billing@ledgerworks.example",
    legal_line="Ledger Works GmbH · Amtsgericht Charlottenburg HRB 12345 B · Geschäftsführerin: Ada Lovelace · "
    "USt-IdNr. DE123456788",
)


def document(currency: str, units: str, **changes: Any) -> InvoiceDocument:
    """An open invoice of one sum; every other fact by its name."""
    total = money(currency, units)
    zero = Money.zero(currency)
    made = InvoiceDocument(
        number="LW-000142",
        status="open",
        issued_at=day("2026-11-29"),
        due_at=day("2026-12-29"),
        currency=currency,
        timezone="UTC",
        seller=BERLIN,
        buyer=LONDON,
        lines=(),
        subtotal=total,
        discount=zero,
        tax=zero,
        total=total,
        amount_paid=zero,
        amount_due=total,
        supplied_from=NOVEMBER[0],
        supplied_until=NOVEMBER[1],
        branding=BRAND,
    )
    return replace(made, **changes)


def money(currency: str, units: int | str) -> Money:
    """Units of a currency with two digits: money("EUR", "12.30")."""
    return Money(int(Decimal(units) * 100_000), currency)


def line(currency: str, what: str, quantity: str | None, unit: str | None, amount: str, **changes: Any) -> DocumentLine:
    """A line of November."""
    made = DocumentLine(
        what,
        None if quantity is None else Decimal(quantity),
        None if unit is None else money(currency, unit),
        money(currency, amount),
        *NOVEMBER,
    )
    return replace(made, **changes)


def _steps(currency: str) -> tuple[DocumentStep, ...]:
    return (
        DocumentStep(Decimal(5), money(currency, 120), None, money(currency, 600)),
        DocumentStep(Decimal(3), money(currency, 90), None, money(currency, 270)),
    )


def open_german() -> InvoiceDocument:
    """Everything that an open invoice can show: a coupon, steps, bank details with a code to scan, a link."""
    seats = line("EUR", "Arbeitsplätze", "8", None, "870.00", steps=_steps("EUR"), discount=money("EUR", "217.50"))
    return document(
        "EUR",
        "943.99",
        locale="de-DE",
        buyer=Party(
            "Müller Maschinenbau AG",
            tax_id="DE811907980",
            address=Address("Königsallee 92a", None, "Düsseldorf", "40212", None, "DE"),
        ),
        lines=(
            line("EUR", "Plattform Business", "1", "190.00", "190.00", discount=money("EUR", "47.50")),
            seats,
            line("EUR", "Schulung vor Ort (reduziert)", "1", "-1.73", "-1.73"),
        ),
        subtotal=money("EUR", "1058.27"),
        discount=money("EUR", "265.00"),
        coupon="LAUNCH26, 25 % Rabatt",
        taxes=(TaxLine("USt", Decimal(19), money("EUR", "150.72"), base=money("EUR", "793.27")),),
        tax=money("EUR", "150.72"),
        po_number="4500012345",
        custom_fields=(("Kostenstelle", "IT-7100"), ("Projekt", "Rollout Süd")),
        branding=BRAND_DE,
        how_to_pay=HowToPay("LW-000142", BANK, "https://pay.ledgerworks.example/i/LW-000142"),
    )


def paid_english() -> InvoiceDocument:
    """An American sale with two taxes, paid by card: invoice and receipt."""
    return document(
        "USD",
        "1087.50",
        status="paid",
        paid_at=day("2026-11-29"),
        paid_by=PaidBy("visa", "4242"),
        due_at=day("2026-11-29"),
        buyer=NEW_YORK,
        lines=(
            line("USD", "Business plan", "1", "199.00", "199.00"),
            line("USD", "Seats", "40", "20.00", "800.00"),
            line("USD", "API calls above 100,000", "1250", "0.0008", "1.00"),
        ),
        subtotal=money("USD", "1000.00"),
        taxes=(
            TaxLine("New York State sales tax", Decimal("4"), money("USD", "40.00"), base=money("USD", 1000)),
            TaxLine("New York City sales tax", Decimal("4.75"), money("USD", "47.50"), base=money("USD", 1000)),
        ),
        tax=money("USD", "87.50"),
        amount_paid=money("USD", "1087.50"),
        amount_due=money("USD", 0),
    )


def reverse_charge_french() -> InvoiceDocument:
    """From Germany to France: no tax, and the article that says why."""
    return document(
        "EUR",
        "540.00",
        locale="fr-FR",
        buyer=PARIS,
        lines=(line("EUR", "Formule Équipe", "1", "300.00", "300.00"), line("EUR", "Postes", "12", "20.00", "240.00")),
        taxes=(TaxLine("TVA", Decimal(0), money("EUR", 0), False, money("EUR", 540), TaxTreatment.REVERSE_CHARGE),),
        how_to_pay=HowToPay("LW-000142", BANK, "https://pay.ledgerworks.example/i/LW-000142"),
        branding=Branding(
            logo("#0e7a5f"),
            "#0e7a5f",
            "Merci de votre confiance. Une question ? billing@ledgerworks.example",
            "Ledger Works GmbH · Tribunal de Charlottenburg HRB 12345 B · Gérante : Ada Lovelace · N° TVA DE123456788",
        ),
    )


def several_rates_spanish() -> InvoiceDocument:
    """A Spanish seller's prices with the tax in them, at two rates."""
    return document(
        "EUR",
        "231.00",
        locale="es-ES",
        seller=MADRID,
        number="SN-2026-0087",
        buyer=Party("Librería Cervantes", address=Address("Gran Vía 8", None, "Bilbao", "48001", "Bizkaia", "ES")),
        lines=(
            line("EUR", "Plan Profesional", "1", "121.00", "121.00"),
            line("EUR", "Libros electrónicos", "10", "11.00", "110.00"),
        ),
        taxes=(
            TaxLine("IVA", Decimal(21), money("EUR", 21), inclusive=True, base=money("EUR", 100)),
            TaxLine("IVA", Decimal(10), money("EUR", 10), inclusive=True, base=money("EUR", 100)),
        ),
        tax=money("EUR", 31),
        branding=Branding(logo("#c2410c"), "#c2410c", "Gracias por su confianza."),
        how_to_pay=HowToPay(
            "RF18539007547034", BankDetails("Servicios Nube, S.L.", "ES9121000418450200051332", "CAIXESBBXXX")
        ),
    )


def credit_note_german() -> InvoiceDocument:
    """A correction that names its invoice, and where the money went."""
    return document(
        "EUR",
        "119.00",
        title="Credit note",
        number="LW-CN-000007",
        about_invoice="LW-000142",
        status="",
        locale="de-DE",
        due_at=None,
        buyer=open_german().buyer,
        lines=(line("EUR", "Arbeitsplätze", "1", None, "100.00"),),
        subtotal=money("EUR", 100),
        taxes=(TaxLine("USt", Decimal(19), money("EUR", 19), base=money("EUR", 100)),),
        tax=money("EUR", 19),
        amount_due=money("EUR", 0),
        credited_to=(
            CreditedTo("", money("EUR", 69), CreditDestination.INVOICE),
            CreditedTo("", money("EUR", 50), CreditDestination.REFUND),
        ),
        notes="Ein Arbeitsplatz wurde zum Monatsanfang gekündigt.",
        branding=BRAND_DE,
    )


def credit_note_french() -> InvoiceDocument:
    """The same in France: "avoir"."""
    return replace(
        credit_note_german(),
        locale="fr-FR",
        buyer=PARIS,
        lines=(line("EUR", "Poste résilié", "1", None, "100.00"),),
        taxes=(TaxLine("TVA", Decimal(20), money("EUR", 20), base=money("EUR", 100)),),
        tax=money("EUR", 20),
        total=money("EUR", 120),
        credited_to=(CreditedTo("", money("EUR", 120), CreditDestination.BALANCE),),
        notes=None,
        branding=reverse_charge_french().branding,
    )


def draft_english() -> InvoiceDocument:
    """A draft of a tenant in test mode that has no branding yet."""
    return document(
        "GBP",
        "84.00",
        status="draft",
        number=None,
        issued_at=None,
        due_at=None,
        test_mode=True,
        locale="en-GB",
        lines=(
            line("GBP", "Team plan", "1", "60.00", "60.00"),
            line("GBP", "Unused time of the Solo plan", None, None, "-10.00", proration=True),
            line("GBP", "Additional storage", "20", "1.00", "20.00"),
        ),
        subtotal=money("GBP", 70),
        taxes=(TaxLine("VAT", Decimal(20), money("GBP", 14), base=money("GBP", 70)),),
        tax=money("GBP", 14),
        branding=Branding(),
        notes="This draft goes out on 1 December.",
    )


def void_spanish() -> InvoiceDocument:
    """An invoice that was taken back."""
    return replace(several_rates_spanish(), status="void", how_to_pay=None, number="SN-2026-0088")


def balance_english() -> InvoiceDocument:
    """An American buyer pays by transfer what its balance left over."""
    bank = BankDetails(
        "Ledger Works Inc.", account_number="000123456789", routing="ABA 021000021", bank_name="First Bank, New York"
    )
    return document(
        "USD",
        "12480.00",
        buyer=NEW_YORK,
        lines=(line("USD", "Enterprise agreement, annual", "1", "12480.00", "12480.00"),),
        balance_applied=money("USD", 480),
        amount_credited=money("USD", 1000),
        amount_due=money("USD", 11000),
        taxes=(TaxLine("Sales tax", Decimal(0), money("USD", 0), False, money("USD", 12480), TaxTreatment.EXEMPT),),
        how_to_pay=HowToPay("LW-000142", bank, "https://pay.ledgerworks.example/i/LW-000142"),
        branding=replace(BRAND, color="#111827", logo=logo("#111827")),
        po_number="PO-77812",
    )


def swiss_german() -> InvoiceDocument:
    """Swiss francs in Switzerland's German: apostrophes in its numbers."""
    buyer = Party("Bergbahn Zermatt AG", address=Address("Bahnhofplatz 1", None, "Zermatt", "3920", None, "CH"))
    return document(
        "CHF",
        "1081.00",
        locale="de-CH",
        status="paid",
        paid_at=day("2026-12-02"),
        paid_by=PaidBy("mastercard", "4444"),
        buyer=buyer,
        lines=(line("CHF", "Plattform Business, jährlich", "1", "1000.00", "1000.00"),),
        subtotal=money("CHF", 1000),
        taxes=(TaxLine("MWST", Decimal("8.1"), money("CHF", 81), base=money("CHF", 1000)),),
        tax=money("CHF", 81),
        amount_paid=money("CHF", 1081),
        amount_due=money("CHF", 0),
        branding=replace(BRAND_DE, color="#b91c1c", logo=logo("#b91c1c")),
    )


def five_scripts() -> InvoiceDocument:
    """Latin, Han with kana, Arabic, Hebrew and Devanagari on one page; Hangul and Thai besides."""
    names = (
        "株式会社カナ・利用料",
        "خدمة الفوترة الشهرية (باقة الأعمال)",
        "שירות חודשי (חבילת עסקים)",
        "मासिक सेवा शुल्क",
    )
    more = ("월간 서비스 이용료", "ค่าบริการรายเดือน", "Ежемесячная плата", "Μηνιαία συνδρομή")
    return document(
        "EUR",
        "80.00",
        buyer=Party(
            "株式会社東京データ",
            address=Address("千代田区丸の内1-1", None, "東京", "100-0005", None, "JP"),
            email="keiri@tokyo-data.example",
        ),
        lines=tuple(line("EUR", name, "1", "10.00", "10.00") for name in (*names, *more)),
        notes="شركة الفوترة · חברת הדוגמה · 北京科技有限公司",
    )


SAMPLES = {
    "invoice-de-open": open_german,
    "invoice-en-paid": paid_english,
    "invoice-fr-reverse-charge": reverse_charge_french,
    "invoice-es-inclusive": several_rates_spanish,
    "credit-note-de": credit_note_german,
    "credit-note-fr": credit_note_french,
    "invoice-en-draft": draft_english,
    "invoice-es-void": void_spanish,
    "invoice-en-transfer": balance_english,
    "invoice-de-ch": swiss_german,
    "invoice-five-scripts": five_scripts,
}
"""What the pictures in docs/screenshots show, by their names."""
