"""Issue 13: a logo is drawn if it is small and harmless; one that is not costs the logo, never the document."""

from __future__ import annotations

import logging
import struct
import zlib

import pytest

from billing.integrations.pdf.logos import MOST_BYTES, drawable
from billing.integrations.pdf.renderer import PdfRenderer
from billing.services.invoicing.documents import Branding, InvoiceDocument
from local.reference.document_samples import logo
from tests.unit.integrations.pdf.documents import invoice, read

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{}</svg>'


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(width: int = 4, height: int = 4, rows: bytes | None = None) -> bytes:
    pixels = zlib.compress(rows if rows is not None else (b"\0" + b"\x20\x60\xc0" * width) * height)
    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def branded(content: bytes) -> InvoiceDocument:
    return invoice(branding=Branding(content, "#2f5bea"))


def images(document: InvoiceDocument) -> int:
    """How many pictures of points the first page has."""
    return len(read(document).pages[0].images)


@pytest.mark.parametrize("content", [logo("#2f5bea"), png()])
def test_issue_13_a_logo_is_drawn(content: bytes) -> None:
    assert drawable(content) is not None
    assert PdfRenderer().render_invoice(branded(content)) != PdfRenderer().render_invoice(branded(b"none"))


def test_issue_13_a_picture_of_points_is_in_the_file() -> None:
    assert images(branded(png())) == 1
    assert images(invoice()) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        png(50_000, 50_000, b""),
        png() + b"\0" * MOST_BYTES,
        b"\xff\xfe<svg/>",
    ],
)
def test_issue_13_what_is_no_small_picture_is_not_drawn(content: bytes) -> None:
    assert drawable(content) is None


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="https://example.com/a.png"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        '<use href="#a"/>',
        '<s:use xmlns:s="http://www.w3.org/2000/svg" href="#a"/>',
        "<script>alert(1)</script>",
        "<foreignObject/>",
        "<text>Free</text>",
        '<pattern id="a"/>',
        "<style>@import url(https://example.com/a.css);</style>",
        "<style>path { fill: url(https://example.com/#a) }</style>",
        r"<style>path { fill: u\72l(file:///etc/passwd) }</style>",
        '<linearGradient id="a" href="file:///etc/passwd#a"/>',
        '<path fill="&#117;rl(https://example.com/#a)"/>',
    ],
)
def test_issue_13_a_drawing_that_loads_runs_or_multiplies_is_not_drawn(inside: str) -> None:
    assert drawable(SVG.format(inside).encode()) is None
    assert drawable(SVG.format("<path d='M0 0h9'/>").encode()) is not None


def test_issue_13_a_document_type_is_not_drawn() -> None:
    """Entities that contain each other are how a kilobyte becomes a gigabyte."""
    doctype = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    assert drawable((doctype + SVG.format("<title>&b;</title>")).encode()) is None


def test_issue_13_what_drawing_programs_leave_is_no_harm() -> None:
    inside = (
        "<!-- made by <image> hand --><metadata><rdf:RDF/></metadata><sodipodi:namedview/><title>A &amp; B</title>"
        '<defs><linearGradient id="a"><stop offset="0"/></linearGradient></defs><path fill="url(#a)" d="M0 0h9v9z"/>'
    )
    declared = 'xmlns:svg="http://www.w3.org/2000/svg" xmlns:sodipodi="http://sodipodi.example" viewBox'
    content = '<?xml version="1.0"?>' + SVG.format(inside).replace("viewBox", declared)
    assert drawable(content.encode()) is not None
    assert b"%PDF-" in PdfRenderer().render_invoice(branded(content.encode()))


@pytest.mark.parametrize("content", [png(rows=b"broken"), SVG.format("<path d='M0 0").encode(), b"no picture"])
def test_issue_13_a_broken_logo_is_left_out_and_logged(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The document is the same as without it."""
    with caplog.at_level(logging.WARNING):
        shown = PdfRenderer().render_invoice(branded(content))
    plain = PdfRenderer().render_invoice(invoice(branding=Branding(None, "#2f5bea")))
    assert len(shown) == len(plain)
    assert len(caplog.records) == 1
