"""Issue 13: documents are tagged PDF/A-3a and PDF/UA-1, in reading order, and the same data gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billing.integrations.pdf.renderer import Attachment, PdfRenderer, Relationship
from billing.services.invoicing.documents import HowToPay, InvoiceDocument, TaxLine
from local.reference.document_samples import SAMPLES
from tests.unit.integrations.pdf.documents import invoice, line, read, usd

ROOT = Path(__file__).resolve().parents[4]


def tags(element: Any) -> Iterator[tuple[str, Any]]:
    """The structure elements of a document in reading order, as (tag, element)."""
    element = element.get_object() if hasattr(element, "get_object") else element
    if isinstance(element, list):
        for each in element:
            yield from tags(each)
    elif isinstance(element, dict):
        if "/S" in element:
            yield str(element["/S"]), element
        if "/K" in element:
            yield from tags(element["/K"])


def tag_names(reader: PdfReader) -> list[str]:
    return [name for name, _ in tags(reader.trailer["/Root"]["/StructTreeRoot"])]  # type: ignore[index]


def taxed() -> InvoiceDocument:
    tax = TaxLine("VAT", Decimal(20), usd(833_000), base=usd(4_166_000))
    return invoice(lines=(line(), line("Second")), taxes=(tax,), tax=usd(833_000))


def test_issue_13_a_document_is_tagged_with_language_title_and_author() -> None:
    reader = read(invoice(locale="de-AT"))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] is True or root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "de-AT"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Rechnung INV-2026-000042", "Ledger Works GmbH")


def test_issue_13_tables_have_header_cells() -> None:
    """Lines and taxes are two tables of one header row each: four columns and four."""
    names = tag_names(read(taxed()))
    assert names.count("/Table") == 2
    assert names.count("/TH") == 8
    assert names.count("/TD") == 2 * 4 + 4
    assert names.count("/H1") == 1


def test_issue_13_a_picture_has_a_text() -> None:
    document = invoice(how_to_pay=HowToPay("INV", link="https://pay.example/1"))
    figures = [
        element for name, element in tags(read(document).trailer["/Root"]["/StructTreeRoot"]) if name == "/Figure"
    ]  # type: ignore[index]
    assert [str(each["/Alt"]) for each in figures] == ["Scan to pay online"]


@pytest.mark.parametrize("name", SAMPLES)
def test_issue_13_samples_say_that_they_are_archival_and_accessible(name: str) -> None:
    """The compiler refuses what breaks either standard, so that saying it is enough."""
    reader = PdfReader(BytesIO(PdfRenderer().render_invoice(SAMPLES[name]())), strict=True)
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()  # type: ignore[index]
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert len(reader.pages) == 1


def test_issue_13_text_is_in_reading_order() -> None:
    text = "\n".join(page.extract_text() for page in read(taxed()).pages)
    expected = ("Invoice", "Invoice number", "From", "Bill to", "$49.99 due", "Description", "Business plan", "Second")
    expected = (*expected, "Subtotal", "Amount due", "Tax summary", "Taxable amount", "Page 1 of 1")
    places = [text.index(each) for each in expected]
    assert places == sorted(places)


def test_issue_13_the_file_was_made_when_the_document_was_issued() -> None:
    made = read(invoice(issued_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))).metadata
    assert made is not None
    assert made.creation_date == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    draft = read(invoice(issued_at=None, status="draft", number=None)).metadata
    assert draft is not None
    assert draft.creation_date == datetime(2000, 1, 1, tzinfo=UTC)


def test_issue_13_another_process_makes_the_same_bytes() -> None:
    """Nothing of the process goes into them: no time, no random id, no order of a set."""
    script = (
        "import sys, hashlib; sys.path[:0] = ['layers/shared', '.']\n"
        "from billing.integrations.pdf.renderer import PdfRenderer\n"
        "from local.reference.document_samples import SAMPLES\n"
        "for make in SAMPLES.values():\n"
        "    print(hashlib.sha256(PdfRenderer().render_invoice(make())).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    here = [sha256(PdfRenderer().render_invoice(make())).hexdigest() for make in SAMPLES.values()]
    assert done.stdout.split() == here


def test_issue_13_a_file_can_be_attached() -> None:
    """As Factur-X wants it: an associated file of the document, an alternative of what it shows."""
    xml = "<Invoice>ä</Invoice>".encode()
    attached = Attachment("factur-x.xml", xml, "text/xml", "Factur-X invoice")
    reader = PdfReader(BytesIO(PdfRenderer().render_invoice(invoice(), [attached])), strict=True)
    assert reader.attachments["factur-x.xml"] == [xml]
    (associated,) = reader.trailer["/Root"]["/AF"]  # type: ignore[index]
    file = associated.get_object()
    assert (file["/AFRelationship"], file["/F"]) == ("/Alternative", "factur-x.xml")
    assert file["/Desc"] == "Factur-X invoice"
    assert file["/EF"]["/F"].get_object()["/Subtype"] == "/text/xml"


def test_issue_13_any_relationship_and_any_bytes_can_be_attached() -> None:
    for relationship in Relationship:
        attached = Attachment("data.bin", bytes(range(256)), "application/octet-stream", "Data", relationship)
        reader = PdfReader(BytesIO(PdfRenderer().render_invoice(invoice(), [attached])))
        assert reader.attachments["data.bin"] == [bytes(range(256))]
