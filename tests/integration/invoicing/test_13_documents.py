"""Issue 13: what the PDF's document is told, through the API; and the tenant's settings that it comes from."""

import base64
import json
from typing import Any

import pytest

from billing.domain.kernel.bank import BankDetails
from billing.services.invoicing.documents import InvoiceDocument, PaidBy, TaxTreatment
from tests.integration.access.test_privacy import readable
from tests.integration.invoices import BERLIN, carded, do, line, make, read
from tests.integration.invoicing.test_credit_notes_read import text_of
from tests.integration.world import Json, Tenant, World

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LOGO = f"data:image/png;base64,{PNG}"
BRANDING: Json = {"logo": LOGO, "color": "#1F6FEB", "footer": "Thank you", "legalLine": "HRB 12345 B, Berlin"}
BANK: Json = {
    "holder": "Acme Billing GmbH",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
    "accountNumber": None,
    "routing": None,
    "bankName": "Commerzbank",
}
LINK = "https://pay.example.com/{invoiceId}?n={number}"
SETTINGS: Json = {"branding": BRANDING, "bankDetails": BANK, "netTermsDays": 14, "paymentLink": LINK, "locale": "de"}


class Printer:
    """Stands in for the renderer: keeps what it is given."""

    def __init__(self) -> None:
        self.documents: list[InvoiceDocument] = []

    def __call__(self, document: InvoiceDocument) -> bytes:
        self.documents.append(document)
        return b"%PDF-"

    def of(self, tenant: Tenant, path: str, **query: str) -> InvoiceDocument:
        answer = tenant.get(f"/v1/{path}/pdf", **query)
        assert answer.status == 200, answer.json
        return self.documents[-1]


@pytest.fixture
def printer(world: World, monkeypatch: pytest.MonkeyPatch) -> Printer:
    found = Printer()
    monkeypatch.setattr(
        "billing.integrations.pdf.renderer.PdfRenderer.render_invoice",
        lambda self, document, attachments=(): found(document),
    )
    return found


@pytest.fixture
def branded(world: World) -> Tenant:
    return world.tenant(**SETTINGS)


def settings_of(tenant: Tenant) -> Json:
    found: Json = tenant.get(f"/v1/tenants/{tenant.id}").data
    return found


def patch(tenant: Tenant, body: Json) -> Any:
    return tenant.patch(f"/v1/tenants/{tenant.id}", body)


def data_url(content: bytes, kind: str = "image/svg+xml") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


# Settings


def test_a_tenant_shows_what_it_was_made_with(branded: Tenant) -> None:
    assert {name: branded.data[name] for name in SETTINGS} == SETTINGS
    assert {name: settings_of(branded)[name] for name in SETTINGS} == SETTINGS


def test_one_that_says_nothing_has_none_of_it(tenant: Tenant) -> None:
    nothing = dict.fromkeys(BRANDING)
    shown = settings_of(tenant)
    assert {name: shown[name] for name in SETTINGS} == {
        "branding": nothing, "bankDetails": None, "netTermsDays": 0, "paymentLink": None, "locale": "en",
    }  # fmt: skip


def test_part_of_the_branding_leaves_the_rest_as_it_is(branded: Tenant) -> None:
    shown = patch(branded, {"branding": {"color": "#abcdef"}}).data
    assert shown["branding"] == BRANDING | {"color": "#ABCDEF"}
    shown = patch(branded, {"branding": {"logo": None, "footer": None}}).data
    assert shown["branding"] == BRANDING | {"color": "#ABCDEF", "logo": None, "footer": None}
    other = data_url(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert patch(branded, {"branding": {"logo": other}}).data["branding"]["logo"] == other
    assert settings_of(branded)["branding"]["logo"] == other


def test_bank_details_are_changed_as_a_whole(branded: Tenant) -> None:
    """An IBAN of one account under the holder of another would send money astray."""
    shown = patch(
        branded, {"bankDetails": {"holder": "Other", "accountNumber": "12-3456", "routing": "021000021"}}
    ).data
    assert shown["bankDetails"] == dict.fromkeys(BANK) | {
        "holder": "Other", "accountNumber": "12-3456", "routing": "021000021",
    }  # fmt: skip
    assert patch(branded, {"bankDetails": None}).data["bankDetails"] is None


def test_a_changed_logo_is_another_version_and_the_same_one_is_none(branded: Tenant) -> None:
    before = settings_of(branded)["version"]
    assert patch(branded, {"branding": {"logo": LOGO}}).data["version"] == before
    assert patch(branded, {"branding": {"logo": None}}).data["version"] == before + 1


def test_a_logo_is_not_in_what_every_worker_reads(world: World, branded: Tenant) -> None:
    sizes = {row["item"]["S"]: len(json.dumps(row)) for row in world.rows_of("tenants", branded.id)}
    assert set(sizes) == {"settings", "logo"}
    (settings,) = (row for row in world.rows_of("tenants", branded.id) if row["item"]["S"] == "settings")
    assert PNG not in json.dumps(settings)


def test_the_largest_logo_is_stored(tenant: Tenant) -> None:
    logo = data_url(base64.b64decode(PNG).ljust(64 * 1024, b"\x00"), "image/png")
    assert patch(tenant, {"branding": {"logo": logo}}).status == 200
    assert settings_of(tenant)["branding"]["logo"] == logo


def test_bank_details_are_sealed(world: World, branded: Tenant) -> None:
    stored = json.dumps(world.rows_of("tenants", branded.id))
    assert not any(str(text) in stored for text in BANK.values() if text)
    customer = branded.customer(customFields=[{"name": "Contact", "value": "Grace Hopper"}])
    make(branded, customerId=customer, autoFinalize=True)
    kept = world.everything_of(branded.id)
    assert not readable(kept, "Grace Hopper")
    assert not readable(kept, BANK["iban"])


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"branding": {"logo": "https://example.com/a.png"}}, {"branding.logo": "must_be_a_data_url"}),
        ({"branding": {"logo": "data:image/png;base64,iVBO*"}}, {"branding.logo": "must_be_a_data_url"}),
        ({"branding": {"logo": f"data:image/jpeg;base64,{PNG}"}}, {"branding.logo": "not_that_image"}),
        ({"branding": {"logo": data_url(b"GIF89a", "image/gif")}}, {"branding.logo": "not_that_image"}),
        ({"branding": {"logo": data_url(b"\x89PNG\r\n\x1a\n" + b"\x00" * 64 * 1024, "image/png")}},
         {"branding.logo": "too_long"}),
        ({"branding": {"logo": data_url(b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>')}},
         {"branding.logo": "cannot_be_drawn"}),
        ({"branding": {"color": "red", "footer": "", "legalLine": "x" * 501, "font": "x"}},
         {"branding.color": "invalid_format", "branding.footer": "too_short", "branding.legalLine": "too_long",
          "branding.font": "unknown_field"}),
        ({"bankDetails": {"iban": "DE89370400440532013000"}}, {"bankDetails.holder": "missing_required_field"}),
        ({"bankDetails": {"holder": "A", "iban": "DE88370400440532013000", "bic": "COBA"}},
         {"bankDetails.iban": "invalid_iban", "bankDetails.bic": "invalid_format"}),
        ({"bankDetails": {"holder": "A"}},
         {"bankDetails.iban": "iban_or_account_number", "bankDetails.accountNumber": "iban_or_account_number"}),
        ({"netTermsDays": 366}, {"netTermsDays": "too_large"}),
        ({"paymentLink": "http://pay.example.com/{number}"}, {"paymentLink": "invalid_format"}),
        ({"paymentLink": "https://{number}.example.com/"}, {"paymentLink": "invalid_format"}),
        ({"paymentLink": "https://a@example.com/{number}"}, {"paymentLink": "invalid_format"}),
        ({"paymentLink": "https://example.com/{customer}"}, {"paymentLink": "invalid_format"}),
        ({"paymentLink": "https://example.com/a b"}, {"paymentLink": "invalid_format"}),
        ({"paymentLink": "javascript:alert(1)"}, {"paymentLink": "invalid_format"}),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(world: World, tenant: Tenant, fields: Json, bad: dict[str, str]) -> None:
    answer = patch(tenant, fields)
    assert (answer.status, answer.bad_fields) == (400, bad)
    made = world.platform().post("/v1/tenants", {"name": "A", "currency": "EUR", "mode": "test", **fields})
    assert (made.status, made.bad_fields) == (400, bad)


def test_an_iban_is_kept_without_the_spaces_of_people(tenant: Tenant) -> None:
    bank = {"holder": "A", "iban": "de89 3704 0044 0532 0130 00", "bic": "cobadeff"}
    shown = patch(tenant, {"bankDetails": bank}).data["bankDetails"]
    assert (shown["iban"], shown["bic"]) == ("DE89370400440532013000", "COBADEFF")


# Documents


def test_an_open_invoice_says_how_it_is_paid(branded: Tenant, printer: Printer) -> None:
    customer = branded.customer(
        poNumber="PO-1", customFields=[{"name": "Cost center", "value": "4711"}], address=BERLIN
    )
    made = make(branded, line(100_00), customerId=customer, autoFinalize=True)
    shown = printer.of(branded, f"invoices/{made['id']}")
    assert (shown.locale, shown.po_number, shown.custom_fields) == ("de", "PO-1", (("Cost center", "4711"),))
    assert shown.due_at is not None
    assert shown.due_at.isoformat().replace("+00:00", "Z") == made["dueAt"]
    assert (shown.branding.logo, shown.branding.color) == (base64.b64decode(PNG), "#1F6FEB")
    assert (shown.branding.footer, shown.branding.legal_line) == ("Thank you", "HRB 12345 B, Berlin")
    assert shown.how_to_pay is not None
    assert shown.how_to_pay.reference == made["number"]
    assert shown.how_to_pay.bank == BankDetails(
        "Acme Billing GmbH", BANK["iban"], BANK["bic"], None, None, "Commerzbank"
    )
    assert shown.how_to_pay.link == f"https://pay.example.com/{made['id']}?n={made['number']}"
    assert shown.buyer.address is not None
    assert shown.buyer.address.country == "DE"


def test_a_document_does_not_change_when_its_tenant_moves(world: World, branded: Tenant, printer: Printer) -> None:
    """Frozen: bank, legal line, language, terms. Not frozen: the looks, and the page to pay on."""
    made = make(branded, line(100_00), customerId=branded.customer(), autoFinalize=True)
    changed = {
        "branding": {"legalLine": "HRB 2", "color": "#000000", "logo": None},
        "bankDetails": {"holder": "Other", "accountNumber": "1"},
        "locale": "fr",
        "netTermsDays": 60,
        "paymentLink": "https://new.example.com/{number}",
    }
    assert patch(branded, changed).status == 200
    world.clock.advance(minutes=2)  # settings are everywhere within a minute
    shown = printer.of(branded, f"invoices/{made['id']}")
    assert (shown.locale, shown.branding.legal_line) == ("de", "HRB 12345 B, Berlin")
    assert shown.how_to_pay is not None
    assert shown.how_to_pay.bank is not None
    assert shown.how_to_pay.bank.iban == BANK["iban"]
    assert read(branded, made)["dueAt"] == made["dueAt"]
    assert (shown.branding.logo, shown.branding.color) == (None, "#000000")
    assert shown.how_to_pay.link == f"https://new.example.com/{made['number']}"


def test_the_reader_may_ask_for_another_language(branded: Tenant, printer: Printer) -> None:
    made = make(branded, line(100_00), customerId=branded.customer(locale="es"), autoFinalize=True)
    path = f"invoices/{made['id']}"
    assert printer.of(branded, path).locale == "es"
    assert printer.of(branded, path, locale="fr-ca").locale == "fr-CA"
    note = branded.post(f"/v1/invoices/{made['id']}/credit-notes", {"amount": 1_000_000}).data
    assert printer.of(branded, f"credit-notes/{note['id']}").locale == "es"
    assert printer.of(branded, f"credit-notes/{note['id']}", locale="ja").locale == "ja"


@pytest.mark.parametrize("locale", ["", "german", "de_DE", "../en", "d"])
def test_a_language_that_is_no_tag_is_refused(branded: Tenant, locale: str) -> None:
    made = make(branded, line(100_00), customerId=branded.customer(), autoFinalize=True)
    answer = branded.get(f"/v1/invoices/{made['id']}/pdf", locale=locale)
    assert (answer.status, answer.bad_fields) == (400, {"locale": "invalid_format"})


def test_a_language_that_nobody_knows_is_printed_all_the_same(branded: Tenant) -> None:
    made = make(branded, line(100_00), customerId=branded.customer(locale="xx-XX"), autoFinalize=True)
    assert branded.get(f"/v1/invoices/{made['id']}/pdf").content[:5] == b"%PDF-"


def test_a_credit_note_names_its_invoice_and_keeps_its_terms(branded: Tenant, printer: Printer) -> None:
    taxes = [{"name": "VAT", "ratePercent": "19"}]
    lines = [line(100_00, taxes=taxes), line(50_00, taxes=[{"name": "VAT", "ratePercent": "7"}])]
    made = make(branded, *lines, customerId=branded.customer(poNumber="PO-1"), autoFinalize=True)
    wanted = {"lines": [{"lineId": made["lines"][0]["id"]}]}
    note = branded.post(f"/v1/invoices/{made['id']}/credit-notes", wanted).data
    patch(branded, {"branding": {"legalLine": "HRB 2"}})
    shown = printer.of(branded, f"credit-notes/{note['id']}")
    assert (shown.about_invoice, shown.po_number) == (made["number"], "PO-1")
    assert shown.branding.legal_line == "HRB 12345 B, Berlin"
    assert [(row.rate_percent, row.base.micros if row.base else None) for row in shown.taxes] == [(19, 10_000_000)]


def test_a_paid_invoice_says_by_which_card_even_when_that_is_gone(branded: Tenant, printer: Printer) -> None:
    customer, method = carded(branded)
    made = make(branded, line(100_00), customerId=customer, autoFinalize=True, autoCharge=True)
    assert made["status"] == "paid"
    assert branded.patch(f"/v1/customers/{customer}", {"name": "Zoë"}).status == 200
    assert branded.delete(f"/v1/payment-methods/{method}").status == 200
    shown = printer.of(branded, f"invoices/{made['id']}")
    assert (shown.paid_by, shown.how_to_pay) == (PaidBy("visa", "4242"), None)


def test_what_the_balance_paid_names_no_card(branded: Tenant, printer: Printer) -> None:
    made = make(branded, line(0), customerId=branded.customer(), autoFinalize=True)
    assert (made["status"], printer.of(branded, f"invoices/{made['id']}").paid_by) == ("paid", None)


def test_tiers_are_steps_and_a_coupon_has_its_name(branded: Tenant, printer: Printer) -> None:
    tiers = [{"upTo": 5, "unitAmount": 12_000_000}, {"upTo": None, "unitAmount": 9_000_000}]
    seats = {"key": "seats", "type": "licensed", "model": "graduated", "tiers": tiers}
    plan = branded.plan(id="tiered", components=[seats])
    branded.post("/v1/coupons", {"code": "Launch26", "percentOff": "25", "duration": "once"})
    made = branded.subscribe(planId=plan, quantities={"seats": 8}, customerId=branded.customer(), couponCode="LAUNCH26")
    invoice = branded.only_invoice(subscription=made["id"])
    (sold,) = invoice["lines"]
    assert [(step["quantity"], step["unitAmount"], step["amount"]) for step in sold["steps"]] == [
        ("5", 12_000_000, 60_000_000),
        ("3", 9_000_000, 27_000_000),
    ]
    assert sold["discounts"][0]["code"] == "Launch26"
    shown = printer.of(branded, f"invoices/{invoice['id']}")
    assert shown.coupon == "Launch26, 25 % off"
    assert sum(step.amount.micros for step in shown.lines[0].steps) == shown.lines[0].amount.micros
    assert shown.supplied_from is not None
    assert shown.supplied_from.isoformat().replace("+00:00", "Z") == invoice["period"]["start"]


def test_reverse_charge_has_a_row_with_its_base(world: World, printer: Printer) -> None:
    tenant = world.tenant(currency="EUR", taxProvider="builtin", address=BERLIN, taxId="DE136695976")
    customer = tenant.customer(
        address={"city": "Paris", "postalCode": "75001", "country": "FR"}, taxId="FR40303265045", currency="EUR"
    )
    made = make(tenant, line(100_00), customerId=customer, autoFinalize=True)
    (row,) = printer.of(tenant, f"invoices/{made['id']}").taxes
    assert (row.treatment, row.amount.micros) == (TaxTreatment.REVERSE_CHARGE, 0)
    assert row.base is not None
    assert (row.name, row.base.micros) == ("VAT", 10_000_000)


def test_the_page_itself_shows_it(world: World) -> None:
    """Through the renderer, in German: reverse charge once, how to pay, the buyer's order number."""
    tenant = world.tenant(**SETTINGS, currency="EUR", taxProvider="builtin", address=BERLIN, taxId="DE136695976")
    buyer = {"address": {"city": "Paris", "postalCode": "75001", "country": "FR"}, "taxId": "FR40303265045"}
    customer = tenant.customer(currency="EUR", poNumber="PO-4711", **buyer)
    made = make(tenant, line(100_00), customerId=customer, autoFinalize=True)
    text = text_of(tenant.get(f"/v1/invoices/{made['id']}/pdf"))
    said = ("Rechnung", "PO-4711", "DE89 3704 0044 0532 0130 00", "HRB 12345 B, Berlin", "Thank you", made["number"])
    assert [word for word in said if word not in text] == [], text
    assert "Reverse charge" not in text
    english = text_of(tenant.get(f"/v1/invoices/{made['id']}/pdf", locale="en"))
    assert "Invoice" in english
    assert "Rechnung" not in english


def test_a_draft_is_printed_without_a_due_date(branded: Tenant, printer: Printer) -> None:
    made = make(branded, line(100_00), customerId=branded.customer())
    shown = printer.of(branded, f"invoices/{made['id']}")
    assert (shown.due_at, shown.how_to_pay, shown.locale) == (None, None, "de")
    assert do(branded, "finalize", made).status == 200
