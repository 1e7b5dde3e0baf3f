"""Issue 13: e-invoices through the API: the XML alone, in the PDF, and in words why there is none."""

from typing import Any

import facturx
import pytest
from lxml import etree

from tests.integration.access.test_privacy import readable
from tests.integration.invoices import line, make, read
from tests.integration.world import Json, Tenant, World

ADDRESS: Json = {"line1": "Friedrichstraße 12", "city": "Berlin", "postalCode": "10117", "country": "DE"}
CONTACT: Json = {"name": "Accounts", "phone": "+49 30 901820", "email": "accounts@acme.example"}
SELLER: Json = {
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "legalName": "Acme GmbH",
    "address": ADDRESS,
    "taxId": "DE136695976",
    "email": "billing@acme.example",
    "contact": CONTACT,
    "bankDetails": {"holder": "Acme GmbH", "iban": "DE89370400440532013000"},
    "netTermsDays": 14,
}
BUYER: Json = {
    "name": "Amt für Beispiele",
    "email": "rechnung@amt.example",
    "currency": "EUR",
    "address": {"line1": "Markt 1", "city": "Weimar", "postalCode": "99423", "country": "DE"},
    "poNumber": "PO-4711",
    "customFields": [{"name": "Leitweg-ID", "value": "991-01234-44"}],
}
VAT = [{"name": "VAT", "ratePercent": "19"}]
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


@pytest.fixture
def seller(world: World) -> Tenant:
    return world.tenant(**SELLER)


def sold(tenant: Tenant, **buyer: Any) -> Json:
    """An open invoice over 119.00."""
    customer = tenant.customer(**(BUYER | buyer))
    made = make(tenant, line(100_00, taxes=VAT), customerId=customer, autoFinalize=True)
    found = read(tenant, made)
    assert (found["status"], found["total"]) == ("open", 11_900_000), found
    return found


def value(content: bytes, name: str) -> list[str | None]:
    return [each.text for each in etree.fromstring(content).iter(RAM + name)]


def test_an_invoice_and_a_credit_note_as_xrechnung(seller: Tenant) -> None:
    invoice = sold(seller)
    answer = seller.get(f"/v1/invoices/{invoice['id']}/xml")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xml"), answer.json
    assert f'filename="{invoice["number"]}.xml"' in answer.headers["Content-Disposition"]
    assert value(answer.content, "BuyerReference") == ["991-01234-44"]
    assert value(answer.content, "IssuerAssignedID") == ["PO-4711"]
    assert value(answer.content, "IBANID") == ["DE89370400440532013000"]
    assert value(answer.content, "CompleteNumber") == ["+49 30 901820"]
    assert value(answer.content, "DuePayableAmount") == ["119.00"]
    assert "xrechnung_3.0" in str(value(answer.content, "ID")[1])
    note = seller.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 5_950_000}).data
    answer = seller.get(f"/v1/credit-notes/{note['id']}/xml")
    assert answer.status == 200, answer.json
    assert value(answer.content, "TypeCode")[0] == "381"
    assert value(answer.content, "GrandTotalAmount") == ["59.50"]
    assert invoice["number"] in value(answer.content, "IssuerAssignedID")


def test_the_xml_of_factur_x_is_the_one_in_the_pdf(seller: Tenant) -> None:
    invoice = sold(seller)
    alone = seller.get(f"/v1/invoices/{invoice['id']}/xml", format="factur-x")
    pdf = seller.get(f"/v1/invoices/{invoice['id']}/pdf")
    assert (alone.status, pdf.status) == (200, 200)
    assert facturx.get_xml_from_pdf(pdf.content) == ("factur-x.xml", alone.content)
    assert facturx.get_level(etree.fromstring(alone.content)) == "en16931"
    french = seller.get(f"/v1/invoices/{invoice['id']}/pdf", locale="fr")
    assert facturx.get_xml_from_pdf(french.content)[1] == alone.content


def test_what_is_missing_is_said_in_words_and_the_pdf_comes_all_the_same(tenant: Tenant) -> None:
    invoice = make(tenant, line(100_00), autoFinalize=True)
    answer = tenant.get(f"/v1/invoices/{invoice['id']}/xml", format="factur-x")
    assert (answer.status, answer.error["code"]) == (422, "billing.einvoice.not_possible")
    details = {each["field"]: each["reason"] for each in answer.error["details"]}
    assert "The seller's address has no country (BT-40, BT-55)" in details["seller.address.country"]
    assert details["lines"].startswith("A line has no tax and nothing says why")
    pdf = tenant.get(f"/v1/invoices/{invoice['id']}/pdf")
    assert pdf.content[:5] == b"%PDF-"
    assert not any(facturx.get_xml_from_pdf(pdf.content))


def test_an_invoice_may_be_a_factur_x_and_no_xrechnung(world: World) -> None:
    tenant = world.tenant(**(SELLER | {"contact": None}))
    invoice = sold(tenant, poNumber=None, customFields=[])
    assert tenant.get(f"/v1/invoices/{invoice['id']}/xml", format="factur-x").status == 200
    answer = tenant.get(f"/v1/invoices/{invoice['id']}/xml")
    assert answer.status == 422
    fields = [each["field"] for each in answer.error["details"]]
    assert fields == ["seller.contact.name", "seller.contact.phone", "seller.contact.email", "poNumber"]
    assert "Leitweg-ID" in answer.error["message"]


def test_a_draft_and_an_unknown_format_are_refused(seller: Tenant) -> None:
    draft = make(seller, line(100_00, taxes=VAT), customerId=seller.customer(**BUYER))
    answer = seller.get(f"/v1/invoices/{draft['id']}/xml")
    assert answer.status == 422
    assert {each["field"] for each in answer.error["details"]} == {"status"}
    assert seller.get(f"/v1/invoices/{draft['id']}/xml", format="ubl").status == 400


def test_whom_to_ask_is_kept_and_frozen_with_the_invoice(seller: Tenant) -> None:
    assert seller.data["contact"] == CONTACT
    invoice = sold(seller)
    path = f"/v1/tenants/{seller.id}"
    assert not readable(seller.world.everything_of(seller.id), "901820")
    changed = seller.patch(path, {"contact": {"name": "Somebody else"}})
    assert changed.data["contact"] == {"name": "Somebody else", "phone": None, "email": None}
    assert value(seller.get(f"/v1/invoices/{invoice['id']}/xml").content, "PersonName") == ["Accounts"]
    assert seller.patch(path, {"contact": None}).data["contact"] is None
    bad = seller.patch(path, {"contact": {"phone": "call me"}})
    assert (bad.status, bad.error["details"][0]["field"]) == (400, "contact.phone")
