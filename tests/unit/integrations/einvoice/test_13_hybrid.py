"""Issue 13: a PDF with its invoice as data in it, which other libraries find; and one without where there is none."""

import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import facturx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader

from billing.domain.customers.customer import Address
from billing.domain.kernel.errors import EInvoiceNotPossible
from billing.domain.tenant import Branding, Contact
from billing.integrations.einvoice import cii, xmp
from billing.integrations.einvoice.hybrid import ElectronicInvoices
from billing.integrations.pdf.renderer import Attachment, PdfRenderer
from billing.services.invoicing.documents import InvoiceDocument
from billing.services.invoicing.einvoice import EInvoice, Profile
from tests.support.einvoices import BUYER, SELLER, asked, billed, credited, eur, noted, several_rates

FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
ROOT = Path(__file__).parents[4]
CHILD = """
sys.path[:0] = ["layers/shared", "."]
from billing.integrations.einvoice.hybrid import ElectronicInvoices
from billing.services.invoicing.einvoice import Profile
from tests.support.einvoices import asked, several_rates
sys.stdout.buffer.write(ElectronicInvoices(None).xml(asked(several_rates())[1], Profile.XRECHNUNG))
"""
WRITER = ElectronicInvoices(PdfRenderer())


def without_vat_id() -> tuple[InvoiceDocument, EInvoice]:
    return asked(billed([eur(100_00)], replace(SELLER, tax_id=None)))


@pytest.mark.parametrize("kind", ["invoice", "credit note"])
def test_other_libraries_read_the_invoice_out_of_the_pdf(kind: str) -> None:
    document, data = asked(several_rates()) if kind == "invoice" else noted(credited(several_rates(), amount=50_00))
    pdf = WRITER.pdf(document, data)
    name, content = facturx.get_xml_from_pdf(pdf, check_xsd=True)
    assert (name, content) == ("factur-x.xml", cii.written(data, Profile.FACTUR_X))
    root = etree.fromstring(content)
    assert (facturx.get_flavor(root), facturx.get_level(root)) == ("factur-x", "en16931")
    reader = PdfReader(BytesIO(pdf), strict=True)
    assert reader.attachments["factur-x.xml"] == [content]
    (associated,) = reader.root_object["/AF"]
    assert associated.get_object()["/AFRelationship"] == "/Alternative"
    assert data.number is not None
    assert data.number in reader.pages[0].extract_text()


def test_its_metadata_says_that_it_is_one_and_is_still_that_of_an_archival_file() -> None:
    """PDF/A wants a schema of properties that it does not know: one that names just the four that are there."""
    plain = WRITER.renderer.render_invoice(asked(several_rates())[0])
    metadata = {key: metadata_of(pdf) for key, pdf in (("hybrid", WRITER.pdf(*asked(several_rates()))), ("", plain))}
    found = {each.tag.removeprefix(FX): each.text for each in metadata["hybrid"].iter() if str(each.tag).startswith(FX)}
    assert found == {
        "DocumentFileName": "factur-x.xml",
        "DocumentType": "INVOICE",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    names = "{http://www.aiim.org/pdfa/ns/property#}name"
    described = {each.text for each in metadata["hybrid"].iter(names)}
    assert described - {each.text for each in metadata[""].iter(names)} == set(found)
    for rule, value in (("id/}part", "3"), ("id/}conformance", "A")):
        assert [each.text for each in metadata["hybrid"].iter() if str(each.tag).endswith(rule)][:1] == [value]


def metadata_of(pdf: bytes) -> etree._Element:
    found = PdfReader(BytesIO(pdf), strict=True).root_object["/Metadata"].get_object()
    return etree.fromstring(found.get_data().strip())


def test_nothing_of_the_file_is_touched_but_its_metadata() -> None:
    document, data = asked(several_rates())
    attached = Attachment("factur-x.xml", cii.written(data, Profile.FACTUR_X), "text/xml", "")
    before = WRITER.renderer.render_invoice(document, [attached])
    after = xmp.declared(before, "factur-x.xml")
    assert after.startswith(before)
    readers = [PdfReader(BytesIO(each), strict=True) for each in (before, after)]
    assert readers[0].root_object.raw_get("/Metadata").idnum == readers[1].root_object.raw_get("/Metadata").idnum
    assert readers[0].trailer["/ID"] == readers[1].trailer["/ID"]
    assert readers[0].pages[0].extract_text() == readers[1].pages[0].extract_text()
    assert readers[0].trailer["/Size"] == readers[1].trailer["/Size"]


def test_the_same_invoice_gives_the_same_bytes() -> None:
    assert WRITER.pdf(*asked(several_rates())) == WRITER.pdf(*asked(several_rates()))
    written = [WRITER.xml(asked(several_rates())[1], profile) for profile in (*Profile, *Profile)]
    assert written[:2] == written[2:]
    assert written[0] != written[1]


def test_without_what_the_norm_asks_for_the_pdf_is_as_it_always_was() -> None:
    document, data = without_vat_id()
    assert WRITER.pdf(document, data) == WRITER.renderer.render_invoice(document)
    with pytest.raises(EInvoiceNotPossible) as refused:
        WRITER.xml(data, Profile.FACTUR_X)
    (detail,) = refused.value.details
    assert (detail.field, detail.reason) == ("seller.taxId", "The seller has no valid VAT id (BT-31)")
    assert refused.value.message == detail.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Metadata ", b"/Metadatb "),
        (b"/Type/Metadata/Subtype/XML", b"/Type/Metadata/Subtype/XMM"),
        (b"trailer\n", b"trailer "),
        (b"\nxref\n0 ", b"\nxrex\n0 "),
        (b"<pdfaExtension:schemas>", b"<pdfaExtension:Schemas>"),
    ],
)
def test_a_pdf_that_is_written_otherwise_is_refused_and_the_document_goes_out_as_it_is(
    old: bytes, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of Typst may write otherwise: nobody is to get a file that was extended in the wrong place."""
    document, data = asked(several_rates())
    other = WRITER.renderer.render_invoice(document).replace(old, new)
    with pytest.raises(xmp.NotExtendable):
        xmp.declared(other, "factur-x.xml")
    monkeypatch.setattr(PdfRenderer, "render_invoice", lambda *_: other)
    assert WRITER.pdf(document, data) == other


def test_letters_that_no_font_draws_together_are_left_out_of_the_pages_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What people read loses a mark that Typst cannot set on its letter; the data keeps it."""
    odd = "\u6c12\u0611\u065d\n\u064f\u0485nq\u2ded\u065e7\u0335\u08cc"
    document, data = asked(billed([replace(eur(1_00), description=odd)], buyer=replace(BUYER, name=odd)))
    with caplog.at_level("WARNING"):
        _, content = facturx.get_xml_from_pdf(WRITER.pdf(document, data))
    assert "left out" in caplog.text
    assert content.decode().count(odd) == 2


def test_letters_that_xml_cannot_hold_are_left_out_and_others_are_not_markup() -> None:
    odd = "a\x0bb </ram:Name><x/> & \ufffe ]]> \U0001f600"
    buyer = replace(BUYER, name=odd)
    _, data = asked(billed([replace(eur(1_00), description=odd), replace(eur(1_00), description="\x01")], buyer=buyer))
    root = etree.fromstring(cii.written(data, Profile.XRECHNUNG))
    names = [each.text for each in root.iter("{*}Name")]
    plain = "ab </ram:Name><x/> &  ]]> \U0001f600"
    assert names == [plain, "-", "Acme GmbH", plain]


@given(st.text(), st.text(min_size=1))
def test_whatever_people_write_the_xml_is_one_and_keeps_its_schema(one: str, other: str) -> None:
    address = replace(BUYER.address or Address(), line1=one, city=other)
    buyer = replace(BUYER, name=other, address=address, po_number=one, email=other)
    seller = replace(SELLER, legal_name=other, branding=Branding(legal_line=one), contact=Contact(one, other, one))
    _, data = asked(billed([replace(eur(1_00), description=one)], seller, buyer))
    for profile in Profile:
        assert facturx.xml_check_xsd(cii.written(data, profile), flavor="factur-x", level="en16931")


def test_the_layer_needs_neither_lxml_nor_pypdf() -> None:
    """drafthorse wants both when it is installed: lxml's wheels contain libiconv, under the LGPL, so that it is not."""
    said = "import sys; sys.modules |= {'lxml': None, 'pypdf': None}; " + CHILD
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == cii.written(asked(several_rates())[1], Profile.XRECHNUNG)


def test_amounts_have_two_decimals_and_prices_what_they_need() -> None:
    fine = replace(several_rates().lines[0])
    _, data = asked(billed([replace(fine, taxes=(), quantity=None)]))
    text = cii.written(data, Profile.FACTUR_X).decode()
    amounts = re.findall(r"<ram:\w+Amount(?: [^>]*)?>([^<]+)<", text)
    assert all(re.fullmatch(r"-?\d+(\.\d{2})?|\d+\.\d+", each) for each in amounts), amounts
